"""A session in words; no secret, of an account only its end."""

from datetime import datetime, timedelta

from trading_bot.brokers.robinhood.accounts import AccountRow, ending

_DAY = timedelta(days=1)


def days(span: timedelta) -> str:
    """6.9 days."""
    return f"{span / _DAY:.1f} days"


def left_words(ends_at: datetime | None, now: datetime) -> str:
    """Until when it works."""
    if ends_at is None:
        return "until Robinhood says otherwise: the token does not tell when it ends"
    if ends_at <= now:
        return f"ended at {ends_at:%Y-%m-%d %H:%M} UTC"
    return f"until {ends_at:%Y-%m-%d %H:%M} UTC, {days(ends_at - now)} from now"


def account_words(account: AccountRow, configured: str | None) -> str:
    """One account, and whether it is the one of the settings."""
    words = [ending(account.number), account.kind or "of unknown type", account.state]
    if account.is_default:
        words.append("the default one")
    if configured == account.number:
        words.append("the configured one")
    return ", ".join(word for word in words if word)
