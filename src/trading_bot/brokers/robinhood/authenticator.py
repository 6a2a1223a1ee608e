"""The codes of an authenticator app, from its secret."""

import base64
import binascii
from datetime import datetime

from trading_bot.domain.errors import ConfigError

_SECRET_LENGTH_MIN = 16


def is_secret(text: str) -> bool:
    """True for an authenticator's secret, false for a code of one: base32, spaces allowed."""
    found = _compact(text)
    if len(found) < _SECRET_LENGTH_MIN:
        return False
    try:
        base64.b32decode(found + "=" * (-len(found) % 8))
    except (binascii.Error, ValueError):
        return False
    return True


def authenticator_code(secret: str, at: datetime) -> str:
    """The six digits it shows at `at`; ConfigError when the secret is none."""
    if not is_secret(secret):
        raise ConfigError("expected an authenticator's secret: base32, 16 characters or more")
    # It comes with robin_stocks; loaded only when a code is wanted.
    from pyotp import TOTP

    return TOTP(_compact(secret)).at(at)


def _compact(text: str) -> str:
    return "".join(text.split()).replace("-", "").rstrip("=").upper()
