"""What an order becomes on a given day: a table of days, orders and the fills they must get."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from support.rehearsal import (
    DAY,
    MARKET_SELL,
    OPEN,
    STOP,
    Client,
    after_open,
    flat_day,
    minute_bar,
    order_form,
    session_of,
)
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.rehearsal.day import Halt, PlayedDay
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.holdings import HeldShares
from trading_bot.rehearsal.order import State

NEXT_DAY = date(2023, 5, 26)
HELD = ExchangeSettings(
    account=AccountSettings(
        cash=Decimal(200_000),
        held=(HeldShares(symbol="AAPL", quantity=Decimal(2_000), average_price=Decimal(90)),),
    )
)
# An even bar tells 100.00, 99.90, 100.20, 100.10 at its seconds 0, 15, 30 and 45; the bid is a
# cent below the last price, the ask a cent above, 500 shares on either side.
AT = after_open(10, 1)


@dataclass(kw_only=True)
class Case:
    """An order sent at `at` and its fills by the end of the day after: seconds, shares, price."""

    order: dict[str, str | None]
    fills: list[tuple[float, str, str]]
    state: str = "filled"
    days: tuple[PlayedDay, ...] = field(default_factory=lambda: (flat_day(),))
    at: datetime = AT
    until: datetime = field(default_factory=lambda: session_of(NEXT_DAY).post_close)


CASES = {
    "a marketable limit buy fills at the ask, inside its limit": Case(
        order={"price": "101.00"}, fills=[(0.4, "100", "100.01")]
    ),
    "a limit buy fills at its limit": Case(
        order={"price": "100.01"}, fills=[(0.4, "100", "100.01")]
    ),
    "a limit buy under the ask waits for the first quote that crosses it": Case(
        order={"price": "99.91"}, fills=[(14, "100", "99.91")]
    ),
    "a limit buy never crossed is cancelled at the close": Case(
        order={"price": "99.90"}, fills=[], state="cancelled"
    ),
    "a limit sell fills at the bid": Case(
        order={"side": "sell", "price": "99.00"}, fills=[(0.4, "100", "99.99")]
    ),
    "a limit sell above the bid waits": Case(
        order={"side": "sell", "price": "100.19"}, fills=[(29, "100", "100.19")]
    ),
    "a limit sell never goes through its limit": Case(
        order={"side": "sell", "price": "100.20"}, fills=[], state="cancelled"
    ),
    "a market sell fills at the bid": Case(order=MARKET_SELL, fills=[(0.4, "100", "99.99")]),
    "a market buy fills at the ask": Case(
        order={"type": "market", "price": "100.00"}, fills=[(0.4, "100", "100.01")]
    ),
    "a market buy is collared five percent over its price": Case(
        order={"type": "market", "price": "95.00"}, fills=[], state="cancelled"
    ),
    "a market buy as the library sends it, a limit with a preset": Case(
        order={"price": "95.30", "preset_percent_limit": "0.05"},
        fills=[(0.4, "100", "100.01")],
    ),
    "a large order takes what each quote offers": Case(
        order={"quantity": "1200", "price": "100.50"},
        fills=[(0.4, "500", "100.01"), (14, "500", "99.91"), (29, "200", "100.22")],
    ),
    "a large order skips quotes beyond its limit": Case(
        order={"quantity": "1200", "price": "100.01"},
        fills=[(0.4, "500", "100.01"), (14, "500", "99.91"), (59, "200", "100.01")],
    ),
    "a stop sell triggers on the last trade and fills at the bid": Case(
        order={**STOP, "stop_price": "99.90"}, fills=[(14, "100", "99.89")]
    ),
    "a stop sell waits while the last trade is above it": Case(
        order={**STOP, "stop_price": "99.89"}, fills=[], state="confirmed"
    ),
    "a gap through the stop fills at the bid beyond the gap": Case(
        order={**STOP, "stop_price": "99.50"},
        days=(flat_day(special={20: "98.00 98.50 97.90 98.20"}),),
        fills=[(599, "100", "97.99")],
    ),
    "a gap down at the next open goes through the stop": Case(
        order={**STOP, "stop_price": "99.50"},
        days=(flat_day(), flat_day(day=NEXT_DAY, prices="95.00 95.20 94.90 95.10")),
        fills=[((session_of(NEXT_DAY).open - AT).total_seconds(), "100", "94.99")],
    ),
    "a day stop is gone at the next open": Case(
        order={**STOP, "stop_price": "99.50", "time_in_force": "gfd"},
        days=(flat_day(), flat_day(day=NEXT_DAY, prices="95.00 95.20 94.90 95.10")),
        fills=[],
        state="cancelled",
    ),
    "a stop limit triggers and then keeps to its limit": Case(
        order={**STOP, "type": "limit", "stop_price": "99.90", "price": "99.95"},
        fills=[(29, "100", "100.19")],
    ),
    "a buy stop triggers upwards": Case(
        order={"trigger": "stop", "stop_price": "100.20", "price": "100.50"},
        fills=[(29, "100", "100.22")],
    ),
    "nothing fills in a halt and the order stays": Case(
        order={"price": "101.00"},
        at=after_open(10, 10),
        days=(flat_day(halts=(Halt(start=after_open(10, 5), end=after_open(20)),)),),
        fills=[(590, "100", "100.01")],
    ),
    "a stop does not trigger in a halt": Case(
        order={**STOP, "stop_price": "100.00"},
        at=after_open(10, 10),
        days=(flat_day(halts=(Halt(start=after_open(10, 5), end=after_open(20)),)),),
        fills=[(590, "100", "99.99")],
    ),
    "an order sent before the open waits for it": Case(
        order={"price": "101.00"}, at=after_open(-30), fills=[(1800, "100", "100.01")]
    ),
    "an order sent after the close is for the next day": Case(
        order={"price": "101.00"},
        at=after_open(391),
        days=(flat_day(), flat_day(day=NEXT_DAY)),
        fills=[((session_of(NEXT_DAY).open - after_open(391)).total_seconds(), "100", "100.01")],
    ),
    "a gtc limit lives over the night": Case(
        order={"price": "99.00", "time_in_force": "gtc"},
        days=(flat_day(), flat_day(day=NEXT_DAY, prices="98.00 98.20 97.90 98.10")),
        fills=[((session_of(NEXT_DAY).open - AT).total_seconds(), "100", "98.01")],
    ),
    "a gtc order without an end stays": Case(
        order={"price": "90.00", "time_in_force": "gtc"}, fills=[], state="confirmed"
    ),
    "an extended-hours limit fills before the open": Case(
        order={"price": "101.00", "extended_hours": "True", "market_hours": "extended_hours"},
        at=after_open(-30, 1),
        days=(flat_day(extended=[minute_bar(after_open(-30), "100.50 100.50 100.50 100.50")]),),
        fills=[(0.4, "100", "100.52")],
    ),
    "a regular limit does not fill before the open": Case(
        order={"price": "101.00"},
        at=after_open(-30, 1),
        days=(flat_day(extended=[minute_bar(after_open(-30), "100.50 100.50 100.50 100.50")]),),
        fills=[(1799, "100", "100.01")],
    ),
    "a stop sleeps outside the regular hours": Case(
        order={**STOP, "stop_price": "99.00"},
        days=(flat_day(extended=[minute_bar(after_open(395), "90.00 90.00 90.00 90.00")]),),
        fills=[],
        state="confirmed",
    ),
    "nothing trades before the day's first print": Case(
        order={"price": "101.00"},
        at=after_open(0, 1),
        days=(flat_day(silent=(0, 1)),),
        fills=[(119, "100", "100.01")],
    ),
    "a limit sell with a preset may go that much under it": Case(
        order={"side": "sell", "price": "105.00", "preset_percent_limit": "0.05"},
        fills=[(0.4, "100", "99.99")],
    ),
    "a fraction of a share is tried for five minutes": Case(
        order={"type": "market", "price": "90.00", "quantity": "1.5"},
        until=AT + timedelta(minutes=5),
        fills=[],
        state="cancelled",
    ),
    "an early close ends a day order": Case(
        order={"price": "90.00"},
        at=session_of(date(2023, 7, 3)).open,
        days=(flat_day(day=date(2023, 7, 3)),),
        until=session_of(date(2023, 7, 3)).close,
        fills=[],
        state="cancelled",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_order_gets_these_fills(name: str) -> None:
    """Seconds after it was sent, shares and price of each execution, and the state at the end."""
    case = CASES[name]
    client = Client(*case.days, settings=HELD, start=case.at)

    placed = client.place(case.at, **case.order)
    order = client.order(placed, case.until)

    fills = [
        (
            (datetime.fromisoformat(one["timestamp"]) - case.at).total_seconds(),
            f"{Decimal(one['quantity']):.0f}",
            f"{Decimal(one['price']):.2f}",
        )
        for one in order["executions"]
    ]
    assert fills == case.fills
    assert order["state"] == case.state


def test_an_order_lives_by_the_clock() -> None:
    """Unconfirmed at first, confirmed 0.2 s later, filled at 0.4 s, its cancel link then gone."""
    client = Client(flat_day())
    placed = client.place(AT)

    seen = {ms: client.order(placed, AT + timedelta(milliseconds=ms)) for ms in (0, 200, 399, 400)}

    assert {ms: order["state"] for ms, order in seen.items()} == {
        0: "unconfirmed",
        200: "confirmed",
        399: "confirmed",
        400: "filled",
    }
    assert placed["cancel"] == f"https://api.robinhood.com/orders/{placed['id']}/cancel/"
    assert seen[400]["cancel"] is None


def test_an_order_outside_the_hours_is_queued_until_the_open() -> None:
    """Unconfirmed, then queued; confirmed at the open."""
    client = Client(flat_day(), start=after_open(-30))
    placed = client.place(after_open(-30), price="90.00")

    states = [
        client.order(placed, at)["state"]
        for at in (after_open(-30), after_open(-30, 1), after_open(0, -1), OPEN)
    ]

    assert states == ["unconfirmed", "queued", "queued", "confirmed"]


def test_the_extended_morning_opens_nothing_for_a_regular_order() -> None:
    """Sent at night it is still queued after the extended hours have begun."""
    night = session_of().pre_open - timedelta(hours=1)
    client = Client(flat_day(), start=night)
    placed = client.place(night)

    assert client.order(placed, after_open(-30))["state"] == "queued"


def test_two_orders_share_what_a_quote_offers() -> None:
    """The older order takes the quote's shares; the younger waits for the next quote."""
    client = Client(flat_day(), settings=HELD)
    first = client.place(AT, quantity="450", price="100.50")
    second = client.place(AT, quantity="100", price="100.50")

    later = AT + timedelta(seconds=20)

    assert [one["quantity"] for one in client.order(first, later)["executions"]] == ["450.00000000"]
    assert [one["quantity"] for one in client.order(second, later)["executions"]] == [
        "50.00000000",
        "50.00000000",
    ]


@pytest.mark.parametrize("name", CASES)
def test_watching_changes_nothing(name: str) -> None:
    """The order ends the same, byte for byte, whether it is looked at every minute or once."""
    case = CASES[name]
    ends = []
    for steps in (1, 97):
        client = Client(*case.days, settings=HELD, start=case.at)
        reply = client.post("/orders/", _form(case.order), case.at)
        span = case.until - case.at
        for step in range(1, steps + 1):
            client.get("/orders/", case.at + span * step / steps)
        ends.append((reply.body, client.get("/orders/", case.until).body))

    assert ends[0] == ends[1]


def _form(changes: dict[str, str | None]) -> dict[str, str]:
    return order_form(**changes, ref_id="5f4dcc3b-5aa7-45d6-9d83-27deb882cf99")


def test_an_order_until_cancelled_ends_after_ninety_days() -> None:
    """It stands at the open of the ninetieth day and is gone with its close."""
    client = Client(flat_day(), settings=ExchangeSettings(access_life=timedelta(days=100)))
    placed = client.place(AT, price="90.00", time_in_force="gtc")
    last = session_of(date(2023, 8, 23))

    assert client.order(placed, last.open)["state"] == "confirmed"
    assert client.order(placed, last.close)["state"] == "cancelled"


def test_day_orders_may_end_as_expired() -> None:
    """The setting names the state in which a day order ends."""
    account = AccountSettings(expired_state=State.EXPIRED)
    client = Client(flat_day(), settings=ExchangeSettings(account=account))
    placed = client.place(AT, price="90.00")

    assert client.order(placed, session_of(DAY).close)["state"] == "expired"
