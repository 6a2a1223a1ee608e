"""One live daemon an account on this machine, whichever homes they run in."""

import errno
import hashlib
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from trading_bot.domain.errors import ConfigError

_SALT: Final = b"trading-bot account lock"
_COST: Final = 2**14
"""Some 50 ms: every user of the machine can read the lock's name, none may guess the number."""


class AccountBusyError(ConfigError):
    """Another process on this machine trades the account."""

    is_passing = True

    def __init__(self) -> None:
        super().__init__(
            "account_number: another trading-bot on this machine trades this account, "
            "from another home; stop that one first"
        )


@contextmanager
def account_lock(number: str, place: str) -> Iterator[None]:
    """Hold the account `number` at the exchange `place` until the end of the process at the latest.

    AccountBusyError when it is held. The name is one of the kernel's, so that no file is left
    behind and a private folder for temporary files hides nothing. A container has names of its
    own: two of one account there find each other by their orders. Systems without such names have
    no lock.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    digest = hashlib.scrypt(f"{place}|{number}".encode(), salt=_SALT, n=_COST, r=8, p=1, dklen=16)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as held:
        try:
            held.bind(f"\0trading-bot/account/{digest.hex()}")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AccountBusyError from error
            raise
        yield
