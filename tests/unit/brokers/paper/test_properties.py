"""Whatever happens to a paper account, it neither makes nor loses money or shares."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.paper import EVER, Desk, make_bar, make_quote, make_ref, run
from trading_bot.brokers.paper_settings import PaperSettings
from trading_bot.domain.errors import RejectedError, UnknownOutcomeError
from trading_bot.domain.order import OrderState, Side, TimeInForce

SYMBOLS = ("AAPL", "MSFT")
CENTS = st.integers(9_000, 11_000)
ACTIONS = st.one_of(
    st.tuples(
        st.just("quote"),
        st.sampled_from(SYMBOLS),
        CENTS,
        st.integers(-2, 10),
        st.sampled_from([0, 10, 100, 1000]),
    ),
    st.tuples(
        st.just("order"),
        st.sampled_from(SYMBOLS),
        st.sampled_from(["buy", "sell", "stop", "market", "buy stop"]),
        CENTS,
        st.integers(1, 400),
        st.sampled_from(list(TimeInForce)),
    ),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("read")),
    st.tuples(st.just("wait"), st.sampled_from([1, 20, 3600, 24 * 3600])),
    st.tuples(st.just("gap"), st.sampled_from(SYMBOLS), CENTS, CENTS),
    st.tuples(st.just("restart")),
)
SETTINGS = st.builds(
    PaperSettings,
    starting_cash=st.sampled_from([Decimal(5_000), Decimal(50_000)]),
    slippage_bps=st.sampled_from([Decimal(0), Decimal(2), Decimal(300)]),
    participation_pct=st.sampled_from([Decimal(10), Decimal(100)]),
    requires_settled_cash=st.booleans(),
)


def text(cents: int) -> str:
    return str(Decimal(cents) / 100)


def order(
    desk: Desk,
    ref: str,
    symbol: str,
    kind: str,
    cents: int,
    quantity: int,
    time_in_force: TimeInForce,
) -> None:
    """An order that may be refused."""
    side = Side.BUY if kind.startswith("buy") else Side.SELL
    price = "limit" if kind in ("buy", "sell") else "stop"
    details: dict[str, Any] = {} if kind == "market" else {price: text(cents)}
    try:
        desk.place(side, quantity, ref=ref, symbol=symbol, time_in_force=time_in_force, **details)
    except RejectedError:
        return


def act(desk: Desk, number: int, action: tuple[Any, ...]) -> None:
    """One thing that happens to the broker."""
    match action:
        case ("quote", symbol, cents, spread, size):
            desk.after(1)
            quote = make_quote(
                text(cents), text(cents + spread), at=desk.clock.at, symbol=symbol, size=size,
                last=text(cents),
            )  # fmt: skip
            run(desk.broker.on_quotes({symbol: quote}, desk.clock.at))
        case ("order", *what):
            order(desk, f"{number}", *what)
        case ("cancel", index):
            orders = list(desk.broker.book.orders)
            if index < len(orders):
                try:
                    run(desk.broker.cancel(orders[index]))
                except RejectedError:
                    assert desk.broker.book.orders[orders[index]].state.is_final
        case ("read",):
            run(desk.broker.orders(EVER))
        case ("wait", seconds):
            desk.after(seconds)
        case ("gap", symbol, one, other):
            desk.after(600)
            low, high = text(min(one, other)), text(max(one, other))
            bar = make_bar(desk.clock.at - timedelta(minutes=7), low, high, low, symbol)
            run(desk.broker.settle_gap({symbol: [bar]}, desk.clock.at))
        case ("restart",):
            desk.broker = desk.restored()


def check_conservation(desk: Desk) -> None:
    """Cash, shares and holds, computed again from nothing but the reported executions."""
    book = desk.broker.book
    cash, shares = desk.settings.starting_cash, dict.fromkeys(SYMBOLS, 0)
    ids = []
    for order in book.orders.values():
        assert order.filled_quantity == sum(e.quantity for e in order.executions)
        assert order.filled_quantity <= order.quantity
        assert (order.state is OrderState.FILLED) == (order.filled_quantity == order.quantity)
        sign = 1 if order.side is Side.BUY else -1
        for execution in order.executions:
            ids.append(execution.execution_id)
            cash -= sign * execution.quantity * execution.price + execution.fees
            shares[order.symbol] += sign * execution.quantity
            assert execution.price > 0
            assert execution.fees == 0 or order.side is Side.SELL
            if order.limit_price is not None:
                assert sign * (execution.price - order.limit_price) <= 0
            if order.price_bound is not None:
                assert execution.price <= order.price_bound
    assert book.cash == cash >= 0
    assert len(set(ids)) == len(ids) == book.execution_count
    assert {s: p.quantity for s, p in book.positions.items()} == {
        s: n for s, n in shares.items() if n
    }
    for symbol in SYMBOLS:
        assert shares[symbol] >= 0
        assert 0 <= book.held_shares(symbol) <= shares[symbol]
    account = run(desk.broker.account())
    assert 0 <= account.buying_power <= account.cash
    assert account.settled_cash <= account.cash
    if desk.settings.requires_settled_cash:
        assert book.held_cash() <= max(account.settled_cash, 0)


@settings(max_examples=120)
@given(SETTINGS, st.lists(ACTIONS, max_size=40))
def test_nothing_is_made_or_lost(model: PaperSettings, actions: Sequence[tuple[Any, ...]]) -> None:
    """Cash and shares equal the sum of the executions; no oversell, no overspend, no id twice."""
    desk = Desk(model)
    for number, action in enumerate(actions):
        act(desk, number, action)
        check_conservation(desk)


@given(SETTINGS, st.lists(ACTIONS, max_size=25))
def test_the_ledger_is_the_state(model: PaperSettings, actions: Sequence[tuple[Any, ...]]) -> None:
    """After every action a broker made from the lines equals the one that lived."""
    desk = Desk(model)
    for number, action in enumerate(actions):
        act(desk, number, action)
        run(desk.broker.account())
        restored = desk.restored()

        assert restored.book == desk.broker.book
        assert run(restored.orders(EVER)) == run(desk.broker.orders(EVER))
        assert run(restored.positions()) == run(desk.broker.positions())


@given(SETTINGS, st.lists(ACTIONS, max_size=25))
def test_every_prefix_of_a_ledger_is_a_ledger(
    model: PaperSettings, actions: Sequence[tuple[Any, ...]]
) -> None:
    """A crash between any two lines leaves an account that conserves what it holds."""
    desk = Desk(model)
    for number, action in enumerate(actions):
        act(desk, number, action)

    for count in range(1, len(desk.sink.lines) + 1):
        crashed = Desk(model, desk.sink.lines[:count])
        crashed.at(desk.clock.at)
        assert crashed.broker.book.next_seq == count
        check_conservation(crashed)


@given(st.lists(ACTIONS, max_size=25))
def test_an_order_is_taken_once(actions: Sequence[tuple[Any, ...]]) -> None:
    """An order that was taken is never taken again, whatever has become of it since."""
    desk = Desk()
    for number, action in enumerate(actions):
        act(desk, number, action)
    taken = set(desk.broker.book.order_ids)

    for number, action in enumerate(actions):
        if make_ref(f"{number}") in taken:
            with pytest.raises(UnknownOutcomeError):
                act(desk, number, action)

    assert set(desk.broker.book.order_ids) == taken
