"""Whose is an order that the broker tells of?"""

from typing import Literal

from trading_bot.domain.order import BrokerOrder
from trading_bot.execution.book import TradeBook
from trading_bot.execution.ref_ids import Identity, is_ours

Owner = Literal["ours", "ours_unknown", "foreign"]


def whose(order: BrokerOrder, book: TradeBook, identity: Identity) -> Owner:
    """Ours when the book knows it, or the order that it took the place of.

    "ours_unknown" when it carries this home's tag and no record knows it: records are lost, or they
    are older than what is watched. "foreign" orders are somebody else's and are never touched.
    """
    if book.find(order.ref_id, order.order_id) is not None:
        return "ours"
    if order.replaces and book.find("", order.replaces) is not None:
        return "ours"
    return "ours_unknown" if is_ours(order.ref_id, identity) else "foreign"
