"""A changed symbol, translated at the door: behind it the exchange knows the old name only.

Before the day of the change the new name means nothing, from then on the old one does not. The
instrument's id stays, so orders and positions, which go by it, need no translation of their own.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

from trading_bot.rehearsal.corporate import Rename
from trading_bot.rehearsal.wire import Reply, Request

_NAMED = ("/quotes/", "/marketdata/quotes/", "/fundamentals/")
_NOBODY = "-"


class Renames:
    """Translates requests inward and replies outward."""

    def __init__(self, renames: Sequence[Rename]) -> None:
        self._renames = tuple(renames)

    def inward(self, request: Request, today: date) -> Request:
        """The request in the names the exchange knows."""
        if not self._renames:
            return request
        path, mark, _ = request.target.partition("?")
        for prefix in _NAMED:
            name = path.removeprefix(prefix).rstrip("/")
            if path.startswith(prefix) and name and "/" not in name:
                path = f"{prefix}{self._known(name, today)}/"
        query = dict(request.query)
        for field in ("symbols", "symbol"):
            if field in query:
                names = query[field].split(",")
                query[field] = ",".join(self._known(name, today) for name in names)
        target = f"{path}?{urlencode(query, safe=',')}" if mark else path
        return replace(request, target=target)

    def outward(self, reply: Reply, today: date) -> Reply:
        """The reply in the names of the day."""
        body = reply.body
        for one in self._renames:
            if today >= one.day:
                for form in ('"symbol":"{}"', "/quotes/{}/", "/fundamentals/{}/", '"{} ('):
                    body = body.replace(
                        form.format(one.old).encode(), form.format(one.new).encode()
                    )
        return reply if body == reply.body else replace(reply, body=body)

    def _known(self, name: str, today: date) -> str:
        for one in self._renames:
            is_changed = today >= one.day
            if name.upper() == one.new:
                return one.old if is_changed else _NOBODY
            if name.upper() == one.old and is_changed:
                return _NOBODY
        return name
