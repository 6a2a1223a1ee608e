"""The rehearsal exchange: Robinhood's private API over a recorded or made-up day.

In: minute bars (files or the seeded generator), requests, the time to answer for, a fault script.
Out: replies in Robinhood's own formats, through an HTTP server on loopback or in process.

Invariants: `Exchange.handle` takes its time from the caller and asks no clock, file or socket;
what it answers depends on the bars, the time and the requests before, never on the host. A reply
never shows a price or a share traded after the time it was asked for. No id, name or number in it
was ever captured from anyone's account. Bars of the generator are labelled as made up wherever
they show.
"""
