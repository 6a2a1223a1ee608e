"""What every fault is: a stand-in for the answer, a spoiler of it, or a meddler in its cause."""

import json
from abc import abstractmethod
from typing import Any, Literal

import msgspec

from trading_bot.rehearsal.order import Effects
from trading_bot.rehearsal.wire import Reply, Request

Only = Literal["any", "buy", "sell", "limit", "stop"]
"""Which orders a fault means: all, one side, those to trade at once or those behind a stop."""


class Fault(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """One entry of the menu."""

    def fits(self, request: Request) -> bool:  # noqa: ARG002 - most fit any request
        """False for requests this fault means nothing to."""
        return True


class StandIn(Fault, frozen=True):
    """A fault that answers in the exchange's place: the exchange never sees the request."""

    @abstractmethod
    def answer(self) -> Reply:
        """What comes in place of the exchange's answer."""
        ...


class Spoiler(Fault, frozen=True):
    """A fault that spoils the exchange's answer, or its way out."""

    @abstractmethod
    def spoil(self, reply: Reply) -> Reply:
        """The reply gone wrong."""
        ...


class Meddler(Fault, frozen=True):
    """A fault that changes what the exchange does with a request; the answer is the exchange's."""

    @abstractmethod
    def meddle(self, before: Effects) -> Effects:
        """The effects with this fault's added."""
        ...


def is_placing(request: Request, only: Only = "any") -> bool:
    """True for a POST of an order, of one like `only`."""
    if request.method != "POST" or request.path != "/orders/":
        return False
    form = request.form
    match only:
        case "any":
            return True
        case "buy" | "sell":
            return form.get("side") == only
        case "stop":
            return form.get("trigger") == "stop"
        case _:
            return form.get("trigger") != "stop"


def is_cancelling(request: Request) -> bool:
    """True for a POST that cancels an order."""
    path = request.path
    return request.method == "POST" and path.startswith("/orders/") and path.endswith("/cancel/")


def is_reading_orders(request: Request) -> bool:
    """True for a GET of one order or of the list."""
    return request.method == "GET" and request.path.startswith("/orders/")


def object_of(reply: Reply) -> dict[str, Any] | None:
    """The JSON object of a good reply; None when it is none, or an earlier fault spoiled it."""
    if reply.status != 200:
        return None
    try:
        body = json.loads(reply.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
