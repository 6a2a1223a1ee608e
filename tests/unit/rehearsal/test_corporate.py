"""What companies do overnight: splits and changed symbols."""

from datetime import date
from decimal import Decimal

import pytest

from support.rehearsal import CALENDAR, STOP, Client, after_open, flat_day, session_of
from trading_bot.rehearsal.brokerage import AccountSettings, Plan
from trading_bot.rehearsal.corporate import Rename, Split, split_days
from trading_bot.rehearsal.day import PlayedDay
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.holdings import HeldShares

NEXT_DAY = date(2023, 5, 26)
SPLIT = Split(symbol="AAPL", day=NEXT_DAY, multiplier=4)
RENAME = Rename(old="AAPL", new="APPL", day=NEXT_DAY)
NIGHT = session_of().post_close
MORNING = session_of(NEXT_DAY).open
HELD = (HeldShares(symbol="AAPL", quantity=Decimal(100), average_price=Decimal(80)),)


def _client(*splits: Split, renames: tuple[Rename, ...] = (), **prices: str) -> Client:
    settings = ExchangeSettings(
        account=AccountSettings(held=HELD), plan=Plan(splits=splits, renames=renames)
    )
    days: tuple[PlayedDay, ...] = (flat_day(), flat_day(day=NEXT_DAY, **prices))  # type: ignore[arg-type]
    return Client(*days, settings=settings)


def test_a_split_multiplies_the_shares() -> None:
    """Four for each, at a quarter of what one cost; the instrument is the same."""
    client = _client(SPLIT, prices="25.00 25.05 24.97 25.02")
    before, after = client.position("AAPL", NIGHT), client.position("AAPL", MORNING)

    assert (before["quantity"], after["quantity"]) == ("100.00000000", "400.00000000")
    assert (before["average_buy_price"], after["average_buy_price"]) == ("80.0000", "20.0000")
    assert before["instrument_id"] == after["instrument_id"]
    assert after["intraday_quantity"] == "0.00000000"
    assert client.ledger(MORNING)["positions"] == {"AAPL": "400"}


def test_a_reverse_split_makes_fewer_shares() -> None:
    """One for each ten."""
    client = _client(Split(symbol="AAPL", day=NEXT_DAY, multiplier=1, divisor=10))

    assert client.position("AAPL", MORNING)["quantity"] == "10.00000000"


def test_a_split_ends_the_orders_that_stand() -> None:
    """A gtc stop does not live through it; nor do its shares stay held."""
    client = _client(SPLIT)
    stop = client.place(after_open(10), **STOP, stop_price="90.00")

    assert client.order(stop, NIGHT)["state"] == "confirmed"
    assert client.order(stop, MORNING)["state"] == "cancelled"
    assert client.position("AAPL", MORNING)["shares_held_for_sells"] == "0.00000000"


def test_the_close_before_a_split_is_told_both_ways() -> None:
    """previous_close as it was, adjusted_previous_close in new shares."""
    quote = _client(SPLIT).json("/quotes/AAPL/", MORNING)

    assert quote["previous_close"] == "100.100000"
    assert quote["adjusted_previous_close"] == "25.025000"
    before = _client(SPLIT).json("/quotes/AAPL/", after_open(10))
    assert before["previous_close"] == before["adjusted_previous_close"]


def test_the_instrument_lists_its_splits() -> None:
    """From its day on, with ratio and date."""
    client = _client(SPLIT)
    (instrument,) = client.json("/instruments/?symbol=AAPL", NIGHT)["results"]
    target = instrument["splits"].removeprefix("https://api.robinhood.com")

    assert client.json(target, NIGHT)["results"] == []
    assert client.json(target, MORNING)["results"] == [
        {
            "instrument": instrument["url"],
            "execution_date": "2023-05-26",
            "multiplier": "4.00000000",
            "divisor": "1.00000000",
        }
    ]
    assert client.get("/instruments/none/splits/", NIGHT).status == 404


def test_bars_that_ignore_a_split_can_be_told_in_new_shares() -> None:
    """From the day on prices are a quarter and volumes four times; days before are as they were."""
    days = made_up_days(1, CALENDAR, symbols=["ZZA", "ZZB"])
    split = Split(symbol="ZZA", day=days[1].day, multiplier=4)

    told = split_days(days, split)

    old, new = days[1].symbols["ZZA"].bars[0], told[1].symbols["ZZA"].bars[0]
    assert abs(new.open * 4 - old.open) <= Decimal("0.02")
    assert new.volume == old.volume * 4
    assert told[0] == days[0]
    assert told[1].symbols["ZZB"] == days[1].symbols["ZZB"]


@pytest.mark.parametrize(("multiplier", "divisor"), [(0, 1), (1, 0), (-1, 1)])
def test_a_split_is_of_whole_shares(multiplier: int, divisor: int) -> None:
    """A ratio with nothing on one side is refused."""
    with pytest.raises(ValueError, match="whole shares"):
        Split(symbol="AAPL", day=NEXT_DAY, multiplier=multiplier, divisor=divisor)


def test_a_changed_symbol_keeps_its_instrument() -> None:
    """The night before the old name trades; in the morning the new one, under the same id."""
    client = _client(renames=(RENAME,))
    old = client.json("/quotes/?symbols=AAPL,APPL", NIGHT)["results"]
    new = client.json("/quotes/?symbols=AAPL,APPL", MORNING)["results"]

    assert (old[0]["symbol"], old[1]) == ("AAPL", None)
    assert (new[0], new[1]["symbol"]) == (None, "APPL")
    assert old[0]["instrument_id"] == new[1]["instrument_id"]
    assert client.json("/quotes/APPL/", MORNING)["symbol"] == "APPL"
    assert client.get("/quotes/AAPL/", MORNING).status == 404
    assert client.get("/quotes/APPL/", NIGHT).status == 404


def test_a_changed_symbol_shows_everywhere() -> None:
    """Instruments, positions and fundamentals go by the new name; orders that stood are gone."""
    client = _client(renames=(RENAME,))
    stop = client.place(after_open(10), **STOP, stop_price="90.00")

    (instrument,) = client.json("/instruments/?symbol=APPL", MORNING)["results"]

    assert instrument["symbol"] == "APPL"
    assert instrument["quote"].endswith("/quotes/APPL/")
    assert client.json("/instruments/?symbol=AAPL", MORNING)["results"] == []
    assert client.json(f"/instruments/{instrument['id']}/", MORNING)["symbol"] == "APPL"
    row = client.position("APPL", MORNING)
    assert row["instrument_id"] == instrument["id"]
    assert row["quantity"] == "100.00000000"
    assert client.json("/fundamentals/APPL/", MORNING)["instrument"] == instrument["url"]
    assert client.order(stop, MORNING)["state"] == "cancelled"
