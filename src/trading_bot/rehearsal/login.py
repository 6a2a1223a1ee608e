"""Logging in at the exchange: password, second factor, approval of a new device, renewal, end.

The order of things for a device that is not known yet: the password grant answers with a workflow,
the client opens an inquiry for it, meets a challenge there (a prompt in the app, or a code by SMS
or e-mail), and once that is met and the inquiry says so, the same grant gives a token.
"""

import base64
import hmac
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from trading_bot.rehearsal.tokens import IssuedSession, TokenOffice
from trading_bot.rehearsal.wire import (
    Json,
    Reply,
    Request,
    detail,
    dump,
    made_id,
    micros_text,
    not_found,
    ok,
)

TOKEN_PATH = "/oauth2/token/"  # noqa: S105 - a path
LOGIN_PATHS = (TOKEN_PATH, "/oauth2/revoke_token/", "/pathfinder/", "/push/", "/challenge/")
"""What is answered without a token."""

PENDING = "workflow_status_internal_pending"
APPROVED = "workflow_status_approved"
_TOTP_STEP_S = 30
_TOTP_DIGITS = 6
_INQUIRY = re.compile(r"/pathfinder/inquiries/([^/]+)/user_view/")
_PUSH = re.compile(r"/push/([^/]+)/get_prompts_status/")
_CHALLENGE = re.compile(r"/challenge/([^/]+)/respond/")
_PASSWORD_FIELDS = ("client_id", "expires_in", "scope", "device_token", "token_request_path")

ChallengeKind = Literal["none", "prompt", "sms", "email"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSettings:
    """The made-up owner of the account and what a log-in asks of them.

    `mfa` asks for a second factor with the password: "app" for the code of `totp_secret` (base32),
    "sms" for `code`. `challenge` is what an unknown device meets; a prompt is approved with the
    `polls_until_approval`th look at it. `finishing_posts` answers "pending" so many times after
    the challenge is met. `workflow_status`, `is_context_nested` and `answers_with_workflow` choose
    among the forms that were seen; `checks_device` refuses an inquiry for another device.
    """

    username: str = "owner@example.com"
    password: str = "rehearsal-password"  # noqa: S105 - made up
    mfa: Literal["none", "app", "sms"] = "none"
    totp_secret: str = "MFRGGZDFMZTWQ2LKNNWG23TPOA"  # noqa: S105 - made up
    code: str = "246810"
    challenge: ChallengeKind = "prompt"
    polls_until_approval: int = 2
    attempts: int = 3
    challenge_life: timedelta = timedelta(minutes=5)
    finishing_posts: int = 0
    workflow_status: Literal[200, 400, 403] = 403
    is_context_nested: bool = False
    answers_with_workflow: bool = False
    checks_device: bool = True


@dataclass(slots=True, kw_only=True)
class Workflow:
    """An unknown device on its way to be known."""

    id: str
    device: str
    kind: ChallengeKind
    attempts_left: int
    expires_at: datetime
    is_met: bool = False
    polls: int = 0
    finishing_posts: int = 0


class LoginMemory(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="login"):
    """What the desk and its office of tokens know: lines of log-ins, devices, approvals."""

    generations: dict[int, int]
    revoked: list[int]
    devices: list[str]
    workflows: list[Workflow]


class LoginDesk:
    """Answers every request of `LOGIN_PATHS`; remembers devices and workflows."""

    def __init__(self, settings: LoginSettings, tokens: TokenOffice) -> None:
        self._settings = settings
        self._tokens = tokens
        self._known_devices = {tokens.first_device}
        self._workflows: list[Workflow] = []

    @property
    def memory(self) -> LoginMemory:
        """All it knows now."""
        generations, revoked = self._tokens.memory
        return LoginMemory(
            generations=generations,
            revoked=revoked,
            devices=sorted(self._known_devices),
            workflows=[replace(one) for one in self._workflows],
        )

    def recall(self, memory: LoginMemory) -> None:
        """Go on from what the exchange knew that was killed."""
        self._tokens.recall(memory.generations, memory.revoked)
        self._known_devices = set(memory.devices)
        self._workflows = [replace(one) for one in memory.workflows]

    def handle(self, request: Request, now: datetime) -> Reply:
        """The reply to a request of `LOGIN_PATHS`."""
        path = request.path
        if inquiry := _INQUIRY.fullmatch(path):
            return self._inquiry(request, inquiry[1], now)
        if push := _PUSH.fullmatch(path):
            return self._push(request, push[1], now)
        if request.method != "POST":
            return detail(405, f'Method "{request.method}" not allowed.')
        if path == TOKEN_PATH:
            return self._token(request.form, now)
        if path == "/oauth2/revoke_token/":
            return self._revoke(request.form)
        if path == "/pathfinder/user_machine/":
            return self._user_machine(request)
        if challenge := _CHALLENGE.fullmatch(path):
            return self._respond(challenge[1], request.form, now)
        return not_found()

    def _token(self, form: Mapping[str, str], now: datetime) -> Reply:
        match form.get("grant_type"):
            case "refresh_token":
                sent, device = form.get("refresh_token", ""), form.get("device_token", "")
                session = self._tokens.refresh(sent, device, now)
                if session is None:
                    return Reply(
                        401, b'{"error":"invalid_grant","detail":"Invalid refresh token."}'
                    )
                return _issued(session, now)
            case "password":
                return self._password(form, now)
            case _:
                return Reply(400, b'{"error":"unsupported_grant_type"}')

    def _password(self, form: Mapping[str, str], now: datetime) -> Reply:
        missing = {
            name: ["This field is required."] for name in _PASSWORD_FIELDS if not form.get(name)
        }
        if missing:
            return Reply(400, dump(missing))
        settings = self._settings
        if (form.get("username"), form.get("password")) != (settings.username, settings.password):
            return detail(400, "Unable to log in with provided credentials.")
        if settings.mfa != "none":
            code = form.get("mfa_code")
            if not code:
                return ok({"mfa_required": True, "mfa_type": settings.mfa})
            if code not in self._codes(now):
                return detail(400, "Please enter a valid code.")
        device = form["device_token"]
        if settings.challenge == "none" or device in self._known_devices:
            return _issued(self._tokens.log_in(device, now), now)
        workflow = self._open(device, now)
        asked = {"id": workflow.id, "workflow_status": PENDING}
        return ok({"verification_workflow": asked}, status=settings.workflow_status)

    def _codes(self, now: datetime) -> set[str]:
        """What is taken as a second factor: an app's clock may be one step off."""
        if self._settings.mfa == "sms":
            return {self._settings.code}
        step = timedelta(seconds=_TOTP_STEP_S)
        return {totp(self._settings.totp_secret, now + n * step) for n in (-1, 0, 1)}

    def _open(self, device: str, now: datetime) -> Workflow:
        workflow = Workflow(
            id=made_id("workflow", f"{len(self._workflows)}/{device}"),
            device=device,
            kind=self._settings.challenge,
            attempts_left=self._settings.attempts,
            expires_at=now + self._settings.challenge_life,
            finishing_posts=self._settings.finishing_posts,
        )
        self._workflows.append(workflow)
        return workflow

    def _user_machine(self, request: Request) -> Reply:
        body = _json_of(request)
        asked = body.get("input")
        workflow_id = asked.get("workflow_id") if isinstance(asked, dict) else None
        workflow = next((one for one in self._workflows if one.id == workflow_id), None)
        if workflow is None or body.get("flow") != "suv":
            return detail(400, "Invalid workflow.")
        if self._settings.checks_device and body.get("device_id") != workflow.device:
            return detail(400, "This request came from another device.")
        return ok({"id": made_id("inquiry", workflow.id)})

    def _inquiry(self, request: Request, inquiry: str, now: datetime) -> Reply:
        workflow = self._found("inquiry", inquiry)
        if workflow is None:
            return not_found()
        if request.method == "POST":
            return self._continue(workflow, request)
        context: Json = {"context": {"sheriff_challenge": self._challenge(workflow, now)}}
        return ok({"type_context": context} if self._settings.is_context_nested else context)

    def _continue(self, workflow: Workflow, request: Request) -> Reply:
        said = _json_of(request).get("user_input")
        if not isinstance(said, dict) or said.get("status") != "continue":
            return detail(400, "Invalid user input.")
        status = PENDING
        if workflow.is_met:
            if workflow.finishing_posts:
                workflow.finishing_posts -= 1
            else:
                status = APPROVED
                self._known_devices.add(workflow.device)
        if self._settings.answers_with_workflow:
            return ok({"verification_workflow": {"id": workflow.id, "workflow_status": status}})
        return ok({"type_context": {"result": status}})

    def _push(self, request: Request, challenge: str, now: datetime) -> Reply:
        workflow = self._found("challenge", challenge)
        if workflow is None or workflow.kind != "prompt":
            return not_found()
        if request.method != "GET":
            return detail(405, f'Method "{request.method}" not allowed.')
        workflow.polls += 1
        if workflow.polls >= self._settings.polls_until_approval and now < workflow.expires_at:
            workflow.is_met = True
        return ok({"challenge_status": _status(workflow, now)})

    def _respond(self, challenge: str, form: Mapping[str, str], now: datetime) -> Reply:
        workflow = self._found("challenge", challenge)
        if workflow is None or workflow.kind == "prompt":
            return not_found()
        if _status(workflow, now) != "issued":
            return detail(400, "This challenge is over.")
        if form.get("response") != self._settings.code:
            workflow.attempts_left -= 1
            return detail(400, "The code you entered is not valid.")
        workflow.is_met = True
        return ok(self._challenge(workflow, now))

    def _challenge(self, workflow: Workflow, now: datetime) -> Json:
        return {
            "id": made_id("challenge", workflow.id),
            "type": workflow.kind,
            "status": _status(workflow, now),
            "remaining_retries": workflow.attempts_left,
            "remaining_attempts": workflow.attempts_left,
            "expires_at": micros_text(workflow.expires_at),
        }

    def _found(self, kind: str, wanted: str) -> Workflow | None:
        return next((one for one in self._workflows if made_id(kind, one.id) == wanted), None)

    def _revoke(self, form: Mapping[str, str]) -> Reply:
        if not form.get("client_id") or not form.get("token"):
            return Reply(400, b'{"error":"invalid_request"}')
        self._tokens.revoke(form["token"])
        return ok({})


def totp(secret: str, at: datetime) -> str:
    """The six digits an authenticator shows at `at`. Source: RFC 6238 over SHA-1, RFC 4226."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    counter = struct.pack(">Q", int(at.timestamp()) // _TOTP_STEP_S)
    digest = hmac.digest(key, counter, "sha1")
    place = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFF_FFFF
    return f"{number % 10**_TOTP_DIGITS:0{_TOTP_DIGITS}}"


def _status(workflow: Workflow, now: datetime) -> str:
    if workflow.is_met:
        return "validated"
    if now >= workflow.expires_at:
        return "expired"
    return "issued" if workflow.attempts_left > 0 else "failed"


def _issued(session: IssuedSession, now: datetime) -> Reply:
    return ok(
        {
            "access_token": session.access_token,
            "expires_in": int((session.expires_at - now).total_seconds()),
            "token_type": session.token_type,
            "scope": "internal",
            "refresh_token": session.refresh_token,
            "mfa_code": None,
            "backup_code": None,
        }
    )


def _json_of(request: Request) -> dict[str, Any]:
    """The JSON object of the body; empty when it is none."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
