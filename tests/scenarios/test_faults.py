"""A morning on which something goes wrong at the exchange; over HTTP, in lockstep."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support.scenarios import Play, rule, time_of
from trading_bot.core.effects import RequestPoll
from trading_bot.core.events import CallFailed, PollArrived, TimerFired
from trading_bot.core.settings import PollSettings
from trading_bot.rehearsal.fault_menu import (
    AnyFault,
    CrossedQuote,
    HaltedQuote,
    Hangs,
    NullQuote,
    PriceJump,
    ServerError,
    StaleQuote,
    Throttled,
    ZeroQuote,
)

END = 75
FROM, TO = 30, 40


def morning(tmp_path: Path, fault: AnyFault | None = None, **changes: Any) -> Play:
    """The first 75 minutes; the fault happens from minute 30 to 40."""
    play = Play(tmp_path)
    if fault is not None:
        window = (play.after_open(FROM), play.after_open(TO))
        play = Play(tmp_path, rules=[rule(fault, *window, **changes)])
    play.run(until=play.after_open(END))
    return play


def test_control_a_quiet_morning_trades_throughout(tmp_path: Path) -> None:
    """Without a fault entries are approved in the window too, and nothing is said."""
    play = morning(tmp_path)

    assert play.approved(play.after_open(FROM), play.after_open(TO), "ZZA")
    assert play.approved(play.after_open(FROM), play.after_open(TO), "ZZB")
    assert len(play.lines("trades")) >= 6
    assert not play.risk("quote_source_failed", "quote_refused")
    assert not play.of(CallFailed)
    play.check()


@pytest.mark.parametrize(
    "fault",
    [Throttled(retry_after_s=45), Throttled(), ServerError(status=503), ServerError(status=502)],
    ids=["429 with a wait", "429", "503", "502"],
)
def test_outage_is_ridden_through(tmp_path: Path, fault: AnyFault) -> None:
    """Ten minutes of refusals: said once, its end once, nothing opened, then trading goes on."""
    play = morning(tmp_path, fault)

    since, until = play.after_open(FROM), play.after_open(TO)
    (down,) = play.risk("quote_source_failed")
    (up,) = play.risk("quote_source_recovered")
    assert down["timestamp"] < up["timestamp"]
    assert not play.approved(since + timedelta(seconds=15), until)
    arrived = [e.at for e in play.of(PollArrived)]
    assert not [at for at in arrived if since + timedelta(seconds=1) < at < until]
    assert [at for at in arrived if at >= until]
    goes_on = play.approved(until, play.after_open(END))
    assert goes_on
    # What a bar from before the outage says comes too late.
    assert all(time_of(d["bar_end"]) > until - timedelta(minutes=1) for d in goes_on)
    assert [d for d in play.lines("decisions") if d["rule"] == "STRATEGY_STOPPED"]
    play.check()


def test_wait_the_exchange_asks_for_is_kept(tmp_path: Path) -> None:
    """Told to come back in 45 seconds, the daemon asks for quotes no sooner."""
    play = morning(tmp_path, Throttled(retry_after_s=45))

    since, until = play.after_open(FROM), play.after_open(TO)
    failed = [e for e in play.of(CallFailed) if e.what == "poll" and since <= e.at < until]
    assert failed
    assert any(e.retry_after_s for e in failed)
    fired = play.faults.fired[0]
    # Ten minutes at 45 s: some 13 refusals, for each kind of request that was made; never 40.
    assert fired <= 3 * 14


@pytest.mark.parametrize(("seconds", "is_answered"), [(4.0, True), (100.0, False)])
def test_hang_costs_time_and_drops_polls(tmp_path: Path, seconds: float, is_answered: bool) -> None:
    """Quotes that hang: virtual time goes by, polls are skipped, not queued; then all is well."""
    window = (datetime(2024, 7, 2, 13, 40, tzinfo=UTC), datetime(2024, 7, 2, 13, 50, tzinfo=UTC))
    rules = [rule(Hangs(seconds=seconds), *window, path="*quotes*", count=1)]
    play = Play(tmp_path, rules=rules, poll=PollSettings(interval_s=3))
    play.run(until=play.after_open(35))

    assert play.faults.fired == (1,)
    skipped = [
        e
        for e, effects in play.steps
        if isinstance(e, TimerFired)
        and e.name == "poll"
        and not any(isinstance(effect, RequestPoll) for effect in effects)
    ]
    assert len(skipped) == 1
    failed = [e for e in play.of(CallFailed) if e.what == "poll"]
    assert [e.at - window[0] for e in failed] == ([] if is_answered else [timedelta(seconds=5)])
    polls = [e.at for e in play.of(PollArrived)]
    gaps = [b - a for a, b in pairwise(polls)]
    # The grid goes on; never a burst of what was skipped.
    assert min(gaps) >= timedelta(seconds=1)
    assert timedelta(seconds=6) < max(gaps) <= timedelta(seconds=12)
    assert play.approved(window[1], play.after_open(35))
    play.check()


BAD_QUOTES = [
    (NullQuote(), "QUOTE_MISSING"),
    (CrossedQuote(), "QUOTE_CROSSED"),
    (ZeroQuote(), "QUOTE_ZERO"),
    (StaleQuote(age_s=120.0), "QUOTE_STALE"),
    (HaltedQuote(), "QUOTE_HALTED"),
    (PriceJump(factor="3"), "QUOTE_JUMP"),
]


@pytest.mark.parametrize(("fault", "code"), BAD_QUOTES, ids=[code for _, code in BAD_QUOTES])
def test_bad_quotes_of_one_symbol_open_nothing_there(
    tmp_path: Path, fault: AnyFault, code: str
) -> None:
    """Ten minutes of bad quotes of one symbol: one record, no entry in it, the other trades on."""
    play = morning(tmp_path, fault, symbol="ZZA")
    since, until = play.after_open(FROM), play.after_open(TO)

    refused = play.risk("quote_refused")
    assert [r["config_snapshot"]["symbol"] for r in refused] == ["ZZA"] * len(refused)
    assert refused[0]["config_snapshot"]["rule"] == code
    # A jump that lasts is believed when a second quote confirms it; all others hold throughout.
    expected = 2 if code == "QUOTE_JUMP" else 1
    assert len(refused) <= expected
    if code != "QUOTE_JUMP":
        assert not play.approved(since, until, "ZZA")
    assert play.approved(since, until, "ZZB")
    play.check()


def test_exchange_killed_and_started_again(tmp_path: Path) -> None:
    """Connections refused for eight minutes, a new process on the same port: ridden through."""
    play = Play(tmp_path)
    down_at, up_at = play.after_open(FROM), play.after_open(FROM + 8)

    play.run(
        (down_at, play.stop_exchange), (up_at, play.start_exchange), until=play.after_open(END)
    )

    assert len(play.risk("quote_source_failed")) == 1
    assert len(play.risk("quote_source_recovered")) == 1
    assert not play.approved(down_at + timedelta(seconds=15), up_at)
    assert play.approved(up_at, play.after_open(END))
    failed = [e for e in play.of(CallFailed) if e.what == "poll"]
    assert failed
    assert all(down_at <= e.at <= up_at + timedelta(minutes=2) for e in failed)
    play.check()
