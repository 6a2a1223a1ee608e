"""An exchange killed and started again goes on with everything it had taken."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.rehearsal import CALENDAR, STOP, Client, after_open, flat_day, order_form
from trading_bot.domain.errors import DataError
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.exchange import Exchange
from trading_bot.rehearsal.fault_menu import HtmlPage
from trading_bot.rehearsal.faults import FaultRule, FaultScript
from trading_bot.rehearsal.login import LoginSettings
from trading_bot.rehearsal.owner import Deposits
from trading_bot.rehearsal.state_file import StateFile
from trading_bot.rehearsal.wire import Request

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


def test_a_revoked_session_stays_dead(start: Start) -> None:
    """A broker that was down for a moment does not let in again whom it had put out."""
    killed = start()
    end = {"client_id": "any", "token": killed.token}
    assert killed.post("/oauth2/revoke_token/", end, AT).status == 200

    again = start()

    assert again.get("/accounts/", SOON).status == 401
    assert again.refresh(killed.session.refresh_token, SOON).status == 401


def test_a_renewal_is_kept(start: Start) -> None:
    """The pair before the last renewal is void, also when nobody showed the new one since."""
    killed = start()
    renewed = json.loads(killed.refresh(killed.session.refresh_token, AT).body)

    again = start()

    assert again.get("/accounts/", SOON).status == 401
    again.token = renewed["access_token"]
    assert again.get("/accounts/", SOON).status == 200


def test_a_login_under_way_goes_on(start: Start) -> None:
    """The prompt asked for before the kill is answered after it, and the device known from then."""
    grant = {
        "client_id": "any",
        "expires_in": "86400",
        "grant_type": "password",
        "username": LoginSettings().username,
        "password": LoginSettings().password,
        "scope": "internal",
        "device_token": "new",
        "token_request_path": "/login",
    }
    asked = json.loads(start().post("/oauth2/token/", grant, AT).body)["verification_workflow"]
    found = _post(
        start(), "user_machine/", device_id="new", flow="suv", input={"workflow_id": asked["id"]}
    )
    view = f"inquiries/{found['id']}/user_view/"
    shown = start().json(f"/pathfinder/{view}", AT)["context"]["sheriff_challenge"]
    for _ in range(LoginSettings().polls_until_approval):
        start().json(f"/push/{shown['id']}/get_prompts_status/", AT)

    _post(start(), view, sequence=0, user_input={"status": "continue"})

    assert start().post("/oauth2/token/", grant, AT).status == 200


def _post(client: Client, place: str, **body: Any) -> Any:
    headers = {"content-type": "application/json"}
    request = Request("POST", f"/pathfinder/{place}", headers, json.dumps(body).encode())
    return json.loads(client.exchange.handle(request, AT).body)


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
