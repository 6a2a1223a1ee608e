"""Robinhood through robin_stocks' own session: transport, session file, quotes, account.

In: a session pickle, symbols, an account number. Out: domain quotes, bars, hours, positions.
Invariants: every request has a timeout and stays on Robinhood's hosts; a failed fetch is an error,
never an empty answer; rows are matched by what they say, never by where they stand; no secret is in
an error's text; robin_stocks is imported only when a session is made.
"""
