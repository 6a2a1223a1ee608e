"""What a daemon is killed in: mornings, a restart with a position, a night, faults, a renewal."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from support.crash_points import Kill, Point
from support.crash_process import Ended, Run, exchange, live
from support.scenarios import CALENDAR, SEED, Play, days_of
from trading_bot.app.rehearse import LEAD, _issue_session
from trading_bot.app.verdict import ABSENCE_S, bare_max_s, fault_allowance_s
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.query.records import HomeRecords
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.fault_menu import Hangs, Throttled, Unauthorized
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.order_faults import (
    AcceptThenDrop,
    CancelThenDrop,
    DropBeforeAccepting,
    Outage,
    PartialFills,
)
from trading_bot.rehearsal.verdict import Verdict, judge, read_report
from trading_bot.storage.verify import verify_home

RESTART: Final = timedelta(seconds=8)
"""How long after a crash the daemon stands again: systemd's five seconds, and its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Minutes are from the first day's open; `earlier` is a life before, ended in good order.

    `access_life` is how long the session that the home begins with is good for; `renews` says that
    it is renewed on the way.
    """

    name: str
    start: float = -LEAD.total_seconds() / 60
    until: float = 45
    earlier: tuple[float, float] | None = None
    days: int = 1
    rules: tuple[FaultRule, ...] = ()
    access_life: timedelta = timedelta(days=7)
    renews: bool = False

    def at(self, minutes: float) -> datetime:
        """The moment so many minutes from the open."""
        opened: datetime = days_of(count=1)[0].session.open
        return opened + timedelta(minutes=minutes)


def _scenarios() -> list[Scenario]:
    base = Scenario(name="morning")
    close = (days_of(count=1)[0].session.close - days_of(count=1)[0].session.open) / timedelta(
        minutes=1
    )
    to_next_open = 24 * 60.0
    faults = (
        FaultRule(fault=AcceptThenDrop(), method="POST", path="/orders/", count=1),
        FaultRule(fault=DropBeforeAccepting(), method="POST", path="/orders/", count=1, skip=3),
        FaultRule(fault=CancelThenDrop(), method="POST", path="/orders/*/cancel/", count=1),
        FaultRule(fault=PartialFills(pieces=3), method="POST", path="/orders/", count=2, skip=5),
        FaultRule(fault=Hangs(seconds=3), path="/quotes/*", count=1, skip=60),
        FaultRule(fault=Throttled(retry_after_s=3), path="/quotes/*", count=2, skip=20),
        FaultRule(fault=Unauthorized(), path="/orders/", method="GET", count=1, skip=4),
        FaultRule(
            fault=Outage(how="reset", seconds=0), since=base.at(33), until=base.at(33.5), path="*"
        ),
    )
    return [
        base,
        Scenario(name="restart", earlier=(base.start, 21), start=22),
        Scenario(name="faults", rules=faults, until=60, renews=True),
        Scenario(name="renewal", access_life=timedelta(hours=3), until=15, renews=True),
        Scenario(name="night", days=2, start=close - 40, until=to_next_open + 12),
    ]


SCENARIOS: Final[Mapping[str, Scenario]] = {one.name: one for one in _scenarios()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a killed life came to, judged by the exchange's own ledger.

    `needs_person`: the session's renewal was answered and the answer was lost with the process, so
    that only a log-in makes a new one; stops good until cancelled stand at the broker meanwhile.
    """

    killed: bool
    needs_person: bool
    problems: tuple[str, ...]
    verdict: Verdict
    bare_s: Decimal
    orders: int


def count_visits(scenario: Scenario, root: Path, points: Sequence[Point]) -> Ended:
    """Play it once, unharmed; the exchange must agree with the records."""
    play = _home(scenario, root)
    with exchange(scenario.days, scenario.rules) as standing:
        _earlier(scenario, root, standing.url)
        ended = live(_run(scenario, root, standing.url, points=tuple(points)))
        assert ended.code == 0, ended.said
        verdict = _judge(scenario, play, standing.ledger(), restart=timedelta(0))
        assert verdict.agrees, verdict.text()
    return ended


def kill_and_go_on(scenario: Scenario, root: Path, kill: Kill) -> Outcome:
    """Kill the daemon there, start it again in time, let it end; then ask the exchange."""
    play = _home(scenario, root)
    problems: list[str] = []
    needs_person = False
    with exchange(scenario.days, scenario.rules) as standing:
        _earlier(scenario, root, standing.url)
        first = live(_run(scenario, root, standing.url, points=(kill.point,), kill=kill))
        if not first.was_killed and first.code:
            problems.append(f"it ended by itself: {first.said}")
        if first.was_killed:
            died = datetime.fromisoformat(str(standing.ledger()["at"]))
            start = max(died, scenario.at(scenario.start)) + RESTART
            again = live(_run(scenario, root, standing.url, start=start))
            needs_person = scenario.renews and "LoginNeededError" in again.said
            if again.code and not needs_person:
                problems.append(f"the next start failed: {again.said}")
        ledger = standing.ledger()
        verdict = _judge(scenario, play, ledger, restart=RESTART)
    told = verdict.problems
    if needs_person:
        # Nobody could read the broker since: what was sent before is still sent once.
        told = tuple(p for p in told if "for the intent" in p or "was sent" in p)
    problems += told
    report = verify_home(play.home)
    if not report.is_sound:
        problems.append(f"not sound: {report}")
    read = read_report(ledger)
    return Outcome(
        killed=first.was_killed,
        needs_person=needs_person,
        problems=tuple(problems),
        verdict=verdict,
        bare_s=max((one.longest_seconds for one in read.uncovered.values()), default=Decimal(0)),
        orders=sum(1 for order in read.orders if order.is_ours),
    )


def kills_for(
    visits: Mapping[str, Mapping[Point, int]], chance: random.Random, per_point: int
) -> list[tuple[str, Kill]]:
    """Before and after each point that was visited, at up to `per_point` visits of a scenario."""
    chosen: list[tuple[str, Kill]] = []
    for name, counts in visits.items():
        for point, count in sorted(counts.items()):
            wanted = {1, count, *(chance.randint(1, count) for _ in range(per_point))}
            for visit in sorted(wanted)[:per_point]:
                chosen += [(name, Kill(point, when, visit)) for when in ("before", "after")]
    return chosen


def _home(scenario: Scenario, root: Path) -> Play:
    play = Play(root, days_of(count=scenario.days))
    settings = ExchangeSettings(seed=SEED, access_life=scenario.access_life)
    issuing = Exchange(play.days, CALENDAR, settings)
    first = scenario.earlier[0] if scenario.earlier else scenario.start
    _issue_session(play.home, issuing, scenario.at(first))
    return play


def _earlier(scenario: Scenario, root: Path, url: str) -> None:
    if scenario.earlier is None:
        return
    start, until = (scenario.at(minutes) for minutes in scenario.earlier)
    ended = live(Run(root=root, url=url, start=start, until=until, days=scenario.days))
    assert ended.code == 0, ended.said


def _run(
    scenario: Scenario,
    root: Path,
    url: str,
    *,
    start: datetime | None = None,
    points: tuple[Point, ...] = (),
    kill: Kill | None = None,
) -> Run:
    return Run(
        root=root,
        url=url,
        start=start or scenario.at(scenario.start),
        until=scenario.at(scenario.until),
        days=scenario.days,
        points=points,
        kill=kill,
    )


def _judge(
    scenario: Scenario, play: Play, ledger: Mapping[str, object], restart: timedelta
) -> Verdict:
    records = HomeRecords(play.home)
    bound = (
        bare_max_s(play.config)
        + fault_allowance_s(scenario.rules)
        + Decimal(str(restart.total_seconds()))
    )
    if restart and not scenario.rules:
        # A sell that was on record and may have been sent is looked for before another is placed.
        bound += ABSENCE_S
    return judge(
        read_report(ledger),
        [TradeRecord.from_jsonl_line(line) for line in records.lines("trades")],
        [OrderEvent.from_jsonl_line(line) for line in records.lines("orders")],
        bare_max_s=bound,
    )
