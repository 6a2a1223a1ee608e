"""The base of every room's settings: frozen, closed, read once."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen group of settings; unknown keys and wrong types are refused, never coerced in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
