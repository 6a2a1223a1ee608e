"""The job and nothing else: the yardstick.

Run by `core.py` as a script with `data`, rows by symbol, among its globals; `fills` is what it
leaves behind. A script and no function, for that is how the yardstick of other engines' figures was
written: module-level names cost about a third more than local ones, and the ratios are to that.
"""

import heapq

FAST, SLOW, SHARES, CASH = 9, 20, 10, 1_000_000


class BareEma:
    __slots__ = ("value", "weight")

    def __init__(self, n):
        self.weight, self.value = 2 / (n + 1), None

    def push(self, x):
        value = self.value
        self.value = x if value is None else value + self.weight * (x - value)
        return self.value


states = {s: [BareEma(FAST), BareEma(SLOW), 0, 0, None] for s in data}  # noqa: F821 - given
last, cash, fills = {}, float(CASH), 0
streams = ([(s, row) for row in rows] for s, rows in data.items())  # noqa: F821 - given
for symbol, row in heapq.merge(*streams, key=lambda pair: pair[1][0]):
    state = states[symbol]
    if state[4] is not None:
        cash -= state[4] * row[1]
        state[3] += state[4]
        state[4] = None
        fills += 1
    fast, slow = state[0].push(row[4]), state[1].push(row[4])
    sign = 1 if fast > slow else -1 if fast < slow else state[2]
    if state[2] and sign != state[2]:
        if sign > 0 and state[3] == 0:
            state[4] = SHARES
        elif sign < 0 and state[3] > 0:
            state[4] = -SHARES
    state[2] = sign
    last[symbol] = row[4]
