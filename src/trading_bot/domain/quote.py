"""What a quote source says: quotes, the day's volume, historical bars, the exchange's hours."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One symbol's quote as the source sent it; checking it is the market room's job.

    Prices in dollars, None when the source sent none; sizes in shares. `updated_at` is the source's
    own time of the quote, `last_at` of the last trade (None when the source does not say);
    `adjusted_previous_close` is the previous close in today's shares.
    """

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    bid_size: int
    ask_size: int
    last: Decimal | None
    last_at: datetime | None
    previous_close: Decimal | None
    updated_at: datetime | None
    is_halted: bool
    has_traded: bool
    instrument_id: str = ""
    adjusted_previous_close: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fundamental:
    """The day's figures of one symbol.

    `volume` is the day's cumulative volume in shares, None when not said.
    """

    symbol: str
    volume: int | None
    average_volume: int | None = None


BarSession = Literal["pre", "reg", "post"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricalBar:
    """A bar of the source's history; `start` inclusive, prices in dollars, volume in shares."""

    symbol: str
    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    session: BarSession = "reg"
    is_interpolated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketHours:
    """The broker's own hours for one New York date; None where it is closed."""

    day: date
    is_open: bool
    opens_at: datetime | None
    closes_at: datetime | None
