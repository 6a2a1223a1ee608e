"""A person at a terminal, asked without blocking the loop: a deadline or Ctrl-C ends a question."""

import asyncio
import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from trading_bot.domain.errors import ConfigError, TradingBotError

_CHUNK: Final = 4096
_LINE_MAX: Final = 64 * 1024
_LOCAL_FLAGS: Final = 3
_ENDS: Final = (ord("\n"), ord("\r"))
_BACKSPACES: Final = (0x08, 0x7F)
_CLEAR_LINE: Final = 0x15
_END_OF_INPUT: Final = 0x04


class Terminal:
    """Questions on stderr, answers from the terminal at `descriptor`."""

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._pending = b""

    @property
    def is_there(self) -> bool:
        """True when somebody can be asked."""
        return os.isatty(self._descriptor)

    def tell(self, text: str) -> None:
        """A line."""
        print(text, file=sys.stderr, flush=True)

    async def text(self, question: str) -> str:
        """An answer that is seen as it is typed."""
        self._ask(question)
        return self._decoded(await self._line())

    async def secret(self, question: str) -> str:
        """An answer that is not seen; it may be longer than the 4095 bytes of a terminal's line."""
        with self._unseen():
            self._ask(question)
            answer = await self._line()
        self.tell("")
        return self._decoded(answer)

    def _ask(self, question: str) -> None:
        print(question, end="", file=sys.stderr, flush=True)

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        """No echo, and no line of the terminal's own; Ctrl-C stays what it is."""
        before = termios.tcgetattr(self._descriptor)
        changed = termios.tcgetattr(self._descriptor)
        changed[_LOCAL_FLAGS] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, changed)
        try:
            yield
        finally:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)

    async def _line(self) -> bytes:
        line = bytearray()
        while True:
            for place, byte in enumerate(self._pending):
                if byte in _ENDS:
                    self._pending = self._pending[place + 1 :]
                    return bytes(line)
                _edit(line, byte)
            self._pending = b""
            if len(line) > _LINE_MAX:
                raise ConfigError(f"expected an answer of at most {_LINE_MAX} bytes")
            await self._readable()
            self._pending = os.read(self._descriptor, _CHUNK)
            if not self._pending:
                raise _ended()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._descriptor)

    def _decoded(self, answer: bytes) -> str:
        try:
            return answer.decode()
        except UnicodeDecodeError:
            raise ConfigError("expected an answer in UTF-8") from None


def _edit(line: bytearray, byte: int) -> None:
    """What the terminal does in a line of its own."""
    if byte in _BACKSPACES:
        del line[-1:]
    elif byte == _CLEAR_LINE:
        line.clear()
    elif byte == _END_OF_INPUT and not line:
        raise _ended()
    else:
        line.append(byte)


def _ended() -> TradingBotError:
    return TradingBotError("the input ended without an answer; nothing was changed")
