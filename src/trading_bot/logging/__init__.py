"""What is written down: the record types, the line they become, redaction, the application log.

In: values of `domain` and texts. Out: immutable records, each one JSON line and back.
Invariants: a record that breaks its rules cannot exist; a line holds exactly its record's keys, in
order; a line that was written once reads for ever and is written again with the same bytes.

`trading_bot.logging` hides the standard module only from code run inside this folder; everywhere
else `import logging` means the standard one.
"""
