"""What to buy and when: patterns over closed bars.

Comes in: today's closed bars of one symbol, oldest first, and each strategy's settings.
Goes out: a `Signal` (price, stop below it, target above it, its reasons in one sentence), an
`ExitSignal`, or nothing; and on request a short verdict why not, with its numbers.

Invariants: pure (no clock, file, socket or randomness), so the same bars give the same signals on
every machine and Python; no signal before `warm_up_bars`; every price that leaves is a Decimal on
the stock's tick. A strategy never sizes, never sends and does not know whether it holds anything.
"""
