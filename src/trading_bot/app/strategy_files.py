"""Strategies from the config: built-in ones by name, a trader's own from one Python file."""

import hashlib
import importlib.util
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import cast

from pydantic import JsonValue, ValidationError

from trading_bot.config.model import Config, StrategyEntry
from trading_bot.domain.errors import ConfigError
from trading_bot.strategies.contract import check_strategy
from trading_bot.strategies.protocol import Strategy, StrategyFactory
from trading_bot.strategies.registry import BUILT_IN, make_factory


def make_factories(config: Config, root: Path) -> dict[str, StrategyFactory]:
    """A factory for each strategy of the config, in its order; ConfigError with a line a problem.

    Each is tried once on the first symbol, so that a broken strategy refuses the start.
    """
    factories: dict[str, StrategyFactory] = {}
    problems: list[str] = []
    for index, entry in enumerate(config.strategies):
        where = f"strategies.{index}"
        try:
            if entry.name in factories:
                raise ConfigError(f"{where}: expected each strategy once, got {entry.name!r} again")
            factory = _own(entry, root, where) if entry.file else _built_in(entry, where)
            _try(factory, config.watchlist[0], where)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        factories[entry.name] = factory
    if problems:
        raise ConfigError(*problems)
    return factories


def copy_own_strategies(config: Config, source: Path, target: Path) -> None:
    """Put the trader's own strategy files where another home has them.

    A rehearsal then keeps the code it was played with, and can be replayed when that has changed.
    ConfigError, before anything is copied, when one of them is not there or is broken.
    """
    make_factories(config, source)
    for entry in config.strategies:
        if entry.file:
            (target / entry.file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / entry.file, target / entry.file)


def strategy_hashes(config: Config, root: Path) -> dict[str, str]:
    """SHA-256 of each strategy file of the trader's own, by the strategy's name."""
    return {
        entry.name: hashlib.sha256((root / entry.file).read_bytes()).hexdigest()
        for entry in config.strategies
        if entry.file
    }


def _built_in(entry: StrategyEntry, where: str) -> StrategyFactory:
    built_in = BUILT_IN.get(entry.name)
    try:
        if built_in is None:
            return make_factory(entry.name, Config())
        settings = built_in.settings.model_validate(entry.settings)
    except ConfigError as error:
        raise ConfigError(f"{where}.name: {error}") from error
    except ValidationError as error:
        raise ConfigError(
            *(
                f"{where}.settings.{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}"
                for e in error.errors()
            )
        ) from error
    return make_factory(entry.name, settings)


def _own(entry: StrategyEntry, root: Path, where: str) -> StrategyFactory:
    assert entry.file is not None
    path = root / entry.file
    module = _load(path, entry.name, where)
    found = getattr(module, "make", None)
    if not callable(found):
        raise ConfigError(f"{where}.file: {path} has no function make(symbol, settings)")
    # What it makes is checked right away (`_try`), so that it may be taken at its word here.
    make = cast("Callable[[str, Mapping[str, JsonValue]], Strategy]", found)
    settings: Mapping[str, JsonValue] = entry.settings

    def factory(symbol: str) -> Strategy:
        return make(symbol, settings)

    return factory


def _load(path: Path, name: str, where: str) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"{where}.file: expected a Python file, there is none at {path}")
    digits = "".join(c if c.isalnum() else "_" for c in name)
    spec = importlib.util.spec_from_file_location(f"trading_bot_own_{digits}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{where}.file: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{where}.file: {path}: {type(error).__name__}: {error}") from error
    return module


def _try(factory: StrategyFactory, symbol: str, where: str) -> None:
    try:
        strategy = factory(symbol)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{where}: cannot be made: {type(error).__name__}: {error}") from error
    problems = check_strategy(strategy)
    if problems:
        raise ConfigError(*(f"{where}: {problem}" for problem in problems))
