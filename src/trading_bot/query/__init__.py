"""Questions over the records: where a run starts from, recent trades, why, status.

In: record lines through the RecordSource port. Out: values and texts for people.
Invariants: reads only; what it says comes from the records, never from a running daemon's memory.
"""
