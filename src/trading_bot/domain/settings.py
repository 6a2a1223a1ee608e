"""The base of every room's settings: frozen, closed, read once."""

from decimal import Decimal
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from trading_bot.domain.money import parse_decimal

_DECIMAL_TEXT = r"^-?(?:\d+\.?\d*|\.\d+)$"


def _plain_decimal(value: object) -> Decimal:
    """Exact numbers only: a float has lost its digits before it arrives here."""
    if isinstance(value, Decimal):
        if value.is_finite():
            return value
    elif isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    elif isinstance(value, str):
        return parse_decimal(value)
    elif isinstance(value, float):
        raise ValueError(f'expected an exact number, write it as text: "{value!r}"')  # noqa: TRY004 - pydantic collects ValueErrors
    raise ValueError(f'expected a whole number or a decimal in quotes such as "0.5", got {value!r}')


PlainDecimal = Annotated[Decimal, BeforeValidator(_plain_decimal, json_schema_input_type=int | str)]
"""A Decimal setting from text, a whole number or a Decimal; floats and booleans are refused."""


class Settings(BaseModel):
    """A frozen group of settings.

    Unknown keys and wrong types are refused, never coerced in silence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, strict=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The group's JSON schema, with the bounds of each PlainDecimal, which pydantic leaves out.

        A text cannot be bounded by a schema: a bound binds whole numbers, the program the texts.
        """
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, field in cls.model_fields.items():
            if name in properties and _is_decimal(field):
                _describe_decimal(properties[name], field)
        return schema


def _is_decimal(field: FieldInfo) -> bool:
    return "Decimal" in repr(field.annotation)


def _describe_decimal(schema: JsonSchemaValue, field: FieldInfo) -> None:
    _clean(schema)
    for bound in field.metadata:
        match bound:
            case Gt():
                schema["exclusiveMinimum"] = _whole(bound.gt)
            case Ge():
                schema["minimum"] = _whole(bound.ge)
            case Lt():
                schema["exclusiveMaximum"] = _whole(bound.lt)
            case Le():
                schema["maximum"] = _whole(bound.le)


def _clean(schema: JsonSchemaValue) -> None:
    """Take out what is no JSON schema (`gt`, `le`), say how a text must look."""
    for name in ("gt", "ge", "lt", "le"):
        schema.pop(name, None)
    if schema.get("type") == "string":
        schema["pattern"] = _DECIMAL_TEXT
    for choice in schema.get("anyOf", ()):
        _clean(choice)


def _whole(bound: object) -> int | float:
    number = float(str(bound))
    return int(number) if number.is_integer() else number
