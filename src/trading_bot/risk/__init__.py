"""The risk gate, sizing and the circuit breakers: the only door to a broker.

In: an intent and everything known about it (quote, account, positions, the day), as values.
Out: an approved order or a refusal with its rule and numbers; a quantity; trips and resets.
Invariants: only `gate` makes an `ApprovedOrder`; what is unknown, not finite or raises refuses;
every rule is asked and its numbers kept; a loss trips a breaker, a profit never; a trip is latched
until its reset is recorded; an exit passes every rule about losses, never the one about selling
only what we hold.
"""
