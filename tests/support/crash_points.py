"""Every place where a crash can fall between two facts, found by walking the code.

A point is an `await`, a call of a durable file operation, or an effect of the core. A process that
is told a point kills itself there (kill -9) at the n-th visit: before the line runs, or after it.
"""

import ast
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dis import opname
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Literal

from support.checkout import SOURCE, modules

ROOMS = ("app", "brokers/robinhood", "shell", "storage")
"""Where the daemon waits, writes and sends; the rooms below them only decide, or only look."""

NOT_THE_DAEMON = {
    "app/desk.py": "a person at the records, with the daemon down",
    "app/explain.py": "answers a question over the records",
    "app/progress.py": "prints",
    "app/quotes.py": "shows quotes to the paper broker",
    "app/reconcile.py": "a person at the records, with the daemon down",
    "app/rehearsal_homes.py": "tidies rehearsals",
    "app/rehearse.py": "sets a rehearsal up",
    "app/run.py": "sets a run up; what it sets up is here",
    "app/session_view.py": "shows the session to a person",
    "app/session_watch.py": "looks at a file every half minute, on real time",
    "app/sessions.py": "a person logs in",
    "app/stake.py": "reads the account once, before a person arms",
    "brokers/robinhood/login.py": "a person logs in",
    "brokers/robinhood/probe/": "a person looks at the service",
}
"""Files of those rooms without a part in an order's life."""

DURABLE = frozenset(
    {
        "fchmod", "fdatasync", "fsync", "ftruncate", "link", "make_symlink", "open_append",
        "open_replace", "pwrite", "rename", "replace", "symlink_to", "sync_data",
        "sync_directory", "truncate", "unlink", "write", "write_at",
    }
)  # fmt: skip
"""Names of the calls that change what a restart finds on the disk."""

Kind = Literal["await", "durable", "effect"]
When = Literal["before", "after"]


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A line of a file below the package: `file` as in `shell/daemon.py`."""

    file: str
    line: int
    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.kind}: {self.text})"


@dataclass(frozen=True, slots=True)
class Kill:
    """Die at the `visit`-th time the line of `point` is reached, or has been run."""

    point: Point
    when: When
    visit: int = 1


def points(rooms: tuple[str, ...] = ROOMS) -> list[Point]:
    """All points of the rooms, in order of file and line; one a line, an await before the rest."""
    found: dict[tuple[str, int], Point] = {}
    for room in rooms:
        for module in modules(SOURCE / room):
            name = f"{room}/{module.name}"
            if any(name.startswith(apart) for apart in NOT_THE_DAEMON):
                continue
            for kind, node in _nodes(module.tree):
                text = ast.unparse(node).split("\n")[0][:60]
                found.setdefault((name, node.lineno), Point(name, node.lineno, kind, text))
    return sorted(found.values())


def _nodes(tree: ast.Module) -> Iterator[tuple[Kind, ast.stmt | ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Await | ast.AsyncWith | ast.AsyncFor):
            yield "await", node
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_durable(node):
            yield "durable", node
    for function in ast.walk(tree):
        if isinstance(function, ast.AsyncFunctionDef) and function.name == "_perform":
            for node in ast.walk(function):
                if isinstance(node, ast.match_case) and not isinstance(node.body[0], ast.Raise):
                    yield "effect", node.body[0]


def _is_durable(call: ast.Call) -> bool:
    name = _last_name(call.func)
    if name == "replace":
        # A path is replaced by one other; a text's, a time's or a value's replace says more.
        return len(call.args) == 1 and not call.keywords
    return name in DURABLE


def _last_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


class Tracer:
    """Counts visits of points, and kills the process at one of them."""

    def __init__(self, wanted: list[Point], kill: Kill | None = None) -> None:
        self.visits: Counter[Point] = Counter()
        self._kill = kill
        self._lines: dict[str, dict[int, Point]] = {}
        for point in wanted:
            path = str(SOURCE / point.file)
            self._lines.setdefault(path, {})[point.line] = point
        self._watched: dict[CodeType, dict[int, Point] | None] = {}
        self._armed: dict[int, FrameType] = {}

    def start(self) -> None:
        """Trace this thread and every thread that begins from now on."""
        threading.settrace(self._on_call)
        sys.settrace(self._on_call)

    def stop(self) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def _on_call(self, frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if code not in self._watched:
            self._watched[code] = self._points_of(code)
        points = self._watched[code]
        if points is None:
            return None
        # A coroutine that goes on after an await comes in here again: the line before is over.
        if id(frame) in self._armed:
            self._die()
        return self._tracer_of(frame, points)

    def _points_of(self, code: CodeType) -> dict[int, Point] | None:
        lines = self._lines.get(code.co_filename)
        if lines is None:
            return None
        own = {line: lines[line] for *_, line in code.co_lines() if line in lines}
        return own or None

    def _tracer_of(self, frame: FrameType, points: dict[int, Point]) -> Callable[..., Any]:
        def trace(_frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
            if event == "line":
                if id(frame) in self._armed:
                    self._die()
                point = points.get(frame.f_lineno)
                if point is not None:
                    self._visit(point, frame)
            elif id(frame) in self._armed and (event == "exception" or _is_over(frame)):
                self._die()
            return trace

        return trace

    def _visit(self, point: Point, frame: FrameType) -> None:
        self.visits[point] += 1
        kill = self._kill
        if kill is None or kill.point != point or self.visits[point] != kill.visit:
            return
        if kill.when == "before":
            self._die()
        self._armed[id(frame)] = frame

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def _is_over(frame: FrameType) -> bool:
    """False while a coroutine only hands over to the loop: its line is not over then."""
    return opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")


def unvisited(wanted: list[Point], counts: Counter[Point]) -> list[Point]:
    """Points that no scenario reached."""
    return [point for point in wanted if not counts[point]]


def package_of(path: Path) -> str:
    """`shell/daemon.py` for a file of the package."""
    return path.relative_to(SOURCE).as_posix()
