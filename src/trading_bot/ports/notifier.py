"""Who is told."""

from typing import Literal, Protocol

Severity = Literal["INFO", "WARNING", "CRITICAL"]


class Notifier(Protocol):
    """Tells the owner; never raises and never delays trading."""

    def notify(self, severity: Severity, subject: str, text: str) -> None:
        """Queue the message."""
        ...
