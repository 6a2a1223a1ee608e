"""A session with Robinhood as a value, and when its token ends."""

import base64
import binascii
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

_JWT_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSession:
    """The token pair and the device it was given to; its text shows none of them.

    Without a refresh token (an empty text) it works until it ends and cannot be renewed.
    `expires_at` is what was said when it was obtained, None when a library's file said nothing.
    """

    access_token: str = field(repr=False)
    token_type: str
    refresh_token: str = field(repr=False)
    device_token: str = field(repr=False)
    expires_at: datetime | None = None
    obtained_at: datetime | None = None

    @property
    def ends_at(self) -> datetime | None:
        """The earlier of the token's own `exp` and what was said; None when neither is known."""
        ends = [at for at in (token_expiry(self.access_token), self.expires_at) if at is not None]
        return min(ends, default=None)

    def ends_within(self, span: timedelta, now: datetime) -> bool:
        """True when the token is known to end by `now + span`; an unknown end is found by a 401."""
        ends_at = self.ends_at
        return ends_at is not None and ends_at <= now + span


def token_expiry(token: str) -> datetime | None:
    """The `exp` of a JSON web token, not verified; None when it is no such token."""
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = msgspec.json.decode(base64.urlsafe_b64decode(padded))
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError):
        return None
    expiry = claims.get("exp") if isinstance(claims, dict) else None
    if not isinstance(expiry, int | float) or isinstance(expiry, bool) or not math.isfinite(expiry):
        return None
    try:
        return datetime.fromtimestamp(expiry, UTC)
    except (OverflowError, ValueError, OSError):
        return None
