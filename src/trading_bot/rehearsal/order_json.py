"""Orders and executions as the API writes them. There is no symbol in an order."""

from decimal import Decimal

from trading_bot.rehearsal.market_data import instrument_id, instrument_link
from trading_bot.rehearsal.order import Execution, Order, State, notional_of
from trading_bot.rehearsal.wire import Json, link, made_id, micros_text, quantity

_ZERO = Decimal(0)
_NO_FEE = "0.00"
_FINAL_VERSION = 3


def order_json(order: Order, account: str) -> dict[str, Json]:
    """The whole order object."""
    terms = order.terms
    filled = order.filled
    notional = notional_of(order.executions)
    own_link = link(f"/orders/{order.id}/")
    return {
        "id": order.id,
        "ref_id": terms.ref_id,
        "url": own_link,
        "account": link(f"/accounts/{account}/"),
        "user_uuid": made_id("user", "rehearsal"),
        "position": link(f"/positions/{account}/{instrument_id(terms.symbol)}/"),
        "cancel": f"{own_link}cancel/" if order.is_open else None,
        "instrument": instrument_link(terms.symbol),
        "instrument_id": instrument_id(terms.symbol),
        "cumulative_quantity": quantity(filled),
        "average_price": quantity(notional / filled) if filled else None,
        **_fees(order),
        "state": order.state.value,
        "derived_state": _derived_state(order, filled),
        "pending_cancel_open_agent": _pending_cancel(order),
        "type": terms.kind,
        "side": terms.side,
        "time_in_force": terms.time_in_force,
        "trigger": terms.trigger,
        "price": _price(order.price),
        "stop_price": _price(terms.stop_price),
        "quantity": quantity(terms.quantity),
        "reject_reason": order.reject_reason,
        "created_at": micros_text(order.created_at),
        "updated_at": micros_text(order.updated_at),
        "last_transaction_at": _time(order),
        "executions": [_execution_json(one) for one in order.executions],
        "extended_hours": terms.is_extended,
        "market_hours": terms.market_hours,
        "override_dtbp_checks": False,
        "override_day_trade_checks": False,
        "response_category": None,
        "stop_triggered_at": (
            micros_text(order.stop_triggered_at) if order.stop_triggered_at else None
        ),
        "last_trail_price": None,
        "last_trail_price_updated_at": None,
        "last_trail_price_source": None,
        "dollar_based_amount": None,
        "total_notional": _money(_asked_notional(order)),
        "executed_notional": _money(notional) if order.executions else None,
        "investment_schedule_id": None,
        "is_ipo_access_order": False,
        "ipo_access_cancellation_reason": None,
        "ipo_access_lower_collared_price": None,
        "ipo_access_upper_collared_price": None,
        "ipo_access_upper_price": None,
        "ipo_access_lower_price": None,
        "is_ipo_access_price_finalized": False,
        "is_visible_to_user": True,
        "has_ipo_access_custom_price_limit": False,
        "is_primary_account": True,
        "order_form_version": int(terms.form_version) if terms.form_version else None,
        "preset_percent_limit": (
            f"{terms.preset_percent_limit:.6f}" if terms.preset_percent_limit else None
        ),
        "order_form_type": "share_based_orders",
        "last_update_version": _version(order),
        "placed_agent": "user",
        "is_editable": order.is_open,
        "replaces": None if order.replaces is None else order.replaces.id,
        "user_cancel_request_state": _cancel_state(order),
        "tax_lot_selection_type": "fifo" if terms.side == "sell" else None,
        "position_effect": "open" if terms.side == "buy" else "close",
        "root_advanced_order_id": None,
        "requested_notional_amount": None,
    }


def _execution_json(one: Execution) -> Json:
    return {
        "id": one.id,
        "price": quantity(one.price),
        "quantity": quantity(one.quantity),
        "rounded_notional": quantity(one.notional),
        "settlement_date": one.settlement_date.isoformat(),
        "timestamp": micros_text(one.at),
        "trade_execution_date": one.trade_date.isoformat(),
        "ipo_access_execution_rank": None,
        "fees": f"{one.fees:.2f}",
        "sec_fee": f"{one.sec_fee:.2f}",
        "taf_fee": f"{one.taf_fee:.2f}",
        "cat_fee": _NO_FEE,
        "sales_taxes": [],
    }


def _fees(order: Order) -> dict[str, Json]:
    sec = sum((one.sec_fee for one in order.executions), _ZERO)
    taf = sum((one.taf_fee for one in order.executions), _ZERO)
    return {
        "fees": f"{sec + taf:.2f}",
        "sec_fees": f"{sec:.2f}",
        "taf_fees": f"{taf:.2f}",
        "cat_fees": _NO_FEE,
        "sales_taxes": [],
    }


def _asked_notional(order: Order) -> Decimal | None:
    price = order.terms.price or order.terms.stop_price
    return None if price is None else price * order.terms.quantity


def _money(amount: Decimal | None) -> Json:
    if amount is None:
        return None
    return {
        "amount": f"{amount:.2f}",
        "currency_code": "USD",
        "currency_id": made_id("currency", "USD"),
    }


def _price(value: Decimal | None) -> str | None:
    return None if value is None else quantity(value)


def _time(order: Order) -> str | None:
    return micros_text(order.last_transaction_at) if order.last_transaction_at else None


def _derived_state(order: Order, filled: Decimal) -> str:
    if filled and order.state in (State.CANCELLED, State.EXPIRED):
        return "partially_filled_rest_cancelled"
    return order.state.value


def _pending_cancel(order: Order) -> str | None:
    return "user" if order.is_open and order.cancel_requested_at else None


def _cancel_state(order: Order) -> str:
    if not order.is_open:
        return "order_finalized"
    # The word for a cancel under way was never recorded: this one is ours.
    return "cancel_requested" if order.cancel_requested_at else "no_cancel_requested"


def _version(order: Order) -> int:
    """-1 while unconfirmed, then 1, 2 and 3 as the order moves, as captures show it."""
    if order.state is State.UNCONFIRMED:
        return -1
    return _FINAL_VERSION if not order.is_open else min(2, order.updates)
