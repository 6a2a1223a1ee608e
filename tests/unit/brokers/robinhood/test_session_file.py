"""The session pickle: nothing in it runs, nobody else reads it, half of it is never there."""

import os
import pickle
import stat
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.brokers.robinhood import session_file
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import (
    BYTES_MAX,
    NAME,
    SessionFile,
    SessionFileError,
    SessionNotStoredError,
)
from trading_bot.domain.errors import HaltError, RetryableError

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
FOUR = {
    "token_type": "Bearer",
    "access_token": "a" * 700,
    "refresh_token": "refresh-canary",
    "device_token": "device-canary",
}


def session(access_token: str = "access-canary", **changes: Any) -> BrokerSession:
    values: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "refresh_token": "refresh-canary",
        "device_token": "device-canary",
        "expires_at": NOW + timedelta(days=1),
        "obtained_at": NOW,
    }
    return BrokerSession(**(values | changes))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., SessionFile]:
    def writing(content: bytes, mode: int = 0o600) -> SessionFile:
        path = tmp_path / NAME
        path.write_bytes(content)
        path.chmod(mode)
        return SessionFile(path)

    return writing


Write = Callable[..., SessionFile]


def refusal(file: SessionFile) -> SessionFileError:
    with pytest.raises(SessionFileError) as caught:
        file.load()
    return caught.value


def test_session_round_trips(tmp_path: Path) -> None:
    """What was saved is loaded, to the microsecond."""
    file = SessionFile(tmp_path / NAME)
    saved = session(obtained_at=NOW + timedelta(microseconds=7))

    file.save(saved)

    assert file.load() == saved


@given(token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=2000))
def test_any_token_round_trips(tmp_path_factory: pytest.TempPathFactory, token: str) -> None:
    """Short and long strings use different pickle operations; both are allowed."""
    file = SessionFile(tmp_path_factory.mktemp("home") / NAME)

    file.save(session(token))

    assert file.load().access_token == token


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_file_of_the_library_is_read(write: Write, protocol: int) -> None:
    """Four strings, in any protocol a Python of today writes, without an expiry."""
    loaded = write(pickle.dumps(FOUR, protocol=protocol)).load()

    assert loaded.access_token == FOUR["access_token"]
    assert loaded.expires_at is None


def test_library_reads_ours(tmp_path: Path) -> None:
    """robin_stocks finds its four keys in what we write."""
    SessionFile(tmp_path / NAME).save(session())

    values = pickle.loads((tmp_path / NAME).read_bytes())

    assert {key: values[key] for key in FOUR} == FOUR | {"access_token": "access-canary"}


class _Runs:
    """Touches a file when unpickled."""

    def __init__(self, how: Any, *arguments: Any) -> None:
        self._how = (how, arguments)

    def __reduce__(self) -> Any:
        return self._how


def _hostile(touch: Path) -> dict[str, bytes]:
    command = f"touch {touch}"
    protocol_0 = f"cos\nsystem\n(S'{command}'\ntR.".encode()
    return {
        "reduce": pickle.dumps(_Runs(os.system, command)),
        "reduce inside a session": pickle.dumps(FOUR | {"x": _Runs(os.system, command)}),
        "reduce as a key": pickle.dumps({_Runs(os.system, command): "x"}),
        "text protocol": protocol_0,
        "inst": f"(S'{command}'\nios\nsystem\n.".encode(),
        "eval": pickle.dumps(_Runs(eval, f"__import__('os').system({command!r})")),
        "after the end": pickle.dumps(FOUR, protocol=4) + protocol_0,
        "persistent id": b"\x80\x04\x8c\x01xQ.",
        "extension": b"\x80\x02\x82\x01.",
        "class": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        "object": pickle.dumps(NOW),
        "nested": pickle.dumps(FOUR | {"x": {}}),
        "list": pickle.dumps([FOUR]),
        "bytes": pickle.dumps(FOUR | {"x": b"1"}),
        "tuple": pickle.dumps((1, 2)),
        "huge length": b"\x80\x04X" + struct.pack("<I", 2**32 - 1) + b"x.",
        "huge frame": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"}.",
        "huge memo": b"\x80\x04}r" + struct.pack("<I", 2**31 - 1) + b".",
        "huge eight-byte length": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",
        "unknown memo": b"\x80\x04h\x05.",
        "empty stack": b"\x80\x04s.",
        "no mark": b"\x80\x04}u.",
        "dictionary as key": b"\x80\x04}}Ns.",
        "no end": pickle.dumps(FOUR, protocol=4)[:-1],
        "no pickle": b"<html>Service unavailable</html>",
        "JSON": b'{"access_token": "x"}',
        "number key": pickle.dumps(FOUR | {7: "x"}),
        "long text": pickle.dumps(FOUR | {"x": "y" * 20_000}),
        "newer protocol": b"\x80\x63}.",
    }


@pytest.mark.parametrize("name", list(_hostile(Path("x"))))
def test_hostile_file_is_refused_and_nothing_runs(write: Write, tmp_path: Path, name: str) -> None:
    """Whatever stands in the file, loading it runs nothing and ends in a refusal."""
    touched = tmp_path / "touched"

    error = refusal(write(_hostile(touched)[name]))

    assert error.problem == "damaged"
    assert not touched.exists()


def test_the_hostile_file_would_run_in_a_plain_loader(tmp_path: Path) -> None:
    """The control: Python's own loader does run it, so the test above can fail."""
    touched = tmp_path / "touched"

    pickle.loads(_hostile(touched)["reduce"])

    assert touched.exists()


@given(content=st.binary(max_size=400))
def test_random_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No bytes end in anything but a refusal."""
    path = tmp_path_factory.mktemp("home") / NAME
    path.write_bytes(b"\x80\x04" + content)
    path.chmod(0o600)

    refusal(SessionFile(path))


@given(st.integers(0, 2000), st.integers(0, 255))
def test_one_wrong_byte_is_a_refusal_or_another_session(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    """A flipped byte never does anything else."""
    content = bytearray(pickle.dumps(FOUR, protocol=4))
    content[position % len(content)] = value
    path = tmp_path_factory.mktemp("home") / NAME
    path.write_bytes(content)
    path.chmod(0o600)

    try:
        loaded = SessionFile(path).load()
    except SessionFileError:
        return
    assert isinstance(loaded, BrokerSession)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o666])
def test_loose_mode_is_refused(write: Write, mode: int) -> None:
    """What others could read or change is not trusted, and the way out is named."""
    error = refusal(write(pickle.dumps(FOUR), mode))

    assert error.problem == "unsafe"
    assert "chmod 600" in error.next_step


def test_symlink_is_refused(write: Write, tmp_path: Path) -> None:
    """A link in the file's place is not followed."""
    write(pickle.dumps(FOUR))
    link = tmp_path / "link.pickle"
    link.symlink_to(tmp_path / NAME)

    assert refusal(SessionFile(link)).problem == "unsafe"


def test_second_name_is_refused(write: Write, tmp_path: Path) -> None:
    """Who kept a hard link could read every later token."""
    file = write(pickle.dumps(FOUR))
    (tmp_path / "other").hardlink_to(file.path)

    assert refusal(file).problem == "unsafe"


def test_pipe_and_directory_are_refused_at_once(tmp_path: Path) -> None:
    """Something that is no file is refused and does not hang the start."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)

    assert refusal(SessionFile(tmp_path / "pipe")).problem == "unsafe"
    assert refusal(SessionFile(tmp_path / "folder")).problem == "unsafe"


def test_file_of_another_user_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only our own file is ours."""
    file = write(pickle.dumps(FOUR))
    monkeypatch.setattr(session_file.os, "geteuid", lambda: os.getuid() + 1)

    assert refusal(file).problem == "unsafe"


@pytest.mark.parametrize("size", [0, session_file.BYTES_MAX + 1])
def test_empty_and_oversized_files_are_refused(write: Write, size: int) -> None:
    """A refused log-in of the library leaves zero bytes; a session has never 64 KiB."""
    assert refusal(write(b"\x80" * size)).problem == "damaged"


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """No session is not an accident; the log-in is named."""
    error = refusal(SessionFile(tmp_path / NAME))

    assert error.problem == "missing"
    assert "must log in" in str(error)
    assert isinstance(error, HaltError)


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ""},
        {"access_token": None},
        {"access_token": 7},
        {"access_token": "a\r\nX-Evil: 1"},
        {"token_type": "Bearer x"},
        {"refresh_token": None},
        {"device_token": None},
        {"expires_at": "tomorrow"},
        {"expires_at": float("nan")},
        {"expires_at": 10**30},
        {"expires_at": -1e300},
    ],
)
def test_unusable_values_are_refused(write: Write, changes: dict[str, Any]) -> None:
    """A session without its four texts, or with a header smuggled into one, is none."""
    values = {key: value for key, value in (FOUR | changes).items() if value is not None}

    assert refusal(write(pickle.dumps(values))).problem == "damaged"


def test_refused_file_is_left_as_it_is(write: Write) -> None:
    """Nothing is deleted: a person may still want to look."""
    file = write(b"torn")

    refusal(file)

    assert file.path.read_bytes() == b"torn"


def test_no_secret_is_in_errors_or_texts(write: Write) -> None:
    """Neither a refusal nor a session's text shows a token."""
    shown = f"{refusal(write(pickle.dumps(FOUR | {'x': []})))} {session()!r} {session()}"

    assert "canary" not in shown
    assert "aaaa" not in shown


def test_saved_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    """Mode 0600 from the first byte on, for the file, its predecessor and its lock."""
    file = SessionFile(tmp_path / NAME)
    before = os.umask(0)
    try:
        with file.lock():
            file.save(session("first-token"))
            file.save(session("second-token"))
    finally:
        os.umask(before)

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 3


def test_predecessor_is_kept_until_proven(tmp_path: Path) -> None:
    """The last session that worked is there until the new one did."""
    file = SessionFile(tmp_path / NAME)
    file.save(session("first-token"))
    file.save(session("second-token"))

    assert SessionFile(file.previous_path).load().access_token == "first-token"
    file.prove()
    assert not file.previous_path.exists()
    assert file.load().access_token == "second-token"


def test_failed_save_leaves_the_old_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk or a crash in the middle costs nothing that was there."""
    file = SessionFile(tmp_path / NAME)
    file.save(session("first-token"))

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session_file.os, "fsync", no_space)

    with pytest.raises(SessionNotStoredError, match="No space"):
        file.save(session("second-token"))
    assert file.load().access_token == "first-token"
    monkeypatch.undo()
    file.save(session("third-token"))
    assert file.load().access_token == "third-token"


def test_what_is_prepared_has_the_space_of_the_largest_session(tmp_path: Path) -> None:
    """On the disk before anything is asked of the broker, and given back when not needed."""
    file = SessionFile(tmp_path / NAME)
    file.save(session("first-token"))
    new = tmp_path / f"{NAME}.new"

    file.prepare()

    assert new.stat().st_size == BYTES_MAX
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert file.load().access_token == "first-token"
    file.release()
    assert not new.exists()
    file.save(session("second-token"))
    assert file.load().access_token == "second-token"
    assert not new.exists()


def test_a_prepared_save_creates_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it needs is there: a disk that filled up meanwhile takes it all the same."""
    file = SessionFile(tmp_path / NAME)
    file.save(session("first-token"))
    file.prepare()

    def no_space(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SessionFile, "_created", no_space)
    file.save(session("second-token"))

    assert file.load().access_token == "second-token"
    assert SessionFile(file.previous_path).load().access_token == "first-token"
    with pytest.raises(SessionNotStoredError, match="No space"):
        file.prepare()


def test_a_lock_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    """A disk's trouble passes, or is told by what else it stops."""
    file = SessionFile(tmp_path / "nowhere" / NAME)

    with pytest.raises(RetryableError, match="cannot be opened"), file.lock():
        pass


def test_damaged_file_is_replaced_by_a_new_session(write: Write) -> None:
    """After a log-in the empty file of a refused one is no obstacle."""
    file = write(b"")

    file.save(session("new-token"))

    assert file.load().access_token == "new-token"


def test_unusable_session_is_not_saved(tmp_path: Path) -> None:
    """What could not be loaded again does not replace what could."""
    file = SessionFile(tmp_path / NAME)
    file.save(session("first-token"))

    with pytest.raises(SessionFileError):
        file.save(session("with\nline feed"))
    assert file.load().access_token == "first-token"


def test_second_holder_is_told_to_come_back(tmp_path: Path) -> None:
    """Two refreshes with one token would end the session for both."""
    first, second = SessionFile(tmp_path / NAME), SessionFile(tmp_path / NAME)

    with first.lock(), pytest.raises(RetryableError, match="another process"), second.lock():
        pass
    with second.lock():
        pass
