"""Events as lines of the tape: ["EventName",{...}], lossless."""

from typing import Any

import msgspec

from trading_bot.core import events
from trading_bot.core.events import Event, StartState
from trading_bot.domain.errors import DataError

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


def encode_start(start: StartState) -> bytes:
    """The start state's canonical bytes."""
    return _ENCODER.encode(start)
