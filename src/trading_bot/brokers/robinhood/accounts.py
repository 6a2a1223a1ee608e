"""The accounts a session opens, and whether ours is one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from trading_bot.brokers.robinhood.fields import as_row, text
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import ConfigError

_SHOWN = 3
_SHOWN_OF_MIN = 6
"""Of a number shorter than this the end would be most of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account; its text does not show the number. What is missing is an empty text."""

    number: str = field(repr=False)
    kind: str = ""
    state: str = ""
    is_default: bool = False


async def read_accounts(transport: RobinhoodTransport) -> tuple[AccountRow, ...]:
    """Every account of the session; an IRA may be missing, the API leaves some out."""
    # The library's address of "no account in particular" lists them all.
    rows = await transport.get_pages(transport.urls.account_profile_url(""))
    found = []
    for value in rows:
        row = as_row(value, "accounts")
        number = text(row, "account_number")
        transport.library.hide(number)
        found.append(
            AccountRow(
                number=number,
                kind=_described(row.get("type")),
                state=_described(row.get("state")),
                is_default=row.get("is_default") is True,
            )
        )
    return tuple(found)


def check_account(accounts: Sequence[AccountRow], number: str) -> None:
    """ConfigError unless the configured account is one of these."""
    if number not in {account.number for account in accounts}:
        theirs = ", ".join(ending(account.number) for account in accounts) or "none"
        raise ConfigError(
            f"account_number: the account that {ending(number)} is not one of this session's "
            f"({theirs}): correct the setting, or log in as the account's owner"
        )


def ending(number: str) -> str:
    """The account in words that do not give it away: `ends in 001`."""
    return f"ends in {number[-_SHOWN:]}" if len(number) >= _SHOWN_OF_MIN else "is too short to name"


def _described(value: object) -> str:
    return value[:20] if isinstance(value, str) and value.isprintable() else ""
