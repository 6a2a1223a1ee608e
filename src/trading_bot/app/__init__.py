"""The composition root: settings become objects here, and nowhere else.

In: a config, a home, what the command line asked for. Out: a daemon that runs and stops in stages.
Invariants: modes differ in clock, quote source and broker alone; nothing is made at import.
"""
