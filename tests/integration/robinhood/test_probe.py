"""The probe against the exchange and a list of orders that can be made to misbehave."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.logins import Hall, make_hall
from support.rehearsal import CALENDAR, OPEN
from trading_bot.app.sessions import use
from trading_bot.brokers.robinhood.probe.points import Finding
from trading_bot.brokers.robinhood.probe.run import probe
from trading_bot.domain.errors import SessionExpiredError
from trading_bot.rehearsal import fault_menu as faults
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.wire import Reply, Request, link, made_id, micros_text, not_found, ok

NUMBER = "REH000001"
NOON = OPEN + timedelta(hours=2)
MakeHall = Callable[..., Hall]


def order(place: int, **changes: Any) -> dict[str, Any]:
    """The `place`th order of the day, one a minute, with a single execution."""
    at = micros_text(OPEN + timedelta(minutes=place))
    name = made_id("order", str(place))
    instrument = made_id("instrument", "even" if place % 2 == 0 else "odd")
    row: dict[str, Any] = {
        "id": name,
        "ref_id": made_id("ref", str(place)),
        "account": link(f"/accounts/{NUMBER}/"),
        "instrument": link(f"/instruments/{instrument}/"),
        "instrument_id": instrument,
        "state": "filled",
        "side": "buy",
        "type": "limit",
        "trigger": "immediate",
        "time_in_force": "gfd",
        "quantity": "1.00000000",
        "cumulative_quantity": "1.00000000",
        "price": "10.00",
        "stop_price": None,
        "reject_reason": None,
        "created_at": at,
        "updated_at": at,
        "cancel": None,
        "replaces": None,
        "executions": [
            {
                "id": made_id("execution", str(place)),
                "price": "10.00",
                "quantity": "1.00000000",
                "timestamp": at,
                "settlement_date": "2023-05-26",
                **dict.fromkeys(("fees", "sec_fee", "taf_fee", "cat_fee"), "0.00"),
                "sales_taxes": [],
            }
        ],
        **dict.fromkeys(("fees", "sec_fees", "taf_fees", "cat_fees"), "0.00"),
        "sales_taxes": [],
    }
    return row | changes


@dataclass
class Book:
    """A list of orders; it honours the parameters but those it is told to ignore."""

    rows: list[dict[str, Any]] = field(default_factory=lambda: [order(n) for n in range(9)])
    ignored: frozenset[str] = frozenset()
    is_newest_first: bool = True

    def answer(self, request: Request) -> Reply:
        """GET /orders/ and /orders/{id}/."""
        name = request.path.removeprefix("/orders/").strip("/")
        if name:
            return next((ok(row) for row in self.rows if row["id"] == name), not_found())
        query = {k: v for k, v in request.query.items() if k not in self.ignored}
        rows = sorted(self.rows, key=lambda row: row["created_at"], reverse=self.is_newest_first)
        for name in ("created_at", "updated_at"):
            if since := query.get(f"{name}[gte]"):
                rows = [row for row in rows if row[name] >= since]
        if query.get("is_closed") == "false":
            rows = [row for row in rows if row["state"] == "confirmed"]
        if instrument := query.get("instrument"):
            rows = [row for row in rows if row["instrument"] == instrument]
        if number := query.get("account_numbers"):
            rows = [row for row in rows if f"/{number}/" in row["account"]]
        return ok({"next": None, "previous": None, "results": rows})


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeHall]:
    with ExitStack() as stack:

        def making(*rules: FaultRule, book: Book | None = None, **settings: Any) -> Hall:
            hall = make_hall(stack, tmp_path / "home", *rules, start=NOON, **settings)
            asked = book or Book()
            plain = hall.exchange.handle

            def handle(request: Request, now: datetime) -> Reply:
                if request.path.startswith("/orders/"):
                    hall.exchange.asked.append(request)
                    return asked.answer(request)
                return plain(request, now)

            hall.exchange.handle = handle  # type: ignore[method-assign]
            return hall

        yield making


def findings(hall: Hall, number: str | None = NUMBER) -> dict[str, Finding]:
    """What the probe finds, by point."""
    session = hall.issue()

    async def look() -> list[Finding]:
        async with hall.place.transport() as transport:
            use(transport, session)
            found = probe(
                transport, session, hall.clock, CALENDAR, account_number=number, symbol="AAPL"
            )
            return [finding async for finding in found]

    return {finding.point: finding for finding in hall.run(look())}


def wrong(found: dict[str, Finding]) -> set[str]:
    """The points that are not as expected."""
    return {point for point, finding in found.items() if finding.is_ok is False}


def test_exchange_is_as_expected(make: MakeHall) -> None:
    """Every point is settled but those that want a position, and all of them well."""
    hall = make()

    found = findings(hall)

    unsettled = {point for point, finding in found.items() if finding.is_ok is None}
    assert wrong(found) == set()
    assert unsettled == {"positions: fields"}
    assert len(found) >= 30
    assert found["hours: the next half day"].found == "2023-07-03 13:30-17:00 UTC"
    assert found["instrument: fields and tick"].found == "all; tick the rule's"
    assert found["accounts: types"].found == "ends in 001 cash active"


def test_it_only_ever_reads(make: MakeHall) -> None:
    """Every request is a GET, one of them without a token, none of them a log-in."""
    hall = make()

    findings(hall)

    assert {request.method for request in hall.exchange.asked} == {"GET"}
    bare = [one for one in hall.exchange.asked if "authorization" not in one.headers]
    assert [one.path for one in bare] == ["/quotes/"]


def test_nothing_found_gives_anything_away(make: MakeHall) -> None:
    """No account number and no token, though addresses with both are in the answers."""
    hall = make(FaultRule(fault=faults.ServerError(status=503), path="/portfolios/*"))

    text = json.dumps([str(finding) for finding in findings(hall).values()])

    assert NUMBER not in text
    assert "eyJ" not in text


@pytest.mark.parametrize(
    ("book", "point"),
    [
        (Book(ignored=frozenset({"updated_at[gte]"})), "orders: updated_at[gte]"),
        (Book(ignored=frozenset({"created_at[gte]"})), "orders: created_at[gte]"),
        (Book(ignored=frozenset({"is_closed"})), "orders: is_closed=false"),
        (Book(ignored=frozenset({"instrument"})), "orders: instrument"),
        (
            Book(
                rows=[order(0), order(1, account=link("/accounts/REH999777/"))],
                ignored=frozenset({"account_numbers"}),
            ),
            "orders: account_numbers",
        ),
        (Book(is_newest_first=False), "orders: newest first"),
        (Book(rows=[order(0, state="pondering"), order(1)]), "orders: states"),
        (Book(rows=[{k: v for k, v in order(0).items() if k != "cat_fees"}]), "orders: fee fields"),
        (Book(rows=[{k: v for k, v in order(0).items() if k != "ref_id"}]), "orders: fields"),
        (Book(rows=[order(0, executions=[{"id": "x"}])]), "executions: fee fields"),
        (Book(rows=[order(0, executions=None)]), "executions: fields"),
    ],
)
def test_each_order_point_can_fail(make: MakeHall, book: Book, point: str) -> None:
    """A list that does not do what is expected is found out, each in its own point."""
    assert point in wrong(findings(make(book=book)))


def test_without_orders_nothing_is_claimed_of_them(make: MakeHall) -> None:
    """An empty list settles its shape and nothing else."""
    found = findings(make(book=Book(rows=[])))

    orders = {
        point: finding.is_ok
        for point, finding in found.items()
        if point.startswith(("orders", "executions"))
    }
    assert orders.pop("orders: a page") is True
    assert set(orders.values()) == {None}


@pytest.mark.parametrize(
    ("fault", "path", "point"),
    [
        (faults.SkewedClock(seconds=9), "*", "clock: the Date header"),
        (faults.Reordered(), "/quotes/", "quotes: an unknown symbol"),
        (faults.ServerError(status=404), "/accounts/*/recent_day_trades/", "recent_day_trades"),
        (faults.TruncatedJson(keep_bytes=2), "/markets/*", "hours: today"),
    ],
)
def test_a_service_that_differs_is_found_out(
    make: MakeHall, fault: Any, path: str, point: str
) -> None:
    """Another clock, another order of rows, a page that is gone, or no answer at all."""
    finding = findings(make(FaultRule(fault=fault, path=path)))[point]

    assert finding.is_ok is not True


def test_open_quotes_are_found_out(make: MakeHall) -> None:
    """Quotes that anybody may read are not what is expected, and that is said."""
    hall = make()
    plain = hall.exchange.handle

    def handle(request: Request, now: datetime) -> Reply:
        if request.path == "/quotes/" and "authorization" not in request.headers:
            return ok({"results": []})
        return plain(request, now)

    hall.exchange.handle = handle  # type: ignore[method-assign]

    finding = findings(hall)["quotes: without a token"]
    assert (finding.found, finding.is_ok) == ("200", False)


def test_configured_account_that_is_not_there_is_found_out(make: MakeHall) -> None:
    """And without one configured the default account is looked at."""
    assert "accounts: ours" in wrong(findings(make(), "REH999777"))


def test_default_account_is_looked_at_without_a_setting(make: MakeHall) -> None:
    """The point about ours stays open; the rest is settled for the default account."""
    found = findings(make(), None)

    assert found["accounts: ours"].is_ok is None
    assert wrong(found) == set()


def test_session_that_is_not_accepted_ends_it(make: MakeHall) -> None:
    """A 401 is no finding: nothing further is asked."""
    hall = make(FaultRule(fault=faults.Unauthorized()))

    with pytest.raises(SessionExpiredError):
        findings(hall)

    assert hall.exchange.paths == ["GET /accounts/"]
