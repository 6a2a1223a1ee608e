"""The day's profit and loss, kept as things happen."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_bot.domain.order import Execution
from trading_bot.performance.day_pnl import DayPnl, LossStreak
from trading_bot.performance.round_trips import Outcome

D = Decimal


def _fill(quantity: int, price: str | Decimal, fees: str = "0") -> Execution:
    return Execution(
        execution_id="e",
        at=datetime(2026, 11, 23, 15, 0, tzinfo=UTC),
        quantity=quantity,
        price=D(price),
        fees=D(fees),
    )


def test_open_result_follows_the_marks() -> None:
    """The open P&L is what is held at its mark less what it cost."""
    day = DayPnl()
    day.book_entry("AAPL", _fill(10, "100.00"))
    day.mark("AAPL", D("101.00"))
    day.mark("AAPL", D("99.50"))

    assert (day.open, day.realised, day.total) == (D("-5.00"), 0, D("-5.00"))


def test_what_was_never_marked_makes_the_day_unknown() -> None:
    """A position without a price has no P&L to count, so the day has none."""
    day = DayPnl()
    day.book_entry("AAPL", _fill(10, "100.00"))
    day.book_entry("MSFT", _fill(1, "400.00"))
    day.mark("AAPL", D("101.00"))

    assert day.total is None
    assert day.open is None
    day.mark("MSFT", D("399.00"))
    assert day.total == D("9.00")


def test_exits_realise_and_forget() -> None:
    """A part sold is realised after fees; a symbol that is flat leaves nothing behind."""
    day = DayPnl()
    day.book_entry("AAPL", _fill(10, "100.00", fees="0.10"))
    day.mark("AAPL", D("102.00"))
    day.book_exit("AAPL", _fill(4, "103.00", fees="0.05"))

    assert (day.realised, day.open) == (D("11.85"), D("12.00"))
    day.book_exit("AAPL", _fill(6, "99.00"))
    assert (day.realised, day.open, day.quantity("AAPL")) == (D("5.85"), 0, 0)
    day.mark("AAPL", D("500.00"))
    assert day.total == D("5.85")


def test_more_sold_than_held_changes_nothing() -> None:
    """An exit of shares that are not held is an error and leaves the figures as they were."""
    day = DayPnl()
    day.book_entry("AAPL", _fill(10, "100.00"))
    day.mark("AAPL", D("101.00"))

    with pytest.raises(ValueError, match="AAPL: sold 11 of 10 held"):
        day.book_exit("AAPL", _fill(11, "100.00"))
    with pytest.raises(ValueError, match="MSFT: sold 1 of 0 held"):
        day.book_exit("MSFT", _fill(1, "100.00"))
    assert day.total == D("10.00")


def test_a_mark_is_a_number() -> None:
    """NaN is refused where it comes in: it would never leave the sum again."""
    day = DayPnl()
    day.book_entry("AAPL", _fill(10, "100.00"))

    with pytest.raises(ValueError, match="finite"):
        day.mark("AAPL", D("NaN"))


def test_a_new_day_counts_from_the_previous_close() -> None:
    """What was earned before today is not today's: held shares count from yesterday's close."""
    day = DayPnl()
    day.book_entry("AAPL", _fill(10, "100.00"))
    day.mark("AAPL", D("110.00"))
    day.book_exit("AAPL", _fill(5, "110.00"))

    day.start_day({"AAPL": D("108.00"), "MSFT": D("1.00")})
    day.mark("AAPL", D("107.00"))

    assert (day.realised, day.open) == (0, D("-5.00"))
    assert day.book_exit("AAPL", _fill(5, "109.00")).profit_loss == D("5.00")
    assert day.total == D("5.00")


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "mark"]),
        st.sampled_from(["AAPL", "MSFT", "F"]),
        st.integers(1, 20),
        st.decimals("1", "300", places=2),
        st.decimals("0", "0.2", places=2),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(ACTIONS)
def test_incremental_result_equals_cash_plus_holdings(
    actions: list[tuple[str, str, int, Decimal, Decimal]],
) -> None:
    """At every step the total equals cash received less paid plus holdings at their marks."""
    day, cash = DayPnl(), D(0)
    held: dict[str, int] = {}
    marks: dict[str, Decimal] = {}
    for action, symbol, wanted, price, fees in actions:
        quantity = min(wanted, held.get(symbol, 0)) if action == "sell" else wanted
        if action == "mark":
            day.mark(symbol, price)
            if held.get(symbol):
                marks[symbol] = price
        elif action == "buy":
            day.book_entry(symbol, _fill(quantity, price, str(fees)))
            held[symbol] = held.get(symbol, 0) + quantity
            cash -= quantity * price + fees
        elif quantity:
            day.book_exit(symbol, _fill(quantity, price, str(fees)))
            held[symbol] -= quantity
            cash += quantity * price - fees
            if not held[symbol]:
                marks.pop(symbol, None)
        if all(symbol in marks for symbol, count in held.items() if count):
            value = sum((count * marks[s] for s, count in held.items() if count), D(0))
            assert day.total == cash + value
        else:
            assert day.total is None


def test_streak_counts_losses_in_a_row() -> None:
    """A win ends the streak, a break-even does not touch it, a restart counts anew."""
    streak = LossStreak()
    for outcome in (Outcome.LOSS, Outcome.BREAKEVEN, Outcome.LOSS):
        streak.take(outcome)
    assert streak.count == 2

    streak.take(Outcome.WIN)
    assert streak.count == 0

    streak.take(Outcome.LOSS)
    streak.restart()
    assert streak.count == 0
