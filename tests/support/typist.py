"""Somebody who types at a terminal on which a program runs."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
from types import TracebackType
from typing import Self

from support.checkout import ROOT

_WAIT_S = 20.0


class Typist:
    """A program with a terminal of its own; everything it prints is on the screen."""

    def __init__(self, *command: str) -> None:
        self._master, slave = pty.openpty()
        self.screen = ""
        self._read_to = 0
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TRADING_BOT_")}

        def own_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**inherited, "PYTHONPATH": path},
            start_new_session=True,
            preexec_fn=own_terminal,  # noqa: PLW1509 - the child is a Python of ours, one thread
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def see(self, text: str) -> None:
        """Wait until `text` is on the screen, below what was waited for before."""
        while text not in self.screen[self._read_to :]:
            if not self._read():
                raise AssertionError(f"expected {text!r} on the screen, got {self.screen!r}")
        self._read_to = self.screen.index(text, self._read_to) + len(text)

    def type(self, text: str) -> None:
        """Type it, as it stands."""
        os.write(self._master, text.encode())

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def end(self) -> int:
        """The exit code, once it has ended."""
        while self._read():
            pass
        return self._process.wait(_WAIT_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], _WAIT_S)
        if not ready:
            raise AssertionError(f"nothing more within {_WAIT_S:g} s after {self.screen!r}")
        try:
            part = os.read(self._master, 65536)
        except OSError:
            # What a terminal says when its last program has left.
            return False
        self.screen += part.decode("utf-8", "replace")
        return bool(part)
