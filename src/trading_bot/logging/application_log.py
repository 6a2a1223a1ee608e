"""The application log: what people read while it runs. The journal is for truth, this is not.

Two outputs: the console, pretty; and a file of one line an event, rotated at 10 MB with 3 old ones
kept. Both are redacted, both take their times from the clock they are given.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from trading_bot.logging.line import format_timestamp
from trading_bot.logging.redaction import Redactor

FILE_NAME: Final = "trading_bot.log"
FILE_BYTES_MAX: Final = 10 * 1024 * 1024
FILES_KEPT: Final = 3

_PRIVATE: Final = 0o600
_LEADING: Final = ("timestamp", "level", "logger", "event")


class _PrivateRotatingFile(RotatingFileHandler):
    """Readable by its owner only, from its first byte on."""

    def _open(self) -> TextIOWrapper:
        def private(path: str, flags: int) -> int:
            return os.open(path, flags, _PRIVATE)

        # Always appending; Path.open knows no opener.
        return open(self.baseFilename, "a", encoding="utf-8", opener=private)


@dataclass(slots=True, kw_only=True)
class ApplicationLog:
    """The running log; `close` takes its outputs away again."""

    handlers: list[logging.Handler] = field(default_factory=list)

    def close(self) -> None:
        """Flush and close the outputs; later events go nowhere near them."""
        root = logging.getLogger()
        for handler in self.handlers:
            root.removeHandler(handler)
            handler.close()
        self.handlers.clear()
        structlog.reset_defaults()


def set_up(
    *,
    folder: Path,
    clock: Callable[[], datetime],
    redactor: Redactor,
    level: str = "INFO",
    console: TextIO | None = None,
) -> ApplicationLog:
    """Start the log: `folder`/trading_bot.log, and `console` (standard error if not given).

    `clock` returns aware UTC. Events of the standard `logging` module (libraries) take the same
    way. Raises OSError when the file cannot be opened.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _Timestamp(clock),
        structlog.processors.StackInfoRenderer(),
        # Plain tracebacks: the pretty ones would print local variables, and with them secrets.
        structlog.processors.format_exc_info,
        _Redaction(redactor),
    ]
    stream = console if console is not None else sys.stderr
    pretty = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(),
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=0,
    )
    file = _PrivateRotatingFile(
        folder / FILE_NAME, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT, encoding="utf-8"
    )
    handlers: list[logging.Handler] = [logging.StreamHandler(stream), file]
    _attach(handlers[0], pretty, shared)
    _attach(file, _render_line, shared)
    logging.getLogger().setLevel(level)
    _configure(shared)
    return ApplicationLog(handlers=handlers)


def _attach(handler: logging.Handler, renderer: Processor, shared: list[Processor]) -> None:
    """Let events of structlog and of the standard module both come out through `renderer`."""
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.getLogger().addHandler(handler)


def _configure(shared: list[Processor]) -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class _Timestamp:
    """Stamps an event with the program's own time, so that a rehearsal logs the rehearsed day."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        event["timestamp"] = format_timestamp(self._clock())
        return event


class _Redaction:
    """Last before rendering, so that nothing a processor added escapes it."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _logger: object, _method: str, event: EventDict) -> Mapping[str, Any]:
        internal: MutableMapping[str, Any] = {
            name: value for name, value in event.items() if name.startswith("_")
        }
        shown = {n: v for n, v in event.items() if not n.startswith("_")}
        return {**self._redactor.mapping(shown), **internal}


def _render_line(_logger: object, _method: str, event: EventDict) -> str:
    """One line: time, level, logger, what happened, then name=value; line feeds are escaped."""
    head = (
        f"{event.get('timestamp', '')} {str(event.get('level', '')).upper():<8} "
        f"{event.get('logger') or '-'} {_one_line(event.get('event', ''))}"
    )
    rest = (f"{name}={_shown(event[name])}" for name in event if name not in _LEADING)
    return " ".join((head, *rest))


def _one_line(value: object) -> str:
    return "\\n".join(str(value).splitlines())


def _shown(value: object) -> str:
    if isinstance(value, str) and value.isalnum() and value.isascii():
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
