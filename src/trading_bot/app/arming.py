"""Arming: what must agree, be shown and be confirmed before an order can cost real money."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from trading_bot.app.core_settings import LIVE, limits_of
from trading_bot.config.model import Config
from trading_bot.domain.errors import ConfigError
from trading_bot.domain.money import cents, text_of
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.risk.limits import RiskLimits

_SHOWN_DIGITS: Final = 4
_HUNDRED: Final = Decimal(100)

TERMS: Final = (
    "Robinhood offers no public interface for what this program does: it speaks the one of their",
    "app, through an unofficial client. Robinhood may change it, slow it down or close the account",
    "for using it; read their customer agreement. Losses, also those of an error in this program,",
    "are yours.",
)


def check_keys(config: Config, *, has_flag: bool) -> str:
    """The account number, once both keys are turned: `--live` and `mode: live`.

    ConfigError names every one that is missing, a line each.
    """
    problems = []
    if not has_flag:
        problems.append("live trading needs --live on the command line as well")
    if config.mode != "live":
        problems.append(f"mode: live trading needs mode live, got {config.mode or 'none'}")
    if not config.account_number:
        problems.append("account_number: live trading needs the account named, got none")
    if problems or not config.account_number:
        raise ConfigError(*problems)
    return config.account_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What is about to be risked; amounts in dollars.

    `positions` are what the account holds already: foreign to the bot until its records say else.
    """

    account_number: str
    account: AccountSnapshot
    positions: tuple[BrokerPosition, ...]
    session_ends_at: datetime | None
    config: Config

    @property
    def limits(self) -> RiskLimits:
        """What will hold: the caps are in it."""
        return limits_of(self.config, LIVE)

    @property
    def order_max(self) -> Decimal:
        """The largest entry."""
        by_percent = self.account.equity * self.limits.max_position_pct / _HUNDRED
        return _capped(by_percent, self.limits.order_notional_max_usd)

    @property
    def exposure_max(self) -> Decimal:
        """The most that can be in the market at once."""
        by_count = self.order_max * self.limits.max_open_positions
        return _capped(by_count, self.limits.exposure_max_usd)

    @property
    def day_loss_max(self) -> Decimal:
        """The loss at which the breaker stops entries; a gap can cost more."""
        return -self.limits.loss_floor(self.account.equity)


def tail_of(account_number: str) -> str:
    """What may be shown of an account number: its last characters."""
    return account_number[-_SHOWN_DIGITS:]


def phrase_of(account_number: str) -> str:
    """What a person types to arm."""
    return f"trade {tail_of(account_number)} live"


def summary(stake: Stake) -> list[str]:
    """The stake in words, a line each; the account number is shown by its end alone."""
    config, account = stake.config, stake.account
    held = ", ".join(f"{text_of(p.quantity)} {p.symbol}" for p in stake.positions) or "nothing"
    ends = stake.session_ends_at
    strategies = ", ".join(entry.name for entry in config.strategies) or "none"
    rows = (
        ("account", f"ends in {tail_of(stake.account_number)}, holds {held}"),
        ("equity", f"{_usd(account.equity)}, settled cash {_usd(account.settled_cash)}"),
        ("watchlist", ", ".join(config.watchlist)),
        ("strategies", strategies),
        ("one entry", f"at most {_usd(stake.order_max)}"),
        ("at once", f"at most {_usd(stake.exposure_max)}, in {config.risk.max_open_positions}"),
        ("a day", f"at most {config.risk.max_trades_per_day} entries"),
        ("day's loss", f"at {_usd(stake.day_loss_max)} nothing is entered any more"),
        ("stops", "stop-market orders at the broker cover what is held; a gap can jump over them"),
        ("session", "end not known" if ends is None else f"ends {ends:%Y-%m-%d %H:%M} UTC"),
    )
    lines = [f"{name:<12} {text}" for name, text in rows]
    return ["REAL MONEY: orders go to Robinhood.", *lines, *TERMS]


def confirm(
    stake: Stake,
    *,
    given: str | None,
    is_terminal: bool,
    ask: Callable[[str], str],
) -> None:
    """Return only when a person armed it: by the phrase typed, or by the flag of a service.

    `given` is what the flag names: the end of the account's number. ConfigError when it names
    another account, when nobody can be asked, or when something else was typed.
    """
    if given is not None:
        check_given(stake.account_number, given)
        return
    if not is_terminal:
        raise ConfigError(
            "live trading must be confirmed: type it at a terminal, or in a service give "
            f"--armed-for with the last {_SHOWN_DIGITS} characters of the account number"
        )
    phrase = phrase_of(stake.account_number)
    typed = ask(f"type '{phrase}' to begin, anything else to stop: ")
    if typed.strip() != phrase:
        raise ConfigError(f"not confirmed: expected '{phrase}'; nothing was started")


def check_given(account_number: str, given: str) -> None:
    """ConfigError when the flag of a service names another account."""
    if given != tail_of(account_number):
        raise ConfigError(
            f"--armed-for: expected the last {_SHOWN_DIGITS} characters of account_number, "
            f"got {given!r}: nothing was started"
        )


def _capped(amount: Decimal, cap: Decimal | None) -> Decimal:
    return amount if cap is None else min(amount, cap)


def _usd(amount: Decimal) -> str:
    return f"${cents(amount)}"
