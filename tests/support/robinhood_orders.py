"""Robinhood's order objects as its API writes them, with made-up ids, for tests."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from support.paper import TEN, make_ref
from trading_bot.domain.order import (
    ApprovedOrder,
    Leg,
    OrderIntent,
    OrderType,
    Side,
    TimeInForce,
)

API = "https://api.robinhood.com"
ACCOUNT = "5CANARY77"
AAPL = make_ref("instrument AAPL")


def stamp(at: datetime) -> str:
    """A time as order objects write it."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def execution_row(name: str = "one", **changes: Any) -> dict[str, Any]:
    """Five shares at 100.01, without a word on fees."""
    return {
        "id": make_ref(f"execution {name}"),
        "price": "100.01000000",
        "quantity": "5.00000000",
        "rounded_notional": "500.05000000",
        "settlement_date": "2026-11-24",
        "timestamp": stamp(TEN + timedelta(seconds=1)),
    } | changes


def order_row(name: str = "entry", **changes: Any) -> dict[str, Any]:
    """A working limit order for ten AAPL at 100.50."""
    order_id = make_ref(f"order {name}")
    return {
        "id": order_id,
        "ref_id": make_ref(name),
        "url": f"{API}/orders/{order_id}/",
        "account": f"{API}/accounts/{ACCOUNT}/",
        "cancel": f"{API}/orders/{order_id}/cancel/",
        "instrument": f"{API}/instruments/{AAPL}/",
        "instrument_id": AAPL,
        "cumulative_quantity": "0.00000000",
        "average_price": None,
        "state": "confirmed",
        "type": "limit",
        "side": "buy",
        "time_in_force": "gfd",
        "trigger": "immediate",
        "price": "100.50000000",
        "stop_price": None,
        "quantity": "10.00000000",
        "reject_reason": None,
        "created_at": stamp(TEN),
        "updated_at": stamp(TEN),
        "executions": [],
        "extended_hours": False,
        "market_hours": "regular_hours",
        "dollar_based_amount": None,
        "order_form_version": 7,
        "replaces": None,
    } | changes


def taken_row(form: bytes, **changes: Any) -> dict[str, Any]:
    """The order object that answers a form, unconfirmed."""
    sent = {name: values[0] for name, values in parse_qs(form.decode()).items()}
    told = {
        "account": sent["account"],
        "instrument": sent["instrument"],
        "instrument_id": sent["instrument"].rstrip("/").rpartition("/")[2],
        "ref_id": sent["ref_id"],
        "side": sent["side"],
        "type": sent["type"],
        "trigger": sent["trigger"],
        "time_in_force": sent["time_in_force"],
        "quantity": f"{sent['quantity']}.00000000",
        "price": sent.get("price"),
        "stop_price": sent.get("stop_price"),
        "state": "unconfirmed",
    }
    return order_row() | {"id": make_ref(f"order {sent['ref_id']}")} | told | changes


def instrument_row(symbol: str = "AAPL", **changes: Any) -> dict[str, Any]:
    """An instrument that trades."""
    instrument_id = make_ref(f"instrument {symbol}")
    return {
        "id": instrument_id,
        "url": f"{API}/instruments/{instrument_id}/",
        "symbol": symbol,
        "tradeable": True,
        "tradability": "tradable",
        "min_tick_size": None,
        "simple_name": symbol.title(),
        "name": f"{symbol.title()} Inc.",
    } | changes


def make_intent(leg: Leg = Leg.ENTRY, **changes: Any) -> OrderIntent:
    """An entry of ten AAPL at 100.50, its stop at 95, or its exit at 99."""
    name = changes.pop("name", leg.value)
    kind = {Leg.ENTRY: OrderType.LIMIT, Leg.STOP: OrderType.STOP, Leg.EXIT: OrderType.LIMIT}[leg]
    kind = changes.pop("type", kind)
    values: dict[str, Any] = {
        "ref_id": make_ref(name),
        "trade_id": make_ref("trade"),
        "symbol": "AAPL",
        "side": Side.BUY if leg is Leg.ENTRY else Side.SELL,
        "leg": leg,
        "type": kind,
        "quantity": 10,
        "time_in_force": TimeInForce.GTC if leg is Leg.STOP else TimeInForce.GFD,
        "limit_price": _price(kind, OrderType.LIMIT, "100.50" if leg is Leg.ENTRY else "99.00"),
        "stop_price": _price(kind, OrderType.STOP, "95.00"),
        "created_at": TEN,
        "valid_until": TEN + timedelta(seconds=5),
        "instrument_id": AAPL,
    }
    return OrderIntent(**(values | changes))


def approved(leg: Leg = Leg.ENTRY, **changes: Any) -> ApprovedOrder:
    """`make_intent`, approved."""
    return ApprovedOrder(intent=make_intent(leg, **changes), rule_set="test")


def json_page(*rows: dict[str, Any], next_url: str | None = None) -> dict[str, Any]:
    """A page of a list."""
    return {"next": next_url, "previous": None, "results": list(rows)}


def dump(body: object) -> bytes:
    return json.dumps(body).encode()


def _price(kind: OrderType, wanted: OrderType, text: str) -> Any:
    return Decimal(text) if kind is wanted else None
