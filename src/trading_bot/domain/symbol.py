"""Ticker symbols as the contract allows them."""

_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
LENGTH_MAX = 5


def is_symbol(text: str) -> bool:
    """True for 1-5 upper-case letters and digits."""
    return 1 <= len(text) <= LENGTH_MAX and _CHARACTERS.issuperset(text)


def parse_symbol(text: str) -> str:
    """`text` if it is a symbol.

    Else ValueError that says why (a class share such as BRK.B is not one).
    """
    if is_symbol(text):
        return text
    if "." in text or "-" in text:
        raise ValueError(
            f"expected a symbol of 1-5 upper-case letters and digits, got {text!r}: "
            "class shares are not supported, the trade record cannot hold them"
        )
    raise ValueError(f"expected a symbol of 1-5 upper-case letters and digits, got {text!r}")
