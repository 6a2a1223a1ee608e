"""What is held and what the account is worth, as the broker says it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPosition:
    """One symbol's pooled position at the broker.

    Quantities in shares (fractions possible for foreign ones).
    """

    symbol: str
    quantity: Decimal
    held_for_sells: Decimal
    average_price: Decimal | None
    instrument_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """The account as the broker reports it at `at`; dollars.

    `cash` is all cash, `settled_cash` what may be spent in a cash account, `buying_power` what the
    broker would accept, `equity` cash plus positions at the broker's marks. `held_for_orders` is
    the cash that working buys hold, None where a broker does not say.
    """

    at: datetime
    cash: Decimal
    settled_cash: Decimal
    buying_power: Decimal
    equity: Decimal
    held_for_orders: Decimal | None = None
