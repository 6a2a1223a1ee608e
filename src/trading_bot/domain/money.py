"""Decimal money: parsing, ticks, rounding.

The only place that rounds and that turns floats into money.
"""

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Decimal,
    InvalidOperation,
)

CENT = Decimal("0.01")
SUB_PENNY = Decimal("0.0001")
ZERO = Decimal(0)
ONE_DOLLAR = Decimal(1)
_TEXT = frozenset("0123456789.-")


def parse_decimal(text: str) -> Decimal:
    """A plain decimal number from `text`: digits, one dot, a leading minus.

    Raises ValueError on anything else (exponents, underscores, spaces, NaN, infinity, floats).
    """
    if not isinstance(text, str):
        raise ValueError(f"expected a decimal number as text, got {type(text).__name__} {text!r}")  # noqa: TRY004
    if not text or not _TEXT.issuperset(text):
        raise ValueError(f"expected a plain decimal number, got {text!r}")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"expected a plain decimal number, got {text!r}") from error


def text_of(value: Decimal) -> str:
    """`value` without an exponent; a negative zero is written as zero."""
    return format(value or abs(value), "f")


def trimmed(value: Decimal) -> Decimal:
    """The same number without zeros behind its second decimal: 192.210000 is written 192.21."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= -2:
        return value
    normal = value.normalize()
    kept = normal.as_tuple().exponent
    return normal.quantize(CENT) if isinstance(kept, int) and kept > -2 else normal


def tick_size(price: Decimal) -> Decimal:
    """The price step of a stock at `price`: one cent from one dollar up, else 0.0001.

    Source: Regulation NMS, rule 612.
    """
    return CENT if price >= ONE_DOLLAR else SUB_PENNY


def round_buy(price: Decimal) -> Decimal:
    """Down to the tick: a buy limit never pays more than was approved."""
    return price.quantize(tick_size(price), rounding=ROUND_FLOOR)


def round_sell(price: Decimal) -> Decimal:
    """Up to the tick: a sell limit never takes less than was approved."""
    return price.quantize(tick_size(price), rounding=ROUND_CEILING)


def round_nearest(price: Decimal) -> Decimal:
    """To the nearest tick, ties to even; for levels shown or compared, not for limits sent."""
    return price.quantize(tick_size(price), rounding=ROUND_HALF_EVEN)


def cents(value: Decimal) -> Decimal:
    """To the cent, ties to even."""
    return value.quantize(CENT, rounding=ROUND_HALF_EVEN)


def cents_up(value: Decimal) -> Decimal:
    """Up to the cent, as fees are charged."""
    return value.quantize(CENT, rounding=ROUND_CEILING)


def price_from_float(value: float) -> Decimal:
    """The float `value` of a bar or indicator as a price on the tick.

    The one crossing from floats to money.
    """
    exact = Decimal(repr(value))
    return exact.quantize(CENT if exact >= ONE_DOLLAR else SUB_PENNY, rounding=ROUND_HALF_EVEN)


def whole_shares(value: Decimal) -> int:
    """`value` shares cut to whole ones, towards zero."""
    return int(value.to_integral_value(rounding=ROUND_DOWN))


def shares_up(value: Decimal) -> int:
    """`value` shares up to whole ones: what a position can be at most."""
    return int(value.to_integral_value(rounding=ROUND_CEILING))


def ratio_of(part: Decimal, whole: Decimal) -> Decimal:
    """`part` by `whole` (not zero) to four decimals, ties to even."""
    return (part / whole).quantize(SUB_PENNY, rounding=ROUND_HALF_EVEN)


def percent_of(part: Decimal, whole: Decimal) -> Decimal:
    """`part` in percent of `whole` (not zero) to four decimals, ties to even."""
    return (part * 100 / whole).quantize(SUB_PENNY, rounding=ROUND_HALF_EVEN)
