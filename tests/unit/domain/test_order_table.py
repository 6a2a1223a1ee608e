"""The table of an order's states: every pair answered, and what the answers add up to."""

import pytest

from trading_bot.domain.order import OrderState
from trading_bot.domain.order_table import TABLE, Asked, News, Refusal, after, asked_after, is_news

S, N = OrderState, News
FINAL = [state for state in OrderState if state.is_final]
KNOWN_THERE = [S.UNCONFIRMED, S.OPEN, S.PART_FILLED]


def test_every_pair_has_an_answer() -> None:
    """The full product of states and news: a state or a refusal with a name, nothing missing."""
    wanted = {(state, news) for state in OrderState for news in News}

    assert set(TABLE) == wanted
    assert all(isinstance(answer, OrderState | Refusal) for answer in TABLE.values())


@pytest.mark.parametrize("state", list(OrderState))
def test_a_fill_is_booked_in_every_state(state: OrderState) -> None:
    """Brokers report fills after a cancel, an expiry, a rejection: none is ever refused."""
    assert isinstance(after(state, N.FILL), OrderState)
    assert after(state, N.LAST_FILL) is S.FILLED


@pytest.mark.parametrize("state", [s for s in FINAL if s is not S.WITHDRAWN])
@pytest.mark.parametrize("news", [N.UNCONFIRMED, N.OPEN, N.PART_FILLED, N.UNKNOWN, N.RESTARTED])
def test_an_ended_order_does_not_work_again(state: OrderState, news: News) -> None:
    """A late or lost answer, or a restart, brings no ended order back."""
    answer = after(state, news)

    assert answer in (Refusal.ENDED, state)


@pytest.mark.parametrize("news", [N.UNCONFIRMED, N.OPEN, N.PART_FILLED, N.FILL])
def test_a_withdrawn_order_that_shows_up_works(news: News) -> None:
    """Absence was only presumed: what appears is taken for what it is."""
    answer = after(S.WITHDRAWN, news)

    assert isinstance(answer, OrderState)
    assert not answer.is_final


@pytest.mark.parametrize("news", [n for n in News if n is not N.CANCEL_REQUESTED])
def test_from_unknown_everything_is_possible(news: News) -> None:
    """An order of which nothing is known may turn out to be anything."""
    assert isinstance(after(S.UNKNOWN, news), OrderState)


@pytest.mark.parametrize("state", KNOWN_THERE)
def test_what_is_there_is_not_withdrawn(state: OrderState) -> None:
    """An order that the broker is known to hold is cancelled, never given up."""
    assert after(state, N.WITHDRAWN) is Refusal.IS_THERE


@pytest.mark.parametrize("state", [S.NONE, S.UNKNOWN])
def test_what_may_not_be_there_is_not_cancelled(state: OrderState) -> None:
    """A cancel needs an order that the broker is known to hold."""
    assert after(state, N.CANCEL_REQUESTED) is Refusal.NOT_THERE


@pytest.mark.parametrize("state", KNOWN_THERE)
def test_an_accepted_order_may_still_be_rejected(state: OrderState) -> None:
    """Reject after accept is a fact of the world."""
    assert after(state, N.REJECTED) is S.REJECTED


def test_a_bust_opens_what_was_full() -> None:
    """The taken back shares may trade again until the broker says otherwise."""
    assert after(S.FILLED, N.BUST) is S.PART_FILLED
    assert after(S.CANCELLED, N.BUST) is S.CANCELLED
    assert after(S.OPEN, N.BUST) is Refusal.NOTHING_FILLED


def test_older_words_are_no_news() -> None:
    """A slow answer that says less than is known moves nothing back."""
    assert not is_news(S.PART_FILLED, N.UNCONFIRMED)
    assert not is_news(S.OPEN, N.UNCONFIRMED)
    assert is_news(S.UNCONFIRMED, N.OPEN)


def test_a_restart_makes_only_the_unanswered_unknown() -> None:
    """What is on record is known; an intent without an answer may have been sent."""
    moved = {state for state in OrderState if is_news(state, N.RESTARTED)}

    assert moved == {S.NONE}


@pytest.mark.parametrize("asked", list(Asked))
@pytest.mark.parametrize("state", FINAL)
def test_nothing_is_asked_of_what_is_over(asked: Asked, state: OrderState) -> None:
    """The end of an order answers every question."""
    assert all(asked_after(asked, news, state) is Asked.NOTHING for news in News)


def test_a_fill_does_not_answer_a_cancel() -> None:
    """Asked is not done: only the end, or the owner's edit, answers a cancel."""
    for news in (N.OPEN, N.PART_FILLED, N.FILL, N.UNKNOWN):
        assert asked_after(Asked.CANCEL, news, S.PART_FILLED) is Asked.CANCEL
    assert asked_after(Asked.PLACE, N.UNKNOWN, S.UNKNOWN) is Asked.PLACE
    assert asked_after(Asked.PLACE, N.OPEN, S.OPEN) is Asked.NOTHING
    assert asked_after(Asked.NOTHING, N.CANCEL_REQUESTED, S.OPEN) is Asked.CANCEL
