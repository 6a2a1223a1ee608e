"""Logging in over HTTP, every flow of the exchange's, on virtual time, prompts scripted."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pyotp
import pytest

from support.logins import GONE, SILENT, WANTED, Hall, Scripted, make_hall
from support.rehearsal import OPEN
from trading_bot.app.sessions import LoggedIn
from trading_bot.brokers.robinhood.grants import CLIENT_ID, LoginRefusedError
from trading_bot.brokers.robinhood.session_file import SessionFile, SessionFileError
from trading_bot.domain.errors import DataError, RetryableError, TradingBotError
from trading_bot.rehearsal import fault_menu as faults
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.login import LoginSettings
from trading_bot.rehearsal.wire import Request

TOKEN = "/oauth2/token/"
MakeHall = Callable[..., Hall]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeHall]:
    with ExitStack() as stack:

        def making(*rules: FaultRule, **login: Any) -> Hall:
            folder = tmp_path / str(random.random())
            return make_hall(stack, folder, *rules, login=LoginSettings(**login))

        yield making


def form_of(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def log_in(hall: Hall, person: Scripted | None = None, seconds: float = 180, **how: Any) -> Any:
    return hall.run(hall.desk(person or Scripted(), seconds).log_in(**how))


def test_password_of_a_known_device_is_enough(make: MakeHall) -> None:
    """One grant, one read, and the session is in a file that only we can read."""
    hall = make(challenge="none")

    found: LoggedIn = log_in(hall)

    assert hall.exchange.paths == [f"POST {TOKEN}", "GET /accounts/"]
    assert hall.file.load() == found.session
    assert hall.home.session_pickle.stat().st_mode & 0o777 == 0o600
    assert found.accounts is not None
    assert [account.kind for account in found.accounts] == ["cash"]
    assert not hall.file.previous_path.exists()


def test_grant_is_sent_as_robinhood_expects_it(make: MakeHall) -> None:
    """Every field the library sends, as a form, and no token in the header."""
    hall = make(challenge="none")
    old = hall.issue()

    log_in(hall)

    sent = hall.exchange.sent(TOKEN)[0]
    assert sent.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert "authorization" not in sent.headers
    assert form_of(sent) == {
        "client_id": CLIENT_ID,
        "expires_in": "86400",
        "grant_type": "password",
        "username": WANTED.username,
        "password": WANTED.password,
        "scope": "internal",
        "device_token": old.device_token,
        "try_passkeys": "False",
        "token_request_path": "/login",
        "create_read_only_secondary_token": "True",
    }


@pytest.mark.parametrize("status", [200, 400, 403])
@pytest.mark.parametrize("is_context_nested", [False, True])
def test_prompt_in_the_app_is_waited_for(
    make: MakeHall, status: Any, is_context_nested: bool
) -> None:
    """The person is told, the approval is looked for each 8 to 10 seconds, the grant repeated."""
    hall = make(polls_until_approval=4, workflow_status=status, is_context_nested=is_context_nested)
    person = Scripted()

    log_in(hall, person)

    paths = hall.exchange.paths
    assert paths[0] == paths[-2] == f"POST {TOKEN}"
    assert paths[1] == "POST /pathfinder/user_machine/"
    assert [path for path in paths if "/push/" in path] == [paths[3]] * 4
    assert all(8 <= gap <= 10 for gap in hall.exchange.gaps("/push/"))
    assert any("app on your phone" in text for text in person.told)
    first, last = hall.exchange.sent(TOKEN)
    assert form_of(first) == form_of(last)


def test_inquiry_names_the_device_of_the_grant(make: MakeHall) -> None:
    """The exchange refuses another device, as Robinhood may; ours is the same throughout."""
    hall = make(checks_device=True)

    log_in(hall)

    device = form_of(hall.exchange.sent(TOKEN)[0])["device_token"]
    machine = json.loads(hall.exchange.sent("/pathfinder/user_machine/")[0].body)
    assert machine["device_id"] == device == hall.file.load().device_token
    assert all(
        "authorization" not in one.headers
        for one in hall.exchange.asked
        if one.path != "/accounts/"
    )


def test_device_is_kept_across_logins(make: MakeHall) -> None:
    """The second log-in shows the device that was approved, and needs no approval."""
    hall = make()
    log_in(hall)
    first = hall.file.load()
    hall.exchange.asked.clear()

    log_in(hall)

    second = hall.file.load()
    assert hall.exchange.paths == [f"POST {TOKEN}", "GET /accounts/"]
    assert second.device_token == first.device_token
    assert second.access_token != first.access_token
    assert hall.chance.calls == 1


@pytest.mark.parametrize("kind", ["sms", "email"])
def test_code_is_asked_for_and_may_be_mistyped(make: MakeHall, kind: Any) -> None:
    """A wrong code costs an attempt and is asked for again; the right one goes on."""
    hall = make(challenge=kind, finishing_posts=1, answers_with_workflow=True)
    person = Scripted((WANTED.username, WANTED.password, "111111", f" {WANTED.code} "))

    log_in(hall, person)

    assert len([path for path in hall.exchange.paths if "/respond/" in path]) == 2
    assert any("attempts left: 2" in text for text in person.told)
    assert ("SMS" if kind == "sms" else "e-mail") in person.asked[-1]


def test_codes_run_out(make: MakeHall) -> None:
    """After the last attempt nothing more is asked or sent."""
    hall = make(challenge="sms", attempts=2)
    person = Scripted((WANTED.username, WANTED.password, "1", "2"))

    with pytest.raises(LoginRefusedError, match="no attempt is left"):
        log_in(hall, person)

    assert len(hall.exchange.sent(TOKEN)) == 1
    assert not hall.home.session_pickle.exists()


def test_authenticator_secret_makes_the_code(make: MakeHall) -> None:
    """With the secret at hand the code of the moment goes with the first grant."""
    hall = make(mfa="app", challenge="none")

    log_in(hall, totp_secret=WANTED.totp_secret)

    (sent,) = hall.exchange.sent(TOKEN)
    assert form_of(sent)["mfa_code"] == pyotp.TOTP(WANTED.totp_secret).at(OPEN)


def test_authenticator_code_is_made_anew_after_an_approval(make: MakeHall) -> None:
    """A code lives half a minute: the repeated grant bears that of its own moment."""
    hall = make(mfa="app", polls_until_approval=8)

    log_in(hall, totp_secret=WANTED.totp_secret)

    codes = [form_of(sent)["mfa_code"] for sent in hall.exchange.sent(TOKEN)]
    assert len(codes) == len(set(codes)) == 2


@pytest.mark.parametrize(
    ("mfa", "answer"),
    [
        ("app", pyotp.TOTP(WANTED.totp_secret).at(OPEN)),
        ("app", WANTED.totp_secret.lower()),
        ("sms", WANTED.code),
    ],
)
def test_second_factor_is_asked_for(make: MakeHall, mfa: Any, answer: str) -> None:
    """The answer "mfa_required", which the library does not know, is a question here."""
    hall = make(mfa=mfa, challenge="none")

    log_in(hall, Scripted((WANTED.username, WANTED.password, answer)))

    assert hall.exchange.paths == [f"POST {TOKEN}"] * 2 + ["GET /accounts/"]
    assert hall.file.load().access_token


def test_second_factor_and_approval_after_each_other(make: MakeHall) -> None:
    """Three grants at most, each after something was asked and given."""
    hall = make(mfa="sms")

    log_in(hall, Scripted((WANTED.username, WANTED.password, WANTED.code)))

    assert len(hall.exchange.sent(TOKEN)) == 3


REFUSED = [
    ({"challenge": "none"}, (WANTED.username, "wrong"), "provided credentials", 1),
    ({"mfa": "app"}, (WANTED.username, WANTED.password, "000000"), "valid code", 2),
    ({"mfa": "sms"}, (WANTED.username, WANTED.password, "000000"), "valid code", 2),
    ({}, ("", WANTED.password), "expected an e-mail", 0),
    ({}, (WANTED.username, ""), "expected an e-mail", 0),
]


@pytest.mark.parametrize(("login", "answers", "said", "grants"), REFUSED)
def test_refused_login_is_not_repeated_and_changes_nothing(
    make: MakeHall, login: dict[str, Any], answers: tuple[str, ...], said: str, grants: int
) -> None:
    """One refusal, no further grant, the file byte for byte what it was, the session alive."""
    hall = make(**login)
    old = hall.issue()
    before = hall.home.session_pickle.read_bytes()

    with pytest.raises(LoginRefusedError, match=said) as caught:
        log_in(hall, Scripted(answers))

    assert len(hall.exchange.sent(TOKEN)) == grants
    assert hall.home.session_pickle.read_bytes() == before
    assert not hall.file.previous_path.exists()
    assert "wrong" not in str(caught.value)
    assert old.refresh_token not in str(caught.value)


BROKEN: list[tuple[Any, type[TradingBotError]]] = [
    (faults.Throttled(retry_after_s=40), RetryableError),
    (faults.Throttled(), RetryableError),
    (faults.ServerError(status=503), RetryableError),
    (faults.HtmlPage(), RetryableError),
    (faults.ResetConnection(), RetryableError),
    (faults.TruncatedJson(), RetryableError),
    (faults.Hangs(seconds=60), RetryableError),
    (faults.HumanNeeded(), LoginRefusedError),
]


@pytest.mark.parametrize(
    ("fault", "expected"), BROKEN, ids=lambda value: getattr(value, "__name__", repr(value))
)
def test_grant_that_fails_is_not_repeated(
    make: MakeHall, fault: Any, expected: type[TradingBotError]
) -> None:
    """Throttled, broken off or unreadable: one grant, nothing written."""
    hall = make(FaultRule(fault=fault, path=TOKEN), challenge="none")
    hall.issue()
    before = hall.home.session_pickle.read_bytes()

    with pytest.raises(expected):
        log_in(hall)

    assert hall.exchange.paths == [f"POST {TOKEN}"]
    assert hall.home.session_pickle.read_bytes() == before


def test_throttled_looks_back_off_and_go_on(make: MakeHall) -> None:
    """A 429 while the approval is waited for costs time, not the log-in."""
    hall = make(
        FaultRule(fault=faults.Throttled(), path="/push/*", count=2),
        FaultRule(fault=faults.Throttled(retry_after_s=50), path="/push/*", count=1),
    )

    log_in(hall)

    gaps = hall.exchange.gaps("/push/")
    assert 16 <= gaps[0] <= 20
    assert 32 <= gaps[1] <= 40
    assert gaps[2] >= 50
    assert hall.file.load().access_token


@pytest.mark.parametrize(
    "path", ["/pathfinder/user_machine/", "/pathfinder/inquiries/*", "/push/*"]
)
@pytest.mark.parametrize("fault", [faults.ServerError(status=502), faults.ResetConnection()])
def test_outage_in_the_middle_is_ridden_out(make: MakeHall, path: str, fault: Any) -> None:
    """Each step but the grant is made again until it is answered."""
    hall = make(FaultRule(fault=fault, path=path, count=2))

    log_in(hall)

    assert hall.file.load().access_token
    assert len(hall.exchange.sent(TOKEN)) == 2


@pytest.mark.parametrize(
    ("login", "answers"),
    [
        ({"polls_until_approval": 1000}, (WANTED.username, WANTED.password)),
        ({"challenge": "sms"}, (WANTED.username, WANTED.password, SILENT)),
        ({"mfa": "app"}, (WANTED.username, WANTED.password, SILENT)),
        ({"finishing_posts": 1000}, (WANTED.username, WANTED.password)),
        ({}, (WANTED.username, SILENT)),
        ({}, (SILENT,)),
    ],
)
def test_deadline_ends_every_wait(
    make: MakeHall, login: dict[str, Any], answers: tuple[str, ...]
) -> None:
    """Whatever is waited for, it is given up at the deadline and nothing was changed."""
    hall = make(**login)
    hall.issue(device_token="not-known-yet")
    before = hall.home.session_pickle.read_bytes()

    with pytest.raises(LoginRefusedError, match="in time"):
        log_in(hall, Scripted(answers), seconds=120)

    assert hall.clock.now() == OPEN + timedelta(seconds=120)
    assert hall.home.session_pickle.read_bytes() == before
    assert len(hall.exchange.sent(TOKEN)) <= 1


def test_throttling_without_end_ends_at_the_deadline(make: MakeHall) -> None:
    """The looks become rarer, a minute apart at most, and stop in time."""
    hall = make(FaultRule(fault=faults.Throttled(), path="/push/*"))

    with pytest.raises(LoginRefusedError, match="in time"):
        log_in(hall, seconds=600)

    gaps = hall.exchange.gaps("/push/")
    assert max(gaps) == 60
    assert len(gaps) < 15


def test_approval_that_expired_ends_the_login(make: MakeHall) -> None:
    """Nothing is looked for any more once it is over."""
    hall = make(polls_until_approval=1000, challenge_life=timedelta(seconds=30))

    with pytest.raises(LoginRefusedError, match="expired"):
        log_in(hall)
    assert hall.clock.now() < OPEN + timedelta(seconds=60)


@pytest.mark.parametrize("answers", [(GONE,), (WANTED.username, GONE)])
def test_end_of_input_changes_nothing(make: MakeHall, answers: tuple[str, ...]) -> None:
    """Ctrl-D at a question leaves everything as it was."""
    hall = make()
    hall.issue()
    before = hall.home.session_pickle.read_bytes()

    with pytest.raises(EOFError):
        log_in(hall, Scripted(answers))

    assert hall.exchange.asked == []
    assert hall.home.session_pickle.read_bytes() == before


def test_new_session_that_is_not_known_gives_its_place_back(make: MakeHall) -> None:
    """A token that the first read is refused with does not cost the session before."""
    hall = make(FaultRule(fault=faults.Unauthorized(), path="/accounts/*"), challenge="none")
    old = hall.issue()

    with pytest.raises(LoginRefusedError, match="what was there before is back"):
        log_in(hall)

    assert hall.file.load() == old


def test_first_session_that_is_not_known_leaves_none(make: MakeHall) -> None:
    """Without one before there is none after."""
    hall = make(FaultRule(fault=faults.Unauthorized(), path="/accounts/*"), challenge="none")

    with pytest.raises(LoginRefusedError):
        log_in(hall)

    assert not hall.home.session_pickle.exists()


def test_session_that_cannot_be_tried_is_kept_beside_the_old_one(make: MakeHall) -> None:
    """An outage after the token: it is stored, and the one before waits for the first read."""
    hall = make(
        FaultRule(fault=faults.ServerError(status=503), path="/accounts/*"), challenge="none"
    )
    old = hall.issue()

    found: LoggedIn = log_in(hall)

    assert found.accounts is None
    assert "503" in found.problem
    assert hall.file.load() == found.session
    assert SessionFile(hall.file.previous_path).load() == old


def test_file_that_a_daemon_holds_is_waited_for(make: MakeHall) -> None:
    """The token in hand is not lost to a renewal that goes on just then."""
    hall = make(challenge="none")
    old = hall.issue()
    lock = hall.file.lock()
    lock.__enter__()

    async def release() -> None:
        await hall.clock.sleep(3)
        lock.__exit__(None, None, None)

    async def both() -> LoggedIn:
        import asyncio

        releasing = asyncio.ensure_future(release())
        found = await hall.desk(Scripted()).log_in()
        await releasing
        return found

    found = hall.run(both())

    assert hall.file.load() == found.session != old


def zero_bytes(hall: Hall) -> None:
    hall.home.session_pickle.write_bytes(b"")
    hall.home.session_pickle.chmod(0o600)


def loose(hall: Hall) -> None:
    hall.home.session_pickle.chmod(0o644)


def linked(hall: Hall) -> None:
    path = hall.home.session_pickle
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("spoil", [zero_bytes, loose, linked])
def test_file_that_is_no_session_is_left_alone(
    make: MakeHall, spoil: Callable[[Hall], None]
) -> None:
    """Nobody is asked, nothing is sent, the file stays; the way out is named."""
    hall = make()
    hall.issue()
    spoil(hall)
    person = Scripted()

    with pytest.raises(SessionFileError, match="logout --local"):
        log_in(hall, person)

    assert (person.asked, hall.exchange.asked) == ([], [])
    assert hall.home.session_pickle.is_symlink() or hall.home.session_pickle.exists()


def test_odd_answers_are_errors_and_nothing_more(make: MakeHall) -> None:
    """A challenge nobody knows, an id that is none, a grant that says nothing."""
    odd = [
        ({"type": "passkey", "status": "issued", "id": "c-1"}, LoginRefusedError),
        ({"type": "prompt", "status": "issued", "id": "../x"}, DataError),
        ({"type": "prompt", "status": "issued"}, DataError),
        ({"type": "sms", "status": "failed", "id": "c-1"}, LoginRefusedError),
    ]
    for challenge, expected in odd:
        hall = make()
        plain = hall.exchange.handle

        def handle(
            request: Request, now: datetime, plain: Any = plain, challenge: Any = challenge
        ) -> Any:
            reply = plain(request, now)
            if request.path.endswith("/user_view/") and request.method == "GET":
                body = json.dumps({"context": {"sheriff_challenge": challenge}}).encode()
                return replace(reply, body=body)
            return reply

        hall.exchange.handle = handle  # type: ignore[method-assign]
        with pytest.raises(expected):
            log_in(hall)
        assert not hall.home.session_pickle.exists()
