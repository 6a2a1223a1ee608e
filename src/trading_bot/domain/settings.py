"""The base of every room's settings: frozen, closed, read once."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from trading_bot.domain.money import parse_decimal


def _plain_decimal(value: object) -> Decimal:
    """Exact numbers only: a float has lost its digits before it arrives here."""
    if isinstance(value, Decimal):
        if value.is_finite():
            return value
    elif isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    elif isinstance(value, str):
        return parse_decimal(value)
    raise ValueError(f'expected a whole number or a decimal in quotes such as "0.5", got {value!r}')


PlainDecimal = Annotated[Decimal, BeforeValidator(_plain_decimal, json_schema_input_type=int | str)]
"""A Decimal setting from text, a whole number or a Decimal; floats and booleans are refused."""


class Settings(BaseModel):
    """A frozen group of settings.

    Unknown keys and wrong types are refused, never coerced in silence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
