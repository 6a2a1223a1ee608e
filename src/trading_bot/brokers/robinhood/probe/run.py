"""Every point, one after the other."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

from trading_bot.brokers.robinhood.accounts import read_accounts
from trading_bot.brokers.robinhood.probe.account import account_points
from trading_bot.brokers.robinhood.probe.market import market_points
from trading_bot.brokers.robinhood.probe.orders import OrderPoints
from trading_bot.brokers.robinhood.probe.points import Finding, Reads, settle
from trading_bot.brokers.robinhood.session import BrokerSession, token_expiry
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import DataError
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.clock import Clock

_DAY = timedelta(days=1)


async def probe(
    transport: RobinhoodTransport,
    session: BrokerSession,
    clock: Clock,
    calendar: NyseCalendar,
    *,
    account_number: str | None,
    symbol: str,
) -> AsyncIterator[Finding]:
    """The findings as they are made.

    Without an account number the default account is looked at. SessionExpiredError: the session is
    not accepted; DataError: there is no account to look at.
    """
    for finding in session_findings(session, clock):
        yield finding
    accounts = await read_accounts(transport)
    default = next((one.number for one in accounts if one.is_default), None)
    number = account_number or default or (accounts[0].number if accounts else None)
    if number is None or not number.isalnum():
        raise DataError("expected an account to look at, got none")
    transport.library.hide(number)
    reads = Reads(transport, clock)
    # The clock is judged last, when every answer has told the time.
    points = [
        *account_points(reads, accounts, number, is_configured=account_number is not None),
        *OrderPoints(reads, number).points(),
        *market_points(reads, symbol, calendar),
    ]
    for point in points:
        finding = await settle(point)
        yield replace(finding, found=transport.library.redact(finding.found))


def session_findings(session: BrokerSession, clock: Clock) -> list[Finding]:
    """What the tokens say themselves."""
    now = clock.now()
    ends_at = token_expiry(session.access_token)
    refresh_ends_at = token_expiry(session.refresh_token)
    life = _life(session)
    return [
        Finding(
            point="access token: its own end",
            expected="a JWT that says when it ends",
            found="it does not say" if ends_at is None else f"in {(ends_at - now) / _DAY:.1f} days",
            is_ok=ends_at is not None,
        ),
        Finding(
            point="access token: what was said of it",
            expected="the same as its own end",
            found=life or "not known",
            is_ok=None if not life else abs(_difference(session)) <= _DAY / 24,
        ),
        Finding(
            point="refresh token: its own end",
            expected="past the access token's",
            found="it does not say"
            if refresh_ends_at is None
            else f"in {(refresh_ends_at - now) / _DAY:.1f} days",
            is_ok=None if refresh_ends_at is None or ends_at is None else refresh_ends_at > ends_at,
        ),
    ]


def _life(session: BrokerSession) -> str:
    ends_at = token_expiry(session.access_token)
    if ends_at is None or session.expires_at is None:
        return ""
    return f"{_difference(session) / _DAY:+.1f} days from it"


def _difference(session: BrokerSession) -> timedelta:
    ends_at = token_expiry(session.access_token)
    if ends_at is None or session.expires_at is None:
        return timedelta(0)
    return session.expires_at - ends_at
