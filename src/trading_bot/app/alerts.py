"""Alerts on a terminal and in the application log."""

from typing import TextIO

import structlog

from trading_bot.ports.notifier import Severity


class PrintedAlerts:
    """The Notifier port onto a text stream."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def notify(self, severity: Severity, subject: str, text: str) -> None:
        """One line."""
        print(f"!! {severity} {subject}: {text}", file=self._out, flush=True)


class LoggedAlerts:
    """The Notifier port onto the application log."""

    def __init__(self) -> None:
        self._log = structlog.stdlib.get_logger("trading_bot.alerts")

    def notify(self, severity: Severity, subject: str, text: str) -> None:
        """One event of the log, at the level of its severity."""
        level = {"INFO": "info", "WARNING": "warning", "CRITICAL": "critical"}[severity]
        getattr(self._log, level)(subject, text=text)
