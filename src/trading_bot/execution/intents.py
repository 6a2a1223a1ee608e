"""Building intents: what an entry, a stop and an exit look like, priced and named."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.domain.money import SUB_PENNY, round_buy, round_sell
from trading_bot.domain.order import Leg, OrderIntent, OrderType, Side, TimeInForce
from trading_bot.domain.signal import Signal
from trading_bot.execution.ref_ids import Identity, make_ref_id
from trading_bot.execution.retries import price_step
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.execution.trade import Trade

APPROVAL_LIFE = timedelta(seconds=5)
"""How long after its approval an order's bytes may still leave."""

_HUNDRED = Decimal(100)
# Looked up once: an enum's member costs more than a field.
_BUY, _ENTRY, _LIMIT, _GFD = Side.BUY, Leg.ENTRY, OrderType.LIMIT, TimeInForce.GFD


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes intents for one home's account."""

    identity: Identity
    settings: ExecutionSettings

    def entry_ref_id(self, signal: Signal) -> str:
        """The entry's name: the same signal is the same order, also after a restart."""
        return make_ref_id(
            self.identity,
            strategy_name=signal.strategy_name,
            symbol=signal.symbol,
            bar_end=signal.bar_end,
            leg=_ENTRY,
            generation=0,
        )

    def entry_limit(self, ask: Decimal) -> Decimal:
        """Limit of an entry when `ask` is asked.

        Marketable, a collar above, rounded down to the tick; a tick at least, which the gate
        refuses where it is more than the collar.
        """
        return max(round_buy(ask + ask * self.settings.entry_collar_pct / _HUNDRED), SUB_PENNY)

    def entry(
        self,
        signal: Signal,
        *,
        ref_id: str,
        quantity: int,
        limit: Decimal,
        now: datetime,
        instrument_id: str,
    ) -> OrderIntent:
        """A limit buy, good for the day: `entry_ref_id` names it, `entry_limit` prices it."""
        return OrderIntent(
            ref_id=ref_id,
            trade_id=ref_id,
            symbol=signal.symbol,
            side=_BUY,
            leg=_ENTRY,
            type=_LIMIT,
            quantity=quantity,
            time_in_force=_GFD,
            limit_price=limit,
            stop_price=None,
            created_at=now,
            valid_until=now + APPROVAL_LIFE,
            instrument_id=instrument_id,
        )

    def stop_price(self, trade: Trade) -> Decimal:
        """Where a stop of the plan stands at the broker: on its step, never above the plan's."""
        return on_step(round_sell(trade.stop_price), price_step(trade))

    def stop(self, trade: Trade, *, quantity: int, now: datetime) -> OrderIntent:
        """A stop-market sell, good until cancelled where that is taken.

        A stop-limit can be gapped through.
        """
        return self._sell(
            trade,
            leg=Leg.STOP,
            type=OrderType.STOP,
            quantity=quantity,
            time_in_force=trade.stop_life,
            limit_price=None,
            stop_price=self.stop_price(trade),
            now=now,
        )

    def exit(
        self, trade: Trade, *, quantity: int, bid: Decimal, now: datetime, at_market: bool
    ) -> OrderIntent:
        """A sell that closes.

        A marketable limit a collar under the bid, or at market in the last minute.
        """
        limit = round_sell(bid - bid * self.settings.exit_collar_pct / _HUNDRED)
        limit = on_step(max(limit, SUB_PENNY), price_step(trade))
        return self._sell(
            trade,
            leg=Leg.EXIT,
            type=OrderType.MARKET if at_market else OrderType.LIMIT,
            quantity=quantity,
            time_in_force=TimeInForce.GFD,
            limit_price=None if at_market else limit,
            stop_price=None,
            now=now,
        )

    def next_ref_id(self, trade: Trade, leg: Leg) -> str:
        """The name of the trade's next order of that leg."""
        return make_ref_id(
            self.identity,
            strategy_name=trade.context.strategy_name,
            symbol=trade.symbol,
            bar_end=trade.context.bar_end,
            leg=leg,
            generation=trade.generations.get(leg, 0),
        )

    def _sell(
        self,
        trade: Trade,
        *,
        leg: Leg,
        type: OrderType,  # noqa: A002 - the field's own name
        quantity: int,
        time_in_force: TimeInForce,
        limit_price: Decimal | None,
        stop_price: Decimal | None,
        now: datetime,
    ) -> OrderIntent:
        return OrderIntent(
            ref_id=self.next_ref_id(trade, leg),
            trade_id=trade.trade_id,
            symbol=trade.symbol,
            side=Side.SELL,
            leg=leg,
            type=type,
            quantity=quantity,
            time_in_force=time_in_force,
            limit_price=limit_price,
            stop_price=stop_price,
            created_at=now,
            valid_until=now + APPROVAL_LIFE,
            instrument_id=next(iter(trade.orders.values())).intent.instrument_id,
        )


def on_step(price: Decimal, step: Decimal | None) -> Decimal:
    """`price` down to a whole number of steps, one at least; as it is without a step."""
    return price if step is None else max(price // step * step, step)
