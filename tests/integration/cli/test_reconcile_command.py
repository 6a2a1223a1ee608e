"""`reconcile`: the records of a rehearsed home against its broker, by hand."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.core_builders import execution
from support.program import Run
from trading_bot.app.reconcile import Case, case_of, look
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.cli.parser import make_parser
from trading_bot.cli.reconcile import settle
from trading_bot.domain.errors import ConfigError, HaltError
from trading_bot.domain.order import (
    BrokerOrder,
    Leg,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.execution.ref_ids import Identity, make_ref_id
from trading_bot.ports.broker import Broker
from trading_bot.ports.clock import Clock
from trading_bot.query.records import HomeRecords
from trading_bot.storage.home import Home

SYMBOL = "ZZB"


class Beside:
    """The home's own broker with orders and shares beside what it says."""

    execution_mode = "PAPER"

    def __init__(
        self, inner: Broker, orders: Sequence[BrokerOrder], shares: Sequence[BrokerPosition]
    ) -> None:
        self._inner = inner
        self.orders_beside = list(orders)
        self.shares_beside = list(shares)

    async def place(self, order: object) -> Any:
        raise AssertionError(f"nothing is sent from the desk: {order}")

    async def cancel(self, order_id: str) -> None:
        raise AssertionError(f"nothing is cancelled from the desk: {order_id}")

    async def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        return (*await self._inner.orders(since), *self.orders_beside)

    async def positions(self) -> tuple[BrokerPosition, ...]:
        return (*await self._inner.positions(), *self.shares_beside)

    async def account(self) -> AccountSnapshot:
        return await self._inner.account()


def beside(home: Home, *orders: BrokerOrder, shares: int = 0) -> Case:
    """The home's case with a broker that holds these orders and shares as well."""
    case = case_of(home)
    own = case.connect
    held = BrokerPosition(
        symbol=SYMBOL,
        quantity=Decimal(shares),
        held_for_sells=Decimal(0),
        average_price=None,
    )

    @asynccontextmanager
    async def connect(clock: Clock) -> AsyncIterator[Broker]:
        async with own(clock) as broker:
            yield Beside(broker, orders, [held] if shares else [])

    return replace(case, connect=connect)


def an_entry(home: Home, quantity: int = 10) -> BrokerOrder:
    """An order under a name of this home that no record of it knows, filled."""
    at = case_of(home).clock.now() - timedelta(hours=1)
    identity = Identity(mode="rehearsal", account="paper", key=home.key_file.read_bytes())
    ref_id = make_ref_id(
        identity,
        strategy_name="bull_flag",
        symbol=SYMBOL,
        bar_end=at.replace(second=0, microsecond=0),
        leg=Leg.ENTRY,
        generation=0,
    )
    return BrokerOrder(
        order_id="5a0e4c9b-0000-4000-8000-000000000001",
        ref_id=ref_id,
        symbol=SYMBOL,
        side=Side.BUY,
        type=OrderType.LIMIT,
        state=OrderState.FILLED,
        quantity=quantity,
        filled_quantity=quantity,
        limit_price=Decimal("50.00"),
        stop_price=None,
        created_at=at,
        updated_at=at,
        time_in_force=TimeInForce.GFD,
        executions=(execution("lost-1", quantity, "49.99", at),),
    )


def an_owners_sale(entry: BrokerOrder, quantity: int) -> BrokerOrder:
    at = entry.created_at + timedelta(minutes=30)
    return replace(
        entry,
        order_id="5a0e4c9b-0000-4000-8000-000000000002",
        ref_id="7c1d2a86-5a0e-4c9b-9b6e-0f5c4f0f8a11",
        side=Side.SELL,
        quantity=quantity,
        filled_quantity=quantity,
        created_at=at,
        updated_at=at,
        executions=(execution("owner-1", quantity, "51.00", at),),
    )


def asked(*words: str) -> Any:
    return make_parser().parse_args(["reconcile", *words])


def whole(home: Home) -> dict[str, bytes]:
    """Every file of the home that holds a record."""
    folders = (home.logs, home.tape, home.archive)
    return {str(p): p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}


def test_books_that_agree_say_so_and_nothing_is_written(copied: Home, run: Run) -> None:
    """The rehearsed home and its paper account agree, execution by execution."""
    before = whole(copied)

    answer = run("reconcile", home=copied)

    assert answer.code == exits.OK
    trades = len(list(HomeRecords(copied).lines("trades")))
    assert trades, "control: it traded"
    assert answer.out.strip() == f"the books agree: broker {trades} executions, records {trades}"
    assert whole(copied) == before


def test_a_home_in_use_is_refused(copied: Home, run: Run) -> None:
    """While a daemon holds the home nobody else looks at its broker."""
    with copied.lock():
        answer = run("reconcile", home=copied)

    assert answer.code == exits.BUSY
    assert "is in use by process" in answer.err


def test_a_folder_without_a_session_is_refused(tmp_path: Any, run: Run) -> None:
    """Nothing was ever started: there is nothing to compare."""
    answer = run("reconcile", home=tmp_path)

    assert answer.code == exits.USAGE
    assert "no session was ever started" in answer.err


def test_a_lost_trade_is_shown_and_adopted(
    copied: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """The broker knows a trade that no record does: shown, adopted, counted; all is sound after."""
    entry = an_entry(copied)
    case = beside(copied, entry, shares=10)
    trades = len(list(HomeRecords(copied).lines("trades")))

    seen = settle(case, asked())
    shown = capsys.readouterr().out
    key = f"missing_trade:{SYMBOL}:{entry.order_id}"
    settled = settle(case, asked("--accept", key, "--why", "restored a backup", "--yes"))
    out = capsys.readouterr().out

    assert (seen, settled) == (exits.HUMAN_NEEDED, exits.OK)
    assert key in shown
    assert "adopted into the records" in shown
    assert f"before  broker {trades + 1} executions, records {trades}" in out
    assert f"after   broker {trades + 1} executions, records {trades + 1}" in out
    assert main(["verify", "--replay", "--home", str(copied.root)]) == exits.OK
    assert asyncio.run(look(case)).is_clean


def test_the_owners_sale_is_booked_by_hand(
    copied: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the adopted shares the owner sold some in the app: booked, and the books agree."""
    entry = an_entry(copied)
    adopt = f"missing_trade:{SYMBOL}:{entry.order_id}"
    case = beside(copied, entry, shares=10)
    settle(case, asked("--accept", adopt, "--why", "a test", "--yes"))
    sold = beside(copied, entry, an_owners_sale(entry, 4), shares=6)

    seen = asyncio.run(look(sold))
    key = f"shares:{SYMBOL}:10:6"
    code = settle(sold, asked("--accept", key, "--why", "sold on the phone", "--yes"))

    assert [f.difference.key for f in seen.findings] == [key]
    assert code == exits.OK
    last = list(HomeRecords(copied).lines("trades"))[-1]
    assert '"exit_reasoning":"sold by the owner in the app"' in last
    assert asyncio.run(look(sold)).is_clean
    assert main(["verify", "--replay", "--home", str(copied.root)]) == exits.OK
    capsys.readouterr()


def test_without_a_terminal_an_acceptance_needs_yes_and_why(copied: Home) -> None:
    """Nothing is settled by accident: no terminal, no flag, no change."""
    entry = an_entry(copied)
    case = beside(copied, entry, shares=10)
    before = whole(copied)
    key = f"missing_trade:{SYMBOL}:{entry.order_id}"

    for words in (["--accept", key], ["--accept", key, "--yes"], ["--accept", "nothing"]):
        with pytest.raises(ConfigError, match=r"--why|to accept"):
            settle(case, asked(*words))

    assert whole(copied) == before


class Terminal(io.StringIO):
    """A person who types these lines, and then ends the input."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "typed", ["because\nno\n", "because\nACCEPT\n", "because\n", "because\n\n"]
)
def test_anything_but_the_word_changes_nothing(
    copied: Home,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
) -> None:
    """A wrong answer, an empty one, the end of the input: said, and nothing is written."""
    entry = an_entry(copied)
    case = beside(copied, entry, shares=10)
    before = whole(copied)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    code = settle(case, asked("--accept", f"missing_trade:{SYMBOL}:{entry.order_id}"))

    assert code == exits.FAILED
    assert "nothing was changed" in capsys.readouterr().out
    assert whole(copied) == before


def test_the_word_and_a_reason_typed_settle_it(
    copied: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What will happen is said before the word is asked for; the reason is on record."""
    entry = an_entry(copied)
    case = beside(copied, entry, shares=10)
    key = f"missing_trade:{SYMBOL}:{entry.order_id}"
    monkeypatch.setattr(sys, "stdin", Terminal("restored a backup\naccept\n"))

    code = settle(case, asked("--accept", key))

    assert code == exits.OK
    assert f"{key}: will be adopted into the records" in capsys.readouterr().out
    assert '"why":"restored a backup"' in (copied.logs / "orders.jsonl").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--yes"], "--yes says how to accept: name what, with --accept WHAT"),
        (["--ratio", "2"], "--ratio says how to accept: name what, with --accept WHAT"),
        (["--not-ours"], "--not-ours says how to accept: name what, with --accept WHAT"),
        (
            ["--accept", "x", "--yes", "--why", "y" * 501],
            "--why: expected a reason of 500 characters at most, got 501",
        ),
        (
            ["--accept", "x", "--yes", "--why", "y"],
            "there is no 'x' to accept; there is: nothing",
        ),
    ],
)
def test_words_that_fit_nothing_are_refused(
    copied: Home, run: Run, words: list[str], said: str
) -> None:
    """What was expected and what came, a line; nothing is written."""
    before = whole(copied)

    answer = run("reconcile", *words, home=copied)

    assert answer.code == exits.USAGE
    assert said in answer.err
    assert whole(copied) == before


def test_each_thing_that_cannot_be_accepted_is_named(copied: Home) -> None:
    """Every problem at once, with what there is to accept."""
    entry = an_entry(copied)
    case = beside(copied, entry, shares=10)
    key = f"missing_trade:{SYMBOL}:{entry.order_id}"

    with pytest.raises(ConfigError) as caught:
        settle(case, asked("--accept", "x", "--accept", key, "--ratio", "2", "--yes", "--why", "y"))

    assert caught.value.problems == (
        f"there is no 'x' to accept; there is: {key}",
        f"{key} has no --ratio: only a corporate action has one",
    )


def test_missing_shares_are_never_called_not_ours(copied: Home) -> None:
    """Fewer shares than ours were sold by somebody: that is booked, not left out."""
    entry = an_entry(copied)
    settle(
        beside(copied, entry, shares=10),
        asked("--accept", f"missing_trade:{SYMBOL}:{entry.order_id}", "--why", "a test", "--yes"),
    )
    case = beside(copied, entry, shares=6)

    with pytest.raises(ConfigError, match="cannot be --not-ours: accepted it is booked as the"):
        settle(
            case,
            asked("--accept", f"shares:{SYMBOL}:10:6", "--not-ours", "--yes", "--why", "mine"),
        )


def test_a_refused_acceptance_says_what_was_settled_before_it(copied: Home) -> None:
    """Refused with its reason, and the session has its end all the same."""
    one = an_entry(copied)
    settle(
        beside(copied, one, shares=10),
        asked("--accept", f"missing_trade:{SYMBOL}:{one.order_id}", "--why", "a test", "--yes"),
    )
    case = beside(copied, one, shares=6)
    key = f"shares:{SYMBOL}:10:6"

    with pytest.raises(HaltError, match="hold no sale of that many shares") as caught:
        settle(case, asked("--accept", key, "--why", "sold", "--yes"))

    assert "(settled before it: nothing)" in str(caught.value)
    last = list(HomeRecords(copied).lines("sessions"))[-1]
    assert '"kind":"end"' in last
    assert "a person at the desk: shares:" in last


@pytest.mark.parametrize("name", ["orders.jsonl", "2024-07-03.jsonl"])
def test_nothing_is_settled_while_the_record_is_damaged(copied: Home, name: str) -> None:
    """The place, what holds meanwhile and what to do are said; the line put back, it goes on."""
    entry = an_entry(copied)
    case = beside(copied, entry, shares=10)
    key = f"missing_trade:{SYMBOL}:{entry.order_id}"
    path = copied.logs / name
    sound = path.read_bytes()
    path.write_bytes(
        sound.replace(b'"kind":"intent"', b'"kind":"intend"', 1).replace(b"BUY", b"BYE", 1)
    )
    before = whole(copied)

    with pytest.raises(HaltError) as caught:
        settle(case, asked("--accept", key, "--why", "restored", "--yes"))

    said = str(caught.value)
    assert "nothing was changed" in said
    assert f"{path}, line " in said
    assert "put the lines named above back as a backup has them" in said
    assert whole(copied) == before
    path.write_bytes(sound)
    assert settle(case, asked("--accept", key, "--why", "restored", "--yes")) == exits.OK
