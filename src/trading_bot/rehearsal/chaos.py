"""A day on which much goes wrong, drawn from the whole menu by a seed.

The same seed, day and symbols give the same rules and the same owner. Some rules are sure to fire,
because a daemon that is up reads all the time; others wait for an order, a cancel or a second page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Literal

from trading_bot.market.calendar import Session
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal import order_faults as orders
from trading_bot.rehearsal import owner
from trading_bot.rehearsal.faults import FaultRule

_READS = 26
_LISTS = 4
_ORDERS = 12
_FIRST = timedelta(minutes=1)
_LAST = timedelta(minutes=5)
_SHORT_OUTAGE_S, _LONG_OUTAGE_S = 20, 120
_OWNER_PERCENT = 25
_SYMBOL_PERCENT = 50
_LISTED = ("/accounts/", "/positions/", "/orders/")

_Make = Callable[[Random], menu.AnyFault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chaos:
    """What goes wrong on one day, and what the owner does meanwhile."""

    rules: tuple[FaultRule, ...]
    owner: tuple[owner.AnyAction, ...]


_ANY_READ: Sequence[_Make] = (
    lambda _: menu.Unauthorized(),
    lambda chance: menu.Throttled(chance.choice((None, 1, 5, 20))),
    lambda chance: menu.ServerError(chance.choice((500, 502, 503))),
    lambda _: menu.HtmlPage(),
    lambda chance: menu.Hangs(float(chance.randint(1, 40))),
    lambda chance: menu.SlowBody(float(chance.randint(1, 10))),
    lambda chance: menu.ResetConnection(chance.choice((None, 10))),
    lambda chance: menu.BodyCutOff(chance.randint(0, 60)),
    lambda chance: menu.TruncatedJson(chance.randint(1, 60)),
    lambda chance: menu.SkewedClock(float(chance.randint(-300, 300))),
)
_QUOTES: Sequence[_Make] = (
    lambda _: menu.NullQuote(),
    lambda chance: menu.StaleQuote(float(chance.randint(30, 900))),
    lambda _: menu.ZeroQuote(),
    lambda _: menu.CrossedQuote(),
    lambda _: menu.HaltedQuote(),
    lambda chance: menu.PriceJump(chance.choice(("0.1", "0.5", "2", "10"))),
)
_LIST_READS: Sequence[_Make] = (
    lambda _: menu.Reordered(),
    lambda _: menu.ForeignNext(),
    lambda _: menu.NextLoop(),
    lambda chance: menu.PageError(chance.choice((429, 500, 503))),
    lambda _: orders.ZeroAveragePrice(),
    lambda chance: orders.LaggingPositions(float(chance.randint(2, 60))),
    lambda _: orders.DoubledExecution(),
    lambda _: menu.HumanNeeded(),
)
_ORDER_FAULTS: Sequence[_Make] = (
    lambda _: orders.AcceptThenDrop(),
    lambda chance: orders.AcceptThenHang(float(chance.randint(10, 60))),
    lambda chance: orders.AcceptThenError(chance.choice((500, 502, 503))),
    lambda chance: orders.HangBeforeAccepting(float(chance.randint(10, 60))),
    lambda _: orders.DropBeforeAccepting(),
    lambda chance: orders.OrderRefused(only=chance.choice(("any", "stop"))),
    lambda _: orders.RepeatedNotTaken(),
    lambda _: orders.RepeatedAndTaken(),
    lambda chance: orders.RejectedLater(only=chance.choice(("any", "stop"))),
    lambda chance: orders.ConfirmedLate(float(chance.randint(1, 30))),
    lambda chance: orders.UnseenOrder(float(chance.randint(5, 60)), chance.randint(0, 3)),
    lambda chance: orders.PartialFills(chance.randint(2, 6), float(chance.randint(0, 8))),
    lambda chance: orders.BustedExecution(float(chance.randint(5, 120))),
    lambda _: orders.CancelLoses(),
    lambda _: orders.CancelIgnored(),
    lambda _: orders.CancelThenDrop(),
    lambda chance: orders.CancelThenHang(float(chance.randint(10, 60))),
    lambda _: orders.CancelNeverArrives(),
    lambda _: menu.Throttled(retry_after_s=14),
    lambda _: menu.Unauthorized(),
)


def chaos(seed: int, session: Session, symbols: Sequence[str], intensity: float = 1.0) -> Chaos:
    """The chaos of one session; `intensity` 1 makes more than 20 faults a day, 2 twice as many."""
    chance = Random(f"chaos/{seed}/{session.day}")  # noqa: S311 - a play, no secrets
    rules = (
        *(_read(chance, session, symbols) for _ in range(round(_READS * intensity))),
        *(_list_read(chance, session) for _ in range(round(_LISTS * intensity))),
        *(_order(chance, session) for _ in range(round(_ORDERS * intensity))),
        _outage(chance, session),
    )
    return Chaos(rules=rules, owner=tuple(_owner(chance, session, symbols)))


def _read(chance: Random, session: Session, symbols: Sequence[str]) -> FaultRule:
    since, count = _moment(chance, session), chance.randint(1, 3)
    kind = chance.randrange(len(_ANY_READ) + len(_QUOTES))
    if kind < len(_ANY_READ):
        return FaultRule(fault=_ANY_READ[kind](chance), since=since, count=count)
    symbol = chance.choice(symbols) if chance.randrange(100) < _SYMBOL_PERCENT else None
    fault = _QUOTES[kind - len(_ANY_READ)](chance)
    return FaultRule(fault=fault, since=since, count=count, symbol=symbol)


def _list_read(chance: Random, session: Session) -> FaultRule:
    fault = chance.choice(_LIST_READS)(chance)
    is_any_list = isinstance(fault, menu.Reordered | menu.ForeignNext | menu.NextLoop)
    return FaultRule(
        fault=fault,
        method="GET" if is_any_list else None,
        path=chance.choice(_LISTED) if is_any_list else "*",
        since=_moment(chance, session),
        count=chance.randint(1, 3),
    )


def _order(chance: Random, session: Session) -> FaultRule:
    return FaultRule(
        fault=chance.choice(_ORDER_FAULTS)(chance),
        method="POST",
        path="/orders/*",
        since=_moment(chance, session) if chance.randrange(2) else None,
        count=1,
        skip=chance.randint(0, 2),
    )


def _outage(chance: Random, session: Session) -> FaultRule:
    since = _moment(chance, session)
    lasts = timedelta(seconds=chance.randint(_SHORT_OUTAGE_S, _LONG_OUTAGE_S))
    hows: Sequence[Literal["reset", "hang", "error"]] = ("reset", "hang", "error")
    return FaultRule(fault=orders.Outage(chance.choice(hows)), since=since, until=since + lasts)


def _owner(chance: Random, session: Session, symbols: Sequence[str]) -> list[owner.AnyAction]:
    def symbol() -> str:
        return chance.choice(symbols)

    makes: Sequence[Callable[[datetime], owner.AnyAction]] = (
        lambda at: owner.Deposits(at=at, amount=Decimal(chance.randint(1, 20) * 100)),
        lambda at: owner.Withdraws(at=at, amount=Decimal(chance.randint(1, 5) * 100)),
        lambda at: owner.Buys(at=at, symbol=symbol(), quantity=Decimal(chance.randint(1, 10))),
        lambda at: owner.Sells(at=at, symbol=symbol(), fraction=Decimal("0.5")),
        lambda at: owner.Cancels(at=at, symbol=symbol()),
        lambda at: owner.Edits(at=at, symbol=symbol(), percent=Decimal(chance.randint(-2, 2))),
    )
    actions = [
        make(_moment(chance, session)) for make in makes if chance.randrange(100) < _OWNER_PERCENT
    ]
    return sorted(actions, key=lambda action: action.at or session.open)


def _moment(chance: Random, session: Session) -> datetime:
    """Some second of the session, but for its first minute and its last five."""
    span = session.close - _LAST - session.open - _FIRST
    return session.open + _FIRST + timedelta(seconds=chance.randrange(int(span.total_seconds())))
