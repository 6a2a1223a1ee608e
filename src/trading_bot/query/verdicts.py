"""Why bars gave no signal, counted: verdicts of one kind together, the nearest miss of each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_NUMBER: Final = re.compile(r"(?<![\w.-])-?\d[\d,]*(?:\.\d+)?")
_COMPARES: Final = re.compile(r"\b(?:under|over|above|below)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a strategy said of the bar that ended at `bar_end`."""

    bar_end: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Verdicts that differ in their numbers only.

    `pattern` is the sentence with its numbers left out; `gap` is how far `nearest` was from passing
    as a fraction of its limit, None where the sentence compares nothing.
    """

    pattern: str
    count: int
    nearest: Verdict
    gap: float | None


def digest(verdicts: Iterable[Verdict]) -> list[Kind]:
    """The kinds, the most frequent first."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(pattern_of(verdict.text), []).append(verdict)
    kinds = [_kind(pattern, group) for pattern, group in groups.items()]
    return sorted(kinds, key=lambda kind: (-kind.count, kind.pattern))


def nearest_miss(kinds: Iterable[Kind]) -> Kind | None:
    """The kind whose nearest verdict missed by least; None when none compares."""
    compared = [(kind.gap, kind.pattern, kind) for kind in kinds if kind.gap is not None]
    return min(compared, key=lambda entry: entry[:2])[2] if compared else None


def pattern_of(text: str) -> str:
    """The sentence without its numbers: "pole …% under …%"; names such as EMA-9 keep theirs."""
    return _NUMBER.sub("…", text)


def gap_of(text: str) -> float | None:
    """How far the first number is from the last, as a fraction of the last.

    None for a sentence that does not compare two numbers.
    """
    numbers = [float(found.replace(",", "")) for found in _NUMBER.findall(text)]
    if len(numbers) < 2 or numbers[-1] == 0 or not _COMPARES.search(text):
        return None
    return abs(numbers[0] - numbers[-1]) / abs(numbers[-1])


def _kind(pattern: str, group: list[Verdict]) -> Kind:
    gaps = [
        (gap, place)
        for place, verdict in enumerate(group)
        if (gap := gap_of(verdict.text)) is not None
    ]
    gap, place = min(gaps) if gaps else (None, len(group) - 1)
    return Kind(pattern=pattern, count=len(group), nearest=group[place], gap=gap)
