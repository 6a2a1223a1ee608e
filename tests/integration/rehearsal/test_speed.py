"""How fast a day is answered."""

import time
from datetime import timedelta

import pytest
import requests

from support.rehearsal import CALENDAR, Client
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.server import ExchangeServer

SYMBOLS = "ZZA,ZZB,ZZC,ZZD,ZZE"
POLLS = 1560
"""A session of 390 minutes at four polls a minute."""
CPU_SECONDS_MAX = 7.0
"""Client and exchange took 2.5 s on a quiet machine; the whole daemon may take 10 s for a day."""


@pytest.mark.ci
def test_a_day_of_polls_over_http_is_quick() -> None:
    """1560 polls of quotes and fundamentals of five symbols, client and server together."""
    day, _ = made_up_days(7, CALENDAR)
    client = Client(day, start=day.session.open)
    with ExchangeServer(client.exchange) as server, requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {client.token}"
        root = f"http://127.0.0.1:{server.port}"
        began = time.process_time()
        for poll in range(POLLS):
            now = day.session.open + timedelta(seconds=15 * poll)
            headers = {"X-Rehearsal-Now": now.isoformat()}
            for path in ("quotes", "fundamentals"):
                answer = session.get(
                    f"{root}/{path}/?symbols={SYMBOLS}", headers=headers, timeout=10
                )
                assert len(answer.json()["results"]) == 5

        assert time.process_time() - began < CPU_SECONDS_MAX
