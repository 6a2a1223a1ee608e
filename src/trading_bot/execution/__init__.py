"""The life of an order: intents, the book of trades, exit plans, protection.

Pure decisions over events.

In: signals the gate let through, the broker's orders as read, quotes, the time as told.
Out: order events (the write-ahead record), intents for the gate, cancels, trade records.
Invariants: the book changes only by `TradeBook.apply(OrderEvent)` and an order's state only by
`domain.order_table`, so a book rebuilt from `orders.jsonl` equals the live one; a fill counts once,
by execution id; the next step of a trade is worked out from what is known, never remembered, so a
restart goes on where the crash was.
"""
