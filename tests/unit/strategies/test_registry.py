"""Strategies by name, and whether a trader's own is one."""

import importlib.util
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from support.strategy_bars import bar, day, five_minutes
from trading_bot.domain.bar import Bar
from trading_bot.domain.errors import ConfigError
from trading_bot.domain.signal import Signal
from trading_bot.strategies.contract import check_strategy
from trading_bot.strategies.registry import BUILT_IN, make_factory
from trading_bot.strategies.settings import BullFlagSettings, PullbackSettings

EXAMPLE = Path(__file__).resolve().parents[3] / "config" / "strategies" / "example_strategy.py"


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_strategy_meets_the_contract(name: str) -> None:
    """It carries the name it is registered under, starts afresh each time and passes the check."""
    factory = make_factory(name, BUILT_IN[name].settings())

    first, second = factory("ACME"), factory("ACME")

    assert first is not second
    assert first.name == name
    assert first.warm_up_bars > 0
    assert first.interval_minutes == 1
    assert isinstance(first.needs_volume, bool)
    assert first.verdict()
    assert check_strategy(first) == []


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """The error lists what exists and guesses what was meant."""
    with pytest.raises(ConfigError, match="did you mean 'bull-flag-breakout'") as caught:
        make_factory("bull-flag-brakeout", BullFlagSettings())

    assert "ema-cross" in str(caught.value)


def test_the_settings_of_another_strategy_are_refused() -> None:
    """A mix-up in the composition shows at once, not at the first symbol."""
    with pytest.raises(TypeError, match="expected BullFlagSettings, got PullbackSettings"):
        make_factory("bull-flag-breakout", PullbackSettings())


class Whole:
    """A strategy with plain attributes instead of properties."""

    name = "own"
    interval_minutes = 5
    warm_up_bars = 0
    needs_volume = False

    def warm_up(self, session_bars: Sequence[Bar]) -> None:
        """Nothing to prime."""

    def on_bar(self, bar: Bar) -> None:
        """Never signals."""

    def verdict(self) -> str:
        return "never"


def test_plain_attributes_will_do() -> None:
    """The contract asks for names and meanings, not for properties or a base class."""
    assert check_strategy(Whole()) == []


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("name", "", "name must be a text"),
        ("name", None, "name must not be None"),
        ("interval_minutes", 0, "interval_minutes must be"),
        ("interval_minutes", True, "interval_minutes must be"),
        ("interval_minutes", "5", "interval_minutes must be"),
        ("warm_up_bars", -1, "warm_up_bars must be"),
        ("needs_volume", 1, "needs_volume must be"),
        ("verdict", "never", "verdict must be a method"),
        ("verdict", lambda self, extra: "", "method verdict must take 0"),
        ("on_bar", lambda self: None, "method on_bar must take 1"),
    ],
)
def test_each_flaw_is_named(attribute: str, value: object, said: str) -> None:
    """One wrong attribute gives one line that says what was expected."""
    flawed = type("Flawed", (Whole,), {attribute: value})()

    problems = check_strategy(flawed)

    assert len(problems) == 1
    assert problems[0].startswith(said)


def test_an_object_that_is_no_strategy_lacks_everything() -> None:
    """All that is missing is said at once."""
    assert len(check_strategy(object())) == 7


def test_a_property_that_raises_and_an_async_method_are_findings() -> None:
    """The check itself never raises."""

    class Broken(Whole):
        @property
        def warm_up_bars(self) -> int:  # type: ignore[override]
            raise ZeroDivisionError("no bars")

        async def on_bar(self, bar: Bar) -> None:  # type: ignore[override]
            """Must not be async."""

    assert check_strategy(Broken()) == [
        "warm_up_bars raised ZeroDivisionError: no bars",
        "method on_bar must not be async",
    ]


def load_example() -> object:
    """The shipped example as a module."""
    spec = importlib.util.spec_from_file_location("example_strategy", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_example_is_a_strategy_that_signals() -> None:
    """The file a trader starts from works as it stands and takes its settings."""
    strategy = load_example().make("ACME", {"range_bars": 3, "reward_multiple": Decimal(3)})
    bars = day(bar(close) for close in (10.0, 10.2, 10.1, 10.1, 10.3, 10.5))

    assert check_strategy(strategy) == []
    answers = [strategy.on_bar(each) for each in bars]

    assert [isinstance(answer, Signal) for answer in answers] == [False] * 4 + [True, False]
    assert answers[4].price == Decimal("10.30")
    assert answers[4].stop_loss == Decimal("10.10")
    assert answers[4].target == Decimal("10.90")
    assert strategy.verdict() == "done for today"


def test_the_shipped_example_knows_that_the_opening_is_over() -> None:
    """Started in mid-session it says so and stays silent."""
    strategy = load_example().make("ACME", {})

    strategy.warm_up([five_minutes(10.0, 1000)])

    assert all(strategy.on_bar(each) is None for each in day(bar(10.0 + i) for i in range(40)))
    assert strategy.verdict() == "started after the opening range"
