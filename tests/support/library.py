"""The real robin_stocks, its global session pointed at a rehearsal exchange over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from robin_stocks.robinhood import helper
from robin_stocks.robinhood.globals import SESSION

from support.rehearsal import Client, after_open, flat_day
from trading_bot.rehearsal.accounts import AccountSettings, HeldShares
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.server import ExchangeServer

SYMBOLS = ["MSFT", "AAPL"]


class _ToLoopback(HTTPAdapter):
    """Sends what is meant for Robinhood to a port of this machine and hides that it did."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        url = request.url or ""
        request.url = urlunsplit(("http", f"127.0.0.1:{self._port}", *urlsplit(url)[2:]))
        try:
            response = super().send(request, *args, **kwargs)
        finally:
            request.url = url
        response.url = url
        return response


class Library:
    """robin_stocks pointed at an exchange of two symbols and two positions."""

    def __init__(self, *rules: FaultRule) -> None:
        held = tuple(
            HeldShares(symbol=symbol, quantity=Decimal(3), average_price=Decimal("99.5"))
            for symbol in SYMBOLS
        )
        settings = ExchangeSettings(
            account=AccountSettings(held=held), page_size=1, redirects_slashless=True
        )
        days = (flat_day("AAPL", volume=500), flat_day("MSFT", volume=700))
        self.client = Client(*days, settings=settings, rules=rules)
        self.server = ExchangeServer(self.client.exchange)

    def start(self) -> None:
        SESSION.mount("https://", _ToLoopback(self.server.start()))
        SESSION.trust_env = False
        self.at(after_open(30))
        helper.update_session("Authorization", f"Bearer {self.client.token}")
        helper.set_login_state(True)

    def at(self, now: datetime) -> None:
        """What the library asks next it asks at `now`."""
        SESSION.headers["X-Rehearsal-Now"] = now.isoformat()


@contextmanager
def running_library(*rules: FaultRule) -> Iterator[Library]:
    """A running exchange with the library's global session on it; the session is restored after."""
    headers, mounted = dict(SESSION.headers), SESSION.adapters["https://"]
    one = Library(*rules)
    one.start()
    yield one
    SESSION.adapters["https://"].close()
    SESSION.mount("https://", mounted)
    SESSION.headers = headers
    helper.set_login_state(False)
    one.server.stop()
