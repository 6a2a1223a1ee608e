"""What makes the exchange refuse an order, in the API's own words.

The wording was reported live unless a comment says that it is ours: then only its shape is the
API's. A refused order is not taken: it has no id, and its ref_id is free again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal, cast

from trading_bot.rehearsal.order import Kind, Side, Terms, TimeInForce, Trigger, tick_at
from trading_bot.rehearsal.wire import Reply, detail, dump, invalid

OLD_FORM = (
    "Your app version is missing important stock trading updates. "
    "You can still place orders on the web."
)
HOURS_MISMATCH = "Extended hours and market hours mismatch."
FRACTIONAL_LIMIT = "Limit order quantity cannot include fractional shares."
INVALID_GTC = "Invalid Good Til Canceled order."
NO_STOP_PRICE = "Stop limit order requested, but no stop price provided."
NO_BUY_PRICE = "Market buy order requested, but no price provided."
DOLLARS_EXTENDED = (
    "Only some stocks and ETFs are available to trade in dollars (fractional share amounts) "
    "during extended hours."
)
NO_TRAILING_LIMIT = "Trailing stop limit orders not supported."
SUB_PENNY = "Prices above $1.00 can't have subpenny increments."
EIGHT_DIGITS = "Ensure that there are no more than 8 digits before the decimal point."
NOT_ENOUGH_SHARES = "Not enough shares to sell."
PATTERN_DAY_TRADER = "Sell may cause PDT designation."
REPEATED_REF_ID = "Order with this ref_id already exists."
_REQUIRED = "This field is required."
_NO_OBJECT = "Invalid hyperlink - Object does not exist."

_OLDEST_FORM = 2
_DIGITS_MAX = 8
_WHOLE_MAX = Decimal(10) ** _DIGITS_MAX
_HOURS = ("regular_hours", "extended_hours", "all_day_hours")
_CHOICES = {
    "side": ("buy", "sell"),
    "type": ("limit", "market"),
    "trigger": ("immediate", "stop"),
    "time_in_force": ("gfd", "gtc"),
    "market_hours": _HOURS,
}
_NUMBERS = ("quantity", "price", "stop_price", "preset_percent_limit")
_NEEDED = ("account", "instrument", "side", "type", "trigger", "quantity", "time_in_force")
_ABSENT = ("", "None", "null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the account has when an order is looked at. `tick` is the instrument's own, if any."""

    symbols_by_link: Mapping[str, str]
    account_link: str
    buying_power: Decimal
    free_shares: Callable[[str], Decimal]
    tick: Callable[[str], Decimal | None]
    is_ref_id_taken: Callable[[str], bool]
    is_pattern_day_trade: Callable[[Terms], bool]


class _RefusedError(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body)
        self.reply = reply


def check(form: Mapping[str, str], standing: Standing, new_ref_id: str) -> Terms | Reply:
    """The terms of an order fit to be taken, or the refusal. `new_ref_id` is for one without."""
    fields = {name: text for name, text in form.items() if text not in _ABSENT}
    try:
        numbers = _fields(fields, standing)
        _form_version(fields)
        _trailing(fields)
        _shape(fields, numbers)
        terms = _terms(fields, numbers, standing, new_ref_id)
        _prices(terms, standing)
        _means(terms, standing)
    except _RefusedError as refused:
        return refused.reply
    return terms


def general(text: str) -> Reply:
    """A refusal that names no field."""
    return invalid(non_field_errors=text)


def repeated_ref_id() -> Reply:
    """The answer to a ref_id seen before. The equity path's own wording was never recorded."""
    return invalid(ref_id=REPEATED_REF_ID)


def _fields(fields: Mapping[str, str], standing: Standing) -> dict[str, Decimal]:
    wrong: dict[str, str] = {name: _REQUIRED for name in _NEEDED if name not in fields}
    if "account" in fields and _full(fields["account"]) != standing.account_link:
        wrong["account"] = _NO_OBJECT
    if "instrument" in fields and _full(fields["instrument"]) not in standing.symbols_by_link:
        wrong["instrument"] = _NO_OBJECT
    for name, choices in _CHOICES.items():
        if name in fields and fields[name] not in choices:
            wrong[name] = f'"{fields[name]}" is not a valid choice.'
    numbers: dict[str, Decimal] = {}
    for name in _NUMBERS:
        if name in fields:
            found = _number(fields[name])
            if isinstance(found, str):
                wrong[name] = found
            else:
                numbers[name] = found
    if standing.is_ref_id_taken(fields.get("ref_id", "")):
        wrong["ref_id"] = REPEATED_REF_ID
    if wrong:
        raise _RefusedError(Reply(400, dump({name: [text] for name, text in wrong.items()})))
    return numbers


def _number(text: str) -> Decimal | str:
    """The number, or what is wrong with it in the words of the framework."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return "A valid number is required."
    if not value.is_finite():
        return "A valid number is required."
    if abs(value) >= _WHOLE_MAX:
        return EIGHT_DIGITS
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_DIGITS_MAX:
        return "Ensure that there are no more than 8 decimal places."
    if value <= 0:
        return "Ensure this value is greater than 0."
    return value


def _form_version(fields: Mapping[str, str]) -> None:
    version = fields.get("order_form_version", "")
    if not version.isdigit() or int(version) < _OLDEST_FORM:
        raise _RefusedError(general(OLD_FORM))


def _trailing(fields: Mapping[str, str]) -> None:
    if "trailing_peg" not in fields:
        return
    if fields["type"] == "limit":
        raise _RefusedError(general(NO_TRAILING_LIMIT))
    # What a complete trailing order is answered today was never recorded: the wording is ours.
    raise _RefusedError(general("Trailing stop orders are not taken by the rehearsal exchange."))


def _shape(fields: Mapping[str, str], numbers: Mapping[str, Decimal]) -> None:
    """Fields that must fit each other."""
    is_extended = fields.get("extended_hours", "false").lower() in ("true", "1")
    if is_extended != (fields.get("market_hours", _HOURS[0]) != _HOURS[0]):
        raise _RefusedError(general(HOURS_MISMATCH))
    if is_extended and "dollar_based_amount" in fields:
        raise _RefusedError(general(DOLLARS_EXTENDED))
    is_limit, is_stop = fields["type"] == "limit", fields["trigger"] == "stop"
    if is_stop and "stop_price" not in numbers:
        if is_limit:
            raise _RefusedError(general(NO_STOP_PRICE))
        raise _RefusedError(invalid(stop_price=_REQUIRED))
    if is_limit and "price" not in numbers:
        raise _RefusedError(invalid(price=_REQUIRED))
    is_plain_market = not is_limit and not is_stop
    if is_plain_market and fields["side"] == "buy" and "price" not in numbers:
        raise _RefusedError(general(NO_BUY_PRICE))
    is_true_limit = is_limit and "preset_percent_limit" not in numbers
    if is_true_limit and numbers["quantity"] % 1:
        raise _RefusedError(general(FRACTIONAL_LIMIT))
    if is_plain_market and fields["side"] == "sell" and fields["time_in_force"] == "gtc":
        raise _RefusedError(general(INVALID_GTC))


def _terms(
    fields: Mapping[str, str],
    numbers: Mapping[str, Decimal],
    standing: Standing,
    new_ref_id: str,
) -> Terms:
    return Terms(
        symbol=standing.symbols_by_link[_full(fields["instrument"])],
        side=cast(Side, fields["side"]),
        kind=cast(Kind, fields["type"]),
        trigger=cast(Trigger, fields["trigger"]),
        quantity=numbers["quantity"],
        time_in_force=cast(TimeInForce, fields["time_in_force"]),
        ref_id=fields.get("ref_id", new_ref_id),
        price=numbers.get("price"),
        stop_price=numbers.get("stop_price") if fields["trigger"] == "stop" else None,
        market_hours=fields.get("market_hours", _HOURS[0]),
        form_version=fields.get("order_form_version"),
        preset_percent_limit=numbers.get("preset_percent_limit"),
    )


def _prices(terms: Terms, standing: Standing) -> None:
    prices: tuple[tuple[Literal["price", "stop_price"], Decimal | None], ...] = (
        ("price", terms.price),
        ("stop_price", terms.stop_price),
    )
    own_tick = standing.tick(terms.symbol)
    for name, price in prices:
        if price is None:
            continue
        if price % tick_at(price):
            # Below a dollar four decimals are the most; that wording is the framework's.
            few = "Ensure that there are no more than 4 decimal places."
            raise _RefusedError(invalid(**{name: SUB_PENNY if price >= 1 else few}))
        if own_tick is not None and price % own_tick:
            # Reported as a 400 without its words: these are ours.
            text = f"Price must be a multiple of the minimum tick size {own_tick:f}."
            raise _RefusedError(invalid(**{name: text}))


def _means(terms: Terms, standing: Standing) -> None:
    """What the account has must be enough."""
    if terms.side == "sell":
        if terms.quantity > standing.free_shares(terms.symbol):
            raise _RefusedError(detail(400, NOT_ENOUGH_SHARES))
        if standing.is_pattern_day_trade(terms):
            raise _RefusedError(detail(400, PATTERN_DAY_TRADER))
        return
    bound = terms.bound
    assert bound is not None
    if bound * terms.quantity > standing.buying_power:
        # Reported in this vein; the exact words are ours.
        count = max(0, int(standing.buying_power // bound))
        text = f"You can only purchase {count} shares of {terms.symbol}."
        raise _RefusedError(detail(400, text))


def _full(link: str) -> str:
    """A link with its last slash."""
    return link if link.endswith("/") else f"{link}/"
