"""The rehearsal exchange: Robinhood's private API over a recorded or made-up day.

In: minute bars (files or the seeded generator), requests, the time to answer for, a fault script,
what the account's owner does in the app, what companies do overnight.
Out: replies in Robinhood's own formats, through an HTTP server on loopback or in process; beside
them, under /rehearsal/, the exchange's own ledger, by which a rehearsal is judged.

Invariants: `Exchange.handle` takes its time from the caller and asks no clock and no socket, and
no file but the state file it may be given to write; what it answers depends on the bars, the time
and the requests before, never on the host, and not on how often it was asked in between. A reply
never shows a price or a share traded after the time it was asked for. Orders, cash and fees are
worked out here and nowhere else: the room imports nothing of the daemon's core, execution, risk or
brokers, so that it can judge them. Shares and cash never fall below zero. No id, name or number in
it was ever captured from anyone's account. Bars of the generator are labelled as made up wherever
they show.
"""
