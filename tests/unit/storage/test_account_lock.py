"""One live daemon an account on a machine."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trading_bot.storage.account_lock import AccountBusyError, account_lock

HOLDS = """
import sys
from trading_bot.storage.account_lock import account_lock
with account_lock(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def place(tmp_path: Path) -> str:
    """An exchange that no other test speaks to."""
    return f"http://{tmp_path}"


def test_an_account_is_held_once(tmp_path: Path) -> None:
    """A second holder is refused, in words; another account, or exchange, is not."""
    where = place(tmp_path)

    with account_lock("5QR12345", where):
        with (
            pytest.raises(AccountBusyError, match="from another home"),
            account_lock("5QR12345", where),
        ):
            pass
        with account_lock("5QR12346", where), account_lock("5QR12345", where + "/other"):
            pass
    with account_lock("5QR12345", where):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """Kill -9 leaves nothing behind that somebody would have to remove."""
    where = place(tmp_path)
    command = [sys.executable, "-c", HOLDS, "5QR12345", where]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(AccountBusyError), account_lock("5QR12345", where):
        pass

    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()

    with account_lock("5QR12345", where):
        pass


def test_the_number_is_not_in_the_name(tmp_path: Path) -> None:
    """Every user of the machine can list such names."""
    names = Path("/proc/net/unix")
    if not names.exists():
        pytest.skip("no list of the kernel's names here")

    with account_lock("5QR12345", place(tmp_path)):
        listed = names.read_text()

    assert "trading-bot/account/" in listed
    assert "5QR12345" not in listed
