"""Protocols between the pure core's shell and the world.

Clock, QuoteSource, Broker, RecordSink, Notifier.

In: domain values. Out: domain values, or one of the error families of `domain.errors`.
Invariants: nothing here does anything; implementers are composed in `app`, never inherited.
"""
