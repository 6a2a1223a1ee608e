"""`run --live` against an exchange of this machine: the settings, and when it is stopped."""

import json
import os
import signal
from datetime import datetime, timedelta
from typing import Any

from support.rehearsal import OPEN
from trading_bot.rehearsal.exchange import Exchange
from trading_bot.rehearsal.wire import Reply, Request
from trading_bot.storage.home import Home

NUMBER = "REH000001"
ARMED = ("run", "--live", "--armed-for", "0001")


def set_up(home: Home, **changes: Any) -> None:
    """The home's settings: both keys in them, unless changed; None leaves one out."""
    values = {"mode": "live", "account_number": NUMBER, "watchlist": ["AAPL"], **changes}
    home.create()
    text = json.dumps({name: value for name, value in values.items() if value is not None})
    home.config_file.write_text(text)


class Stopping(Exchange):
    """An exchange that ends the program a minute after a protective stop stands."""

    ends_at: datetime = OPEN + timedelta(hours=3)
    was_ended = False

    def handle(self, request: Request, now: datetime) -> Reply:
        """Answer; the signal leaves before the answer does."""
        reply = super().handle(request, now)
        is_stop = request.path == "/orders/" and b"trigger=stop" in request.body
        if is_stop and reply.status == 201:
            self.ends_at = min(self.ends_at, now + timedelta(minutes=1))
        if now >= self.ends_at and not self.was_ended:
            self.was_ended = True
            os.kill(os.getpid(), signal.SIGTERM)
        return reply
