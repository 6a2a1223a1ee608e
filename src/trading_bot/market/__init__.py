"""What the market says: the exchange's calendar, quote checks, bars, indicators.

In: quotes, day volumes and history as the source sent them, and the time as an argument.
Out: sessions and trading days, checked quotes, closed bars, indicator values.
Invariants: no clock, file, socket, randomness or task; the same input gives the same output. A bar
is closed once and never rewritten; a volume that is not known is marked so, never guessed. Local
New York time exists in `calendar` only, everything it returns is aware UTC.
"""
