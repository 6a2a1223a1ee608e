"""The loop around the core: take an event, tape it, step, perform the effects, hand results back.

In: a clock, a quote source, a broker, the journal, the state to run. Out: records, orders, alerts.
Invariants: an event is on the tape and its records are durable before anything else it caused is
done; results return as events through the one inbox; the shell decides nothing and does not know
which mode it runs in.
"""
