"""The session pickle: read so that nothing in it can run, written so that nobody else can read it.

`pickle.load` runs code, so a file is opened without following links, checked to be ours alone,
scanned against the few operations a flat dictionary of texts and numbers needs, and only then
loaded by an unpickler that finds no class at all.
"""

import contextlib
import fcntl
import io
import math
import os
import pickle
import pickletools
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal, NoReturn

from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.domain.errors import HumanNeededError, RetryableError

NAME: Final = ".robinhood.pickle"
BYTES_MAX: Final = 64 * 1024
TEXT_MAX: Final = 16 * 1024
_SCHEMA: Final = 1
_PROTOCOL: Final = 4
_MEMO_MAX: Final = 1000
"""A larger memo index makes the unpickler allocate its table before anything else is checked."""

_PRIVATE: Final = 0o600
_LOG_IN: Final = "a person must log in: trading-bot login"
_REPLACE: Final = (
    "a person must remove it, `trading-bot logout --local`, and log in: trading-bot login"
)

_OPERATIONS: Final = frozenset(
    {
        "PROTO", "FRAME", "EMPTY_DICT", "MARK", "SETITEM", "SETITEMS", "SHORT_BINUNICODE",
        "BINUNICODE", "BININT", "BININT1", "BININT2", "BINFLOAT", "NONE", "NEWTRUE", "NEWFALSE",
        "MEMOIZE", "BINPUT", "BINGET", "LONG_BINPUT", "LONG_BINGET", "STOP",
    }
)  # fmt: skip
_MEMO_OPERATIONS: Final = frozenset({"BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"})

Problem = Literal["missing", "unsafe", "damaged"]

Stamp = tuple[int, int, int]
"""Which file it is: another one whenever content or mode was changed."""


class SessionFileError(HumanNeededError):
    """The session file cannot be used; it is left as it is.

    `what` is wrong with it, `next_step` says what a person does.
    """

    def __init__(self, problem: Problem, what: str, next_step: str) -> None:
        super().__init__(f"{what}; {next_step}")
        self.problem: Problem = problem
        self.what = what
        self.next_step = next_step


class SessionNotStoredError(RetryableError):
    """The disk took no session now: it is full, or cannot be written."""


class SessionFile:
    """The session at `path`, with its lock and its predecessor beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.previous_path = path.with_name(path.name + ".previous")
        self._lock_path = path.with_name(path.name + ".lock")
        self._new_path = path.with_name(path.name + ".new")
        self._room: BinaryIO | None = None

    def load(self) -> BrokerSession:
        """The session; SessionFileError with the next step when it is missing, unsafe, damaged."""
        return session_of(unpickled(self._read(), self.path), self.path)

    def prepare(self) -> None:
        """Take the space `save` will need, before what is to be saved has cost the session.

        SessionNotStoredError when there is none. Call it under `lock`, and `release` at the end.
        """
        self.release()
        with _storing():
            # What could not be loaded is worth nothing as a predecessor.
            with contextlib.suppress(SessionFileError):
                self._put(self._read(), self.previous_path)
            self._room = self._created()
            try:
                self._room.write(bytes(BYTES_MAX))
                self._room.flush()
                os.fsync(self._room.fileno())
            except OSError:
                self.release()
                raise

    def release(self) -> None:
        """Give back what `prepare` took and `save` did not use."""
        room, self._room = self._room, None
        if room is not None:
            with contextlib.suppress(OSError):
                room.close()
            with contextlib.suppress(OSError):
                self._new_path.unlink(missing_ok=True)

    def save(self, session: BrokerSession) -> None:
        """Put `session` in place, whole or not at all, readable by its owner only.

        The file it replaces is kept as `previous_path` until `prove`. Call it under `lock`.
        SessionNotStoredError when the disk does not take it.
        """
        content = pickle.dumps(_values(session), protocol=_PROTOCOL)
        session_of(unpickled(content, self.path), self.path)
        if self._room is None:
            self.prepare()
        room, self._room = self._room, None
        assert room is not None, "just prepared"
        with _storing():
            self._finish(room, content, self.path)

    def prove(self) -> None:
        """The saved session was accepted: its predecessor may go."""
        self.previous_path.unlink(missing_ok=True)

    def restore(self) -> None:
        """The saved session was refused: its predecessor, if there was one, takes its place."""
        if self.previous_path.exists():
            self.previous_path.replace(self.path)
        else:
            self.path.unlink(missing_ok=True)
        self._sync_folder()

    def remove(self) -> None:
        """Forget the session and its predecessor, whatever stands there; no link is followed."""
        for path in (self.path, self.previous_path, self._new_path):
            path.unlink(missing_ok=True)
        self._sync_folder()

    def stamp(self) -> Stamp | None:
        """That of the file as it is now; None when there is none."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_ctime_ns, found.st_size

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the file against other processes; RetryableError when one holds it.

        The refresh token changes with each use: two processes refreshing with one would end the
        session for both.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._lock_path, flags, _PRIVATE)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise RetryableError(f"{self._lock_path.name} cannot be opened: {reason}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RetryableError(f"another process holds {self._lock_path.name}") from None
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> bytes:
        """The bytes of the file, once it is shown to be ours alone."""
        # Non-blocking: opening a pipe left in its place must not hang.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(self.path, flags)
        except FileNotFoundError:
            raise SessionFileError(
                "missing", f"there is no session file {self.path.name}", _LOG_IN
            ) from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._refuse("unsafe", f"cannot be opened without following links ({reason})", _REPLACE)
        try:
            self._check(os.fstat(descriptor))
            with os.fdopen(descriptor, "rb", closefd=False) as stream:
                content = stream.read(BYTES_MAX + 1)
        finally:
            os.close(descriptor)
        if not 0 < len(content) <= BYTES_MAX:
            self._refuse("damaged", f"holds {len(content)} bytes or more", _REPLACE)
        return content

    def _check(self, status: os.stat_result) -> None:
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISREG(status.st_mode):
            self._refuse("unsafe", "is not a regular file", _REPLACE)
        if status.st_uid != os.geteuid():
            self._refuse("unsafe", "belongs to another user", _REPLACE)
        if mode & 0o077:
            # Who could read it has the session, so closing the file is not enough.
            self._refuse(
                "unsafe",
                f"has mode {mode:04o}, others could read it",
                f"if nobody else uses this machine `chmod 600 {self.path.name}`, else {_REPLACE}",
            )
        if status.st_nlink != 1:
            self._refuse("unsafe", "has a second name", _REPLACE)
        if not 0 < status.st_size <= BYTES_MAX:
            self._refuse("damaged", f"is {status.st_size} bytes long", _REPLACE)

    def _put(self, content: bytes, target: Path) -> None:
        self._finish(self._created(), content, target)

    def _created(self) -> BinaryIO:
        self._new_path.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        stream = os.fdopen(os.open(self._new_path, flags, _PRIVATE), "wb")
        os.fchmod(stream.fileno(), _PRIVATE)
        return stream

    def _finish(self, stream: BinaryIO, content: bytes, target: Path) -> None:
        """Over what is in it: the space is there already."""
        with stream:
            stream.seek(0)
            stream.write(content)
            stream.truncate()
            stream.flush()
            os.fsync(stream.fileno())
        self._new_path.replace(target)
        self._sync_folder()

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _refuse(self, problem: Problem, what: str, next_step: str) -> NoReturn:
        raise SessionFileError(
            problem, f"session file {self.path.name} {what}", next_step
        ) from None


@contextlib.contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SessionNotStoredError(f"{NAME} cannot be written: {reason}") from error


class _NothingUnpickler(pickle.Unpickler):
    """Finds no class, so it can build nothing that runs."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        raise pickle.UnpicklingError(f"no class belongs here, got {module_name}.{global_name}")


def unpickled(content: bytes, path: Path) -> dict[str, object]:
    """The dictionary in `content`; nothing of it has run."""
    try:
        _scan(content)
        loaded: object = _NothingUnpickler(io.BytesIO(content)).load()
    except (
        pickle.UnpicklingError, ValueError, TypeError, EOFError, LookupError, AttributeError,
        MemoryError, RecursionError,
    ) as error:  # fmt: skip
        raise _damaged(path, f"is no session ({type(error).__name__})") from None
    if not isinstance(loaded, dict):
        raise _damaged(path, f"holds a {type(loaded).__name__}, not a dictionary")
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, str | int | float | None):
            raise _damaged(path, "holds more than texts and numbers")
        if isinstance(value, str) and len(value) > TEXT_MAX:
            raise _damaged(path, f"holds a text of {len(value)} characters")
    return loaded


def _scan(content: bytes) -> None:
    """ValueError unless every operation is one a flat dictionary needs."""
    for operation, argument, position in pickletools.genops(content):
        if operation.name not in _OPERATIONS:
            raise ValueError(f"operation {operation.name} in a session file")
        if operation.name in _MEMO_OPERATIONS and int(argument or 0) > _MEMO_MAX:
            raise ValueError("a memo index out of all proportion in a session file")
        if operation.name == "FRAME" and int(argument or 0) > len(content):
            raise ValueError("a frame longer than the session file")
        if operation.name == "STOP" and position != len(content) - 1:
            raise ValueError("bytes after the end of the session")


def session_of(values: dict[str, object], path: Path) -> BrokerSession:
    """The session in a dictionary; the refresh token alone may be an empty text."""
    texts = {}
    for name in ("access_token", "token_type", "refresh_token", "device_token"):
        value = values.get(name)
        # A line feed in a token would become a header of its own.
        if (
            not isinstance(value, str)
            or not (value or name == "refresh_token")
            or not (value.isascii() and value.isprintable())
            or " " in value
        ):
            raise _damaged(path, f"has no usable {name}")
        texts[name] = value
    return BrokerSession(
        **texts,
        expires_at=_time(values.get("expires_at"), path),
        obtained_at=_time(values.get("obtained_at"), path),
    )


def _time(value: object, path: Path) -> datetime | None:
    """A time as ISO text, ours, or as seconds of the epoch; None where nothing was said."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo is not None else None
        if isinstance(value, int | float) and math.isfinite(value):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise _damaged(path, "has a time that is none")


def _values(session: BrokerSession) -> dict[str, object]:
    """robin_stocks' four keys and ours; the library ignores what it does not know."""
    return {
        "token_type": session.token_type,
        "access_token": session.access_token,
        "refresh_token": session.refresh_token,
        "device_token": session.device_token,
        "expires_at": session.expires_at.isoformat() if session.expires_at else None,
        "obtained_at": session.obtained_at.isoformat() if session.obtained_at else None,
        "schema": _SCHEMA,
    }


def _damaged(path: Path, what: str) -> SessionFileError:
    return SessionFileError("damaged", f"session file {path.name} {what}", _REPLACE)
