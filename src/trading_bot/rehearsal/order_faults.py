"""The fault menu of orders: what can go wrong with a send, a cancel, a fill and their reading.

Two faults that look the same to the client often differ in what the exchange did: an order whose
answer is lost may have been taken (accept_then_...) or never have arrived (..._before_accepting).
"""

from dataclasses import replace
from typing import Any, Literal

from trading_bot.rehearsal.fault_base import (
    Meddler,
    Only,
    Spoiler,
    StandIn,
    is_cancelling,
    is_placing,
    is_reading_orders,
    object_of,
)
from trading_bot.rehearsal.order import Effects
from trading_bot.rehearsal.order_checks import repeated_ref_id
from trading_bot.rehearsal.wire import HTML_TYPE, Hang, Reply, Request, Reset, detail, dump, invalid

_ERROR_PAGE = b"<html><head><title>Error</title></head><body>Error</body></html>"
_LONG_S = 60.0


class _Placing(Spoiler, frozen=True, kw_only=True):
    """The exchange takes the order; its answer goes wrong."""

    only: Only = "any"

    def fits(self, request: Request) -> bool:
        return is_placing(request, self.only)


class AcceptThenDrop(_Placing, frozen=True, tag="accept_then_drop"):
    """The order is taken, then the connection is reset."""

    def spoil(self, reply: Reply) -> Reply:
        return replace(reply, fault=Reset())


class AcceptThenHang(_Placing, frozen=True, tag="accept_then_hang"):
    """The order is taken, the answer comes after `seconds`."""

    seconds: float = _LONG_S

    def spoil(self, reply: Reply) -> Reply:
        return replace(reply, fault=Hang(self.seconds))


class AcceptThenError(_Placing, frozen=True, tag="accept_then_error"):
    """The order is taken, the answer is an error page."""

    status: int = 503

    def spoil(self, reply: Reply) -> Reply:
        return Reply(self.status, _ERROR_PAGE, HTML_TYPE, reply.headers)


class _NotPlacing(StandIn, frozen=True, kw_only=True):
    """The exchange never sees the order."""

    only: Only = "any"

    def fits(self, request: Request) -> bool:
        return is_placing(request, self.only)


class HangBeforeAccepting(_NotPlacing, frozen=True, tag="hang_before_accepting"):
    """Nothing for `seconds`, then 504; the order was never taken."""

    seconds: float = _LONG_S

    def answer(self) -> Reply:
        return Reply(504, _ERROR_PAGE, HTML_TYPE, fault=Hang(self.seconds))


class DropBeforeAccepting(_NotPlacing, frozen=True, tag="drop_before_accepting"):
    """The connection is reset; the order was never taken."""

    def answer(self) -> Reply:
        return Reply(504, _ERROR_PAGE, HTML_TYPE, fault=Reset())


class OrderRefused(_NotPlacing, frozen=True, tag="order_refused"):
    """400 with `text`, under the name `field` when one is given."""

    text: str = "Something went wrong."
    field: str | None = None

    def answer(self) -> Reply:
        if self.field is None:
            return detail(400, self.text)
        return invalid(**{self.field: self.text})


class RepeatedNotTaken(_NotPlacing, frozen=True, tag="repeated_not_taken"):
    """A first send is answered as a repeated one, and the exchange has no such order."""

    def answer(self) -> Reply:
        return repeated_ref_id()


class _OrderMeddler(Meddler, frozen=True, kw_only=True):
    """What the exchange does to an order it takes."""

    only: Only = "any"

    def fits(self, request: Request) -> bool:
        return is_placing(request, self.only)


class RepeatedAndTaken(_OrderMeddler, frozen=True, tag="repeated_and_taken"):
    """A first send is taken and answered as a repeated one, as after a retry on the way."""

    def meddle(self, before: Effects) -> Effects:
        return replace(before, is_taken_as_repeated=True)


class RejectedLater(_OrderMeddler, frozen=True, tag="rejected_later"):
    """The order is taken, and rejected instead of confirmed."""

    reason: str = "Your order was rejected by the market."

    def meddle(self, before: Effects) -> Effects:
        return replace(before, reject_reason=self.reason)


class ConfirmedLate(_OrderMeddler, frozen=True, tag="confirmed_late"):
    """The order stays unconfirmed `seconds` longer, and fills as much later."""

    seconds: float = 5.0

    def meddle(self, before: Effects) -> Effects:
        return replace(before, confirmed_after_s=self.seconds)


class UnseenOrder(_OrderMeddler, frozen=True, tag="unseen_order"):
    """The order is missing from the list and by its id, for `seconds` and for `reads` of it."""

    seconds: float = 15.0
    reads: int = 0

    def meddle(self, before: Effects) -> Effects:
        return replace(before, unseen_s=self.seconds, unseen_reads=self.reads)


class PartialFills(_OrderMeddler, frozen=True, tag="partial_fills"):
    """The order fills in `pieces` executions, `every_s` apart."""

    pieces: int = 3
    every_s: float = 1.0

    def meddle(self, before: Effects) -> Effects:
        return replace(before, pieces=self.pieces, pieces_every_s=self.every_s)


class BustedExecution(_OrderMeddler, frozen=True, tag="busted_execution"):
    """The order's first execution is taken back `after_s` later: it is gone from the order."""

    after_s: float = 30.0

    def meddle(self, before: Effects) -> Effects:
        return replace(before, bust_after_s=self.after_s)


class CancelLoses(Meddler, frozen=True, tag="cancel_loses"):
    """The order fills whole before the cancel takes effect, if its market is open."""

    def fits(self, request: Request) -> bool:
        return is_cancelling(request)

    def meddle(self, before: Effects) -> Effects:
        return replace(before, fill_wins=True)


class CancelIgnored(Meddler, frozen=True, tag="cancel_ignored"):
    """The cancel is answered as accepted and never takes effect."""

    def fits(self, request: Request) -> bool:
        return is_cancelling(request)

    def meddle(self, before: Effects) -> Effects:
        return replace(before, cancel_ignored=True)


class CancelThenDrop(Spoiler, frozen=True, tag="cancel_then_drop"):
    """The cancel is taken, then the connection is reset."""

    def fits(self, request: Request) -> bool:
        return is_cancelling(request)

    def spoil(self, reply: Reply) -> Reply:
        return replace(reply, fault=Reset())


class CancelThenHang(Spoiler, frozen=True, tag="cancel_then_hang"):
    """The cancel is taken, the answer comes after `seconds`."""

    seconds: float = _LONG_S

    def fits(self, request: Request) -> bool:
        return is_cancelling(request)

    def spoil(self, reply: Reply) -> Reply:
        return replace(reply, fault=Hang(self.seconds))


class CancelNeverArrives(StandIn, frozen=True, tag="cancel_never_arrives"):
    """The connection is reset; the exchange never sees the cancel."""

    def fits(self, request: Request) -> bool:
        return is_cancelling(request)

    def answer(self) -> Reply:
        return Reply(504, _ERROR_PAGE, HTML_TYPE, fault=Reset())


class DoubledExecution(Spoiler, frozen=True, tag="doubled_execution"):
    """The last execution of each order read is listed twice, under the same id."""

    def fits(self, request: Request) -> bool:
        return is_reading_orders(request)

    def spoil(self, reply: Reply) -> Reply:
        return _with_rows(reply, _doubled)


class ZeroAveragePrice(Spoiler, frozen=True, tag="zero_average_price"):
    """Every position's average price is 0.0000; its clearing costs are right."""

    def fits(self, request: Request) -> bool:
        return request.path == "/positions/"

    def spoil(self, reply: Reply) -> Reply:
        return _with_rows(reply, lambda row: {**row, "average_buy_price": "0.0000"})


class LaggingPositions(Meddler, frozen=True, tag="lagging_positions"):
    """Positions are what they were `seconds` ago: behind the fills."""

    seconds: float = 10.0

    def fits(self, request: Request) -> bool:
        return request.path == "/positions/"

    def meddle(self, before: Effects) -> Effects:
        return replace(before, positions_lag_s=self.seconds)


class Outage(StandIn, frozen=True, tag="outage"):
    """Nothing works: every connection is reset, hangs for `seconds`, or answers with an error."""

    how: Literal["reset", "hang", "error"] = "reset"
    seconds: float = _LONG_S
    status: int = 503

    def answer(self) -> Reply:
        reply = Reply(self.status, _ERROR_PAGE, HTML_TYPE)
        if self.how == "error":
            return reply
        return replace(reply, fault=Reset() if self.how == "reset" else Hang(self.seconds))


OrderFault = (
    AcceptThenDrop
    | AcceptThenHang
    | AcceptThenError
    | HangBeforeAccepting
    | DropBeforeAccepting
    | OrderRefused
    | RepeatedNotTaken
    | RepeatedAndTaken
    | RejectedLater
    | ConfirmedLate
    | UnseenOrder
    | PartialFills
    | BustedExecution
    | CancelLoses
    | CancelIgnored
    | CancelThenDrop
    | CancelThenHang
    | CancelNeverArrives
    | DoubledExecution
    | ZeroAveragePrice
    | LaggingPositions
    | Outage
)


def _with_rows(reply: Reply, change: Any) -> Reply:
    body = object_of(reply)
    if body is None:
        return reply
    if isinstance(body.get("results"), list):
        return replace(reply, body=dump({**body, "results": [change(r) for r in body["results"]]}))
    return replace(reply, body=dump(change(body)))


def _doubled(row: dict[str, Any]) -> dict[str, Any]:
    executions = row.get("executions") or []
    return {**row, "executions": [*executions, *executions[-1:]]}
