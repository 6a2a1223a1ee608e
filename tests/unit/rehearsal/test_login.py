"""Logging in at the exchange, request by request."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from support.rehearsal import CALENDAR, OPEN, flat_day
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.login import APPROVED, PENDING, LoginSettings, totp
from trading_bot.rehearsal.wire import Reply, Request

WANTED = LoginSettings()
GRANT = {
    "client_id": "made-up-client",
    "expires_in": "86400",
    "grant_type": "password",
    "username": WANTED.username,
    "password": WANTED.password,
    "scope": "internal",
    "device_token": "device-1",
    "try_passkeys": "False",
    "token_request_path": "/login",
    "create_read_only_secondary_token": "True",
}
CONTINUE = {"sequence": 0, "user_input": {"status": "continue"}}


class Door:
    """An exchange that is asked without a token."""

    def __init__(self, **login: Any) -> None:
        settings = ExchangeSettings(login=LoginSettings(**login))
        self.exchange = Exchange([flat_day()], CALENDAR, settings)
        self.at = OPEN

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Reply:
        headers = {"content-type": kind} if kind else {}
        return self.exchange.handle(Request(method, path, headers, body), self.at)

    def form(self, path: str, **fields: str) -> Reply:
        kind = "application/x-www-form-urlencoded; charset=utf-8"
        return self.ask("POST", path, urlencode(fields).encode(), kind)

    def post(self, path: str, value: object) -> Reply:
        return self.ask("POST", path, json.dumps(value).encode(), "application/json")

    def grant(self, **changes: str) -> Reply:
        return self.form("/oauth2/token/", **{**GRANT, **changes})

    def inquiry(self, device: str = GRANT["device_token"]) -> str:
        """The path of a fresh inquiry for a device."""
        workflow = read(self.grant(device_token=device))["verification_workflow"]["id"]
        asked = {"device_id": device, "flow": "suv", "input": {"workflow_id": workflow}}
        found = read(self.post("/pathfinder/user_machine/", asked))
        return f"/pathfinder/inquiries/{found['id']}/user_view/"

    def challenge(self, inquiry: str) -> dict[str, Any]:
        found: dict[str, Any] = read(self.ask("GET", inquiry))["context"]["sheriff_challenge"]
        return found

    def sees(self, token: str, at: datetime | None = None) -> int:
        """The status of a read with that token."""
        headers = {"authorization": f"Bearer {token}"}
        return self.exchange.handle(Request("GET", "/accounts/", headers), at or self.at).status


def read(reply: Reply) -> Any:
    return json.loads(reply.body)


def test_known_device_gets_a_token_with_the_password_alone() -> None:
    """The answer has every field of the API's, and the token opens the account."""
    door = Door(challenge="none")

    answer = door.grant()
    body = read(answer)

    assert answer.status == 200
    assert set(body) == {
        "access_token", "expires_in", "token_type", "scope", "refresh_token", "mfa_code",
        "backup_code",
    }  # fmt: skip
    assert len(body["access_token"]) > 255
    assert door.sees(body["access_token"]) == 200


def test_a_login_leaves_earlier_sessions_alone() -> None:
    """Two log-ins are two sessions; a renewal of one ends no token of the other."""
    door = Door(challenge="none")
    first = door.exchange.first_session(OPEN)

    second = read(door.grant())
    renewed = read(
        door.form(
            "/oauth2/token/", grant_type="refresh_token", refresh_token=second["refresh_token"]
        )
    )

    assert door.sees(first.access_token) == 200
    assert door.sees(renewed["access_token"]) == 200
    assert door.sees(second["access_token"]) == 401


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"username": "nobody"}])
def test_wrong_credentials_are_refused(changes: dict[str, str]) -> None:
    """400 in the API's words."""
    answer = Door().grant(**changes)

    assert answer.status == 400
    assert read(answer) == {"detail": "Unable to log in with provided credentials."}


def test_a_grant_without_its_device_is_refused() -> None:
    """The field that is missing is named."""
    assert read(Door().grant(device_token="")) == {"device_token": ["This field is required."]}
    assert Door().grant(grant_type="guess").status == 400


@pytest.mark.parametrize("mfa", ["app", "sms"])
def test_second_factor_is_asked_for_and_checked(mfa: str) -> None:
    """200 with mfa_required before it, a token with the right code, 400 with another."""
    door = Door(mfa=mfa, challenge="none")
    code = pyotp.TOTP(WANTED.totp_secret).at(OPEN) if mfa == "app" else WANTED.code

    assert read(door.grant()) == {"mfa_required": True, "mfa_type": mfa}
    assert door.grant(mfa_code="000000").status == 400
    assert "access_token" in read(door.grant(mfa_code=code))


def test_authenticator_shows_what_everyone_elses_shows() -> None:
    """Our digits are the library's, over days."""
    for step in range(200):
        at = OPEN + timedelta(seconds=977 * step)
        assert totp(WANTED.totp_secret, at) == pyotp.TOTP(WANTED.totp_secret).at(at)


@pytest.mark.parametrize("status", [200, 400, 403])
def test_unknown_device_gets_a_workflow(status: Any) -> None:
    """With each status under which it was seen."""
    answer = Door(workflow_status=status).grant()

    workflow = read(answer)["verification_workflow"]
    assert answer.status == status
    assert workflow["workflow_status"] == PENDING
    assert workflow["id"]


def test_inquiry_for_another_device_is_refused() -> None:
    """What the library does after an expired session does not pass here, unless it is let."""
    door, lax = Door(), Door(checks_device=False)

    def opened(asked: Door) -> int:
        workflow = read(asked.grant())["verification_workflow"]["id"]
        body = {"device_id": "another", "flow": "suv", "input": {"workflow_id": workflow}}
        return asked.post("/pathfinder/user_machine/", body).status

    assert (opened(door), opened(lax)) == (400, 200)
    assert door.post("/pathfinder/user_machine/", {"flow": "suv"}).status == 400


def test_prompt_is_approved_after_some_looks_and_the_same_grant_gives_a_token() -> None:
    """A1, A3, A4, A5 until validated, A7, A8."""
    door = Door(polls_until_approval=3)
    inquiry = door.inquiry()
    challenge = door.challenge(inquiry)
    push = f"/push/{challenge['id']}/get_prompts_status/"

    before = read(door.post(inquiry, CONTINUE))
    looks = [read(door.ask("GET", push))["challenge_status"] for _ in range(3)]
    after = read(door.post(inquiry, CONTINUE))

    assert (challenge["type"], challenge["status"]) == ("prompt", "issued")
    assert before == {"type_context": {"result": PENDING}}
    assert looks == ["issued", "issued", "validated"]
    assert after == {"type_context": {"result": APPROVED}}
    assert "access_token" in read(door.grant())
    assert "verification_workflow" in read(door.grant(device_token="device-2"))


def test_prompt_that_nobody_answers_expires() -> None:
    """After its life it is validated no more, however often it is looked at."""
    door = Door(polls_until_approval=2)
    inquiry = door.inquiry()
    push = f"/push/{door.challenge(inquiry)['id']}/get_prompts_status/"
    door.at = OPEN + WANTED.challenge_life

    looks = [read(door.ask("GET", push))["challenge_status"] for _ in range(4)]

    assert looks == ["expired"] * 4


@pytest.mark.parametrize("kind", ["sms", "email"])
def test_code_validates_the_challenge(kind: Any) -> None:
    """The right code does, a wrong one is 400 without a status and costs an attempt."""
    door = Door(challenge=kind)
    inquiry = door.inquiry()
    challenge = door.challenge(inquiry)
    respond = f"/challenge/{challenge['id']}/respond/"

    wrong = door.form(respond, response="111111")
    left = door.challenge(inquiry)["remaining_attempts"]
    right = door.form(respond, response=WANTED.code)

    assert challenge["type"] == kind
    assert (wrong.status, "status" in read(wrong), left) == (400, False, 2)
    assert (right.status, read(right)["status"]) == (200, "validated")
    assert read(door.post(inquiry, CONTINUE)) == {"type_context": {"result": APPROVED}}


def test_attempts_run_out() -> None:
    """After the last wrong code the right one is refused as well."""
    door = Door(challenge="sms", attempts=2)
    inquiry = door.inquiry()
    respond = f"/challenge/{door.challenge(inquiry)['id']}/respond/"

    for _ in range(2):
        door.form(respond, response="0")

    assert door.form(respond, response=WANTED.code).status == 400
    assert door.challenge(inquiry)["status"] == "failed"


def test_other_forms_of_the_answers() -> None:
    """A nested context, an approval told as a workflow, and one that takes its time."""
    door = Door(
        challenge="sms", is_context_nested=True, answers_with_workflow=True, finishing_posts=1
    )
    inquiry = door.inquiry()
    nested = read(door.ask("GET", inquiry))["type_context"]["context"]["sheriff_challenge"]
    door.form(f"/challenge/{nested['id']}/respond/", response=WANTED.code)

    said = [read(door.post(inquiry, CONTINUE))["verification_workflow"] for _ in range(2)]

    assert [one["workflow_status"] for one in said] == [PENDING, APPROVED]


def test_revoked_session_is_dead() -> None:
    """Either token of a pair ends its login: reads are 401, a renewal is refused."""
    for name in ("access_token", "refresh_token"):
        door = Door(challenge="none")
        session = read(door.grant())
        other = read(door.grant())

        answer = door.form("/oauth2/revoke_token/", client_id="c", token=session[name])

        assert answer.status == 200
        assert door.sees(session["access_token"]) == 401
        assert door.sees(other["access_token"]) == 200
        refresh = {"grant_type": "refresh_token", "refresh_token": session["refresh_token"]}
        assert door.form("/oauth2/token/", **refresh).status == 401


def test_nonsense_is_answered_like_an_api() -> None:
    """Unknown ids 404, wrong methods 405, wrong bodies 400; nothing breaks."""
    door = Door()
    inquiry = door.inquiry()
    challenge = door.challenge(inquiry)["id"]

    assert door.ask("GET", "/pathfinder/inquiries/none/user_view/").status == 404
    assert door.ask("GET", "/push/none/get_prompts_status/").status == 404
    assert door.form(f"/challenge/{challenge}/respond/", response="1").status == 404
    assert door.ask("POST", f"/push/{challenge}/get_prompts_status/").status == 405
    assert door.ask("GET", "/oauth2/token/").status == 405
    assert door.ask("POST", "/pathfinder/elsewhere/").status == 404
    assert door.ask("POST", inquiry, b"[1]").status == 400
    assert door.ask("POST", inquiry, b"{").status == 400
    assert door.form("/oauth2/revoke_token/", token="x").status == 400
    assert door.form("/oauth2/revoke_token/", client_id="c", token="x.y.z").status == 200
