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

    `exposure` counts where a cap on it is set. Size at the limit price that will be sent, not at
    the quote: the gate holds its rules there.
    """
    if equity is None or buying_power is None or reserved_cash is None:
        return _refusal("ACCOUNT_UNKNOWN", "equity, buying power or reserved cash is not known")
    if not (equity.is_finite() and buying_power.is_finite() and reserved_cash.is_finite()):
        return _refusal("ACCOUNT_UNKNOWN", "equity, buying power or reserved cash is not a number")
    if stop is None or not (price.is_finite() and stop.is_finite() and ZERO < stop < price):
        return _refusal("STOP_SIDE", f"the stop {shown(stop)} is not below the price {price}")
    if limits.exposure_max_usd is not None and not _is_amount(exposure):
        return _refusal("EXPOSURE_CAP", "what is held and working already is not known")
    found: list[tuple[Cap, int]] = [
        ("risk", _shares(equity * limits.risk_per_trade_pct * _PERCENT, price - stop)),
        ("position", _shares(equity * limits.max_position_pct * _PERCENT, price)),
        ("cash", _shares(buying_power - reserved_cash, price)),
        ("quantity", limits.quantity_max),
    ]
    if limits.order_notional_max_usd is not None:
        found.append(("notional", _shares(limits.order_notional_max_usd, price)))
    if limits.exposure_max_usd is not None and exposure is not None:
        found.append(("exposure", _shares(limits.exposure_max_usd - exposure, price)))
    caps = tuple(found)
    cap, quantity = min(caps, key=_BY_SHARES)
    if quantity >= 1:
        return Sizing(quantity, cap, caps)
    if cap in ("notional", "exposure"):
        reason = _explain_capped(cap, price, exposure, limits)
    else:
        reason = _explain_zero(cap, price, stop, equity, buying_power - reserved_cash, limits)
    return Sizing(0, cap, caps, "SIZE_ZERO", reason)


def _is_amount(value: Decimal | None) -> bool:
    return value is not None and value.is_finite() and value >= ZERO


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
        case _:
            return f"one share costs {shown(price)}, {shown(available)} is available"


def _explain_capped(cap: Cap, price: Decimal, exposure: Decimal | None, limits: RiskLimits) -> str:
    costs = f"one share costs {shown(price)}"
    if cap == "notional":
        return f"{costs}, over the cap of {shown(limits.order_notional_max_usd)} an entry"
    return (
        f"{costs}, {shown(exposure)} are held and working already, "
        f"the cap is {shown(limits.exposure_max_usd)}"
    )
