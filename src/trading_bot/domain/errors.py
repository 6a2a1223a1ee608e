"""One root, and families by what the caller does next."""


class TradingBotError(Exception):
    """Root of every error this program raises on purpose."""


class RetryableError(TradingBotError):
    """Wait, then make the same call again.

    `retry_after_s` is the wait the other side asked for, in seconds, when it named one.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RejectedError(TradingBotError):
    """This order is dead at the broker or was never taken; go on."""


class UnknownOutcomeError(TradingBotError):
    """It may have happened; reconcile, never resend."""


class SessionExpiredError(TradingBotError):
    """The broker no longer knows this session; refresh it or ask a human to log in."""


class HaltError(TradingBotError):
    """Open nothing more; a person must look."""


class HumanNeededError(HaltError):
    """Only a person can go on: log in, or mend the session."""


class ConfigError(TradingBotError):
    """Refuse to start.

    `problems` holds one line for each thing that is wrong; `is_passing` is true when the same start
    may work in a moment.
    """

    is_passing = False

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DataError(TradingBotError):
    """A file or a message is not what it must be; names where, what was expected, what came."""
