"""Chaos by a seed: the same each time, the whole menu over the seeds, enough of it every day."""

from collections import Counter
from datetime import timedelta
from typing import get_args

import pytest

from support.rehearsal import DAY, MARKET_SELL, STOP, Client, flat_day, order_form, session_of
from trading_bot.rehearsal import owner
from trading_bot.rehearsal.brokerage import Plan
from trading_bot.rehearsal.chaos import chaos
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.fault_menu import AnyFault
from trading_bot.rehearsal.faults import kind_of

SESSION = session_of()
SYMBOLS = ("AAPL", "MSFT")


def test_the_same_seed_makes_the_same_chaos() -> None:
    """Rules and owner are a function of seed, day and symbols; another seed makes others."""
    one = chaos(7, SESSION, SYMBOLS)

    assert one == chaos(7, SESSION, SYMBOLS)
    assert one != chaos(8, SESSION, SYMBOLS)
    assert one.rules != chaos(7, session_of(DAY + timedelta(days=1)), SYMBOLS).rules


def test_the_whole_menu_is_drawn_from() -> None:
    """Over some seeds each kind of fault comes, and each thing an owner does by chance."""
    drawn = [chaos(seed, SESSION, SYMBOLS) for seed in range(60)]

    kinds = Counter(kind_of(rule.fault) for one in drawn for rule in one.rules)
    acts = {type(action) for one in drawn for action in one.owner}

    assert set(kinds) == {str(kind.__struct_config__.tag) for kind in get_args(AnyFault)}
    assert acts == {
        owner.Deposits,
        owner.Withdraws,
        owner.Buys,
        owner.Sells,
        owner.Cancels,
        owner.Edits,
    }


def test_twice_as_intense_is_twice_as_many() -> None:
    """The intensity scales the count of rules."""
    usual, double = (len(chaos(1, SESSION, SYMBOLS, by).rules) for by in (1.0, 2.0))

    assert double == 2 * usual - 1


@pytest.mark.parametrize("seed", range(6))
def test_more_than_twenty_faults_fire_a_day(seed: int) -> None:
    """Met by a client that polls and trades a little, each day brings at least 20 faults."""
    drawn = chaos(seed, SESSION, SYMBOLS)
    settings = ExchangeSettings(plan=Plan(owner=drawn.owner))
    client = Client(flat_day("AAPL"), flat_day("MSFT"), settings=settings, rules=drawn.rules)
    span = int((SESSION.close - SESSION.open).total_seconds())
    for second in range(0, span, 15):
        at = SESSION.open + timedelta(seconds=second)
        client.get("/quotes/?symbols=AAPL,MSFT", at)
        if second % 60 == 0:
            client.get("/positions/?nonzero=true", at)
            client.get("/orders/", at)
        if second % 3600 == 600:
            client.post("/orders/", order_form(quantity="10"), at)
        if second % 3600 == 660:
            form = order_form(**STOP, stop_price="90.00", quantity="5")
            client.post("/orders/", form, at)
        if second % 3600 == 720:
            client.post("/orders/", order_form(**MARKET_SELL, quantity="5"), at)

    said = client.ledger(SESSION.close)

    assert sum(client.faults.counts.values()) >= 20
    assert said["faults"] == client.faults.counts
    assert said["cash"] == said["account"]["cash"]
    assert said["positions"] == said["account"]["positions"]
