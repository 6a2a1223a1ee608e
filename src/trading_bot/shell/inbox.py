"""The one inbox: results of calls, and events from outside, in an order that can be repeated."""

import asyncio
from collections import deque

from trading_bot.core.events import Event


class Inbox:
    """Events in the order in which the core will see them.

    Results that are there at the same moment are put in the order in which they were asked for, so
    that on a clock that waits for everybody the order never depends on the machine.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._results: list[tuple[int, Event]] = []
        self._arrived = asyncio.Event()
        self._error: BaseException | None = None

    def put(self, event: Event) -> None:
        """Queue an event that nobody asked for."""
        self._events.append(event)
        self._arrived.set()

    def put_first(self, event: Event) -> None:
        """Queue an event that must come before any other."""
        self._events.appendleft(event)
        self._arrived.set()

    def put_result(self, number: int, event: Event) -> None:
        """Hand in the result of the call that was made as the `number`th."""
        self._results.append((number, event))
        self._arrived.set()

    def fail(self, error: BaseException) -> None:
        """Make the next `take` raise `error`: a call broke in a way that no event can say."""
        self._error = self._error or error
        self._arrived.set()

    @property
    def arrived(self) -> asyncio.Event:
        """Set while there may be something to take."""
        return self._arrived

    def take(self) -> Event | None:
        """The next event, or None; raises what `fail` was told."""
        if self._error is not None:
            raise self._error
        if self._results:
            self._results.sort(key=lambda pair: pair[0])
            self._events.extend(event for _, event in self._results)
            self._results.clear()
        if self._events:
            return self._events.popleft()
        self._arrived.clear()
        return None
