"""The commands: thin; they parse, call and print.

In: arguments. Out: text for people on stdout, problems on stderr, an exit code.
Invariants: nothing is decided here; a command's own imports happen when it runs, so that small
commands start fast.
"""
