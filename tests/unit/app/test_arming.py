"""Arming: both keys, the account, the stake shown, and a person's word."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from trading_bot.app.arming import (
    Stake,
    check_keys,
    confirm,
    phrase_of,
    summary,
    tail_of,
)
from trading_bot.config.model import Config
from trading_bot.domain.errors import ConfigError
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.live_caps import LiveCaps

AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
NUMBER = "REH004321"


def live_config(**values: object) -> Config:
    return Config.model_validate({"mode": "live", "account_number": NUMBER, **values})


def stake(config: Config | None = None, equity: str = "20000") -> Stake:
    cash = Decimal(equity)
    account = AccountSnapshot(at=AT, cash=cash, settled_cash=cash, buying_power=cash, equity=cash)
    position = BrokerPosition(
        symbol="KO", quantity=Decimal("2.5"), held_for_sells=Decimal(0), average_price=None
    )
    return Stake(
        account_number=NUMBER,
        account=account,
        positions=(position,),
        session_ends_at=None,
        config=config or live_config(),
    )


def refuse(_prompt: str) -> str:
    raise AssertionError("nobody may be asked")


@pytest.mark.parametrize(
    ("config", "has_flag", "missing"),
    [
        (live_config(), False, ["--live"]),
        (live_config(mode="paper"), True, ["mode"]),
        (live_config(account_number=None), True, ["account_number"]),
        (Config(), False, ["--live", "mode", "account_number"]),
    ],
)
def test_each_key_that_is_missing_is_named(
    config: Config, has_flag: bool, missing: list[str]
) -> None:
    """All of them at once, so that a person mends them in one go."""
    with pytest.raises(ConfigError) as refused:
        check_keys(config, has_flag=has_flag)

    assert len(refused.value.problems) == len(missing)
    for problem, word in zip(refused.value.problems, missing, strict=True):
        assert word in problem


def test_with_both_keys_and_the_account_the_number_is_given() -> None:
    """Two keys and a name."""
    assert check_keys(live_config(), has_flag=True) == NUMBER


def test_the_smaller_of_percent_and_dollars_is_at_stake() -> None:
    """The caps start small; a small account is held by its percents."""
    large, small = stake(equity="20000"), stake(equity="1000")

    assert (large.order_max, large.exposure_max, large.day_loss_max) == (500, 1000, 50)
    assert (small.order_max, small.exposure_max, small.day_loss_max) == (100, 500, 20)


def test_raised_caps_are_what_is_at_stake() -> None:
    """The operator's own numbers show."""
    caps = LiveCaps(order_notional_max_usd=Decimal(1500), exposure_max_usd=Decimal(3000))
    raised = stake(live_config(live=caps.model_dump(), risk=RiskLimits().model_dump()))

    assert (raised.order_max, raised.exposure_max) == (1500, 3000)


def test_the_summary_says_the_numbers_and_never_the_account() -> None:
    """Equity, caps, holdings, terms; of the account number its end."""
    text = "\n".join(summary(stake()))

    for said in ("$20000.00", "$500.00", "$1000.00", "$50.00", "2.5 KO", "unofficial", "4321"):
        assert said in text
    assert NUMBER not in text


def test_the_phrase_typed_arms() -> None:
    """Exactly it, spaces around it apart."""
    confirm(stake(), given=None, is_terminal=True, ask=lambda _: f" {phrase_of(NUMBER)}\n")


@pytest.mark.parametrize("typed", ["", "y", "yes", "trade live", "TRADE 4321 LIVE"])
def test_anything_else_typed_stops(typed: str) -> None:
    """A reflex is not a decision."""
    with pytest.raises(ConfigError, match="nothing was started"):
        confirm(stake(), given=None, is_terminal=True, ask=lambda _: typed)


def test_without_a_terminal_nobody_is_asked() -> None:
    """A service must say it with its flag; waiting on a closed input would hang or lie."""
    with pytest.raises(ConfigError, match="--armed-for"):
        confirm(stake(), given=None, is_terminal=False, ask=refuse)


def test_the_flag_must_name_this_account() -> None:
    """A unit file copied to another account's home does not arm it."""
    confirm(stake(), given=tail_of(NUMBER), is_terminal=False, ask=refuse)

    with pytest.raises(ConfigError, match="expected the last 4"):
        confirm(stake(), given="9999", is_terminal=True, ask=refuse)
