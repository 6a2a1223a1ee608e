"""What a trader's own code says, in a form that every record holds and every replay gives again."""

import re
from typing import Final

_LENGTH_MAX: Final = 2000
_ADDRESS: Final = re.compile(r"\b0x[0-9a-fA-F]{4,}")


def words_of(error: BaseException) -> str:
    """The error as "ValueError: its text", whatever its text is made of."""
    name = type(error).__name__
    try:
        return plain(f"{name}: {error}", name)
    except Exception:  # noqa: BLE001 - its own __str__ is a trader's code as well
        return f"{name}: its text cannot be had"


def plain(said: object, otherwise: str) -> str:
    """`said` if it is a text: at most 2,000 characters, no half characters, no memory addresses.

    Anything else, and a text of nothing but space, gives `otherwise`.
    """
    if not isinstance(said, str) or not said.strip():
        return otherwise
    whole = said[:_LENGTH_MAX].encode("utf-8", "backslashreplace").decode()
    return _ADDRESS.sub("0x...", whole)
