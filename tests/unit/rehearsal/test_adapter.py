"""The in-process door: what a requests session sees through it."""

import pytest
import requests

from support.rehearsal import Client, after_open, flat_day
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal.adapter import InProcessAdapter
from trading_bot.rehearsal.faults import FaultRule

QUOTES = "https://api.robinhood.com/quotes/"


def _session(*faults: menu.AnyFault) -> requests.Session:
    client = Client(flat_day(), rules=[FaultRule(fault=fault) for fault in faults])
    session = requests.Session()
    session.mount("https://", InProcessAdapter(client.exchange))
    session.headers["Authorization"] = f"Bearer {client.token}"
    session.headers["X-Rehearsal-Now"] = after_open(3).isoformat()
    return session


def _get(session: requests.Session) -> requests.Response:
    return session.get(QUOTES, params={"symbols": "AAPL"}, timeout=1)


def test_a_request_is_answered() -> None:
    """Query, headers and body arrive and come back as over a socket."""
    answer = _get(_session())

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["results"][0]["updated_at"] == "2023-05-25T13:33:00Z"
    assert answer.url == f"{QUOTES}?symbols=AAPL"
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_a_form_is_posted() -> None:
    """A token refresh goes through as a form."""
    form = {"grant_type": "refresh_token", "refresh_token": "no"}

    answer = _session().post("https://api.robinhood.com/oauth2/token/", data=form, timeout=1)

    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_grant"


def test_without_a_time_nothing_is_answered() -> None:
    """A request without X-Rehearsal-Now is a 400 that says so."""
    session = _session()
    del session.headers["X-Rehearsal-Now"]

    answer = _get(session)

    assert answer.status_code == 400
    assert "X-Rehearsal-Now" in answer.json()["detail"]


def test_a_hang_and_a_slow_body_are_named() -> None:
    """They are answered at once, with the seconds in a header."""
    assert _get(_session(menu.Hangs(30.0))).headers["X-Rehearsal-Hang"] == "30"
    assert _get(_session(menu.SlowBody(2.5))).headers["X-Rehearsal-Slow"] == "2.5"


def test_a_reset_is_a_lost_connection() -> None:
    """Requests' own ConnectionError, as from a socket."""
    with pytest.raises(requests.ConnectionError):
        _get(_session(menu.ResetConnection()))


@pytest.mark.parametrize("fault", [menu.BodyCutOff(5), menu.ResetConnection(5)])
def test_a_body_cut_short_is_noticed(fault: menu.AnyFault) -> None:
    """Fewer bytes than promised raise while the body is read."""
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _get(_session(fault))


def test_truncated_json_is_a_whole_reply() -> None:
    """It passes as HTTP and fails as JSON."""
    answer = _get(_session(menu.TruncatedJson(30)))

    assert len(answer.content) == 30
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
