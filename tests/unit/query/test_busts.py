"""What was taken back counts nowhere and is marked where it is listed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from support.core_builders import Core, after_open, broker_order, execution, with_position
from support.program import runner
from trading_bot.app.summary import summary_of
from trading_bot.cli import exits
from trading_bot.domain.order import BrokerOrder, OrderState
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import STREAM_ORDERS, STREAM_TRADES
from trading_bot.query.busts import count
from trading_bot.query.records import HomeRecords
from trading_bot.query.story import symbol_day
from trading_bot.query.telling import tell_day
from trading_bot.query.trades import total_line, totals, trade_table
from trading_bot.runtime.measure import Measures
from trading_bot.storage.home import Home

S = OrderState
AT = after_open(5)
SECOND = timedelta(seconds=1)


def home_of(core: Core, root: Path) -> Home:
    """A home that holds what the core wrote."""
    home = Home(root)
    home.create()
    files = {STREAM_ORDERS: "orders.jsonl", STREAM_TRADES: f"{AT:%Y-%m-%d}.jsonl"}
    for stream, name in files.items():
        lines = core.lines.get(stream, [])
        (home.logs / name).write_text("".join(f"{line}\n" for line in lines))
    home.trades_link.symlink_to(files[STREAM_TRADES])
    return home


def busted(*, sold_again: bool = True) -> Core:
    """Sold in two executions, the first of which is taken back, and sold again if so asked."""
    core, _, stop = with_position()
    out = (execution("one", 200, "98.90", AT), execution("two", 267, "99.02", AT))
    reading = broker_order(stop, S.FILLED, *out, at=AT)
    core.read(AT, reading)
    later = replace(reading, executions=out[1:], filled_quantity=267, updated_at=AT + SECOND)
    for seconds in (1, 2):
        core.read(AT + seconds * SECOND, later)
    if sold_again:
        again = core.placed()[-1]
        core.read(after_open(6), filled(again, "again", "101.02"))
    return core


def filled(intent: object, name: str, price: str) -> BrokerOrder:
    order = broker_order(intent, S.FILLED, at=after_open(6))  # type: ignore[arg-type]
    done = execution(name, order.quantity, price, after_open(6))
    return replace(order, executions=(done,), filled_quantity=order.quantity)


def records_of(home: Home) -> list[TradeRecord]:
    lines = HomeRecords(home).lines(STREAM_TRADES)
    return [TradeRecord.from_jsonl_line(line) for line in lines]


def test_the_busted_record_alone_is_marked(tmp_path: Path) -> None:
    """With the time at which it became known, and a result of nothing."""
    home = home_of(busted(), tmp_path)

    found = count(HomeRecords(home), records_of(home))

    assert [trade.bust is not None for trade in found] == [False, True, False, False]
    assert found[1].bust is not None
    assert found[1].bust.at == AT + 2 * SECOND
    assert [trade.net for trade in found] == [None, 0, Decimal("-267.00"), Decimal("200.00")]


def test_totals_leave_it_out(tmp_path: Path) -> None:
    """Executions, round trips and the net are those of what stands."""
    home = home_of(busted(), tmp_path)
    found = count(HomeRecords(home), records_of(home))

    line = total_line(totals(found))

    assert line == (
        "3 executions, 1 round trip (0 won, 1 lost), 1 execution taken back by the broker and not "
        "counted; net -67.00 dollars after fees"
    )
    (row,) = [row for row in trade_table(found) if "busted" in row]
    assert "taken back by the broker, known 2026-11-23 09:35:02" in row
    assert "; was: stop" in row


def test_an_exit_that_nothing_replaced_is_no_round_trip(tmp_path: Path) -> None:
    """The only exit was taken back: an entry without an exit."""
    core, _, stop = with_position()
    reading = broker_order(stop, S.FILLED, execution("out", 467, "98.90", AT), at=AT)
    core.read(AT, reading)
    later = replace(reading, executions=(), filled_quantity=0, updated_at=AT + SECOND)
    for seconds in (1, 2):
        core.read(AT + seconds * SECOND, later)
    home = home_of(core, tmp_path)

    found = totals(count(HomeRecords(home), records_of(home)))

    assert (found.executions, found.round_trips, found.open_entries) == (1, 0, 1)
    assert (found.net, found.busted) == (0, 1)


def test_an_execution_that_came_back_stands(tmp_path: Path) -> None:
    """Taken back and told again: the newest of its two records counts, the other does not."""
    core, _, stop = with_position()
    out = execution("out", 467, "98.90", AT)
    reading = broker_order(stop, S.FILLED, out, at=AT)
    core.read(AT, reading)
    gone = replace(reading, executions=(), filled_quantity=0, updated_at=AT + SECOND)
    for seconds in (1, 2):
        core.read(AT + seconds * SECOND, gone)
    core.read(AT + 3 * SECOND, replace(reading, updated_at=AT + 3 * SECOND))
    home = home_of(core, tmp_path)

    found = count(HomeRecords(home), records_of(home))

    assert [trade.bust is not None for trade in found] == [False, True, False]


def test_the_story_and_the_summary_say_so(tmp_path: Path) -> None:
    """`why` marks the execution; a rehearsal's summary counts what stands."""
    home = home_of(busted(), tmp_path)
    records = HomeRecords(home)

    told = list(tell_day(symbol_day(records, "AAPL", AT.date()), None, "no tape"))
    summed = summary_of(home, "over", Measures())

    (line,) = [line for line in told if "BUSTED" in line]
    assert "does not count: taken back by the broker, known" in line
    assert "    together -67.00" in told
    assert "round trips    1 (0 won, 1 lost; win rate 0%), 0 left open" in summed
    assert "result         -67.00 dollars" in summed
    assert "taken back     1 execution, in no number above" in summed


def test_without_a_bust_nothing_is_read_back_to_the_beginning(tmp_path: Path) -> None:
    """Lines older than the trades asked about are not even parsed."""
    core, _, _ = with_position()
    old = (datetime(2020, 1, 1, tzinfo=UTC)).strftime("%Y-%m-%dT00:00:00.000Z")
    line = core.lines[STREAM_ORDERS][0]
    core.lines[STREAM_ORDERS][:0] = ["nonsense", line.replace(line[line.index("20") :][:24], old)]
    home = home_of(core, tmp_path)

    (trade,) = count(HomeRecords(home), records_of(home))

    assert trade.bust is None


def test_a_damaged_orders_record_still_lists_the_trades(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is on record is shown; that a bust cannot be known is said, and the code is another."""
    home = home_of(busted(), tmp_path)
    path = home.logs / "orders.jsonl"
    path.write_bytes(path.read_bytes()[:-2] + b"x\n")

    answer = runner(capsys)("trades", home=home)

    assert answer.code == exits.DAMAGED
    assert len(answer.lines) == 6
    assert "whether the broker took one of them back is not known" in answer.err
