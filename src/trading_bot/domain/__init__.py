"""The words of the house: money, symbol, quote, bar, signal, order, fill, position, errors.

In: plain values. Out: immutable, checked values; a bad one cannot exist.
Invariants: no clock, no file, no socket, no randomness; money is Decimal, time is aware UTC.
"""
