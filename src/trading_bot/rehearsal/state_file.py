"""What an exchange needs to go on after it was killed: every command, in order, one a line.

A broker forgets nothing. A line is written whole before the command's answer goes out, so what a
client was told is there; it is not forced to the disk, for only the process may die, not the
machine. A last line cut short belongs to a command nobody was answered, and is dropped.
"""

from collections.abc import Sequence
from datetime import datetime
from io import FileIO
from pathlib import Path

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.rehearsal.login import LoginMemory
from trading_bot.rehearsal.order import Effects
from trading_bot.rehearsal.owner import AnyAction


class Sent(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="order"):
    """An order came, taken or not."""

    at: datetime
    form: dict[str, str]
    effects: Effects


class CancelSent(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="cancel"):
    """A cancel of an open order came."""

    at: datetime
    order_id: str
    effects: Effects


class Acted(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="owner"):
    """The owner was made to act at once."""

    at: datetime
    action: AnyAction


class Met(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="faults"):
    """Faults fired: the script's memory from here on."""

    fired: list[int]
    met: list[int]
    carried: dict[str, int]


Command = Sent | CancelSent | Acted | Met | LoginMemory


class StateFile:
    """Opens the file, made if need be; `commands` are what was in it. Raises DataError, OSError."""

    def __init__(self, path: Path) -> None:
        path.touch()
        whole, _, torn = path.read_bytes().rpartition(b"\n")
        self.commands: Sequence[Command] = _commands(path, whole)
        self._file = FileIO(path, "r+")
        if torn:
            self._file.truncate(len(whole) + 1 if whole else 0)
        self._file.seek(0, 2)

    def append(self, command: Command) -> None:
        """Write a command that was carried out."""
        self._file.write(msgspec.json.encode(command) + b"\n")

    def close(self) -> None:
        self._file.close()


def _commands(path: Path, text: bytes) -> list[Command]:
    found: list[Command] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            found.append(msgspec.json.decode(line, type=Command))
        except msgspec.MsgspecError as error:
            raise DataError(f"{path}, line {number}: expected a command, got: {error}") from error
    return found
