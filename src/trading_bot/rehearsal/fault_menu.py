"""The fault menu: what can go wrong with a read; order_faults holds the rest."""

from abc import abstractmethod
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime

from trading_bot.rehearsal.fault_base import Fault, Spoiler, StandIn, object_of
from trading_bot.rehearsal.order_faults import OrderFault
from trading_bot.rehearsal.wire import (
    HTML_TYPE,
    CutOff,
    Hang,
    Json,
    Reply,
    Request,
    Reset,
    Slow,
    detail,
    dump,
    nanos_text,
    not_found,
    ok,
    seconds_text,
)

_QUOTE_TIMES = ("venue_ask_time", "venue_bid_time", "venue_last_trade_time")
_PRICES = ("ask_price", "bid_price", "last_trade_price")
_CROSSED_BY = Decimal("0.05")
_MICROSECOND_DIGITS = 26  # 2023-05-25T13:30:00.000000
_Row = dict[str, Json]


class Unauthorized(StandIn, frozen=True, tag="unauthorized"):
    """401 as for a session that ended."""

    def answer(self) -> Reply:
        return detail(401, "Invalid token.")


class HumanNeeded(StandIn, frozen=True, tag="human_needed"):
    """A token refresh that asks for an approval on the phone."""

    def fits(self, request: Request) -> bool:
        return request.path == "/oauth2/token/"

    def answer(self) -> Reply:
        status = "workflow_status_internal_pending"
        return ok({"verification_workflow": {"id": None, "workflow_status": status}}, status=403)


class Throttled(StandIn, frozen=True, tag="throttled"):
    """429; with `retry_after_s` the header and the text name the wait."""

    retry_after_s: int | None = None

    def answer(self) -> Reply:
        text = "Request was throttled."
        if self.retry_after_s is None:
            return detail(429, text)
        said = detail(429, f"{text} Expected available in {self.retry_after_s} seconds.")
        return replace(said, headers={"Retry-After": str(self.retry_after_s)})


class ServerError(StandIn, frozen=True, tag="server_error"):
    """A page in HTML with a status such as 500, 502 or 503."""

    status: int = 503
    retry_after_s: int | None = None

    def answer(self) -> Reply:
        text = f"<html><head><title>{self.status}</title></head><body>Error</body></html>"
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        return Reply(self.status, text.encode(), HTML_TYPE, headers)


class HtmlPage(StandIn, frozen=True, tag="html_page"):
    """200, but a page in HTML where JSON belongs."""

    def answer(self) -> Reply:
        return Reply(200, b"<html><body>Be right back</body></html>", HTML_TYPE)


class Hangs(Spoiler, frozen=True, tag="hang"):
    """The reply begins only after `seconds`."""

    seconds: float

    def spoil(self, reply: Reply) -> Reply:
        return replace(reply, fault=Hang(self.seconds))


class SlowBody(Spoiler, frozen=True, tag="slow"):
    """The body drips for `seconds`."""

    seconds: float

    def spoil(self, reply: Reply) -> Reply:
        return replace(reply, fault=Slow(self.seconds))


class ResetConnection(Spoiler, frozen=True, tag="reset"):
    """A reset in place of the reply, or after `after_bytes` of its body."""

    after_bytes: int | None = None

    def spoil(self, reply: Reply) -> Reply:
        return replace(reply, fault=Reset(self.after_bytes))


class BodyCutOff(Spoiler, frozen=True, tag="cut_off"):
    """The connection ends after `keep_bytes` of the promised body."""

    keep_bytes: int = 20

    def spoil(self, reply: Reply) -> Reply:
        return replace(reply, fault=CutOff(self.keep_bytes))


class TruncatedJson(Spoiler, frozen=True, tag="truncated_json"):
    """A complete HTTP reply whose JSON stops after `keep_bytes`."""

    keep_bytes: int = 20

    def spoil(self, reply: Reply) -> Reply:
        return replace(reply, body=reply.body[: self.keep_bytes])


class SkewedClock(Spoiler, frozen=True, tag="skewed_clock"):
    """The Date header is `seconds` ahead."""

    seconds: float

    def spoil(self, reply: Reply) -> Reply:
        told = parsedate_to_datetime(reply.headers["Date"]) + timedelta(seconds=self.seconds)
        headers = {**reply.headers, "Date": format_datetime(told, usegmt=True)}
        return replace(reply, headers=headers)


class Reordered(Spoiler, frozen=True, tag="reordered"):
    """The results come in reverse."""

    def spoil(self, reply: Reply) -> Reply:
        body = object_of(reply)
        if body is None or not isinstance(body.get("results"), list):
            return reply
        return replace(reply, body=dump({**body, "results": body["results"][::-1]}))


class PageError(StandIn, frozen=True, tag="page_error"):
    """Every page of a list but its first answers with this status, in HTML."""

    status: int = 503

    def fits(self, request: Request) -> bool:
        return "cursor" in request.query

    def answer(self) -> Reply:
        return ServerError(self.status).answer()


class ForeignNext(Spoiler, frozen=True, tag="foreign_next"):
    """The link to the next page, made up if need be, leads to another host."""

    host: str = "pages.example.com"

    def spoil(self, reply: Reply) -> Reply:
        return _with_next(reply, f"https://{self.host}/next/?cursor=bz0x")


class NextLoop(Spoiler, frozen=True, tag="next_loop"):
    """The link to the next page, on every page, leads to `path` again."""

    path: str = "/positions/?nonzero=true"

    def spoil(self, reply: Reply) -> Reply:
        return _with_next(reply, f"https://api.robinhood.com{self.path}")


class QuoteFault(Fault, frozen=True):
    """A fault in the rows of a quote answer: the rule's symbol, or all."""

    def fits(self, request: Request) -> bool:
        path = request.path
        return path.startswith(("/quotes/", "/marketdata/quotes/")) and "historicals" not in path

    def spoil_quotes(self, reply: Reply, symbol: str | None) -> Reply:
        """The reply with the row of `symbol`, or every row, gone wrong."""
        body = object_of(reply)
        if body is None:
            return reply
        if "results" not in body:
            row = self._changed(body, symbol)
            if row is None:
                return replace(reply, status=404, body=not_found().body)
            return replace(reply, body=dump(row))
        rows = [row and self._changed(row, symbol) for row in body["results"]]
        return replace(reply, body=dump({**body, "results": rows}))

    @abstractmethod
    def change(self, row: _Row, /) -> _Row | None:
        """The row gone wrong; None for a null."""
        ...

    def _changed(self, row: _Row, symbol: str | None) -> _Row | None:
        return self.change(row) if symbol in (None, row["symbol"]) else row


class NullQuote(QuoteFault, frozen=True, tag="null_quote"):
    """null where the quote belongs."""

    def change(self, _row: _Row, /) -> _Row | None:
        return None


class StaleQuote(QuoteFault, frozen=True, tag="stale_quote"):
    """Every time in the quote is `age_s` older."""

    age_s: float = 600.0

    def change(self, row: _Row, /) -> _Row | None:
        older = timedelta(seconds=self.age_s)
        times: _Row = {
            name: nanos_text(_time(str(row[name])[:_MICROSECOND_DIGITS]) - older)
            for name in _QUOTE_TIMES
        }
        updated_at = seconds_text(_time(str(row["updated_at"])[:-1]) - older)
        return {**row, **times, "updated_at": updated_at}


class ZeroQuote(QuoteFault, frozen=True, tag="zero_quote"):
    """No bid and no ask."""

    def change(self, row: _Row, /) -> _Row | None:
        none: _Row = {"ask_price": "0.000000", "bid_price": "0.000000"}
        return {**row, **none, "ask_size": 0, "bid_size": 0}


class CrossedQuote(QuoteFault, frozen=True, tag="crossed_quote"):
    """A bid five cents above the ask."""

    def change(self, row: _Row, /) -> _Row | None:
        return {**row, "bid_price": f"{Decimal(str(row['ask_price'])) + _CROSSED_BY:.6f}"}


class HaltedQuote(QuoteFault, frozen=True, tag="halted_quote"):
    """Trading is said to be halted."""

    def change(self, row: _Row, /) -> _Row | None:
        return {**row, "trading_halted": True}


class PriceJump(QuoteFault, frozen=True, tag="price_jump"):
    """Last, bid and ask multiplied by `factor`, a plain decimal as text."""

    factor: str = "10"

    def change(self, row: _Row, /) -> _Row | None:
        factor = Decimal(self.factor)
        return {**row, **{name: f"{Decimal(str(row[name])) * factor:.6f}" for name in _PRICES}}


ReadFault = (
    Unauthorized
    | HumanNeeded
    | Throttled
    | ServerError
    | HtmlPage
    | Hangs
    | SlowBody
    | ResetConnection
    | BodyCutOff
    | TruncatedJson
    | SkewedClock
    | Reordered
    | PageError
    | ForeignNext
    | NextLoop
    | NullQuote
    | StaleQuote
    | ZeroQuote
    | CrossedQuote
    | HaltedQuote
    | PriceJump
)

AnyFault = ReadFault | OrderFault
"""The whole menu."""


def _with_next(reply: Reply, link: str) -> Reply:
    body = object_of(reply)
    if body is None or "next" not in body:
        return reply
    return replace(reply, body=dump({**body, "next": link}))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")
