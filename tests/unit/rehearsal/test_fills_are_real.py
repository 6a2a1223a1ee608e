"""Every fill is one the tape allows: checked against the quotes themselves, order by order."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.rehearsal import CALENDAR, Client, order_form
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.rehearsal.day import PlayedDay
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.holdings import HeldShares
from trading_bot.rehearsal.tape_quotes import Phase, QuoteState, SymbolTape, today_of

# Halts, gaps, a wide spread and minutes without a trade.
SYMBOLS = ("ZZE", "ZZF")
LIVE_AFTER = timedelta(seconds=0.4)


@lru_cache
def _days() -> tuple[PlayedDay, ...]:
    return made_up_days(5, CALENDAR, symbols=SYMBOLS)


@lru_cache
def _tape(symbol: str) -> SymbolTape:
    return SymbolTape(symbol, _days(), CALENDAR)


_ORDERS = st.tuples(
    st.sampled_from(SYMBOLS),
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["market", "limit", "stop", "stop limit"]),
    st.integers(1, 3_000),
    st.integers(-300, 300),
    st.sampled_from(["gfd", "gtc"]),
    st.booleans(),
    # Seconds from an hour before the first open to an hour after the second close, or so.
    st.integers(-3_600, 100_000),
)


@settings(max_examples=60, deadline=None)
@given(orders=st.lists(_ORDERS, min_size=1, max_size=12))
def test_every_fill_is_one_the_tape_allows(orders: list[Any]) -> None:
    """At the quote's price and within its size, in hours, out of halts, inside the limit."""
    held = [
        HeldShares(symbol=symbol, quantity=Decimal(9_000), average_price=Decimal(10))
        for symbol in SYMBOLS
    ]
    account = AccountSettings(cash=Decimal(1_000_000), held=held)
    first = _days()[0].session.open
    client = Client(
        *_days(), settings=ExchangeSettings(account=account), start=first - timedelta(hours=2)
    )
    for order in sorted(orders, key=lambda one: int(one[-1])):
        at = first + timedelta(seconds=order[-1])
        client.post("/orders/", _form(order, at), at)
    rows = client.json("/orders/", first + timedelta(days=3))["results"]

    taken: dict[tuple[str, datetime], Decimal] = defaultdict(Decimal)
    for row in rows:
        symbol = client.json(f"/instruments/{row['instrument_id']}/")["symbol"]
        for one in row["executions"]:
            at = datetime.fromisoformat(one["timestamp"])
            quote = _tape(symbol).at(at, today_of(at))
            _assert_allowed(row, one, quote, at)
            told = max(quote.last_at, quote.extended_at or quote.last_at)
            taken[symbol, told] += Decimal(one["quantity"])
            assert taken[symbol, told] <= quote.size


def _assert_allowed(row: Any, one: Any, quote: QuoteState, at: datetime) -> None:
    price, is_buy = Decimal(one["price"]), row["side"] == "buy"
    assert price == (quote.ask if is_buy else quote.bid)
    assert not quote.is_halted
    assert at >= datetime.fromisoformat(row["created_at"]) + LIVE_AFTER
    allowed = {Phase.REGULAR}
    if row["extended_hours"]:
        allowed |= {Phase.PRE, Phase.POST}
    assert quote.phase in allowed
    if row["type"] == "limit":
        limit = Decimal(row["price"])
        assert price <= limit if is_buy else price >= limit
    if row["trigger"] == "stop":
        triggered = datetime.fromisoformat(row["stop_triggered_at"])
        last = _tape(quote.symbol).at(triggered, today_of(triggered)).last
        stop = Decimal(row["stop_price"])
        assert triggered <= at
        assert last >= stop if is_buy else last <= stop
    if row["time_in_force"] == "gfd":
        created = datetime.fromisoformat(row["created_at"])
        assert at - created < timedelta(hours=24)


def _form(order: Any, at: datetime) -> dict[str, str]:
    symbol, side, kind, quantity, off, tif, is_extended, _ = order
    tape = _tape(symbol).at(at, today_of(at))
    # Prices around the market, so that something happens.
    price = (tape.last * (10_000 + off) / 10_000).quantize(Decimal("0.01"))
    form: dict[str, str | None] = {
        "symbol": symbol,
        "side": side,
        "quantity": str(quantity),
        "time_in_force": tif,
        "type": "limit" if kind in ("limit", "stop limit") else "market",
        "trigger": "stop" if kind.startswith("stop") else "immediate",
        "price": str(price),
        "stop_price": str(price) if kind.startswith("stop") else None,
    }
    if is_extended and kind == "limit":
        form |= {"extended_hours": "True", "market_hours": "extended_hours"}
    return order_form(**form)


def test_the_play_above_fills_something() -> None:
    """The control: marketable orders through the day do fill, so the checks have met fills."""
    first = _days()[0].session.open
    account = AccountSettings(cash=Decimal(1_000_000))
    client = Client(*_days(), settings=ExchangeSettings(account=account), start=first)
    for minute in range(0, 380, 20):
        at = first + timedelta(minutes=minute)
        client.post("/orders/", _form(("ZZE", "buy", "limit", 10, 50, "gfd", False, 0), at), at)

    rows = client.json("/orders/", first + timedelta(days=1))["results"]

    assert sum(len(row["executions"]) for row in rows) > 10
