"""From the config to the core's wiring."""

from datetime import date

from trading_bot.config.model import Config
from trading_bot.core.settings import CoreSettings
from trading_bot.domain.errors import ConfigError
from trading_bot.execution.ref_ids import Identity
from trading_bot.market.calendar import NyseCalendar
from trading_bot.strategies.protocol import StrategyFactory


def refuse_live(config: Config) -> None:
    """ConfigError while live trading is not part of the program."""
    if config.mode == "live":
        raise ConfigError("mode: live trading is not part of this version; use paper")


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
    """What the core is told once."""
    return CoreSettings(
        watchlist=config.watchlist,
        poll=config.poll,
        quotes=config.quotes,
        risk=config.risk,
        execution=config.execution,
        performance=config.performance,
        factories=factories,
        calendar=calendar,
        identity=identity,
    )
