"""Alerts on a terminal, until there is anywhere else to send them."""

from typing import TextIO

from trading_bot.ports.notifier import Severity


class PrintedAlerts:
    """The Notifier port onto a text stream."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def notify(self, severity: Severity, subject: str, text: str) -> None:
        """One line."""
        print(f"!! {severity} {subject}: {text}", file=self._out, flush=True)
