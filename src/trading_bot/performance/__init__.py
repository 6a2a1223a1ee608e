"""How the trading went: round trips, the day's profit and loss, the rolling metric.

In: executions, marks, closed round trips. Out: exact P&L by FIFO, the day's result, a
PerformanceMetric with its alerts.
Invariants: money is Decimal and exact; statistics count closed round trips, never lines; the cost
of a metric does not grow with the trades of the past; a break-even is neither a win nor a loss.
"""
