"""The home: one directory with everything one daemon owns, and what keeps it to one daemon."""

import errno
import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from trading_bot.domain.errors import ConfigError, HaltError
from trading_bot.storage.files import FILE_MODE, FileOperations, SystemFiles

RESERVE_SIZE: Final = 16 << 20
KEY_SIZE: Final = 32
_FINGERPRINT_LENGTH: Final = 16
_BLOCK: Final = 1 << 20


class HomeBusyError(ConfigError):
    """Another process holds this home; `holder` is its process id, None if it cannot be read.

    A look at the home holds it for an instant too, so it may be free at the next try.
    """

    is_passing = True

    def __init__(self, root: Path, holder: int | None) -> None:
        named = f"process {holder}" if holder is not None else "another process"
        super().__init__(f"the home {root} is in use by {named}: one daemon per home")
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Home:
    """The paths under one directory. Nothing is touched before `create`."""

    root: Path

    @property
    def config(self) -> Path:
        """The directory of config.json."""
        return self.root / "config"

    @property
    def config_file(self) -> Path:
        return self.config / "config.json"

    @property
    def logs(self) -> Path:
        """The journals of the days and streams, and the application log."""
        return self.root / "logs"

    @property
    def trades_link(self) -> Path:
        """The link to the current day's trade file."""
        return self.logs / "trades.jsonl"

    @property
    def application_log(self) -> Path:
        return self.logs / "trading_bot.log"

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def trades_archive(self) -> Path:
        """Compressed trade files, in a directory for each year."""
        return self.archive / "trades"

    @property
    def tape(self) -> Path:
        return self.root / "tape"

    @property
    def quarantine(self) -> Path:
        """Where torn tails are kept."""
        return self.root / "quarantine"

    @property
    def env_file(self) -> Path:
        return self.root / ".env"

    @property
    def session_pickle(self) -> Path:
        return self.root / ".robinhood.pickle"

    @property
    def reserve(self) -> Path:
        """The file that is given up when the disk is full."""
        return self.root / ".reserve"

    @property
    def lock_file(self) -> Path:
        return self.root / ".lock"

    @property
    def binding_file(self) -> Path:
        return self.root / ".home.json"

    @property
    def key_file(self) -> Path:
        return self.root / ".home.key"

    def create(self) -> None:
        """Make what is missing of the directories, 0700; OSError if that cannot be."""
        files = SystemFiles()
        is_new = not self.root.exists()
        for path in (self.root, self.config, self.logs, self.archive, self.tape, self.quarantine):
            files.make_directory(path)
        files.sync_directory(self.root)
        if is_new:
            # Of a home that is there already the parent may be closed to us.
            files.sync_directory(self.root.resolve().parent)

    def lock(self) -> "HomeLock":
        """Take the home for this process until the lock is released; HomeBusyError if taken."""
        return HomeLock(self)

    def fill_reserve(self) -> bool:
        """See that the reserve holds its blocks; False if the disk has no room for it."""
        if self.reserve.exists() and self.reserve.stat().st_blocks * 512 >= RESERVE_SIZE:
            return True
        try:
            _write_blocks(self.reserve)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise
            self.reserve.unlink(missing_ok=True)
            return False
        return True

    def free_reserve(self) -> bool:
        """Give the reserve's blocks back to the disk; False if there was none."""
        if not self.reserve.exists():
            return False
        self.reserve.unlink()
        SystemFiles().sync_directory(self.root)
        return True

    def key(self, random_bytes: Callable[[int], bytes]) -> bytes:
        """The home's secret, 32 bytes, made with `random_bytes` the first time.

        HaltError if what stands there is not one: another key would disown our own orders.
        """
        if not self.key_file.exists():
            replace_file(SystemFiles(), self.key_file, random_bytes(KEY_SIZE))
        key = self.key_file.read_bytes()
        if len(key) != KEY_SIZE:
            raise HaltError(f"{self.key_file}: expected {KEY_SIZE} bytes, got {len(key)}")
        return key

    def bind(self, *, mode: str, account: str | None, key: bytes) -> None:
        """Bind the home to a mode and an account at the first start; ConfigError for another.

        Only a keyed fingerprint of the account is written. A home bound without an account takes
        the first one named; a live home always has one.
        """
        own = account_fingerprint(account, key) if account is not None else None
        if self._is_bound(mode, own):
            return
        text = json.dumps({"v": 1, "mode": mode, "account": own}, separators=(",", ":"))
        replace_file(SystemFiles(), self.binding_file, text.encode() + b"\n")

    def check_binding(self, *, mode: str, account: str, key: bytes) -> None:
        """ConfigError when `bind` would raise one; nothing is written."""
        self._is_bound(mode, account_fingerprint(account, key))

    def _is_bound(self, mode: str, own: str | None) -> bool:
        """True when nothing is to be written; `own` is the account's fingerprint."""
        if mode == "live" and own is None:
            raise ConfigError("a live home needs an account")
        bound = self._binding()
        if bound is not None:
            bound_mode, bound_account = bound
            if bound_mode != mode:
                raise ConfigError(
                    f"the home {self.root} is bound to mode {bound_mode}, not {mode}: "
                    "use another home"
                )
            if own is not None and bound_account is not None and own != bound_account:
                raise ConfigError(f"the home {self.root} is bound to another account")
            return own is None or own == bound_account
        return False

    def _binding(self) -> tuple[str, str | None] | None:
        if not self.binding_file.exists():
            return None
        try:
            found = json.loads(self.binding_file.read_bytes())
            mode, account = found["mode"], found["account"]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{self.binding_file} cannot be read: {error!r}") from error
        if not isinstance(mode, str) or not isinstance(account, str | None):
            raise ConfigError(f"{self.binding_file}: expected mode and account as text")
        return mode, account


def account_fingerprint(account: str, key: bytes) -> str:
    """16 hex digits that say whether two accounts are the same, and nothing else of them."""
    return hmac.new(key, account.encode(), hashlib.sha256).hexdigest()[:_FINGERPRINT_LENGTH]


def replace_file(files: FileOperations, path: Path, data: bytes) -> None:
    """Put a whole small file, 0600, in the place of `path`: after a crash the old or the new."""
    temporary = path.with_name(path.name + ".new")
    descriptor = files.open_replace(temporary)
    try:
        if files.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, f"short write to {temporary}")
        files.sync_data(descriptor)
    finally:
        files.close(descriptor)
    files.rename(temporary, path)
    files.sync_directory(path.parent)


def _write_blocks(path: Path) -> None:
    """Real blocks, not a hole: some file systems count a hole, or compress zeros, to nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        os.posix_fallocate(descriptor, 0, RESERVE_SIZE)
        if os.fstat(descriptor).st_blocks * 512 < RESERVE_SIZE:
            filler = hashlib.shake_128(b"reserve").digest(_BLOCK)
            for offset in range(0, RESERVE_SIZE, _BLOCK):
                os.pwrite(descriptor, filler, offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class HomeLock:
    """One process per home. Released by `release`, by `with`, or by the end of the process."""

    def __init__(self, home: Home) -> None:
        self._fd: int | None = os.open(
            home.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE
        )
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._fd, 20, 0).strip()
            self.release()
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise
            raise HomeBusyError(home.root, int(holder) if holder.isdigit() else None) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process have the home. Twice is once."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> "HomeLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
