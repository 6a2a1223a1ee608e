"""Streaming indicators against a batch reference, TA-Lib and their own laws."""

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.market.indicators import Atr, Ema, Macd, RelativeVolume, Rsi, SessionVwap, Sma

PRICES = st.lists(st.floats(0.01, 5_000.0), min_size=1, max_size=120)
PERIODS = st.integers(1, 30)
Bars = list[tuple[float, float, float, float]]


def walk(seed: int = 7, length: int = 600) -> Bars:
    """High, low, close, volume of a random walk of bars."""
    chance = random.Random(seed)
    close = 100.0
    bars: Bars = []
    for _ in range(length):
        start = close
        close = max(1.0, start * (1 + chance.gauss(0, 0.01)))
        high = max(start, close) * (1 + abs(chance.gauss(0, 0.003)))
        low = min(start, close) * (1 - abs(chance.gauss(0, 0.003)))
        bars.append((high, low, close, float(chance.randrange(1, 90_000))))
    return bars


def bars_of(prices: Sequence[float]) -> Bars:
    """Bars from threes of neighbouring prices, with made-up volumes."""
    bars: Bars = []
    for i in range(0, len(prices) - 2, 3):
        three = prices[i : i + 3]
        bars.append((max(three), min(three), three[2], float(i * 37 % 11)))
    return bars


def close_to(
    ours: Sequence[float | None], theirs: Sequence[float | None], scale: float = 1
) -> None:
    """Assert both have values at the same places, equal to one part in 1e9 of `scale`."""
    assert len(ours) == len(theirs)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert (a is None) == (b is None), f"at {i}: {a} and {b}"
        if a is not None and b is not None:
            assert math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9 * scale), f"at {i}: {a} and {b}"


# The reference: whole series at once, straight from the definitions.


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def batch_sma(xs: Sequence[float], n: int) -> list[float | None]:
    return [None if i + 1 < n else mean(xs[i + 1 - n : i + 1]) for i in range(len(xs))]


def batch_ema(xs: Sequence[float], n: int) -> list[float | None]:
    """Written as weights: the seed and every later value, each with its own power."""
    weight = 2 / (n + 1)
    out: list[float | None] = []
    for i in range(len(xs)):
        if i + 1 < n:
            out.append(None)
            continue
        later = i + 1 - n
        terms = [mean(xs[:n]) * (1 - weight) ** later]
        terms += [weight * (1 - weight) ** (later - k) * xs[n - 1 + k] for k in range(1, later + 1)]
        out.append(math.fsum(terms))
    return out


def batch_wilder(xs: Sequence[float], n: int) -> list[float | None]:
    out: list[float | None] = [None] * min(n - 1, len(xs))
    average = 0.0
    for i in range(n - 1, len(xs)):
        average = mean(xs[:n]) if i == n - 1 else average + (xs[i] - average) / n
        out.append(average)
    return out


def batch_rsi(xs: Sequence[float], n: int) -> list[float | None]:
    changes = [b - a for a, b in pairwise(xs)]
    ups = batch_wilder([max(c, 0.0) for c in changes], n)
    downs = batch_wilder([max(-c, 0.0) for c in changes], n)
    out: list[float | None] = [None]
    for up, down in zip(ups, downs, strict=True):
        if up is None or down is None:
            out.append(None)
        elif up + down == 0:
            out.append(50.0)
        else:
            out.append(100 - 100 / (1 + up / down) if down else 100.0)
    return out


def batch_atr(bars: Bars, n: int) -> list[float | None]:
    ranges = []
    for i, (high, low, _, _) in enumerate(bars):
        before = bars[i - 1][2] if i else None
        reach = [high - low]
        if before is not None:
            reach += [abs(high - before), abs(low - before)]
        ranges.append(max(reach))
    return batch_wilder(ranges, n)


def batch_vwap(bars: Bars) -> list[float | None]:
    out: list[float | None] = []
    for i in range(len(bars)):
        shares = math.fsum(v for *_, v in bars[: i + 1])
        dollars = math.fsum((h + low + c) / 3 * v for h, low, c, v in bars[: i + 1])
        out.append(dollars / shares if shares else None)
    return out


SINGLE: list[
    tuple[Callable[[int], Ema | Sma | Rsi], Callable[[Sequence[float], int], list[float | None]]]
] = [
    (Ema, batch_ema),
    (Sma, batch_sma),
    (Rsi, batch_rsi),
]


@pytest.mark.parametrize(("streaming", "batch"), SINGLE)
@pytest.mark.parametrize("n", [1, 2, 5, 9, 14, 20, 200])
def test_streaming_equals_batch(
    streaming: Callable[[int], Ema | Sma | Rsi],
    batch: Callable[[Sequence[float], int], list[float | None]],
    n: int,
) -> None:
    """Value by value the stream gives what the definition over the whole series gives."""
    closes = [close for _, _, close, _ in walk()]
    indicator = streaming(n)

    pushed = [indicator.push(x) for x in closes]

    close_to(pushed, batch(closes, n))
    assert indicator.value == pushed[-1]


@given(PRICES, PERIODS)
def test_sma_and_ema_equal_batch_on_anything(prices: list[float], n: int) -> None:
    """Jumps of any size between cents and thousands of dollars do not make the stream drift."""
    sma, ema = Sma(n), Ema(n)

    close_to([sma.push(x) for x in prices], batch_sma(prices, n), scale=5_000)
    close_to([ema.push(x) for x in prices], batch_ema(prices, n), scale=5_000)


@pytest.mark.parametrize("n", [1, 2, 14, 50])
def test_atr_equals_batch(n: int) -> None:
    """The average true range is Wilder's average of the true ranges."""
    bars = walk()
    atr = Atr(n)

    close_to([atr.push(h, low, c) for h, low, c, _ in bars], batch_atr(bars, n))


def test_vwap_and_relative_volume_equal_batch() -> None:
    """Dollars over shares since the open; a bar over the mean of those before it."""
    bars = walk()
    vwap, relative = SessionVwap(), RelativeVolume(20)
    volumes = [v for *_, v in bars]
    usual = [None, *batch_sma(volumes, 20)[:-1]]

    close_to([vwap.push(*bar) for bar in bars], batch_vwap(bars))
    close_to(
        [relative.push(v) for v in volumes],
        [None if u is None else v / u for v, u in zip(volumes, usual, strict=True)],
    )


def test_macd_is_the_difference_of_its_averages() -> None:
    """The line is EMA(12) - EMA(26), its signal the EMA(9) of the line from its first value."""
    closes = [close for _, _, close, _ in walk()]
    fast, slow = batch_ema(closes, 12), batch_ema(closes, 26)
    line = [f - s for f, s in zip(fast, slow, strict=True) if f is not None and s is not None]
    macd = Macd()

    pushed = [(macd.push(x), macd.signal, macd.histogram) for x in closes]

    close_to([p[0] for p in pushed], [None] * 25 + line, scale=100)
    close_to([p[1] for p in pushed[25:]], batch_ema(line, 9), scale=100)
    assert macd.lines == pushed[-1]
    assert Macd().lines is None
    assert macd.value is not None
    assert macd.signal is not None
    assert macd.histogram == macd.value - macd.signal


# TA-Lib as an oracle, where the definitions are the same.


def from_talib(values: object) -> list[float | None]:
    return [None if math.isnan(x) else x for x in values.tolist()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("n", [2, 9, 14, 20, 50])
def test_equal_to_talib(n: int) -> None:
    """EMA, SMA, RSI and ATR (given the close before) are TA-Lib's."""
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed")
    numpy = pytest.importorskip("numpy")
    bars = walk()
    high, low, close, _ = (numpy.array(column) for column in zip(*bars, strict=True))
    closes = close.tolist()
    sma, ema, rsi, atr = Sma(n), Ema(n), Rsi(n), Atr(n, previous_close=closes[0])

    close_to([ema.push(x) for x in closes], from_talib(talib.EMA(close, n)))
    close_to([sma.push(x) for x in closes], from_talib(talib.SMA(close, n)))
    close_to([rsi.push(x) for x in closes], from_talib(talib.RSI(close, n)))
    close_to(
        [None, *(atr.push(h, lo, c) for h, lo, c, _ in bars[1:])],
        from_talib(talib.ATR(high, low, close, n)),
    )


def test_macd_converges_to_talib() -> None:
    """TA-Lib seeds the fast average later; after 400 bars nothing of that is left."""
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed")
    numpy = pytest.importorskip("numpy")
    closes = [close for _, _, close, _ in walk(length=900)]
    macd = Macd()

    ours = [(macd.push(x), macd.signal, macd.histogram) for x in closes]
    theirs = talib.MACD(numpy.array(closes), 12, 26, 9)

    for line in range(3):
        close_to([row[line] for row in ours[400:]], from_talib(theirs[line])[400:], scale=100)


# Laws.


@given(st.floats(0.01, 5_000.0), PERIODS)
def test_a_constant_price_has_itself_as_average(price: float, n: int) -> None:
    """On a flat line every average is the line, RSI is neutral, ATR and MACD are zero."""
    sma, ema, rsi, atr, macd, vwap = Sma(n), Ema(n), Rsi(n), Atr(n), Macd(3, 6, 4), SessionVwap()

    for _ in range(3 * n + 40):
        for indicator in (sma, ema, rsi, macd):
            indicator.push(price)
        atr.push(price, price, price)
        vwap.push(price, price, price, 100.0)

    assert sma.value == pytest.approx(price, rel=1e-12)
    assert ema.value == pytest.approx(price, rel=1e-12)
    assert vwap.value == pytest.approx(price, rel=1e-12)
    assert rsi.value == 50.0
    assert atr.value == 0.0
    assert macd.histogram == pytest.approx(0.0, abs=1e-9)


@given(PRICES, PERIODS)
def test_averages_stay_inside_the_prices(prices: list[float], n: int) -> None:
    """An average is never below the lowest nor above the highest price it has seen."""
    sma, ema = Sma(n), Ema(n)
    low, high = min(prices) * (1 - 1e-12), max(prices) * (1 + 1e-12)

    for price in prices:
        for value in (sma.push(price), ema.push(price)):
            assert value is None or low <= value <= high


@given(PRICES, PERIODS)
def test_rsi_stays_between_0_and_100(prices: list[float], n: int) -> None:
    """RSI is a percentage; rising alone gives 100, falling alone 0."""
    rsi, up, down = Rsi(n), Rsi(n), Rsi(n)

    for i, price in enumerate(prices):
        value = rsi.push(price)
        assert value is None or 0.0 <= value <= 100.0
        assert up.push(i + 1.0) in (None, 100.0)
        assert down.push(-i - 1.0) in (None, 0.0)


@given(PRICES, PERIODS)
def test_atr_and_vwap_stay_inside_the_bars(prices: list[float], n: int) -> None:
    """ATR is between zero and the whole span, VWAP between the lowest low and the highest high."""
    bars = bars_of(prices)
    atr, vwap = Atr(n), SessionVwap()
    span = max(prices) - min(prices)

    for high, low, close, volume in bars:
        range_, average = atr.push(high, low, close), vwap.push(high, low, close, volume)
        assert range_ is None or 0.0 <= range_ <= span * (1 + 1e-12)
        assert average is None or min(prices) * (1 - 1e-12) <= average
        assert average is None or average <= max(prices) * (1 + 1e-12)


@given(PRICES, PERIODS)
def test_values_begin_when_promised(prices: list[float], n: int) -> None:
    """None exactly until there are enough values."""
    sma, ema, rsi, atr, relative = Sma(n), Ema(n), Rsi(n), Atr(n), RelativeVolume(n)

    for seen, price in enumerate(prices, start=1):
        assert (sma.push(price) is None) == (seen < n)
        assert (ema.push(price) is None) == (seen < n)
        assert (atr.push(price, price, price) is None) == (seen < n)
        assert (rsi.push(price) is None) == (seen < n + 1)
        assert (relative.push(price) is None) == (seen < n + 1)


def test_a_new_session_starts_vwap_afresh() -> None:
    """After a reset nothing of yesterday counts; a bar without shares changes nothing."""
    vwap = SessionVwap()
    vwap.push(11.0, 9.0, 10.0, 500)

    vwap.reset()

    assert vwap.value is None
    assert vwap.push(30.0, 30.0, 30.0, 0) is None
    assert vwap.push(21.0, 19.0, 20.0, 100) == 20.0
    assert vwap.push(99.0, 99.0, 99.0, 0) == 20.0


def test_relative_volume_without_any_usual_volume_is_unknown() -> None:
    """Nothing traded before means no ratio, not an infinite one."""
    relative = RelativeVolume(2)

    assert [relative.push(v) for v in (0, 0, 100, 100, 50)] == [None, None, None, 2.0, 0.5]


@pytest.mark.parametrize("make", [Ema, Sma, Rsi, Atr, RelativeVolume])
def test_a_period_below_one_is_refused(make: Callable[[int], object]) -> None:
    """A period of zero has no meaning."""
    with pytest.raises(ValueError, match="at least 1, got 0"):
        make(0)


def test_macd_needs_a_faster_and_a_slower_average() -> None:
    """Fast must be faster."""
    with pytest.raises(ValueError, match="fast < slow, got 26 and 12"):
        Macd(26, 12)
