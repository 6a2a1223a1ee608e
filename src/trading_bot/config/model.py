"""The shape of the settings; each room's own group is defined in its room."""

from collections.abc import Iterator
from datetime import date, time
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, JsonValue

from trading_bot.brokers.paper_settings import PaperSettings
from trading_bot.core.settings import PollSettings
from trading_bot.domain.settings import Settings
from trading_bot.domain.symbol import parse_symbol
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.market.quote_check import QuoteLimits
from trading_bot.performance.settings import PerformanceSettings
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.live_caps import LiveCaps


def _day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise ValueError(f"expected a date such as 2025-01-09, got {text!r}")


def _time_of_day(text: str) -> str:
    try:
        if time.fromisoformat(text).isoformat(timespec="minutes") == text:
            return text
    except ValueError:
        pass
    raise ValueError(f"expected a time such as 13:00, got {text!r}")


def _once(items: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({item for item in items if items.count(item) > 1})
    if twice:
        raise ValueError(f"expected each symbol once, got {', '.join(twice)} more than once")
    return items


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"expected a file inside the home, relative to it, got {text!r}")
    return text


Symbol = Annotated[str, AfterValidator(parse_symbol)]
Day = Annotated[str, AfterValidator(_day)]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
Mode = Literal["rehearsal", "paper", "live"]


class StrategyEntry(Settings):
    """A strategy and its settings; asked in the order of the list."""

    name: str = Field(
        min_length=1, description="A built-in strategy's name, or the name of your own."
    )
    file: Annotated[str, AfterValidator(_inside)] | None = Field(
        default=None,
        min_length=1,
        description="Your own strategy's Python file, relative to the home; null if built in.",
    )
    settings: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="The strategy's settings; what is left out has its default.",
    )


class CalendarSettings(Settings):
    """What the exchange's calendar cannot know in advance."""

    extra_closures: dict[Day, str] = Field(
        default_factory=dict, description="Closed days by date, 2025-01-09, with the reason."
    )
    extra_early_closes: dict[Day, TimeOfDay] = Field(
        default_factory=dict, description="Early closes by date with the New York time, 13:00."
    )


class Config(Settings):
    """Everything that can be set."""

    mode: Mode | None = Field(
        default=None,
        description="What the daemon may be; null means paper when there is a session.",
    )
    account_number: str | None = Field(
        default=None,
        min_length=1,
        description="The broker's account number; live needs it, paper only reads with it.",
    )
    watchlist: Annotated[tuple[Symbol, ...], AfterValidator(_once)] = Field(
        default=("AAPL", "MSFT", "SPY", "TSLA"),
        min_length=1,
        max_length=50,
        strict=False,
        description="Symbols to trade.",
    )
    strategies: tuple[StrategyEntry, ...] = Field(
        default=(StrategyEntry(name="bull-flag-breakout"), StrategyEntry(name="pullback-entry")),
        strict=False,
        description="Strategies, in the order in which they are asked.",
    )
    risk: RiskLimits = Field(
        default_factory=RiskLimits, description="Limits of the gate and the breakers."
    )
    execution: ExecutionSettings = Field(
        default_factory=ExecutionSettings, description="How orders are priced, timed and closed."
    )
    poll: PollSettings = Field(
        default_factory=PollSettings, description="How often the market is read."
    )
    quotes: QuoteLimits = Field(
        default_factory=QuoteLimits, description="Which quotes are believed."
    )
    performance: PerformanceSettings = Field(
        default_factory=PerformanceSettings, description="The rolling metric and its alerts."
    )
    paper: PaperSettings = Field(
        default_factory=PaperSettings, description="The paper account and how it fills."
    )
    live: LiveCaps = Field(
        default_factory=LiveCaps,
        description="Caps in dollars for mode live; raise them on purpose.",
    )
    calendar: CalendarSettings = Field(
        default_factory=CalendarSettings, description="Closures the calendar's rules do not know."
    )


def group_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The settings type behind `key` of `model`; None when it is a single setting, or nothing."""
    field = model.model_fields.get(key)
    found = field.annotation if field is not None else None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def settings_of(
    model: type[BaseModel] = Config, before: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The path of every single setting, `("risk", "max_position_pct")`, in the model's order."""
    for key in model.model_fields:
        group = group_of(model, key)
        if group is None:
            yield (*before, key)
        else:
            yield from settings_of(group, (*before, key))
