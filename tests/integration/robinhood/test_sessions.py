"""Sessions got elsewhere, looked at and ended, over HTTP against the exchange."""

import json
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.logins import WANTED, Hall, Scripted, issued, make_hall
from support.rehearsal import OPEN
from trading_bot.app.session_view import SessionView, view_session
from trading_bot.app.sessions import forget, log_out
from trading_bot.brokers.robinhood.grants import LoginRefusedError
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import SessionFileError
from trading_bot.domain.errors import ConfigError, RetryableError, TradingBotError
from trading_bot.rehearsal import fault_menu as faults
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.login import LoginSettings

FOUR = ("access_token", "token_type", "refresh_token", "device_token")
MakeHall = Callable[..., Hall]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeHall]:
    with ExitStack() as stack:

        def making(*rules: FaultRule, **settings: Any) -> Hall:
            login = LoginSettings(challenge="none")
            return make_hall(stack, tmp_path / "home", *rules, **{"login": login, **settings})

        yield making


def tokens(session: BrokerSession, *names: str) -> dict[str, str]:
    return {name: getattr(session, name) for name in names or FOUR}


def import_file(hall: Hall, path: Path, person: Scripted | None = None) -> Any:
    return hall.run(hall.desk(person or Scripted()).import_file(path))


def test_librarys_pickle_is_imported(make: MakeHall, tmp_path: Path) -> None:
    """What robin_stocks leaves behind, mode 0644 as it leaves it: used, and said to be open."""
    hall = make()
    theirs = issued(hall.exchange, OPEN)
    path = tmp_path / "robinhood.pickle"
    path.write_bytes(pickle.dumps(tokens(theirs)))
    path.chmod(0o644)
    person = Scripted()

    import_file(hall, path, person)

    stored = hall.file.load()
    assert tokens(stored) == tokens(theirs)
    assert stored.obtained_at == OPEN
    assert hall.home.session_pickle.stat().st_mode & 0o777 == 0o600
    assert ["others could read its tokens" in text for text in person.told] == [True]
    assert hall.exchange.paths == ["GET /accounts/"]


def test_json_is_imported_and_the_device_is_kept(make: MakeHall, tmp_path: Path) -> None:
    """Two tokens are enough; the device is that of the session before."""
    hall = make()
    old = hall.issue()
    newer = issued(hall.exchange, OPEN + timedelta(minutes=1))
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps(tokens(newer, "access_token", "refresh_token")))
    path.chmod(0o600)
    person = Scripted()

    import_file(hall, path, person)

    stored = hall.file.load()
    assert (stored.access_token, stored.token_type) == (newer.access_token, "Bearer")
    assert stored.device_token == old.device_token
    assert not hall.file.previous_path.exists()
    assert person.told == []


def test_tokens_are_pasted(make: MakeHall) -> None:
    """Asked unseen, blanks around them dropped; without a refresh token it cannot be renewed."""
    hall = make()
    theirs = issued(hall.exchange, OPEN)
    person = Scripted((f"  {theirs.access_token} ", "", ""))

    found = hall.run(hall.desk(person).import_typed())

    stored = hall.file.load()
    assert stored == found.session
    assert (stored.access_token, stored.refresh_token) == (theirs.access_token, "")
    assert stored.ends_at == theirs.ends_at


class Evil:
    """Its pickle leaves a mark where it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


UNUSABLE = [
    b"",
    b"{",
    b"[]",
    b'"text"',
    b"{}",
    b'{"access_token": 7}',
    b'{"access_token": "two words"}',
    b'{"access_token": "a\\nb"}',
    b'{"access_token": "opaque"}',
    b'{"access_token": "opaque", "refresh_token": "r", "expires_at": "noon"}',
    b'{"access_token": "opaque", "refresh_token": "r", "device_token": "a b"}',
    b'{"access_token": "opaque", "refresh_token": "r", "expires_at": "2020-01-01T00:00:00+00:00"}',
    pickle.dumps(["list"]),
    pickle.dumps({"access_token": b"bytes"}),
    b"\x80",
    b"x" * 70_000,
]


@pytest.mark.parametrize("content", UNUSABLE)
def test_unusable_import_changes_nothing(make: MakeHall, tmp_path: Path, content: bytes) -> None:
    """It is refused before anything is sent, and the session before stays, byte for byte."""
    hall = make()
    hall.issue()
    before = hall.home.session_pickle.read_bytes()
    path = tmp_path / "tokens"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        import_file(hall, path)

    assert hall.exchange.asked == []
    assert hall.home.session_pickle.read_bytes() == before
    assert "opaque" not in str(caught.value)


def test_hostile_pickle_is_not_run(make: MakeHall, tmp_path: Path) -> None:
    """Code in the file stays where it is."""
    hall = make()
    mark, path = tmp_path / "ran", tmp_path / "robinhood.pickle"
    path.write_bytes(pickle.dumps(Evil(mark)))

    with pytest.raises(ConfigError, match="nothing of it was run"):
        import_file(hall, path)

    assert not mark.exists()
    assert hall.exchange.asked == []


def test_import_of_what_is_no_file_is_refused(make: MakeHall, tmp_path: Path) -> None:
    """A folder, a pipe without a writer, nothing at all: an error, and no waiting."""
    hall = make()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for path in (tmp_path, pipe, tmp_path / "nothing"):
        with pytest.raises(ConfigError, match="expected a"):
            import_file(hall, path)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.Unauthorized(), LoginRefusedError),
        (faults.ServerError(status=503), RetryableError),
    ],
)
def test_import_that_is_not_accepted_changes_nothing(
    make: MakeHall, tmp_path: Path, fault: Any, expected: type[TradingBotError]
) -> None:
    """Tokens that were not proven never stand in the file."""
    hall = make(FaultRule(fault=fault, path="/accounts/*"))
    hall.issue()
    before = hall.home.session_pickle.read_bytes()
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps(tokens(issued(hall.exchange, OPEN + timedelta(minutes=1)))))

    with pytest.raises(expected):
        import_file(hall, path)

    assert hall.home.session_pickle.read_bytes() == before


def test_logout_ends_the_session_and_removes_the_file(make: MakeHall) -> None:
    """Both tokens are revoked, as a form without a header; later reads are 401."""
    hall = make()
    session = hall.issue()

    said = hall.run(log_out(hall.home, hall.place))

    assert "Robinhood ended the session" in said
    assert not hall.home.session_pickle.exists()
    assert hall.exchange.paths == ["POST /oauth2/revoke_token/"] * 2
    assert all("authorization" not in one.headers for one in hall.exchange.asked)
    hall.file.save(session)
    assert view(hall).state == "not accepted"


@pytest.mark.parametrize(
    "fault", [faults.ServerError(status=503), faults.Throttled(), faults.ResetConnection()]
)
def test_logout_that_is_not_confirmed_keeps_the_file(make: MakeHall, fault: Any) -> None:
    """The file is the only thing that could end the session later."""
    hall = make(FaultRule(fault=fault, path="/oauth2/revoke_token/"))
    session = hall.issue()

    with pytest.raises(TradingBotError):
        hall.run(log_out(hall.home, hall.place))

    assert hall.file.load() == session


def test_logout_of_an_ended_session_revokes_what_can_still_renew_it(make: MakeHall) -> None:
    """Its access token is not shown; without a refresh token nothing is sent at all."""
    past = OPEN - timedelta(days=1)
    hall = make()
    hall.issue(expires_at=past)

    hall.run(log_out(hall.home, hall.place))
    sent = len(hall.exchange.asked)
    hall.issue(expires_at=past, refresh_token="")
    said = hall.run(log_out(hall.home, hall.place))

    assert (sent, len(hall.exchange.asked)) == (1, 1)
    assert "had ended already" in said
    assert not hall.home.session_pickle.exists()


def test_logout_without_a_session_says_so(make: MakeHall) -> None:
    """There is nothing to end, and nothing is made."""
    hall = make()

    with pytest.raises(SessionFileError, match="no session file"):
        hall.run(log_out(hall.home, hall.place))

    assert not hall.home.root.exists()
    assert not forget(hall.home)


def zero_bytes(path: Path) -> None:
    path.write_bytes(b"")
    path.chmod(0o600)


def loose(path: Path) -> None:
    path.chmod(0o644)


def hostile(path: Path) -> None:
    path.write_bytes(pickle.dumps(Evil(path.with_name("ran"))))
    path.chmod(0o600)


SPOILT = [(zero_bytes, "damaged"), (loose, "unsafe"), (hostile, "damaged")]


@pytest.mark.parametrize(("spoil", "state"), SPOILT)
def test_file_that_is_no_session_sends_nothing(
    make: MakeHall, spoil: Callable[[Path], None], state: str
) -> None:
    """Looking and logging out name what is wrong; only a removal of the file alone removes it."""
    hall = make()
    hall.issue()
    spoil(hall.home.session_pickle)

    seen = view(hall)
    with pytest.raises(SessionFileError, match="logout --local"):
        hall.run(log_out(hall.home, hall.place))

    assert seen.state == state
    assert hall.exchange.asked == []
    assert hall.home.session_pickle.exists()
    assert not (hall.home.root / "ran").exists()
    assert forget(hall.home)
    assert not hall.home.session_pickle.exists()


def view(hall: Hall, number: str | None = None, **how: Any) -> SessionView:
    return hall.run(view_session(hall.home, hall.place, number, **how))


def test_view_says_age_life_and_accounts(make: MakeHall) -> None:
    """Two days old, five to go, one account, and it is the configured one."""
    hall = make()
    hall.issue(obtained_at=OPEN - timedelta(days=2))

    seen = view(hall, "REH000001")

    assert seen.state == "valid"
    assert (seen.age, seen.left) == (timedelta(days=2), timedelta(days=7))
    assert (seen.can_renew, seen.is_configured_ours) == (True, True)
    assert seen.accounts is not None
    assert [account.kind for account in seen.accounts] == ["cash"]
    assert seen.configured == "ends in 001"
    assert "REH000001" not in repr(seen)


def test_view_names_another_account(make: MakeHall) -> None:
    """A configured number that is not among the session's is a state of its own."""
    hall = make()
    hall.issue()

    seen = view(hall, "REH999777")

    assert (seen.state, seen.is_configured_ours) == ("another account", False)
    assert "ends in 777" in seen.problem


def test_view_of_an_ended_session_asks_nobody(make: MakeHall) -> None:
    """Neither does a look that is told to stay here."""
    hall = make()
    hall.issue()
    assert view(hall, is_offline=True).state == "unknown"
    hall.issue(expires_at=OPEN - timedelta(seconds=1))

    seen = view(hall)

    assert seen.state == "ended"
    assert "trading-bot login" in seen.problem
    assert hall.exchange.asked == []


def test_view_without_an_answer_is_unknown(make: MakeHall) -> None:
    """An outage says nothing about the session."""
    hall = make(FaultRule(fault=faults.ServerError(status=503), path="/accounts/*"))
    hall.issue()

    assert view(hall).state == "unknown"


def test_library_uses_the_file_our_login_wrote(make: MakeHall) -> None:
    """robin_stocks' own way in: its loader reads the file, its session reads quotes with it."""
    hall = make()
    hall.run(hall.desk(Scripted()).log_in())
    from robin_stocks.robinhood import helper, urls
    from robin_stocks.robinhood.stocks import get_latest_price

    with hall.home.session_pickle.open("rb") as file:
        stored = pickle.load(file)  # what the library does with it

    async def read() -> Any:
        async with hall.place.transport():
            bearer = f"{stored['token_type']} {stored['access_token']}"
            helper.update_session("Authorization", bearer)
            helper.set_login_state(True)
            hall.exchange.asked.clear()
            page = helper.request_get(urls.quotes_url(), payload={"symbols": "AAPL"})
            return page, get_latest_price("AAPL", includeExtendedHours=False)

    page, prices = hall.run(read())

    assert set(FOUR) < set(stored)
    assert page["results"][0]["symbol"] == "AAPL"
    assert len(prices) == 1
    assert float(prices[0]) > 0
    bearers = {one.headers["authorization"] for one in hall.exchange.asked}
    assert bearers == {f"Bearer {stored['access_token']}"}


def test_librarys_own_login_accepts_the_file(make: MakeHall, tmp_path: Path) -> None:
    """Under the name it insists on, it takes our session for its own and asks for no password."""
    hall = make()
    hall.run(hall.desk(Scripted()).log_in())
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "robinhood.pickle").symlink_to(hall.home.session_pickle)
    from robin_stocks.robinhood.authentication import login

    async def bootstrap() -> Any:
        async with hall.place.transport():
            hall.exchange.asked.clear()
            return login(username="nobody", password="none", pickle_path=str(folder))

    found = hall.run(bootstrap())

    assert found["access_token"] == hall.file.load().access_token
    assert hall.exchange.paths == ["GET /positions/"]
    assert WANTED.password not in json.dumps(found)
