"""kill -9 at every await, durable call and effect: no order lost or doubled, nothing left bare.

The points are found by walking the code, so that a new one is tested, or fails, the day it is
written. The exchange is a process of its own and keeps its own ledger; it is the judge.
"""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.crash_points import Point, points, unvisited
from support.crash_scenarios import SCENARIOS, Outcome, count_visits, kill_and_go_on, kills_for

pytestmark = pytest.mark.xdist_group("crash-matrix")

SAMPLE = 16
"""Kills of the ci tier; the long tier makes them all."""

SEED = 20240702

DISK = "a failing or full disk, or a torn tail: killed there by tests/integration/storage"
PERSON = "a person at a command; no order is near"
PAPER = "the paper account, which has no broker that could be asked"
REAL_TIME = "beside the daemon on real time; rehearsals stand on virtual time"
WAITING = "a start without a usable session sends nothing: tests/scenarios/test_lost_session.py"
LIST_DOWN = "reads one order when the list is down: tests/scenarios/test_blind.py"
UNUSED = "no call of the daemon's in these scenarios; not a step of an order's life"

ELSEWHERE: dict[str, dict[str, str]] = {
    "app/connect.py": {
        "await keeper.renew()": "the account could not be read at the start: a session that ended",
        "await read_accounts(transport)": "the same, after the renewal",
        "await self.open(limits_reads=not": PAPER,
        "await settle_gap(": PAPER,
    },
    "app/engine.py": {
        "await writer.reopen()": DISK,
        "await writer.append(self._not": DISK,
        "await writer.roll(today)": WAITING,
    },
    "app/housekeeping.py": {"": REAL_TIME},
    "app/kept_session.py": {"await self._renewals.renew(": UNUSED},
    "app/session_wait.py": {"": WAITING},
    "app/signals.py": {"await finish_unless(stopped, work)": PERSON},
    "brokers/robinhood/broker.py": {"await self._names.id_of(symbol)": UNUSED},
    "brokers/robinhood/names.py": {"'symbol': symbol}": UNUSED},
    "brokers/robinhood/order_readings.py": {
        "await self._one_by_one()": LIST_DOWN,
        "self._reads.get_json(url": LIST_DOWN,
    },
    "brokers/robinhood/quotes.py": {"_urls.instruments_url(": UNUSED, "self.instrument(": UNUSED},
    "brokers/robinhood/refresh.py": {
        "await self._load()": REAL_TIME,
        "await self._store()": DISK,
        "await self._save(self._unstored)": DISK,
    },
    "brokers/robinhood/session_file.py": {
        "self.previous_path.replace(self.path)": PERSON,
        ".unlink(missing_ok=True)": PERSON,
    },
    "brokers/robinhood/transport.py": {
        "await self.get_json(url, params, policy)": UNUSED,
        "self._exchange(_Request('GET'": PERSON,
        "self._exchange(_Request('POST', url, {'json'": PERSON,
    },
    "shell/daemon.py": {
        "await self._journal_failed(": DISK,
        "await self._ports.rescue(": DISK,
        "self._timers.clear(": UNUSED,
    },
    "storage/files.py": {"os.pwrite(": DISK, "os.ftruncate(": DISK},
    "storage/home.py": {
        "self.root.resolve().parent": "the home's folder is made: nothing was traded in it",
        "self.reserve.unlink": DISK,
        "sync_directory(self.root)": DISK,
        "os.pwrite(descriptor, filler": DISK,
    },
    "storage/journal.py": {"files.open_append(path)": DISK},
    "storage/recovery.py": {"": DISK},
    "storage/streams.py": {"self._files.open_append(path)": DISK},
    "storage/writer.py": {
        "JournalSet.sync_seals": REAL_TIME,
        "self.run(exchange)": DISK,
        "record_interim_heads": "asked for by a backup",
        "await self.aclose()": UNUSED,
    },
}
"""Points that no scenario here reaches: text of the line -> why; an empty text stands for all."""


def visits_of(folder: Path) -> dict[str, Counter[Point]]:
    """Each scenario once, unharmed."""
    wanted = points()
    found = {}
    for name, scenario in SCENARIOS.items():
        root = folder / name
        root.mkdir()
        found[name] = count_visits(scenario, root, wanted).visits
    return found


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[Point]]:
    return visits_of(tmp_path_factory.mktemp("visits"))


@pytest.mark.ci
def test_every_point_is_reached_or_said_to_be_elsewhere(
    visits: dict[str, Counter[Point]],
) -> None:
    """A point that nobody visits, and that nobody excused, is one where nobody looked."""
    counts: Counter[Point] = Counter()
    for one in visits.values():
        counts.update(one)

    missed = [p for p in unvisited(points(), counts) if not _why(p)]

    assert not missed, "\n".join(map(str, missed))
    assert len(counts) > 120
    print(f"{len(counts)} points reached, {len(points())} in all")


def test_an_excuse_names_a_point_that_is_there() -> None:
    """What was removed from the code is not excused any more."""
    there = points()

    for file, texts in ELSEWHERE.items():
        for text in texts:
            assert any(p.file == file and text in p.text for p in there), f"{file}: {text}"


@pytest.mark.ci
def test_some_kills(visits: dict[str, Counter[Point]], tmp_path: Path) -> None:
    """A sample, the same each time: records and ledger agree after every one."""
    chance = random.Random(SEED)
    kills = kills_for(visits, chance, per_point=2)
    outcomes = _kill_all(chance.sample(kills, SAMPLE), tmp_path)

    _check(outcomes, at_least=SAMPLE // 2)


@pytest.mark.long
def test_every_kill(visits: dict[str, Counter[Point]], tmp_path: Path) -> None:
    """Before and after every point of every scenario, at up to two of its visits."""
    outcomes = _kill_all(kills_for(visits, random.Random(SEED), per_point=2), tmp_path)

    _check(outcomes, at_least=len(outcomes) // 2)


def _kill_all(kills: list[tuple[str, object]], folder: Path) -> list[tuple[str, Outcome]]:
    def one(numbered: tuple[int, tuple[str, object]]) -> tuple[str, Outcome]:
        number, (name, kill) = numbered
        root = folder / f"kill-{number}"
        root.mkdir()
        return f"{name}: {kill}", kill_and_go_on(SCENARIOS[name], root, kill)  # type: ignore[arg-type]

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, enumerate(kills)))


def _check(outcomes: list[tuple[str, Outcome]], at_least: int) -> None:
    wrong = [f"{what}: {o.problems}" for what, o in outcomes if o.problems]
    killed = sum(o.killed for _, o in outcomes)
    persons = sum(o.needs_person for _, o in outcomes)
    print(
        f"{len(outcomes)} kills asked for, {killed} made, {persons} left a person to log in, "
        f"{sum(o.orders for _, o in outcomes)} orders, "
        f"bare {max(o.bare_s for _, o in outcomes)} s at the longest, {len(wrong)} wrong"
    )
    assert not wrong, "\n".join(wrong)
    assert killed >= at_least


def _why(point: Point) -> str:
    for text, why in ELSEWHERE.get(point.file, {}).items():
        if text in point.text:
            return why
    return ""
