"""The account's number on a day of real money: trade records carry it, and nothing else does."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.live_run import ARMED, NUMBER, Stopping, set_up
from support.logins import issued
from support.rehearsal import CALENDAR, DAY, OPEN
from trading_bot.app.replay import Replayer
from trading_bot.app.sessions import Place
from trading_bot.brokers.robinhood.broker import RobinhoodBroker
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.core.codec import HIDDEN, decode_event
from trading_bot.core.events import Started
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.rehearsal.wire import Reply, Request
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.storage.home import Home

pytestmark = pytest.mark.ci

AWAY = timedelta(minutes=3)
"""Between the first run's end and the next start."""

EXCUSE = f'{{"detail": "portfolio of {NUMBER} is not available"}}'.encode()


class Telltale(Stopping):
    """Gives no portfolio for ten minutes, and names the account in its excuse."""

    def handle(self, request: Request, now: datetime) -> Reply:
        is_out = OPEN + timedelta(minutes=5) < now < OPEN + timedelta(minutes=15)
        if is_out and request.path.startswith("/portfolios/"):
            return Reply(502, EXCUSE)
        return super().handle(request, now)


@dataclass
class Traded:
    """A home after two runs of one day, and how each of them ended."""

    home: Home
    codes: list[int]


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    home = Home(tmp_path_factory.mktemp("live") / "home")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        # Away from Robinhood itself a broker calls itself PAPER; here it is to be taken for real.
        patch.setattr(RobinhoodBroker, "execution_mode", "LIVE")
        yield Traded(home, _trade(home, stack))


def _trade(home: Home, stack: ExitStack) -> list[int]:
    set_up(home, watchlist=["ZZA", "ZZB"], poll={"interval_s": 15})
    days = made_up_days(1, CALENDAR, days=[DAY], symbols=["ZZA", "ZZB"])
    exchange = Telltale(days, CALENDAR)
    server = stack.enter_context(ExchangeServer(exchange))
    clock = LockstepClock(OPEN - timedelta(minutes=6))
    SessionFile(home.session_pickle).save(issued(exchange, clock.now()))
    codes = []
    for ends_at in (OPEN + timedelta(hours=3), OPEN + timedelta(hours=6, minutes=33)):
        exchange.was_ended, exchange.ends_at = False, ends_at
        place = Place(
            clock=clock,
            chance=random.Random(1),
            base_url=f"http://127.0.0.1:{server.port}",
            is_lockstep=True,
        )
        codes.append(main([*ARMED, "--home", str(home.root)], place=place))
        clock = LockstepClock(clock.now() + AWAY)
    return codes


def records(home: Home) -> list[TradeRecord]:
    lines = home.trades_link.read_text().splitlines()
    return [TradeRecord.from_jsonl_line(line) for line in lines]


def tape_of(home: Home) -> Path:
    (tape,) = home.tape.glob("*.jsonl")
    return tape


def started(home: Home) -> list[Started]:
    events = [decode_event(line) for line in tape_of(home).read_text().splitlines()]
    return [event for event in events if isinstance(event, Started)]


def test_every_trade_record_of_real_money_names_its_account(traded: Traded) -> None:
    """Before and after a restart."""
    found = records(traded.home)

    assert traded.codes == [exits.OK, exits.OK]
    assert len({record.session_id for record in found}) == 2
    assert {(record.execution_mode, record.account_id) for record in found} == {("LIVE", NUMBER)}


def test_no_other_file_of_the_home_holds_the_number(traded: Traded) -> None:
    """Tape, log, status, sessions, seals and locks; the settings and trade records have it."""
    home = traded.home
    files = [path for path in home.root.rglob("*") if path.is_file()]

    holding = {path.resolve() for path in files if NUMBER.encode() in path.read_bytes()}

    assert holding == {home.config_file.resolve(), home.trades_link.resolve()}
    assert "portfolio of [redacted] is not available" in tape_of(home).read_text()


def test_the_tape_gives_the_same_records_without_the_number(traded: Traded) -> None:
    """The restart's start holds the first run's trades, under another name of their account."""
    _, again = started(traded.home)

    assert [line.count(f'"account_id":"{HIDDEN}"') for line in again.start.trade_lines] == [1]
    assert Replayer(traded.home).first_difference(DAY) is None


def test_a_tape_that_holds_the_number_still_replays(traded: Traded) -> None:
    """As all tapes of real money did once: the event names the account, and so do its lines."""
    tape = tape_of(traded.home)
    kept = tape.read_bytes()
    tape.write_bytes(kept.replace(HIDDEN.encode(), NUMBER.encode()))
    try:
        difference = Replayer(traded.home).first_difference(DAY)
        first = started(traded.home)[0]
    finally:
        tape.write_bytes(kept)

    assert difference is None
    assert first.session.account_id == NUMBER


def test_another_account_in_the_settings_is_no_damage(
    traded: Traded, capsys: pytest.CaptureFixture[str]
) -> None:
    """The home says that it belongs to another: the day cannot be replayed, and that is all."""
    kept = traded.home.config_file.read_bytes()
    traded.home.config_file.write_bytes(kept.replace(NUMBER.encode(), b"REH999777"))
    try:
        code = main(["verify", "--replay", "--home", str(traded.home.root)])
    finally:
        traded.home.config_file.write_bytes(kept)

    said: Any = capsys.readouterr().out
    assert code == exits.FAILED
    assert "cannot be replayed" in said
    assert "bound to another account" in said
