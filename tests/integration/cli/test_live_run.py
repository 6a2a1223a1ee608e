"""`run --live`: nothing is sent before every key is turned and a person has said yes; then it runs.

The exchange is this machine's own, handed to the program by its caller.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.live_run import ARMED, NUMBER, Stopping, set_up
from support.logins import issued
from support.rehearsal import CALENDAR, DAY, OPEN
from support.street import Street
from trading_bot.app.arming import phrase_of
from trading_bot.app.sessions import Place
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.runtime.clocks import SystemClock
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.storage.account_lock import account_lock
from trading_bot.storage.home import Home

Said = pytest.CaptureFixture[str]


def assert_no_order(street: Street) -> None:
    """By the exchange's own ledger, and by every request that came."""
    report = street.exchange.report(SystemClock().now())
    assert report["orders"] == []
    assert {request.method for request in street.exchange.asked} <= {"GET"}


@pytest.mark.parametrize(
    ("arguments", "changes", "named"),
    [
        (("run",), {}, ["--live on the command line"]),
        (("run", "--live"), {"mode": "paper"}, ["mode: live trading needs mode live, got paper"]),
        (("run", "--live"), {"mode": None}, ["mode: live trading needs mode live, got none"]),
        (("run", "--live"), {"account_number": None}, ["account_number: "]),
        (("run",), {"account_number": None}, ["--live on the command line", "account_number: "]),
        (ARMED, {"mode": None, "account_number": None}, ["mode: ", "account_number: "]),
        (("run", "--armed-for", "0001"), {}, ["--armed-for"]),
    ],
)
def test_each_key_that_is_missing_is_named_and_nothing_is_sent(
    street: Street,
    capsys: Said,
    arguments: tuple[str, ...],
    changes: Mapping[str, Any],
    named: list[str],
) -> None:
    """Flag, mode and account: exit code 2, a line each, not one request."""
    street.issue()
    set_up(street.home, **changes)

    code = street.main(*arguments)

    lines = capsys.readouterr().err.splitlines()
    assert code == exits.USAGE
    assert len(lines) == len(named)
    for line, words in zip(lines, named, strict=True):
        assert words in line
    assert street.exchange.asked == []


def test_without_a_terminal_or_the_flag_nothing_starts(street: Street, capsys: Said) -> None:
    """The stake is shown, the way out named; the account is read and no more."""
    street.issue()
    set_up(street.home)

    code = street.main("run", "--live")

    said = capsys.readouterr().err
    assert code == exits.USAGE
    for words in ("REAL MONEY", "ends in 0001", "$500.00", "unofficial", "--armed-for"):
        assert words in said
    assert NUMBER not in said
    assert_no_order(street)
    assert not list(street.home.logs.iterdir())


@pytest.mark.parametrize("given", ["0002", "", NUMBER])
def test_the_flag_of_another_account_starts_nothing(
    street: Street, capsys: Said, given: str
) -> None:
    """A unit file copied to this home; the whole number is not what is asked for either."""
    street.issue()
    set_up(street.home)

    code = street.main("run", "--live", "--armed-for", given)

    assert code == exits.USAGE
    assert "nothing was started" in capsys.readouterr().err
    assert_no_order(street)


def test_an_account_that_is_not_the_sessions_starts_nothing(street: Street, capsys: Said) -> None:
    """The list of accounts is read and nothing else; neither number is shown in full."""
    street.issue()
    set_up(street.home, account_number="REH999777")

    code = street.main("run", "--live", "--armed-for", "9777")

    said = capsys.readouterr().err
    assert code == exits.USAGE
    assert "ends in 777 is not one of this session's (ends in 001)" in said
    assert NUMBER not in said
    assert "REH999777" not in said
    assert street.exchange.paths == ["GET /accounts/"]
    assert_no_order(street)


@pytest.mark.ci
@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": SystemClock().now() - timedelta(hours=1), "refresh_token": ""},
        {"access_token": "unknown", "refresh_token": "unknown"},
    ],
    ids=["ended", "refused"],
)
def test_a_service_without_a_usable_session_waits_for_a_person(
    street: Street, capsys: Said, changes: dict[str, Any]
) -> None:
    """Up, not ready, calling for a person; a log-in later it runs, without another start."""
    street.issue(**changes)
    set_up(street.home)

    with street.typist(*ARMED) as typist:
        typist.see("a person must log in")
        typist.see("Until then nothing is sent")
        before = status_shown(street.home, capsys)
        orders = street.exchange.sent("/orders/")
        street.home.session_pickle.unlink()
        street.issue()
        wait_for_the_daemon(street)
        typist.type("\x03")
        code = typist.end()

    assert (before["alive"], before["ready"]) == (True, False)
    assert any("trading-bot login" in reason for reason in before["reasons"])
    assert not orders
    assert code == exits.OK, typist.screen
    assert "stopped: SIGINT" in typist.screen
    assert NUMBER not in typist.screen


def test_at_a_terminal_an_ended_session_arms_nothing(street: Street, capsys: Said) -> None:
    """Nobody can be shown what is at stake: exit code 3, not one request."""
    street.issue(expires_at=SystemClock().now() - timedelta(hours=1), refresh_token="")
    set_up(street.home)

    assert street.main("run", "--live") == exits.HUMAN_NEEDED
    assert "trading-bot login" in capsys.readouterr().err
    assert street.exchange.asked == []


def status_shown(home: Home, capsys: Said) -> dict[str, Any]:
    """What `status` says of the home."""
    capsys.readouterr()
    main(["status", "--json", "--home", str(home.root)])
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    return shown


def test_a_session_file_others_can_read_starts_nothing(street: Street, capsys: Said) -> None:
    """Whoever could read it could trade with it: exit code 3, not one request."""
    street.issue()
    set_up(street.home)
    street.home.session_pickle.chmod(0o644)

    assert street.main(*ARMED) == exits.HUMAN_NEEDED
    assert "mode 0644, others could read it" in capsys.readouterr().err
    assert street.exchange.asked == []


def test_without_a_session_the_login_is_named(street: Street, capsys: Said) -> None:
    """Exit code 2, as on paper."""
    set_up(street.home)

    assert street.main(*ARMED) == exits.USAGE
    assert "trading-bot login" in capsys.readouterr().err


def test_a_home_of_paper_never_becomes_live(street: Street, capsys: Said) -> None:
    """Its records are of invented money; it is refused before anything is read."""
    street.issue()
    set_up(street.home)
    key = street.home.key(lambda size: b"k" * size)
    street.home.bind(mode="paper", account=None, key=key)

    assert street.main(*ARMED) == exits.USAGE
    assert "bound to mode paper" in capsys.readouterr().err
    assert street.exchange.asked == []


def test_a_home_in_use_is_not_armed_again(street: Street, capsys: Said) -> None:
    """One daemon per home: found out before anybody is asked for a word."""
    street.issue()
    set_up(street.home)

    with street.home.lock():
        assert street.main(*ARMED) == exits.BUSY

    assert "in use" in capsys.readouterr().err
    assert street.exchange.asked == []


def test_an_account_that_another_home_trades_starts_nothing(street: Street, capsys: Said) -> None:
    """Two homes of one account on one machine: the second ends with exit code 5, no order sent."""
    street.issue()
    set_up(street.home)

    with account_lock(NUMBER, street.url):
        assert street.main(*ARMED) == exits.BUSY

    said = capsys.readouterr().err
    assert "another trading-bot on this machine trades this account" in said
    assert NUMBER not in said
    assert_no_order(street)


@pytest.mark.parametrize("typed", ["", "yes", "trade 0002 live"])
def test_anything_else_typed_starts_nothing(street: Street, typed: str) -> None:
    """At a terminal the phrase is asked for, and only it arms."""
    street.issue()
    set_up(street.home)

    with street.typist("run", "--live") as typist:
        typist.see("REAL MONEY")
        typist.see("type 'trade 0001 live' to begin")
        typist.type(typed + "\n")
        code = typist.end()

    assert code == exits.USAGE
    assert "nothing was started" in typist.screen
    assert NUMBER not in typist.screen
    assert_no_order(street)


def wait_for_the_daemon(street: Street) -> None:
    """Until it compares the books: what is at stake is read without the orders."""
    was_asked = street.exchange.was_asked
    while not street.exchange.sent("/orders/"):
        was_asked.clear()
        if not street.exchange.sent("/orders/"):
            assert was_asked.wait(20), street.exchange.paths


@pytest.mark.ci
def test_the_phrase_starts_it_and_ctrl_c_stops_it(street: Street, capsys: Said) -> None:
    """While it runs `status` says live; nothing it prints or keeps holds the account's number."""
    street.issue()
    set_up(street.home)

    with street.typist("run", "--live") as typist:
        typist.see("to begin, anything else to stop: ")
        typist.type(phrase_of(NUMBER) + "\n")
        wait_for_the_daemon(street)
        status = status_shown(street.home, capsys)
        typist.type("\x03")
        code = typist.end()

    assert code == exits.OK, typist.screen
    assert (status["alive"], status["snapshot"]["mode"]) == (True, "live")
    assert "stopped: SIGINT" in typist.screen
    assert NUMBER not in typist.screen
    assert_no_number(street.home)


def assert_no_number(home: Home) -> None:
    """The account's number stands in the settings alone."""
    for path in home.root.rglob("*"):
        if path.is_file() and path not in (home.config_file, home.session_pickle):
            assert NUMBER.encode() not in path.read_bytes(), path


@dataclass
class Played:
    """A live run on a made-up day, from before the open until the signal."""

    home: Home
    code: int
    report: Mapping[str, Any]
    err: str


@pytest.fixture
def played(tmp_path: Path, capsys: Said) -> Played:
    home, start = Home(tmp_path / "home"), OPEN - timedelta(minutes=6)
    set_up(home, watchlist=["ZZA", "ZZB"], poll={"interval_s": 15})
    exchange = Stopping(made_up_days(1, CALENDAR, days=[DAY], symbols=["ZZA", "ZZB"]), CALENDAR)
    SessionFile(home.session_pickle).save(issued(exchange, start))
    clock = LockstepClock(start)
    with ExchangeServer(exchange) as server:
        place = Place(
            clock=clock,
            chance=random.Random(1),
            base_url=f"http://127.0.0.1:{server.port}",
            is_lockstep=True,
        )
        code = main([*ARMED, "--home", str(home.root)], place=place)
    err = capsys.readouterr().err
    return Played(home, code, exchange.report(clock.now()), err)


@pytest.mark.ci
def test_armed_it_trades_and_leaves_the_stop_when_it_is_stopped(played: Played) -> None:
    """The entry is under the caps, SIGTERM ends it cleanly, the stop stays at the exchange."""
    entry, stop = played.report["orders"]
    (bought,) = played.report["executions"]

    assert played.code == exits.OK
    assert float(entry["quantity"]) * float(entry["price"]) <= 500
    assert (stop["side"], stop["trigger"], stop["state"]) == ("sell", "stop", "confirmed")
    assert stop["quantity"] == bought["quantity"]
    assert stop["time_in_force"] == "gtc"


@pytest.mark.ci
def test_its_records_are_live_ones_of_no_real_money(played: Played, capsys: Said) -> None:
    """Mode live, execution mode PAPER away from Robinhood itself, and nowhere the number."""
    code = main(["status", "--home", str(played.home.root)])

    said = capsys.readouterr().out
    (trade,) = played.home.trades_link.read_text().splitlines()
    assert code == exits.HUMAN_NEEDED
    assert "last session  live, end" in said
    assert "stop " in said
    assert json.loads(trade)["execution_mode"] == "PAPER"
    assert json.loads(trade)["account_id"] is None
    assert NUMBER not in played.err + said
    assert_no_number(played.home)
