"""How long the gate takes for one entry, and how many EMA updates that is.

Run: PYTHONPATH=src python benchmarks/gate.py
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from trading_bot.domain.order import Leg, OrderIntent, OrderType, Side, TimeInForce
from trading_bot.market.calendar import Session
from trading_bot.risk.context import EntryContext
from trading_bot.risk.gate import Approved, judge_entry
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.rule_table import ENTRY_RULES

ROUNDS = 200
CALLS = 200
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def intent() -> OrderIntent:
    return OrderIntent(
        ref_id="0d3f6a52-6d5e-5b4e-9c1e-000000000001",
        trade_id="0d3f6a52-6d5e-5b4e-9c1e-000000000001",
        symbol="AAPL",
        side=Side.BUY,
        leg=Leg.ENTRY,
        type=OrderType.LIMIT,
        quantity=10,
        time_in_force=TimeInForce.GFD,
        limit_price=Decimal("187.20"),
        stop_price=None,
        created_at=NOW,
        valid_until=NOW + timedelta(seconds=10),
    )


def context() -> EntryContext:
    opens = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    return EntryContext(
        now=NOW,
        session=Session(
            day=date(2026, 11, 23),
            open=opens,
            close=opens + timedelta(minutes=390),
            pre_open=opens,
            post_close=opens + timedelta(minutes=600),
            is_early_close=False,
        ),
        hours_agree=True,
        bid=Decimal("187.10"),
        ask=Decimal("187.15"),
        last=Decimal("187.12"),
        quote_age_s=0.8,
        quote_problem=None,
        equity=Decimal("20000.00"),
        opening_equity=Decimal("20100.00"),
        buying_power=Decimal("15000.00"),
        account_age_s=20.0,
        reserved_cash=Decimal("1000.00"),
        position_quantity=0,
        foreign_quantity=Decimal(0),
        working_orders=0,
        open_positions=1,
        exposure=Decimal("1000.00"),
        trades_today=4,
        is_duplicate=False,
        day_pnl=Decimal("-100.00"),
        consecutive_losses=1,
        trips=(),
        protect_only=None,
        strategy_stopped=None,
        stop=Decimal("185.80"),
        target=Decimal("190.40"),
        reference_price=Decimal("187.05"),
    )


def median_us(call: Callable[[], object]) -> float:
    """Median over rounds of the mean of a round, in microseconds."""
    means = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for _ in range(CALLS):
            call()
        means.append((time.perf_counter_ns() - start) / CALLS / 1000)
    return statistics.median(means)


def main() -> None:
    order, seen, limits = intent(), context(), RiskLimits()
    assert isinstance(judge_entry(order, seen, limits), Approved)
    ema, alpha, price = 187.0, 2 / 10, 187.2

    def update() -> None:
        nonlocal ema
        ema += alpha * (price - ema)

    update_us = median_us(update)
    gate_us = median_us(lambda: judge_entry(order, seen, limits))
    seen.quote_age_s = 99.0
    refusal_us = median_us(lambda: judge_entry(order, seen, limits))
    print(f"gate, {len(ENTRY_RULES)} rules, approved: {gate_us:.2f} us")
    print(f"gate, refused with its sentence:  {refusal_us:.2f} us")
    print(f"one EMA update:                   {update_us:.4f} us")
    print(f"gate = {gate_us / update_us:.0f} EMA updates")


if __name__ == "__main__":
    main()
