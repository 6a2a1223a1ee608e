"""What the core is told: live, caps that cannot be left out and time for orders to settle."""

from decimal import Decimal
from typing import Any

import pytest

from trading_bot.app.core_settings import limits_of, make_calendar, make_core_settings
from trading_bot.config.model import Config
from trading_bot.core.settings import CoreSettings
from trading_bot.execution.ref_ids import Identity
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.live_caps import LiveCaps


def settings_of(mode: str, **values: Any) -> CoreSettings:
    config = Config.model_validate(values)
    return make_core_settings(
        config,
        calendar=make_calendar(config),
        factories={},
        identity=Identity(mode=mode, account="REH000001", key=b"a test's key"),
    )


def caps_of(risk: RiskLimits) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    return risk.order_notional_max_usd, risk.exposure_max_usd, risk.daily_loss_max_usd


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, (500, 1000, 50)),
        ({"risk": {}, "live": {}}, (500, 1000, 50)),
        ({"risk": {"order_notional_max_usd": None}}, (500, 1000, 50)),
        ({"risk": {"order_notional_max_usd": 200}}, (200, 1000, 50)),
        ({"risk": {"exposure_max_usd": 90_000}}, (500, 1000, 50)),
        ({"live": {"daily_loss_max_usd": 300}}, (500, 1000, 300)),
    ],
)
def test_live_the_smaller_cap_holds_and_none_is_missing(
    values: dict[str, Any], wanted: tuple[int, int, int]
) -> None:
    """A cap is raised where it stands, under `live`; nothing that is left out switches it off."""
    assert caps_of(settings_of("live", **values).risk) == wanted


@pytest.mark.parametrize("mode", ["paper", "rehearsal", "backtest"])
def test_elsewhere_only_what_is_set_caps(mode: str) -> None:
    """On paper the live caps are nobody's; what stands under `risk` holds."""
    assert caps_of(settings_of(mode).risk) == (None, None, None)
    assert settings_of(mode, risk={"exposure_max_usd": 7}).risk.exposure_max_usd == 7


def test_every_live_cap_is_a_limit_of_the_gate() -> None:
    """A cap that is added to the settings and to no rule would hold nothing."""
    limits = limits_of(Config(), "live")

    for name in LiveCaps.model_fields:
        assert getattr(limits, name) == getattr(Config().live, name)


def test_a_live_stop_waits_longer() -> None:
    """Orders settle across a network: 30 seconds, well within the 45 before a kill."""
    assert settings_of("live").stop_settle_s == 30
    assert settings_of("paper").stop_settle_s == 4
