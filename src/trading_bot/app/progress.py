"""A rehearsal for the eye: the day's clock, trades and refusals as they happen."""

from collections.abc import Sequence
from datetime import datetime
from typing import TextIO
from zoneinfo import ZoneInfo

from trading_bot.app.rehearse import Stage
from trading_bot.core.effects import Effect, Record
from trading_bot.core.events import Event
from trading_bot.domain.money import text_of
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.line import parse_timestamp
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.market.calendar import NyseCalendar

_NEW_YORK = ZoneInfo("America/New_York")
_SHOWN_RISK = ("circuit_breaker_trip", "quote_source_failed", "quote_source_recovered")


class Progress:
    """Observer: prints a line for each trade, each refusal, each hour."""

    def __init__(self, calendar: NyseCalendar, out: TextIO, *, is_quiet: bool) -> None:
        self._calendar = calendar
        self._out = out
        self._is_quiet = is_quiet
        self._hour: tuple[int, int] | None = None

    def announce(self, stage: Stage) -> None:
        """What is about to be played."""
        for day in stage.days:
            kind = "made-up" if day.is_made_up else "recorded"
            half = ", early close" if day.session.is_early_close else ""
            names = ", ".join(day.symbols)
            print(f"playing the {kind} day {day.session.day}{half}: {names}", file=self._out)
        print(f"home: {stage.home.root}", file=self._out, flush=True)

    def __call__(self, event: Event, effects: Sequence[Effect]) -> None:
        """Print what is worth it."""
        if self._is_quiet:
            return
        self._tick(event.at)
        for effect in effects:
            if isinstance(effect, Record):
                self._record(effect)

    def _tick(self, at: datetime) -> None:
        local = at.astimezone(_NEW_YORK)
        hour = (local.timetuple().tm_yday, local.hour)
        session = self._calendar.session(local.date())
        if hour != self._hour and session is not None and session.open <= at <= session.close:
            print(f"{local:%a %H:%M}  ------", file=self._out, flush=True)
        self._hour = hour

    def _record(self, effect: Record) -> None:
        match effect.record:
            case TradeRecord():
                self._say(effect.record.timestamp, _trade_text(effect.record))
            case DecisionRecord() if not effect.record.is_approved:
                record = effect.record
                self._say(
                    record.timestamp, f"  no    {record.symbol:5} {record.rule}: {record.reason}"
                )
            case RiskEvent() if effect.record.event_type in _SHOWN_RISK:
                snapshot = effect.record.config_snapshot
                reason = snapshot.get("reason", "")
                self._say(effect.record.timestamp, f"  risk  {effect.record.event_type}: {reason}")

    def _say(self, timestamp: str, text: str) -> None:
        local = parse_timestamp(timestamp).astimezone(_NEW_YORK)
        print(f"{local:%a %H:%M:%S}{text}", file=self._out, flush=True)


def _trade_text(record: TradeRecord) -> str:
    what = f"{record.quantity} {record.symbol} at {text_of(record.price)}"
    if record.action == "BUY":
        plan = f"stop {record.stop_loss}, target {record.target}"
        return f"  BUY   {what}, {plan}: {record.decision_reasoning}"
    net = record.net_profit_loss
    sign = "+" if net is not None and net > 0 else ""
    return f"  SELL  {what}, {record.outcome} {sign}{net}: {record.exit_reasoning}"
