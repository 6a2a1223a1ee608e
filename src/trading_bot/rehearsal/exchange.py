"""The exchange: one pure door for every request."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime

from trading_bot.market.calendar import NyseCalendar
from trading_bot.rehearsal.day import PlayedDay
from trading_bot.rehearsal.market_data import MarketData
from trading_bot.rehearsal.tape_quotes import tapes_of
from trading_bot.rehearsal.tokens import IssuedSession, TokenOffice
from trading_bot.rehearsal.wire import Reply, Request, detail, not_found, ok

_BEARER = "bearer "
_ORDERS_LATER = "The rehearsal exchange takes no orders yet."
_LOGIN_LATER = "The rehearsal exchange has no login yet; begin with the session it issues."

Handler = Callable[[Request, datetime, str], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """How an exchange behaves. `page_size` is the rows of one page of any paginated list."""

    seed: int = 0
    page_size: int = 100


class Exchange:
    """Robinhood's API over the days played.

    `handle` asks no clock and does no I/O; its only memory is the token generation in force and the
    fault script's counts. Not thread-safe: its doors call it under one lock.
    """

    def __init__(
        self,
        days: Sequence[PlayedDay],
        calendar: NyseCalendar,
        settings: ExchangeSettings | None = None,
    ) -> None:
        if not days:
            raise ValueError("an exchange needs at least one day to play")
        self.days = tuple(days)
        self._settings = settings or ExchangeSettings()
        self._tokens = TokenOffice(self._settings.seed)
        self._tapes = tapes_of(days, calendar)
        self._market = MarketData(self._tapes)
        made_up = any(day.is_made_up for day in days)
        self._label = f"made-up; seed={self._settings.seed}" if made_up else "recorded"
        self._routes = self._make_routes()

    def first_session(self, now: datetime) -> IssuedSession:
        """The session a client begins with; the same for every exchange of this seed."""
        return self._tokens.first_session(now)

    def handle(self, request: Request, now: datetime) -> Reply:
        """The reply to `request` at the virtual time `now` (aware)."""
        reply = self._answer(request, now)
        headers = {
            "Date": format_datetime(now, usegmt=True),
            "Server": "envoy",
            "X-Rehearsal-Day": self._label,
            **reply.headers,
        }
        return replace(reply, headers=headers)

    def _answer(self, request: Request, now: datetime) -> Reply:
        path = request.path
        if path == "/oauth2/token/":
            return self._token(request, now)
        refusal = self._refusal(request, now)
        if refusal is not None:
            return refusal
        if path == "/quotes/":
            return self._market.quotes(request, now)
        if path == "/fundamentals/":
            return self._market.fundamentals(request, now)
        for pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match:
                return handler(request, now, match.group(1) if match.groups() else "")
        return not_found()

    def _make_routes(self) -> list[tuple[re.Pattern[str], Handler]]:
        return [
            (re.compile(r"/quotes/([^/]+)/"), lambda _r, now, name: self._market.quote(name, now)),
        ]

    def _refusal(self, request: Request, now: datetime) -> Reply | None:
        sent = request.headers.get("authorization")
        if not sent:
            return detail(401, "Authentication credentials were not provided.")
        if not sent.lower().startswith(_BEARER):
            return detail(401, "Invalid token.")
        if not self._tokens.accepts(sent[len(_BEARER) :], now):
            return detail(401, "Invalid token.")
        return None

    def _token(self, request: Request, now: datetime) -> Reply:
        if request.method != "POST":
            return detail(405, f'Method "{request.method}" not allowed.')
        form = request.form
        if form.get("grant_type") != "refresh_token":
            return detail(501, _LOGIN_LATER)
        session = self._tokens.refresh(form.get("refresh_token", ""), now)
        if session is None:
            return Reply(401, b'{"error":"invalid_grant","detail":"Invalid refresh token."}')
        return ok(
            {
                "access_token": session.access_token,
                "expires_in": int((session.expires_at - now).total_seconds()),
                "token_type": "Bearer",
                "scope": "internal",
                "refresh_token": session.refresh_token,
                "mfa_code": None,
                "backup_code": None,
            }
        )
