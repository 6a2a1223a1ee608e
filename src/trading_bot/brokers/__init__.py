"""Adapters behind the Broker and QuoteSource ports: Robinhood, paper, simulated.

In: domain orders, quotes, a clock. Out: what the broker holds and says, as domain values, or one of
the error families.
Invariants: foreign errors become ours once, here; no adapter imports another; only
`brokers.robinhood` knows Robinhood's JSON and robin_stocks.
"""
