"""Events as lines of the tape: ["EventName",{...}], lossless but for the account's number.

That stands in trade records and nowhere else; on the tape `HIDDEN` takes its place, and whoever
replays puts it back.
"""

from dataclasses import replace
from typing import Any, Final

import msgspec

from trading_bot.core import events
from trading_bot.core.events import Event, Started, StartState
from trading_bot.domain.errors import DataError

HIDDEN: Final = "(the account)"
"""What the tape holds in the place of an account's number; no account is called so."""

_CLASSES: dict[str, type[Event]] = {
    cls.__name__: cls
    for cls in (
        events.Started,
        events.TimerFired,
        events.PollArrived,
        events.CallFailed,
        events.HistoricalsArrived,
        events.HoursArrived,
        events.AccountArrived,
        events.OrdersArrived,
        events.ReconcileArrived,
        events.ClockJumped,
        events.ServerClockSeen,
        events.PersonDecided,
        events.OrderPlaced,
        events.OrderFailed,
        events.CancelAnswered,
        events.StrategyLoadFailed,
        events.JournalFailed,
        events.SessionKnown,
        events.StopRequested,
        events.BarRecorded,
        events.MinuteRecorded,
    )
}
_ENCODER = msgspec.json.Encoder()
_DECODERS: dict[str, msgspec.json.Decoder[tuple[str, Event]]] = {}


def encode_event(event: Event) -> str:
    """The event's line, without LF."""
    if type(event) is Started and event.session.account_id is not None:
        event = _with_account(event, event.session.account_id, HIDDEN)
    return _ENCODER.encode((type(event).__name__, event)).decode()


def decode_event(line: str) -> Event:
    """The event in `line`; DataError when it is not one."""
    name = line[2 : line.find('"', 2)]
    decoder = _DECODERS.get(name)
    if decoder is None:
        if name not in _CLASSES:
            raise DataError(f"expected an event of the tape, got {line[:60]!r}")
        wanted: Any = tuple.__class_getitem__((str, _CLASSES[name]))
        decoder = msgspec.json.Decoder(wanted)
        _DECODERS[name] = decoder
    try:
        return decoder.decode(line)[1]
    except msgspec.MsgspecError as error:
        raise DataError(f"unreadable {name} on the tape: {error}") from error


def has_hidden_account(started: Started) -> bool:
    """True for a start from a tape that leaves the account's number out."""
    return started.session.account_id == HIDDEN


def show_account(started: Started, number: str) -> Started:
    """The start as it was, where `has_hidden_account`: with its account's number."""
    return _with_account(started, HIDDEN, number)


def _with_account(started: Started, old: str, new: str) -> Started:
    """The same start with another name of the account, in the trade records of the start too."""
    before, after = (f'"account_id":{_ENCODER.encode(name).decode()}' for name in (old, new))
    lines = tuple(line.replace(before, after) for line in started.start.trade_lines)
    return replace(
        started,
        session=replace(started.session, account_id=new),
        start=replace(started.start, trade_lines=lines),
    )


def encode_start(start: StartState) -> bytes:
    """The start state's canonical bytes."""
    return _ENCODER.encode(start)
