"""Robinhood through robin_stocks' own session: transport, session, quotes, account, orders.

In: a session pickle, symbols, an account number, approved orders. Out: domain quotes, bars, hours,
positions, orders, or the error family that says what an order's failure proves.
Invariants: every request has a timeout and stays on Robinhood's hosts; a failed fetch is an error,
never an empty answer; rows are matched by what they say, never by where they stand; no secret is in
an error's text; robin_stocks is imported only when a session is made. An order is sent once, on a
session and worker of its own: never sent is said only when no byte of it has left, not taken only
in the broker's readable words, and everything else is unknown.
"""
