"""The pure core: `step(state, event) -> effects`; here the pure rooms below meet.

In: events, every one of which was put on the tape first. Out: effects that the shell performs; what
comes of them returns as events.
Invariants: no clock, file, socket, randomness or asyncio; the same state and events give the same
effects, byte for byte; nothing here asks which mode it runs in.
"""
