"""A day of chaos over HTTP: the exchange and the daemon are processes, and kill -9 is real.

The daemon is killed where a seed says: at a point of its code, counted from a moment of the day on,
by itself (the kernel sees no difference), or from outside at a moment of wall time, wherever it is
then. The latter cannot be had again from the seed, so it is told what was hit.
"""

import asyncio
import json
import os
import re
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Final, Literal

from support.chaos_controls import CONTROLS
from support.chaos_day import ChaosResult, Course, moments_of, result_of
from support.chaos_deaths import Fate, mortal_records
from support.chaos_exchange import FORKS, Standing, standing_exchange
from support.chaos_life import Life
from support.chaos_setting import CHAOS, OWNER_COMES, Setting, setting_of
from support.crash_points import Point, Tracer, When, points
from support.scenarios import Heard
from trading_bot.brokers.robinhood.session_file import SessionFile, SessionFileError
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event
from trading_bot.domain.errors import HumanNeededError, TradingBotError
from trading_bot.ports.records import STREAM_ORDERS, STREAM_TAPE
from trading_bot.query.records import HomeRecords
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.shell.daemon import Observer
from trading_bot.storage.home import Home

Where = Literal["effect", "await", "durable", "order", "session", "outside"]

_KINDS: Final[Sequence[Where]] = ("order", "session", "effect", "await", "durable")
"""What a point is counted as: the first that it is."""
_DEATHS: Final = 7
_OUTSIDE: Final = 2
_WHERE: Final[Sequence[Where]] = (
    "order",
    "order",
    "order",
    "durable",
    "durable",
    "await",
    "effect",
    "session",
)
_VISITS: Final[dict[Where, int]] = {
    "effect": 8, "await": 80, "durable": 12, "order": 3, "session": 4, "outside": 0,
}  # fmt: skip
_ORDER: Final = re.compile(r"\b_?(place|cancel|post|post_order)\(")
_SESSION: Final = ("brokers/robinhood/refresh.py", "brokers/robinhood/session_file.py")
_ANYWHERE_AFTER: Final = timedelta(minutes=2)
_LAST: Final = timedelta(minutes=1)
_OUTSIDE_WALL_S: Final = 0.15
_LOOK_S: Final = 0.004
_HANGS_S: Final = 240.0
_RENEWAL: Final = "/oauth2/token/"


_POINTS: Final = points()
"""Found once, by the process that the daemons are forked of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """kill -9 at the `visit`-th point of a kind from `at` on; from outside, `wall_s` after it.

    Where the daemon does not come by such a point for minutes, any point is good enough.
    """

    at: datetime
    where: Where
    when: When
    visit: int
    wall_s: float
    gap: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What a daemon's process is told at its start."""

    setting: Setting
    root: Path
    url: str
    number: int
    start: datetime
    death: Death | None
    control: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a process said that it ended; `how` is "killed" when it could say nothing.

    `where` is the kind of place that it died at, as deaths are counted.
    """

    how: Literal["over", "log in", "person", "failed", "broke", "died", "killed"]
    at: datetime | None = None
    said: str = ""
    where: str = "outside"


class DeadlyTracer(Tracer):
    """Kills its process as `death` says, having told `told` where."""

    def __init__(
        self, death: Death, clock: LockstepClock, until: datetime, told: Connection
    ) -> None:
        super().__init__(_POINTS)
        self._death = death
        self._clock = clock
        self._until = until
        self._told = told
        self._left = death.visit
        self._hit: Point | None = None
        # A start is watched from its first line.
        self._is_due = death.at <= clock.now() <= until

    def see(self, event: Event, _effects: Sequence[Effect]) -> None:
        """Observer: tracing costs, and is worth it only while the death is due."""
        self._is_due = self._death.at <= event.at <= self._until

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        return super()._on_call(frame, event, argument) if self._is_due else None

    def _visit(self, point: Point, frame: FrameType) -> None:
        death, now = self._death, self._clock.now()
        if not death.at <= now <= self._until or self._hit is not None:
            return
        is_late = now >= min(death.at + _ANYWHERE_AFTER, self._until - _LAST)
        if not (is_late or is_at(point, death.where)):
            return
        self._left -= 1
        if self._left > 0:
            return
        self._hit = point
        if death.when == "before":
            self._die()
        self._armed[id(frame)] = frame

    def _die(self) -> None:
        point, when = self._hit, self._death.when
        assert point is not None
        where = next(kind for kind in _KINDS if is_at(point, kind))
        self._told.send(
            End(how="died", at=self._clock.now(), said=str(point), where=f"{when} {where}")
        )
        super()._die()


def is_at(point: Point, where: Where) -> bool:
    """True when the point is one of that kind."""
    match where:
        case "order":
            return _ORDER.search(point.text) is not None
        case "session":
            return point.file in _SESSION
        case _:
            return point.kind == where


def _daemon(birth: Birth, told: Connection) -> None:
    clock = LockstepClock(birth.start)
    death = birth.death
    tracer: DeadlyTracer | None = None
    if death is not None and death.where != "outside":
        tracer = DeadlyTracer(death, clock, birth.setting.calms, told)
        tracer.start()
    try:
        end = _live(birth, clock, () if tracer is None else (tracer.see,))
    except HumanNeededError as error:
        end = End(how="person", said=f"{type(error).__name__}: {error}")
    except TradingBotError as error:
        end = End(how="failed", said=f"{type(error).__name__}: {error}")
    except BaseException:  # noqa: BLE001 - whatever ended it is told to the parent
        end = End(how="broke", said=traceback.format_exc())
    if tracer is not None:
        tracer.stop()
    told.send(replace(end, at=clock.now()))
    os._exit(0)


def _live(birth: Birth, clock: LockstepClock, observers: tuple[Observer, ...]) -> End:
    control = CONTROLS[birth.control]
    # Nobody's fate within the process: the death is a real one.
    fate = Fate(clock.now, Random(birth.setting.seed))
    life = Life(
        setting=birth.setting,
        home=Home(birth.root),
        number=birth.number,
        clock=clock,
        fate=fate,
        heard=Heard(),
        tampering=control.tampering,
        base_url=birth.url,
        observers=observers,
    )
    with control.patches(), mortal_records(fate, control.tampering.sink) as sinks:
        is_over = asyncio.run(life.run(sinks))
    return End(how="over" if is_over else "log in")


class _Day:
    """One seed's day: the exchange, and one daemon after the other in the same home."""

    def __init__(self, setting: Setting, home: Home, there: Standing, control: str) -> None:
        self.course = Course()
        self._setting = setting
        self._home = home
        self._there = there
        self._control = control
        self._starts = 0
        self._deaths = deaths_of(setting)

    def play(self) -> datetime:
        """Run until the day is over; when that was."""
        start = self._setting.begins
        while True:
            self._starts += 1
            death = self._deaths[0] if self._deaths else None
            end = self._process(start, death)
            now = max(start, self._there.rest(), self._last_event(), end.at or start)
            match end.how:
                case "over":
                    return now
                case "died" | "killed":
                    assert death is not None
                    start = self._died(self._deaths.pop(0), end, start, now)
                case "log in":
                    start = self._log_in(now, now)
                case "person":
                    start = self._log_in(now + OWNER_COMES, now)
                case "failed" if (again := self.course.start_failed(now)) is not None:
                    start = again
                case _:
                    raise AssertionError(end.said)

    def _process(self, start: datetime, death: Death | None) -> End:
        birth = Birth(
            setting=self._setting,
            root=self._home.root,
            url=self._there.url,
            number=self._starts,
            start=start,
            death=death,
            control=self._control,
        )
        ours, theirs = FORKS.Pipe(duplex=False)
        process = FORKS.Process(target=_daemon, args=(birth, theirs), name="daemon")
        process.start()
        theirs.close()
        if death is not None and death.where == "outside":
            self._kill_from_outside(process, death)
        process.join(_HANGS_S)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(
                f"the daemon of seed {self._setting.seed} hangs, start {birth.number}"
            )
        with ours:
            try:
                end: End = ours.recv()
            except EOFError:
                end = End(how="killed")
        was_killed = process.exitcode == -signal.SIGKILL
        if was_killed is not (end.how in ("died", "killed")):
            raise AssertionError(f"exit code {process.exitcode}, and it said: {end}")
        return end

    def _kill_from_outside(self, process: Any, death: Death) -> None:
        """Kill -9 some wall time after the exchange has seen the moment, whatever it does then."""
        while process.exitcode is None and self._there.latest() < death.at:
            process.join(_LOOK_S)
        process.join(death.wall_s)
        if process.exitcode is None and self._there.latest() < self._setting.calms:
            os.kill(process.pid, signal.SIGKILL)

    def _died(self, death: Death, end: End, start: datetime, now: datetime) -> datetime:
        """Note the death of the process begun at `start`; when the next one begins."""
        course = self.course
        course.kills[end.where] += 1
        said = end.said or self._last_seen(start)
        course.deaths.append(f"{now:%H:%M:%S} {end.where}: {said}")
        course.downs.append((now, now + death.gap))
        last = self._there.last_asked()
        if last is not None and last.path == _RENEWAL and not self._has_newest_session(now):
            self._there.lost_answer()
        return now + death.gap

    def _has_newest_session(self, now: datetime) -> bool:
        try:
            stored = SessionFile(self._home.session_pickle).load()
        except SessionFileError:
            return False
        return self._there.accepts(stored.access_token, now)

    def _log_in(self, at: datetime, down_since: datetime) -> datetime:
        self.course.logged_in(self._home, self._there.log_in(at), at, down_since)
        return at

    def _last_event(self) -> datetime:
        """When the last event was that is on the tape: no process may begin before it."""
        lines = HomeRecords(self._home).tail(STREAM_TAPE, 1)
        if not lines:
            return self._setting.begins
        return datetime.fromisoformat(json.loads(lines[0])[1]["at"])

    def _last_seen(self, start: datetime) -> str:
        """What a process that was killed without a word had done last."""
        last = self._there.last_asked()
        asked = "asked nothing yet"
        if last is not None and last.at >= start:
            asked = f"asked {last.method} {last.path}"
        events = HomeRecords(self._home).tail(STREAM_ORDERS, 1)
        kind = json.loads(events[0])["kind"] if events else "none"
        return f"up since {start:%H:%M:%S}, had {asked}, last order event on record: {kind}"


def deaths_of(setting: Setting) -> list[Death]:
    """The deaths of a day, in order."""
    chance = Random(f"deaths/http/{setting.seed}")
    moments = moments_of(setting, chance, _DEATHS)
    outside = set(chance.sample(range(len(moments)), _OUTSIDE))
    deaths = []
    for number, at in enumerate(moments):
        where: Where = "outside" if number in outside else chance.choice(_WHERE)
        deaths.append(
            Death(
                at=at,
                where=where,
                when=chance.choice(("before", "after")),
                visit=chance.randint(1, max(_VISITS[where], 1)),
                wall_s=chance.random() * _OUTSIDE_WALL_S,
                gap=timedelta(seconds=chance.randint(2, 60)),
            )
        )
    return deaths


def play_chaos_over_http(
    seed: int, root: Path, control: str = "none", lasts: timedelta = CHAOS
) -> ChaosResult:
    """Play the day of `seed` in a fresh home at `root`; the chaos `lasts` so long."""
    setting = setting_of(seed, over_http=True, lasts=lasts)
    home = setting.furnish(root)
    with standing_exchange(setting) as there:
        day = _Day(setting, home, there, control)
        ended = day.play()
        ending = there.ending(ended)
    result = result_of(
        setting, home, day.course,
        report=ending.report, asked=ending.asked, entries=ending.entries,
    )  # fmt: skip
    return replace(result, problems=(*result.problems, *ending.broken))
