"""A closed bar. Floats live here and in indicators, never in an order or a record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

VolumeSource = Literal["cumulative", "historical", "recorded", "none"]


@dataclass(slots=True)
class Bar:
    """One closed bar of `symbol` over [start, end), UTC; prices in dollars, volume in shares.

    `volume_source` says where the volume came from: the difference of the day's cumulative volume,
    the source's history, a recorded file, or nowhere (then `volume` is 0 and means nothing).
    Not frozen and not checked here: it is the hot path's value, checked where it is built.
    """

    symbol: str
    start: datetime
    end: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int
    volume_source: VolumeSource = "cumulative"

    @property
    def has_volume(self) -> bool:
        """False when the volume is not known."""
        return self.volume_source != "none"
