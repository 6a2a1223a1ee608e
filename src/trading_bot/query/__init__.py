"""Questions over the records: where a run starts from, recent trades, why, verify, status.

In: record lines through the RecordSource port; what a replay of the tape showed. Out: values and
texts for people.
Invariants: reads only; what is past is told from the records, never from a daemon's memory. Only
the status also looks at the home's lock and at the file in which a running daemon describes itself.
"""
