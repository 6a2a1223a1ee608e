"""What only one place may do: talk to robin_stocks, approve an order, ask for the time."""

import ast
from pathlib import Path

import pytest

from support.checkout import SOURCE, modules, used_names

# The parts of robin_stocks that neither turn an outage into an empty answer nor guess: its
# session, the switches beside it, and the functions that only build an address.
ROBIN_STOCKS = "robin_stocks.robinhood"
ALLOWED_MODULES = {f"{ROBIN_STOCKS}.{name}" for name in ("globals", "helper", "urls")}
ALLOWED_OF_HELPER = {
    "SESSION",
    "get_output",
    "request_delete",
    "request_get",
    "request_post",
    "set_login_state",
    "set_output",
    "update_session",
}

# One room reads the clocks of the machine; ruff's list cannot tell the shell's tasks from its time.
TIME = {
    "asyncio.sleep",
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "random.random",
    "random.Random.seed",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.sleep",
    "time.time",
    "time.time_ns",
    "uuid.uuid1",
    "uuid.uuid4",
}


def is_allowed(name: str) -> bool:
    """Whether a full name of robin_stocks is one of its transport's."""
    if name in ALLOWED_MODULES or name in {"robin_stocks", ROBIN_STOCKS}:
        return True
    module, _, rest = name.removeprefix(f"{ROBIN_STOCKS}.").partition(".")
    if f"{ROBIN_STOCKS}.{module}" not in ALLOWED_MODULES:
        return False
    return module != "helper" or rest.split(".")[0] in ALLOWED_OF_HELPER


def swallowing_wrappers(folder: Path) -> list[str]:
    """Every use of robin_stocks beyond its transport, star imports included."""
    found = []
    for module in modules(folder):
        uses = set(used_names(module.tree)) | {
            (node.lineno, f"{node.module}.{alias.name}")
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        found += [
            f"{module.name}:{line} {name}"
            for line, name in sorted(uses)
            if name.split(".")[0] == "robin_stocks" and not is_allowed(name)
        ]
    return found


def approvals_outside_the_gate(folder: Path) -> list[str]:
    """Every place that makes an ApprovedOrder or Answers that are trusted, except the gate."""
    return [
        f"{module.name}:{node.lineno}"
        for module in modules(folder)
        if module.name != "risk/gate.py"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in {"ApprovedOrder", "Approved", "Answers"}
    ]


def clock_readings(folder: Path) -> list[str]:
    """Every reading of a clock or of chance outside the room that owns them."""
    return [
        f"{module.name}:{line} {name}"
        for module in modules(folder)
        if not module.name.startswith("runtime/")
        for line, name in used_names(module.tree)
        if name in TIME
    ]


def test_no_wrapper_of_robin_stocks_is_used() -> None:
    """Only session, switches and addresses: an outage never looks like an empty list."""
    assert swallowing_wrappers(SOURCE) == []


def test_only_the_gate_approves() -> None:
    """No order reaches a broker, and no answer a record unseen, that is not the risk gate's."""
    assert approvals_outside_the_gate(SOURCE) == []


def test_only_the_runtime_reads_a_clock() -> None:
    """Time and chance are given to whoever needs them."""
    assert clock_readings(SOURCE) == []


@pytest.mark.parametrize(
    "line",
    [
        "import robin_stocks.robinhood as rh\nrh.get_quotes('A')",
        "from robin_stocks import robinhood\nrobinhood.orders.get_all_stock_orders()",
        "from robin_stocks.robinhood import get_latest_price",
        "from robin_stocks.robinhood.orders import order",
        "from robin_stocks.robinhood import helper\nhelper.id_for_stock('A')",
        "from robin_stocks.robinhood.helper import filter_data",
        "from robin_stocks.robinhood import *",
    ],
)
def test_a_wrapper_of_robin_stocks_is_found(tmp_path: Path, line: str) -> None:
    """The control: however a wrapper is imported, it is seen."""
    (tmp_path / "broken.py").write_text(line, encoding="utf-8")

    assert swallowing_wrappers(tmp_path)


def test_the_transport_of_robin_stocks_is_free(tmp_path: Path) -> None:
    """The control of the control: what the broker needs is not reported."""
    (tmp_path / "fine.py").write_text(
        "from robin_stocks.robinhood import globals as state, helper, urls\n"
        "helper.SESSION.get(urls.quotes_url())\nstate.SESSION.close()\n",
        encoding="utf-8",
    )

    assert swallowing_wrappers(tmp_path) == []


def test_an_approval_elsewhere_is_found(tmp_path: Path) -> None:
    """The control: an order approved outside the gate is seen, in the gate it is not."""
    (tmp_path / "risk").mkdir()
    (tmp_path / "risk" / "gate.py").write_text("ApprovedOrder(x=1)", encoding="utf-8")
    (tmp_path / "core.py").write_text("order.ApprovedOrder(x=1)\nAnswers(())", encoding="utf-8")

    assert approvals_outside_the_gate(tmp_path) == ["core.py:1", "core.py:2"]


@pytest.mark.parametrize(
    "line",
    [
        "import time\ntime.time()",
        "from datetime import datetime\ndatetime.now()",
        "import datetime as dt\ndt.datetime.now()",
        "import asyncio\nawait asyncio.sleep(1)",
        "from uuid import uuid4\nuuid4()",
    ],
)
def test_a_reading_of_the_clock_is_found(tmp_path: Path, line: str) -> None:
    """The control: a clock is seen under whatever name, and free in the runtime."""
    (tmp_path / "shell").mkdir()
    (tmp_path / "shell" / "loop.py").write_text(line, encoding="utf-8")
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "clocks.py").write_text(line, encoding="utf-8")

    found = clock_readings(tmp_path)

    assert found
    assert all(complaint.startswith("shell/") for complaint in found)
