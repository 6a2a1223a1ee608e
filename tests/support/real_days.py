"""Plays one recorded day through the whole daemon; run by processes of their own."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trading_bot.app.rehearsal_homes import new_home
from trading_bot.app.rehearse import Audience, Rehearsal, play, prepare
from trading_bot.app.replay import Difference, Replayer
from trading_bot.config.model import Config
from trading_bot.domain.errors import DataError
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_TRADES
from trading_bot.query.records import HomeRecords
from trading_bot.storage.verify import verify_home


@dataclass
class Played:
    """What a day came to; `refused` says why it was not played at all."""

    day: str
    refused: str = ""
    outcomes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    difference: Difference | None = None
    problems: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)


class _Kept:
    def __init__(self, alerts: list[str]) -> None:
        self._alerts = alerts

    def notify(self, severity: str, subject: str, text: str) -> None:
        self._alerts.append(f"{severity} {subject}: {text}")


def play_day(day: str, files: list[Path], base: Path) -> Played:
    """Play it with the shipped defaults, then check what it wrote."""
    played = Played(day)
    home = new_home(base, datetime(2026, 1, 1, tzinfo=UTC))
    try:
        stage = prepare(Rehearsal(files=tuple(files)), home, Config())
    except DataError as error:
        played.refused = str(error)
        return played
    asyncio.run(play(stage, Audience(notifier=_Kept(played.alerts))))
    records = HomeRecords(home)
    for line in records.lines(STREAM_TRADES):
        outcome = TradeRecord.from_jsonl_line(line).outcome
        if outcome != "open":
            played.outcomes[outcome or ""] += 1
    for line in records.lines(STREAM_DECISIONS):
        decision = DecisionRecord.from_jsonl_line(line)
        if not decision.is_approved:
            played.rules[decision.rule or ""] += 1
    played.difference = Replayer(home).first_difference(stage.days[0].session.day)
    played.problems = [str(found) for found in verify_home(home).damage]
    return played
