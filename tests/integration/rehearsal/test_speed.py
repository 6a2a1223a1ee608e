"""How fast a day is answered."""

from datetime import timedelta

import pytest
import requests
from support.rehearsal import CALENDAR, Client

from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.runtime.clocks import SystemClock

SYMBOLS = "ZZA,ZZB,ZZC,ZZD,ZZE"
POLLS = 1560
"""A session of 390 minutes at four polls a minute."""
SECONDS_MAX = 10.0
"""What the whole daemon may take for such a day; client and exchange alone take about a quarter."""


@pytest.mark.ci
def test_a_day_of_polls_over_http_is_quick() -> None:
    """1560 polls of quotes and fundamentals of five symbols, client and server together."""
    day, _ = made_up_days(7, CALENDAR)
    client = Client(day, start=day.session.open)
    clock = SystemClock()
    with ExchangeServer(client.exchange) as server, requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {client.token}"
        root = f"http://127.0.0.1:{server.port}"
        began = clock.monotonic()
        for poll in range(POLLS):
            now = day.session.open + timedelta(seconds=15 * poll)
            headers = {"X-Rehearsal-Now": now.isoformat()}
            for path in ("quotes", "fundamentals"):
                answer = session.get(
                    f"{root}/{path}/?symbols={SYMBOLS}", headers=headers, timeout=10
                )
                assert len(answer.json()["results"]) == 5

        assert clock.monotonic() - began < SECONDS_MAX
