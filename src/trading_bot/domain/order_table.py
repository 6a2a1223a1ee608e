"""What news may do to an order: every state, every news, one answer each.

Two axes: what the broker is known to hold (`OrderState`) and what we asked of it (`Asked`).
"""

from enum import StrEnum
from typing import Final

from trading_bot.domain.order import OrderState

_S = OrderState


class Asked(StrEnum):
    """What we want of the broker that it has not answered for yet."""

    PLACE = "place"
    CANCEL = "cancel"
    NOTHING = "nothing"


class News(StrEnum):
    """What can become known of an order.

    The first three are what the broker says of a working order; FILL leaves a rest, LAST_FILL does
    not; BUST takes an execution back; REPLACED is the owner's edit; WITHDRAWN gives up an order
    that never left or is presumed absent; UNKNOWN is an answer that was lost, or an order that is
    gone from the broker's history; RESTARTED is a new process that knows the record alone.
    """

    UNCONFIRMED = "unconfirmed"
    OPEN = "open"
    PART_FILLED = "part_filled"
    FILL = "fill"
    LAST_FILL = "last_fill"
    BUST = "bust"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"
    CANCEL_REQUESTED = "cancel_requested"
    REPLACED = "replaced"
    RESTARTED = "restarted"


class Refusal(StrEnum):
    """Why news changes nothing.

    ENDED: the order is over, such an answer came late. NOT_THERE: the broker is not known to hold
    the order. IS_THERE: it is known to. NOTHING_FILLED: no execution that could be taken back.
    """

    ENDED = "ended"
    NOT_THERE = "not_there"
    IS_THERE = "is_there"
    NOTHING_FILLED = "nothing_filled"


_COLUMNS: Final = (
    News.UNCONFIRMED,
    News.OPEN,
    News.PART_FILLED,
    News.FILL,
    News.LAST_FILL,
    News.BUST,
    News.CANCELLED,
    News.EXPIRED,
    News.REJECTED,
    News.UNKNOWN,
    News.WITHDRAWN,
    News.CANCEL_REQUESTED,
    News.REPLACED,
    News.RESTARTED,
)
_LATE: Final = Refusal.ENDED
_AWAY: Final = Refusal.NOT_THERE
_THERE: Final = Refusal.IS_THERE
_BARE: Final = Refusal.NOTHING_FILLED
_UNC, _OPEN, _PART, _FULL = _S.UNCONFIRMED, _S.OPEN, _S.PART_FILLED, _S.FILLED
_CANC, _REJ, _EXP, _UNK, _WITH = _S.CANCELLED, _S.REJECTED, _S.EXPIRED, _S.UNKNOWN, _S.WITHDRAWN

# Executions are booked in every state: brokers report fills after a cancel, and take fills back
# after the end. A word that says less than is known ("unconfirmed" of an open order) is older news.
# An order that was withdrawn and shows up after all is taken for what the broker says it is.
# fmt: off
_ROWS: Final[dict[OrderState, tuple[OrderState | Refusal, ...]]] = {
    _S.NONE: (_UNC, _OPEN, _PART, _PART, _FULL, _BARE, _CANC, _EXP, _REJ, _UNK, _WITH, _AWAY, _AWAY, _UNK),  # noqa: E501
    _UNC: (_UNC, _OPEN, _PART, _PART, _FULL, _BARE, _CANC, _EXP, _REJ, _UNK, _THERE, _UNC, _OPEN, _UNC),  # noqa: E501
    _OPEN: (_OPEN, _OPEN, _PART, _PART, _FULL, _BARE, _CANC, _EXP, _REJ, _UNK, _THERE, _OPEN, _OPEN, _OPEN),  # noqa: E501
    _PART: (_PART, _PART, _PART, _PART, _FULL, _PART, _CANC, _EXP, _REJ, _UNK, _THERE, _PART, _PART, _PART),  # noqa: E501
    _FULL: (_LATE, _LATE, _LATE, _FULL, _FULL, _PART, _LATE, _LATE, _LATE, _LATE, _LATE, _LATE, _LATE, _FULL),  # noqa: E501
    _CANC: (_LATE, _LATE, _LATE, _CANC, _FULL, _CANC, _LATE, _LATE, _LATE, _LATE, _LATE, _LATE, _OPEN, _CANC),  # noqa: E501
    _EXP: (_LATE, _LATE, _LATE, _EXP, _FULL, _EXP, _LATE, _LATE, _LATE, _LATE, _LATE, _LATE, _LATE, _EXP),  # noqa: E501
    _REJ: (_LATE, _LATE, _LATE, _REJ, _FULL, _REJ, _LATE, _LATE, _LATE, _LATE, _LATE, _LATE, _LATE, _REJ),  # noqa: E501
    _WITH: (_UNC, _OPEN, _PART, _PART, _FULL, _WITH, _CANC, _EXP, _REJ, _LATE, _LATE, _LATE, _OPEN, _WITH),  # noqa: E501
    _UNK: (_UNC, _OPEN, _PART, _PART, _FULL, _UNK, _CANC, _EXP, _REJ, _UNK, _WITH, _AWAY, _OPEN, _UNK),  # noqa: E501
}
# fmt: on

TABLE: Final[dict[tuple[OrderState, News], OrderState | Refusal]] = {
    (state, news): answer
    for state, row in _ROWS.items()
    for news, answer in zip(_COLUMNS, row, strict=True)
}
"""The state after the news, or why there is none, for every pair."""


def after(state: OrderState, news: News) -> OrderState | Refusal:
    """The order's state once `news` is known, or why the news changes nothing."""
    return TABLE[state, news]


def is_news(state: OrderState, news: News) -> bool:
    """True when `news` moves an order that is in `state`."""
    answer = TABLE[state, news]
    return isinstance(answer, OrderState) and answer is not state


def asked_after(asked: Asked, news: News, state: OrderState) -> Asked:
    """What is still asked once `news` left the order in `state`.

    A lost answer leaves the question open; an execution answers a place, not a cancel.
    """
    if state.is_final:
        return Asked.NOTHING
    if news is News.CANCEL_REQUESTED:
        return Asked.CANCEL
    if news in (News.UNKNOWN, News.RESTARTED, News.BUST):
        return asked
    if news is News.REPLACED:
        return Asked.NOTHING
    return asked if asked is Asked.CANCEL else Asked.NOTHING
