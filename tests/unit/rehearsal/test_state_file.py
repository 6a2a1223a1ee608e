"""An exchange killed and started again goes on with everything it had taken."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from support.rehearsal import CALENDAR, STOP, Client, after_open, flat_day, order_form
from trading_bot.domain.errors import DataError
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.exchange import Exchange
from trading_bot.rehearsal.fault_menu import HtmlPage
from trading_bot.rehearsal.faults import FaultRule, FaultScript
from trading_bot.rehearsal.owner import Deposits
from trading_bot.rehearsal.state_file import StateFile

AT = after_open(10, 1)
SOON = AT + timedelta(seconds=1)
LATER = after_open(30)
RULES = (
    FaultRule(fault=faults.AcceptThenDrop(), method="POST", skip=1, count=1),
    FaultRule(fault=faults.PartialFills(3), count=1),
    FaultRule(fault=HtmlPage(), path="/quotes/*", count=1),
)


Start = Callable[[], Client]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.jsonl"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Starts an exchange on the state file, as if the one before had been killed."""
    with ExitStack() as stack:

        def make() -> Client:
            state = StateFile(path)
            stack.callback(state.close)
            client = Client(flat_day())
            client.faults = FaultScript(RULES)
            client.exchange = Exchange((flat_day(),), CALENDAR, None, client.faults, state)
            return client

        yield make


def _trade(client: Client) -> None:
    client.post("/orders/", order_form(ref_id="first"), AT)
    client.post("/orders/", order_form(ref_id="lost", price="90.00", quantity="10"), SOON)
    client.post("/orders/", order_form(ref_id="first"), SOON)
    client.post("/orders/", order_form(**STOP, stop_price="99.90", ref_id="stop"), after_open(11))
    client.get("/quotes/?symbols=AAPL", after_open(11))
    rows = client.json("/orders/", after_open(11))["results"]
    client.cancel(next(row for row in rows if row["ref_id"] == "lost"), after_open(12))
    client.in_the_app(Deposits(amount=Decimal(5)), after_open(13))


def test_it_knows_all_it_had_taken(start: Start) -> None:
    """Orders, executions, cash, ledger and fired faults are the same to the byte."""
    killed = start()
    _trade(killed)

    again = start()

    for target in ("/orders/", "/accounts/", "/positions/", "/rehearsal/ledger/"):
        assert again.get(target, LATER).body == killed.get(target, LATER).body
    assert again.faults.fired == killed.faults.fired == (1, 1, 1)


def test_it_goes_on(start: Start) -> None:
    """What comes after the restart is kept as well, and no id is given twice."""
    _trade(start())
    start().place(LATER, quantity="1", ref_id="last")

    rows = start().json("/orders/", LATER + timedelta(minutes=1))["results"]

    assert [row["ref_id"] for row in rows] == ["last", "stop", "lost", "first"]
    assert len({row["id"] for row in rows}) == 4


def test_a_line_cut_short_was_never_answered(start: Start, path: Path) -> None:
    """Killed in the middle of a line, the exchange goes on without that command."""
    _trade(start())
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"command":"order","at":"2023')

    start().place(LATER, ref_id="after", quantity="1")

    lines = path.read_bytes().splitlines()
    assert lines[:-1] == whole.splitlines()
    assert b'"after"' in lines[-1]
    assert len(start().json("/orders/", LATER)["results"]) == 4


def test_a_first_line_cut_short_leaves_nothing(start: Start, path: Path) -> None:
    """With no whole line at all the exchange begins anew."""
    path.write_bytes(b'{"comm')

    assert start().json("/orders/", LATER)["results"] == []
    assert path.read_bytes() == b""


def test_a_line_of_nonsense_names_its_place(path: Path) -> None:
    """A whole line that is no command is an error with file and line."""
    path.write_text('{"command":"dance"}\n')

    with pytest.raises(DataError, match=r"state\.jsonl, line 1"):
        StateFile(path)
