"""Sessions of the exchange: JWT-shaped tokens, their life, their rotation, their end.

A token says itself which login and which generation it is of and when it ends, signed with a key
made from the exchange's seed, so an exchange that was killed and started again still knows the
tokens out there; which of them were revoked it knows from its state file. They open nothing but a
rehearsal.
"""

import base64
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from trading_bot.rehearsal.wire import made_id

ACCESS_LIFE = timedelta(days=7)
"""Robinhood's own have been seen to live five to eight days, whatever was asked for."""
_REFRESH_LIFE = timedelta(days=365)
_PARTS = 3
_FIRST = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSession:
    """What a login leaves on the client's disk."""

    access_token: str
    refresh_token: str
    device_token: str
    expires_at: datetime
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name, no secret


class TokenOffice:
    """Issues and checks tokens.

    A login begins a line of its own, beside the lines of earlier logins; within a line a refresh
    makes the pair before it void. Holds the generation in force of each line, and which lines
    were revoked; all else is in the tokens.
    """

    def __init__(self, seed: int, access_life: timedelta = ACCESS_LIFE) -> None:
        self._key = sha256(f"rehearsal tokens {seed}".encode()).digest()
        self._life = access_life
        self._generations: dict[int, int] = {_FIRST: 0}
        self._revoked: set[int] = set()
        self._seed = seed

    @property
    def first_device(self) -> str:
        """The device the first session was given to."""
        return made_id("device", str(self._seed))

    def first_session(self, now: datetime) -> IssuedSession:
        """The session a rehearsal begins with: generation 0, alive from `now` on."""
        return self._session(_FIRST, 0, self.first_device, now)

    @property
    def memory(self) -> tuple[dict[int, int], list[int]]:
        """The generation in force of each line, and the lines that were revoked."""
        return dict(self._generations), sorted(self._revoked)

    def recall(self, generations: Mapping[int, int], revoked: Iterable[int]) -> None:
        """Know what the exchange knew that was killed."""
        self._generations = dict(generations)
        self._revoked = set(revoked)

    def log_in(self, device_token: str, now: datetime) -> IssuedSession:
        """A session of a new login."""
        line = max(self._generations) + 1
        self._generations[line] = 0
        return self._session(line, 0, device_token, now)

    def accepts(self, access_token: str, now: datetime) -> bool:
        """True for an access token of the generation in force, or of a later one, not ended."""
        return self._admit(access_token, "access", now) is not None

    def refresh(self, refresh_token: str, device_token: str, now: datetime) -> IssuedSession | None:
        """The next pair, the old one being void from here on; None when the token is refused."""
        line = self._admit(refresh_token, "refresh", now)
        if line is None:
            return None
        self._generations[line] += 1
        return self._session(line, self._generations[line], device_token, now)

    def revoke(self, token: str) -> None:
        """End the login that this token, access or refresh, is of; a foreign token ends nothing."""
        claims = self._claims(token)
        if claims is not None:
            self._revoked.add(int(claims["line"]))

    def _admit(self, token: str, kind: str, now: datetime) -> int | None:
        """The line of a token that is good, else None."""
        claims = self._claims(token)
        if claims is None or claims["kind"] != kind or int(claims["exp"]) <= now.timestamp():
            return None
        line, generation = int(claims["line"]), int(claims["gen"])
        if line in self._revoked:
            return None
        # A later generation was issued before this exchange was started again.
        self._generations[line] = max(self._generations.get(line, 0), generation)
        return line if generation == self._generations[line] else None

    def _session(
        self, line: int, generation: int, device_token: str, now: datetime
    ) -> IssuedSession:
        expires_at = now + self._life
        name = f"{line}/{generation}"
        return IssuedSession(
            access_token=self._token("access", name, expires_at),
            refresh_token=self._token("refresh", name, now + _REFRESH_LIFE),
            device_token=device_token,
            expires_at=expires_at,
        )

    def _token(self, kind: str, name: str, expires_at: datetime) -> str:
        line, _, generation = name.partition("/")
        claims = {
            "exp": int(expires_at.timestamp()),
            "gen": int(generation),
            "line": int(line),
            "kind": kind,
            "note": "rehearsal only: made up, opens no account",
            "token_id": made_id("token", f"{self._seed}/{kind}/{name}"),
            "user_id": made_id("user", "rehearsal"),
            "level2_access": False,
            "options": True,
            "scope": "internal",
            "service_records": [],
        }
        head = _encoded({"alg": "HS256", "typ": "JWT"})
        signed = f"{head}.{_encoded(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def _signature(self, signed: str) -> str:
        digest = hmac.new(self._key, signed.encode(), sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _claims(self, token: str) -> dict[str, str] | None:
        parts = token.split(".")
        if len(parts) != _PARTS or not token.isascii():
            return None
        if not hmac.compare_digest(self._signature(f"{parts[0]}.{parts[1]}"), parts[2]):
            return None
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return {name: str(value) for name, value in claims.items()}


def _encoded(value: dict[str, object]) -> str:
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
