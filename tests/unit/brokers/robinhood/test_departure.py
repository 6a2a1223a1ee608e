"""Whether an order's bytes have left."""

import threading
from datetime import timedelta

import pytest

from support.paper import SetClock
from trading_bot.brokers.robinhood.departure import Departure
from trading_bot.domain.errors import RetryableError


def departure(clock: SetClock, seconds: float = 5) -> Departure:
    return Departure(clock.now() + timedelta(seconds=seconds), clock.now)


def test_an_order_leaves_within_its_approval_and_not_after() -> None:
    """To the moment, wherever the time was spent."""
    clock = SetClock()
    in_time, late = departure(clock), departure(clock)
    clock.at += timedelta(seconds=5)

    in_time.leave()
    clock.at += timedelta(microseconds=1)

    with pytest.raises(RetryableError, match="nothing was sent"):
        late.leave()
    assert late.call_off()


def test_what_has_left_cannot_be_called_off() -> None:
    """From then on its outcome is unknown until somebody says it."""
    order = departure(SetClock())
    order.leave()

    assert not order.call_off()


def test_what_was_called_off_never_leaves() -> None:
    """The caller has gone on, believing it was not sent."""
    order = departure(SetClock())

    assert order.call_off()
    with pytest.raises(RetryableError, match="called off"):
        order.leave()


def race(order: Departure) -> tuple[bool, bool]:
    """Send on a thread and call off here, at once: whether it left, whether it is off."""
    start = threading.Barrier(2)
    left: list[bool] = []

    def send() -> None:
        start.wait()
        try:
            order.leave()
        except RetryableError:
            left.append(False)
        else:
            left.append(True)

    worker = threading.Thread(target=send)
    worker.start()
    start.wait()
    is_off = order.call_off()
    worker.join()
    return left == [True], is_off


def test_exactly_one_of_the_two_wins() -> None:
    """A worker that sends and a caller that gives up never both have their way."""
    for _ in range(200):
        has_left, is_off = race(departure(SetClock()))

        assert has_left is not is_off
