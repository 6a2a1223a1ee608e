"""The rolling metric over the last closed round trips, and when it alerts."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from trading_bot.domain.money import ZERO, percent_of, ratio_of, text_of
from trading_bot.logging.line import format_timestamp
from trading_bot.logging.performance_metric import PerformanceMetric
from trading_bot.performance.day_pnl import LossStreak
from trading_bot.performance.round_trips import outcome_of
from trading_bot.performance.settings import PerformanceSettings

_ALL_LOST: Final = Decimal(-100)


class RollingWindow:
    """The last round trips' net results and what follows from them.

    Taking a round trip costs the same however many there were; a metric costs one pass over the
    window for its drawdown.
    """

    __slots__ = (
        "_gross_loss",
        "_gross_profit",
        "_losses",
        "_nets",
        "_settings",
        "_streak",
        "_wins",
    )

    def __init__(self, settings: PerformanceSettings) -> None:
        self._settings = settings
        self._nets: deque[Decimal] = deque()
        self._streak = LossStreak()
        self._wins = 0
        self._losses = 0
        self._gross_profit = ZERO
        self._gross_loss = ZERO

    def take(self, net_profit_loss: Decimal) -> None:
        """A round trip closed with this result after fees, in dollars."""
        self._nets.append(net_profit_loss)
        self._count(net_profit_loss, 1)
        self._streak.take(outcome_of(net_profit_loss))
        if len(self._nets) > self._settings.window_size:
            self._count(self._nets.popleft(), -1)

    def metric(self, *, at: datetime, equity: Decimal) -> PerformanceMetric:
        """The metric at `at`; `equity` is what the account is worth now that the last one closed.

        The window's equity curve starts at `equity` less the window's results, so that a deposit
        moves the level and never the falls.
        """
        total = len(self._nets)
        win_rate = ratio_of(Decimal(self._wins), Decimal(total)) if total else ZERO
        factor = ratio_of(self._gross_profit, self._gross_loss) if self._losses else None
        drawdown = max_drawdown_pct(equity - self._gross_profit + self._gross_loss, self._nets)
        alerts = self._alerts(drawdown)
        notes = [] if self._losses else ["profit factor undefined: no losses in the window"]
        return PerformanceMetric(
            timestamp=format_timestamp(at),
            window_size=self._settings.window_size,
            win_rate=win_rate,
            profit_factor=factor,
            max_drawdown_pct=drawdown,
            consecutive_losses=self._streak.count,
            total_trades=total,
            alert_triggered=bool(alerts),
            alert_message="; ".join((*alerts, *notes)) or None,
        )

    def _count(self, net: Decimal, sign: int) -> None:
        if net > ZERO:
            self._wins += sign
            self._gross_profit += sign * net
        elif net < ZERO:
            self._losses += sign
            self._gross_loss -= sign * net

    def _alerts(self, drawdown: Decimal) -> list[str]:
        """Compared before rounding, save the drawdown, whose rounded figure is the record's."""
        settings, total = self._settings, len(self._nets)
        if total < settings.alert_trades_min:
            return []
        alerts = []
        if self._wins < settings.win_rate_min * total:
            alerts.append(
                f"win rate {self._wins} of {total} under {text_of(settings.win_rate_min)}"
            )
        if self._losses and self._gross_profit < settings.profit_factor_min * self._gross_loss:
            alerts.append(
                f"profit factor {text_of(self._gross_profit)} / {text_of(self._gross_loss)} "
                f"under {text_of(settings.profit_factor_min)}"
            )
        if drawdown < -settings.drawdown_max_pct:
            alerts.append(
                f"drawdown {text_of(drawdown)}% past -{text_of(settings.drawdown_max_pct)}%"
            )
        return alerts


def max_drawdown_pct(start: Decimal, nets: Iterable[Decimal]) -> Decimal:
    """The deepest fall from a peak in percent, 0 or less, of the curve from `start` on.

    A fall from a peak of nothing or less counts as -100: there is no percentage of it.
    """
    equity = peak = low = start
    deepest = ZERO
    for net in nets:
        equity += net
        if equity >= peak:
            deepest = min(deepest, _fall_pct(peak, low))
            peak = low = equity
        elif equity < low:
            low = equity
    return min(deepest, _fall_pct(peak, low))


def _fall_pct(peak: Decimal, low: Decimal) -> Decimal:
    """From a peak to the lowest after it: of one peak only that is the deepest, also rounded."""
    if low == peak:
        return ZERO
    return percent_of(low - peak, peak) if peak > ZERO else _ALL_LOST
