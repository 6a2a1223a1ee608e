"""Orders of ours at the broker that no record knows: what trades they were, by their names alone.

Names are pure functions of what an order is for, with a tag only this home can make. So an order
proves itself ours, and a sell belongs to the trade whose name makes its own.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.domain.money import round_sell
from trading_bot.domain.order import BrokerOrder, Leg, OrderType, Side
from trading_bot.execution.ref_ids import Identity, is_ours, make_ref_id

ADOPTED = "adopted"
"""Strategy of a trade whose own cannot be found out."""

_MINUTE = timedelta(minutes=1)
_SIGNAL_AGE_MINUTES = 5
_ENTRY_GENERATIONS = 3
_SELL_GENERATIONS = 48
"""More stops or exits than one trade ever needs."""

_BODY_DIGITS = 23
"""How much of a name does not hang on a home's key: 20 hex digits and their dashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostTrade:
    """An entry of ours and the sells that belong to it; `strategy_name` and `bar_end` name it."""

    entry: BrokerOrder
    sells: tuple[BrokerOrder, ...]
    strategy_name: str
    bar_end: datetime

    @property
    def held(self) -> int:
        """Shares bought and not sold."""
        return self.entry.filled_quantity - sum(s.filled_quantity for s in self.sells)

    @property
    def working_sells(self) -> int:
        """Shares that its sells may still sell."""
        return sum(s.quantity - s.filled_quantity for s in self.sells if not s.state.is_final)

    def stop_price(self, below_pct: Decimal) -> Decimal | None:
        """Where its last stop was; a given percentage under what was paid when it had none.

        None when nothing is known that was paid.
        """
        stops = [s.stop_price for s in self.sells if s.stop_price is not None]
        if stops:
            return stops[-1]
        bought = sum(e.quantity for e in self.entry.executions)
        if not bought:
            return None
        paid = sum((e.price * e.quantity for e in self.entry.executions), Decimal(0)) / bought
        return round_sell(paid - paid * below_pct / 100)

    def next_stop_ref_id(self, identity: Identity) -> str:
        """The name of its next stop: the first of its generations that the broker does not hold."""
        there = {s.ref_id for s in self.sells}
        names = (_sell_name(self, identity, Leg.STOP, n) for n in range(_SELL_GENERATIONS))
        return next((name for name in names if name not in there), "")


def _sell_name(trade: LostTrade, identity: Identity, leg: Leg, generation: int) -> str:
    return make_ref_id(
        identity,
        strategy_name=trade.strategy_name,
        symbol=trade.entry.symbol,
        bar_end=trade.bar_end,
        leg=leg,
        generation=generation,
    )


def find_lost(
    orders: Iterable[BrokerOrder],
    known: Collection[str],
    identity: Identity,
    strategies: Sequence[str],
) -> tuple[list[LostTrade], list[BrokerOrder]]:
    """Trades of ours whose entry is not among the `known` ref_ids, and sells that fit none.

    An order that ended without an execution is nobody's loss; as a sell of a lost trade it counts
    all the same, for its name is taken.
    """
    ours = sorted(
        (o for o in orders if o.ref_id not in known and is_ours(o.ref_id, identity)),
        key=lambda o: (o.created_at, o.order_id),
    )
    trades = [
        _named(o, identity, strategies) for o in ours if o.side is Side.BUY and _has_effect(o)
    ]
    sells = [o for o in ours if o.side is Side.SELL]
    if not sells:
        return trades, []
    tied, strays = _tie(trades, sells, identity)
    return tied, [o for o in strays if _has_effect(o)]


def _has_effect(order: BrokerOrder) -> bool:
    return order.filled_quantity > 0 or not order.state.is_final


def _tie(
    trades: list[LostTrade], sells: list[BrokerOrder], identity: Identity
) -> tuple[list[LostTrade], list[BrokerOrder]]:
    owner = {
        _sell_name(trade, identity, leg, n): place
        for place, trade in enumerate(trades)
        for leg in (Leg.STOP, Leg.EXIT)
        for n in range(_SELL_GENERATIONS)
    }
    tied: list[list[BrokerOrder]] = [[] for _ in trades]
    strays = []
    for sell in sells:
        place = owner.get(sell.ref_id, -1)
        if place < 0:
            place = _oldest_with_room(trades, tied, sell)
        if place < 0:
            strays.append(sell)
        else:
            tied[place].append(sell)
    return [
        LostTrade(entry=t.entry, sells=tuple(own), strategy_name=t.strategy_name, bar_end=t.bar_end)
        for t, own in zip(trades, tied, strict=True)
    ], strays


def _oldest_with_room(
    trades: list[LostTrade], tied: list[list[BrokerOrder]], sell: BrokerOrder
) -> int:
    for place, trade in enumerate(trades):
        entry = trade.entry
        sold = sum(s.filled_quantity for s in tied[place])
        is_its = entry.symbol == sell.symbol and entry.created_at <= sell.created_at
        if is_its and sold + sell.filled_quantity <= entry.filled_quantity:
            return place
    return -1


def _named(entry: BrokerOrder, identity: Identity, strategies: Sequence[str]) -> LostTrade:
    found = _signal_of(entry, identity, strategies, whole=True)
    name, bar_end = found or (ADOPTED, entry.created_at)
    return LostTrade(entry=entry, sells=(), strategy_name=name, bar_end=bar_end)


def _signal_of(
    order: BrokerOrder, identity: Identity, strategies: Sequence[str], *, whole: bool
) -> tuple[str, datetime] | None:
    """The strategy and bar that the order's name was made from; not `whole`: under any key."""
    digits = len(order.ref_id) if whole else _BODY_DIGITS
    minute = order.created_at.replace(second=0, microsecond=0)
    for name in strategies:
        for age in range(-1, _SIGNAL_AGE_MINUTES):
            for generation in range(_ENTRY_GENERATIONS):
                bar_end = minute - age * _MINUTE
                made = make_ref_id(
                    identity,
                    strategy_name=name,
                    symbol=order.symbol,
                    bar_end=bar_end,
                    leg=Leg.ENTRY,
                    generation=generation,
                )
                if made[:digits] == order.ref_id[:digits]:
                    return name, bar_end
    return None


def is_another_bots(order: BrokerOrder, identity: Identity, strategies: Sequence[str]) -> bool:
    """True for a buy that a bot like this one sent from another home.

    Either its name is what our own strategies would have made of that minute's bar, under another
    key, or it is no UUID that an app or a library makes, as names made of a hash are not.
    """
    if order.side is not Side.BUY or not order.ref_id or is_ours(order.ref_id, identity):
        return False
    if len(order.ref_id.replace("-", "")) != 32 or order.type is not OrderType.LIMIT:
        return False
    if not _is_usual_uuid(order.ref_id):
        return True
    return _signal_of(order, identity, strategies, whole=False) is not None


def _is_usual_uuid(ref_id: str) -> bool:
    """RFC 9562's variant, and a version that programs use."""
    digits = ref_id.replace("-", "").lower()
    return digits[12] in "1457" and digits[16] in "89ab"
