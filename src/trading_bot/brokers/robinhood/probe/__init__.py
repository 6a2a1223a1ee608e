"""What of the real service can be settled by reading it, compared with what the bot expects.

In: a session, an account, a symbol. Out: a finding for each point.
Invariants: every request is a GET; nothing found shows a token or an account number.
"""
