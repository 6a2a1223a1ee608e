"""A recorded day again: the tape through the same core, under the config it was recorded with."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import msgspec
from pydantic import ValidationError

from trading_bot.app.core_settings import make_calendar, make_core_settings
from trading_bot.app.provenance import changed_since
from trading_bot.app.strategy_files import make_factories
from trading_bot.config.identity import REDACTED
from trading_bot.config.load import load_config
from trading_bot.config.model import Config
from trading_bot.core.codec import decode_event, has_hidden_account, show_account
from trading_bot.core.effects import Effect, Record
from trading_bot.core.events import Event, Started
from trading_bot.core.settings import CoreSettings
from trading_bot.core.state import CoreState, new_state
from trading_bot.core.step import step
from trading_bot.domain.errors import ConfigError, DataError
from trading_bot.execution.ref_ids import Identity
from trading_bot.logging.line import parse_timestamp
from trading_bot.logging.session_record import SessionRecord
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_ORDERS, STREAM_SESSIONS
from trading_bot.query.records import HomeRecords
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.storage.home import Home


@dataclass(frozen=True, slots=True)
class Replayed:
    """One event of the tape, what it caused again, and the state after it.

    The state is the replay's own and goes on changing: look at it, keep nothing of it.
    """

    event: Event
    effects: list[Effect]
    state: CoreState


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place where the record and the replay part."""

    stream: str
    number: int
    recorded: str | None
    replayed: str | None


_TIMED_BY_THEIR_EVENT = frozenset({STREAM_ORDERS, STREAM_DECISIONS})
"""Streams whose lines carry the time of the event that caused them, not of something past."""


class _Timed(msgspec.Struct):
    timestamp: str

    @classmethod
    def of(cls, line: str) -> str:
        """The time in a record's line."""
        return msgspec.json.decode(line, type=cls).timestamp


class Replayer:
    """Replays the days of one home; reads only."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._records = HomeRecords(home)
        self._sessions = self._read_sessions()
        self._calendar = NyseCalendar()

    def replay(self, day: date) -> Iterator[Replayed]:
        """Every event of `day`'s tape with what it caused.

        DataError when there is no tape of it.
        """
        state: CoreState | None = None
        for line in self._records.tape_of(day.isoformat()):
            event = decode_event(line)
            if isinstance(event, Started) and has_hidden_account(event):
                event = show_account(event, self._account(self._session_of(event)))
            if isinstance(event, Started) and (state is None or event.is_new_session):
                state = new_state(self._settings(event))
            if state is None:
                raise DataError(f"the tape of {day} does not begin with a start")
            yield Replayed(event, step(state, event), state)
        if state is None:
            raise DataError(f"there is no tape of {day} in {self._home.tape}")

    def lines(self, day: date) -> dict[str, list[str]]:
        """The record lines that the day's events cause, by stream."""
        return self._expected(day)[0]

    def first_difference(self, day: date) -> Difference | None:
        """Compare every line the day's events cause with the records.

        None when all are there, in order. What the last event before a crash caused may be missing:
        an event is on the tape before its records are on the disk.
        """
        lines, cut_off = self._expected(day)
        for stream, caused in lines.items():
            replayed = self._without_lost(stream, caused, cut_off.get(stream, set()))
            difference = self._compare(stream, replayed, day)
            if difference is not None:
                return difference
        return None

    def changed_since(self, day: date) -> tuple[str, ...]:
        """What is not as it was when `day` was recorded, and may explain a difference."""
        ids = {
            event.session.session_id
            for line in self._records.tape_of(day.isoformat())
            if isinstance(event := decode_event(line), Started)
        }
        sessions = (session for name, session in self._sessions.items() if name in ids)
        found = (text for s in sessions for text in changed_since(s, config_of(s), self._home))
        return tuple(dict.fromkeys(found))

    def _expected(self, day: date) -> tuple[dict[str, list[str]], dict[str, set[int]]]:
        """As `lines`, and the places of those that a crash may have kept from the disk."""
        lines: dict[str, list[str]] = {}
        cut_off: dict[str, set[int]] = {}
        before: dict[str, int] = {}
        for replayed in self.replay(day):
            if isinstance(replayed.event, Started) and replayed.event.is_new_session:
                for stream, caused in lines.items():
                    places = range(before.get(stream, 0), len(caused))
                    cut_off.setdefault(stream, set()).update(places)
            before = {stream: len(caused) for stream, caused in lines.items()}
            for effect in replayed.effects:
                if isinstance(effect, Record):
                    line = effect.record.to_jsonl_line()
                    lines.setdefault(effect.stream, []).append(line)
        return lines, cut_off

    def _without_lost(self, stream: str, caused: list[str], unsure: set[int]) -> list[str]:
        """`caused` without the unsure lines that are not on record; one may be there later on."""
        if not unsure:
            return caused
        wanted = {caused[place] for place in unsure}
        there = Counter(line for line in self._records.lines(stream) if line in wanted)
        there.subtract(
            line for place, line in enumerate(caused) if place not in unsure and line in wanted
        )
        kept = []
        for place, line in enumerate(caused):
            if place in unsure:
                if there[line] <= 0:
                    continue
                there[line] -= 1
            kept.append(line)
        return kept

    def _compare(self, stream: str, replayed: list[str], day: date) -> Difference | None:
        if not replayed:
            return None
        recorded = iter(self._records.lines(stream))
        first = replayed[0]
        # The stream may hold earlier days: the comparison begins at the day's first line.
        found = next((line for line in recorded if line == first), None)
        if found is None:
            return Difference(stream=stream, number=1, recorded=None, replayed=first)
        for number, line in enumerate(replayed[1:], start=2):
            other = next(recorded, None)
            if other != line:
                return Difference(stream=stream, number=number, recorded=other, replayed=line)
        return self._one_more(stream, next(recorded, None), len(replayed) + 1, day)

    def _one_more(self, stream: str, line: str | None, number: int, day: date) -> Difference | None:
        """A recorded line of the same day that nothing on the tape caused."""
        if line is None or stream not in _TIMED_BY_THEIR_EVENT:
            return None
        at = parse_timestamp(_Timed.of(line))
        if self._calendar.trading_day(at) != day:
            return None
        return Difference(stream=stream, number=number, recorded=line, replayed=None)

    def _settings(self, started: Started) -> CoreSettings:
        session = self._session_of(started)
        config = config_of(session)
        key = self._home.key_file.read_bytes()
        identity = Identity(mode=session.mode, account=self._account(session), key=key)
        return make_core_settings(
            config,
            calendar=make_calendar(config),
            factories=make_factories(config, self._home.root),
            identity=identity,
        )

    def _session_of(self, started: Started) -> SessionRecord:
        session = self._sessions.get(started.session.session_id)
        if session is None:
            raise DataError(f"session {started.session.session_id} of the tape is not on record")
        return session

    def _account(self, session: SessionRecord) -> str:
        """The account the session's orders were named for; trade records alone hold its number."""
        config = config_of(session)
        if config.account_number != REDACTED:
            return config.account_number or "paper"
        if session.mode == "rehearsal":
            return AccountSettings().number
        # A home is bound to one account, so what it is set to now is what it was.
        number = load_config(self._home).account_number
        if number is None:
            raise ConfigError("replaying a session with an account needs its account_number")
        return number

    def _read_sessions(self) -> Mapping[str, SessionRecord]:
        found: dict[str, SessionRecord] = {}
        for line in self._records.lines(STREAM_SESSIONS):
            record = SessionRecord.from_jsonl_line(line)
            found[record.session_id] = record
        return found


def config_of(session: SessionRecord) -> Config:
    """The settings that the session was run with; ConfigError when they are of another version."""
    try:
        return Config.model_validate(dict(session.config))
    except ValidationError as error:
        raise ConfigError(
            f"the config of session {session.session_id} is of another version"
        ) from error
