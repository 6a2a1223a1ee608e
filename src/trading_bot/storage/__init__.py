"""Storage: text lines put on a disk so that a crash cannot take them back.

Purpose
    The journal of the house. It knows lines (text without a line feed), files and days; it does
    not know what a line says. One writer per home, any number of readers.

In
    Lines for a named stream (`streams.Stream`), in order; the trading day when it changes.

Out
    `logs/STEM.jsonl`, one line each with LF, exactly the bytes that were given, and beside it
    `logs/STEM.seal`; for readers, lines with their number and offset, forwards, backwards, and
    following; for `verify`, a report that names file, line and byte.

The seal
    First line `{"v":1,"p":"<64 hex>"}`: the head of the file before it in the same stream (64
    zeros for the first file ever), so one file can be checked alone and a stream can be joined.
    Then, for each line or for each group, `{"v":1,"n":0,"o":0,"l":862,"h":"<64 hex>"}`: number of
    the line in the file from 0, its first byte, its length with LF, and the chain's state after
    it: sha256(previous 32 bytes || raw line with LF). `"r":1` marks an entry that was not written
    with its line but computed later from the data. A seal is derived: it may be behind its file
    after a crash, and is then completed. It is written only after the line is durable: a seal
    ahead of its file proves that acknowledged lines are gone. The head of a file is the `h` of
    its last line, or `p` while it has none.

Invariants
    - acknowledged lines are on disk; lines on disk were attempted; no line is there in part once
      the file has been opened for writing again;
    - one `write` per group and file, then `fdatasync`, then the acknowledgement;
    - after a failed or short write or a failed sync nothing more is written to that descriptor,
      nor to any other durable file of the same set;
    - a torn tail is kept in `quarantine/`, cut and reported; any other damage is reported and
      left as it is, and nothing is appended after it;
    - a final head in `heads.jsonl` precedes the first line of the next file of its stream.
"""
