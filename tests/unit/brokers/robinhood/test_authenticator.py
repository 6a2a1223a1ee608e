"""Codes from an authenticator's secret."""

import pytest

from support.rehearsal import OPEN
from trading_bot.brokers.robinhood.authenticator import authenticator_code, is_secret
from trading_bot.domain.errors import ConfigError
from trading_bot.rehearsal.login import totp

SECRET = "MFRGGZDFMZTWQ2LKNNWG23TPOA"


@pytest.mark.parametrize(
    "shown", [SECRET, SECRET.lower(), "MFRG GZDF MZTW Q2LK NNWG 23TP OA", f" {SECRET}======\n"]
)
def test_secret_is_read_as_apps_show_it(shown: str) -> None:
    """Small letters, groups, padding: the same code."""
    assert authenticator_code(shown, OPEN) == totp(SECRET, OPEN)


@pytest.mark.parametrize("text", ["", "123456", "123 456", SECRET[:12], "1" * 20, "ö" * 20])
def test_what_is_no_secret_is_told_apart(text: str) -> None:
    """A code, half a secret, other characters."""
    assert not is_secret(text)
    with pytest.raises(ConfigError, match="base32"):
        authenticator_code(text, OPEN)
