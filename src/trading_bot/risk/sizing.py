"""How many shares: fixed risk a trade, capped by position, cash and the order's limit."""

from decimal import Decimal
from operator import itemgetter
from typing import Literal

import msgspec

from trading_bot.domain.money import ZERO
from trading_bot.risk.check import shown
from trading_bot.risk.limits import RiskLimits

Cap = Literal["risk", "position", "cash", "quantity", "notional", "exposure"]

_PERCENT = Decimal("0.01")
_BY_SHARES = itemgetter(1)


class Sizing(msgspec.Struct, frozen=True, gc=False):
    """A quantity and what decided it. `code` is empty, or the code of a refusal: quantity 0.

    `caps` holds what each cap alone would allow, in shares; `cap` is the smallest. `refusal` is
    the sentence of a refusal.
    """

    quantity: int
    cap: Cap | None
    caps: tuple[tuple[Cap, int], ...]
    code: str = ""
    refusal: str = ""

    @property
    def reason(self) -> str:
        """One sentence for people."""
        if self.code:
            return self.refusal
        allowed = ", ".join([f"{name} {shares}" for name, shares in self.caps])
        return f"{self.quantity} shares, decided by {self.cap} (allowed: {allowed})"


def size_entry(
    *,
    price: Decimal,
    stop: Decimal | None,
    equity: Decimal | None,
    buying_power: Decimal | None,
    reserved_cash: Decimal | None,
    exposure: Decimal | None,
    limits: RiskLimits,
) -> Sizing:
    """Whole shares for an entry at the limit `price`, dollars; the gate judges the result again.

    `exposure` counts where a cap on it is set. Size at the limit price that will be sent, not at the quote: the gate holds its rules there.
    """
    if equity is None or buying_power is None or reserved_cash is None:
        return _refusal("ACCOUNT_UNKNOWN", "equity, buying power or reserved cash is not known")
    if not (equity.is_finite() and buying_power.is_finite() and reserved_cash.is_finite()):
        return _refusal("ACCOUNT_UNKNOWN", "equity, buying power or reserved cash is not a number")
    if stop is None or not (price.is_finite() and stop.is_finite() and ZERO < stop < price):
        return _refusal("STOP_SIDE", f"the stop {shown(stop)} is not below the price {price}")
    caps: tuple[tuple[Cap, int], ...] = (
        ("risk", _shares(equity * limits.risk_per_trade_pct * _PERCENT, price - stop)),
        ("position", _shares(equity * limits.max_position_pct * _PERCENT, price)),
        ("cash", _shares(buying_power - reserved_cash, price)),
        ("quantity", limits.quantity_max),
    )
    order_cap, exposure_cap = limits.order_notional_max_usd, limits.exposure_max_usd
    if order_cap is not None:
        caps += (("notional", _shares(order_cap, price)),)
    if exposure_cap is not None:
        if exposure is None or not exposure.is_finite():
            return _refusal("EXPOSURE_CAP", "what is held and working already is not known")
        caps += (("exposure", _shares(exposure_cap - exposure, price)),)
    cap, quantity = min(caps, key=_BY_SHARES)
    if quantity < 1:
        reason = _explain_zero(
            cap, price, stop, equity, buying_power - reserved_cash, exposure, limits
        )
        return Sizing(0, cap, caps, "SIZE_ZERO", reason)
    return Sizing(quantity, cap, caps)


def _shares(budget: Decimal, per_share: Decimal) -> int:
    """Integer division, exact: a rounded quotient could buy one share too many."""
    return int(budget // per_share) if budget > ZERO else 0


def _refusal(code: str, reason: str) -> Sizing:
    return Sizing(0, None, (), code, reason)


def _explain_zero(
    cap: Cap,
    price: Decimal,
    stop: Decimal,
    equity: Decimal,
    available: Decimal,
    exposure: Decimal | None,
    limits: RiskLimits,
) -> str:
    match cap:
        case "risk":
            budget = equity * limits.risk_per_trade_pct * _PERCENT
            return (
                f"one share risks {shown(price - stop)}, over {shown(limits.risk_per_trade_pct)}% "
                f"of equity {shown(equity)} = {shown(budget)}"
            )
        case "position":
            budget = equity * limits.max_position_pct * _PERCENT
            return (
                f"one share costs {shown(price)}, over {shown(limits.max_position_pct)}% of "
                f"equity {shown(equity)} = {shown(budget)}"
            )
        case "notional":
            budget = limits.order_notional_max_usd
            return f"one share costs {shown(price)}, over the cap of {shown(budget)} an entry"
        case "exposure":
            return (
                f"one share costs {shown(price)}, {shown(exposure)} are held and working already, "
                f"the cap is {shown(limits.exposure_max_usd)}"
            )
        case _:
            return f"one share costs {shown(price)}, {shown(available)} is available"
