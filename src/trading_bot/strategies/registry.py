"""The built-in strategies by the name that config and records use."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from trading_bot.domain.errors import ConfigError
from trading_bot.domain.settings import Settings
from trading_bot.strategies import bull_flag, ema_cross, pullback
from trading_bot.strategies.protocol import Strategy, StrategyFactory
from trading_bot.strategies.settings import BullFlagSettings, EmaCrossSettings, PullbackSettings

_S = TypeVar("_S", bound=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltIn:
    """A built-in strategy: its settings type, and how to make one for a symbol and a day.

    `build` takes settings of exactly that type; others raise TypeError.
    """

    settings: type[Settings]
    build: Callable[[str, Settings], Strategy]


def make_factory(name: str, settings: Settings) -> StrategyFactory:
    """The factory of the built-in strategy `name`.

    Raises ConfigError for an unknown name (the nearest one is named) and TypeError for the settings
    of another strategy.
    """
    built_in = BUILT_IN.get(name)
    if built_in is None:
        raise ConfigError(_unknown(name))
    _checked(settings, built_in.settings)
    build = built_in.build

    def factory(symbol: str) -> Strategy:
        return build(symbol, settings)

    return factory


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, BUILT_IN, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"strategy {name!r} is unknown, expected one of {', '.join(sorted(BUILT_IN))}{hint}"


def _checked(settings: Settings, expected: type[_S]) -> _S:
    if not isinstance(settings, expected):
        raise TypeError(f"expected {expected.__name__}, got {type(settings).__name__}")
    return settings


def _bull_flag(symbol: str, settings: Settings) -> Strategy:
    return bull_flag.BullFlagBreakout(symbol, _checked(settings, BullFlagSettings))


def _pullback(symbol: str, settings: Settings) -> Strategy:
    return pullback.PullbackEntry(symbol, _checked(settings, PullbackSettings))


def _ema_cross(symbol: str, settings: Settings) -> Strategy:
    return ema_cross.EmaCross(symbol, _checked(settings, EmaCrossSettings))


BUILT_IN: Mapping[str, BuiltIn] = MappingProxyType(
    {
        bull_flag.NAME: BuiltIn(settings=BullFlagSettings, build=_bull_flag),
        pullback.NAME: BuiltIn(settings=PullbackSettings, build=_pullback),
        ema_cross.NAME: BuiltIn(settings=EmaCrossSettings, build=_ema_cross),
    }
)
