"""Names of orders that are the same after any restart and that nobody else can make."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from trading_bot.domain.order import Leg
from trading_bot.logging.line import iso_text

_TAG_DIGITS = 12
# Of SHA-256 and of RFC 2104.
_BLOCK_BYTES, _INNER_PAD, _OUTER_PAD = 64, 0x36, 0x5C


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose orders these are. `key` is the home's secret; it never reaches a record or the tape."""

    mode: str
    account: str
    key: bytes


def make_ref_id(
    identity: Identity,
    *,
    strategy_name: str,
    symbol: str,
    bar_end: datetime,
    leg: Leg,
    generation: int,
) -> str:
    """The order's ref_id in UUID shape: a pure function of what the order is for.

    The first 20 hex digits are a hash of mode, account, strategy, symbol, bar end, leg and
    generation; the last 12 are an HMAC of those under the home's key, by which our own orders are
    recognised at the broker even after losing every record.
    """
    what = "|".join(
        (
            identity.mode,
            identity.account,
            strategy_name,
            symbol,
            iso_text(bar_end),
            leg,
            str(generation),
        )
    )
    body = hashlib.sha256(what.encode()).hexdigest()[: 32 - _TAG_DIGITS]
    return _uuid_shape(body + _tag(identity.key, body))


def is_ours(ref_id: str, identity: Identity) -> bool:
    """True when `ref_id` was made under this home's key.

    False for anything else, malformed included.
    """
    digits = ref_id.replace("-", "").lower()
    if len(digits) != 32:
        return False
    body = digits[: 32 - _TAG_DIGITS]
    return hmac.compare_digest(
        _tag(identity.key, body).encode(), digits[32 - _TAG_DIGITS :].encode()
    )


def _tag(key: bytes, body: str) -> str:
    """The first digits of the HMAC-SHA256 of `body` under `key`, as RFC 2104 builds it."""
    started_inner, started_outer = _keyed(key)
    inner, outer = started_inner.copy(), started_outer.copy()
    inner.update(body.encode())
    outer.update(inner.digest())
    return outer.hexdigest()[:_TAG_DIGITS]


# A home has one key; taking it in costs as much as making the tag.
@lru_cache(maxsize=1)
def _keyed(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """The inner and the outer hash with their padded key in them."""
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    return (
        hashlib.sha256(bytes(byte ^ _INNER_PAD for byte in padded)),
        hashlib.sha256(bytes(byte ^ _OUTER_PAD for byte in padded)),
    )


def _uuid_shape(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
