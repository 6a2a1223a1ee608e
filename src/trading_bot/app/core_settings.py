"""From the config to the core's wiring."""

from datetime import date
from decimal import Decimal
from typing import Final

from trading_bot.config.model import Config
from trading_bot.core.settings import SETTLE_S, CoreSettings
from trading_bot.domain.errors import ConfigError
from trading_bot.execution.ref_ids import Identity
from trading_bot.market.calendar import NyseCalendar
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.live_caps import LiveCaps
from trading_bot.strategies.protocol import StrategyFactory

LIVE: Final = "live"
LIVE_SETTLE_S: Final = 30.0
"""How long a stop waits for orders to settle where the broker is across a network."""


def limits_of(config: Config, mode: str) -> RiskLimits:
    """The limits that hold in a mode: live, no cap is left out and the smaller one counts."""
    risk = config.risk
    if mode != LIVE:
        return risk
    caps: dict[str, Decimal] = {}
    for name in LiveCaps.model_fields:
        cap, own = getattr(config.live, name), getattr(risk, name)
        caps[name] = cap if own is None else min(cap, own)
    return risk.model_copy(update=caps)


def make_calendar(config: Config) -> NyseCalendar:
    """The exchange's calendar with the config's additions; ConfigError when one is not a date."""
    settings = config.calendar
    try:
        return NyseCalendar(
            {date.fromisoformat(day): why for day, why in settings.extra_closures.items()},
            {date.fromisoformat(day): at for day, at in settings.extra_early_closes.items()},
        )
    except ValueError as error:
        raise ConfigError(f"calendar: {error}") from error


def make_core_settings(
    config: Config,
    *,
    calendar: NyseCalendar,
    factories: dict[str, StrategyFactory],
    identity: Identity,
) -> CoreSettings:
    """What the core is told once; live, with its caps and the time its orders need to settle."""
    is_live = identity.mode == LIVE
    return CoreSettings(
        watchlist=config.watchlist,
        poll=config.poll,
        quotes=config.quotes,
        risk=limits_of(config, identity.mode),
        execution=config.execution,
        performance=config.performance,
        factories=factories,
        calendar=calendar,
        identity=identity,
        stop_settle_s=LIVE_SETTLE_S if is_live else SETTLE_S,
    )
