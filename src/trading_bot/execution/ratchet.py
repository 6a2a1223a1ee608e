"""Where a stop may be raised to: it goes up and never down."""

from decimal import Decimal

from trading_bot.domain.money import round_buy, round_sell
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.execution.trade import Trade

_HUNDRED = Decimal(100)


def is_on(settings: ExecutionSettings) -> bool:
    """True when stops follow the price at all."""
    return settings.trail_pct is not None or settings.break_even_at_r is not None


def raised_stop(trade: Trade, bid: Decimal, settings: ExecutionSettings) -> Decimal | None:
    """The stop that `bid` earns, on the tick and under the bid; None when it stays where it is."""
    wanted = _break_even(trade, bid, settings.break_even_at_r)
    if settings.trail_pct is not None:
        trailed = round_buy(bid - bid * settings.trail_pct / _HUNDRED)
        step = trade.stop_price * settings.trail_step_pct / _HUNDRED
        if trailed > trade.stop_price and trailed >= trade.stop_price + step:
            wanted = trailed if wanted is None else max(wanted, trailed)
    if wanted is None or not trade.stop_price < wanted < bid:
        return None
    return wanted


def _break_even(trade: Trade, bid: Decimal, at_r: Decimal | None) -> Decimal | None:
    if at_r is None or not trade.lots.quantity:
        return None
    entry = trade.lots.cost / trade.lots.quantity
    risk = entry - trade.context.stop_loss
    if risk <= 0 or bid < entry + risk * at_r:
        return None
    return round_sell(entry)
