"""How the session stands, in words that hold no secret."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from trading_bot.app.sessions import Place, use
from trading_bot.brokers.robinhood.accounts import AccountRow, ending, read_accounts
from trading_bot.brokers.robinhood.refresh import LOG_IN
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import SessionFile, SessionFileError
from trading_bot.domain.errors import SessionExpiredError, TradingBotError
from trading_bot.storage.home import Home

State = Literal[
    "valid", "missing", "unsafe", "damaged", "ended", "not accepted", "another account", "unknown"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """What can be said of a session; None is "not known".

    `accounts` are in words, `is_configured_ours` is None also when no account is configured.
    """

    state: State
    problem: str = ""
    obtained_at: datetime | None = None
    ends_at: datetime | None = None
    left: timedelta | None = None
    age: timedelta | None = None
    can_renew: bool | None = None
    accounts: tuple[AccountRow, ...] | None = None
    configured: str | None = None
    is_configured_ours: bool | None = None


async def view_session(
    home: Home, place: Place, account_number: str | None, *, is_offline: bool = False
) -> SessionView:
    """Look at the file and, unless offline or ended, at the accounts; nothing is renewed."""
    configured = ending(account_number) if account_number else None
    try:
        session = SessionFile(home.session_pickle).load()
    except SessionFileError as error:
        return SessionView(state=error.problem, problem=str(error), configured=configured)
    now = place.clock.now()
    if session.ends_at is not None and session.ends_at <= now:
        hope = "; the daemon renews it at its start, else " if session.refresh_token else "; "
        problem = f"it ended at {session.ends_at:%Y-%m-%d %H:%M} UTC{hope}{LOG_IN}"
        return _view(session, now, "ended", problem, configured=configured)
    if is_offline:
        return _view(session, now, "unknown", "Robinhood was not asked", configured=configured)
    async with place.transport() as transport:
        use(transport, session)
        try:
            accounts = await read_accounts(transport)
        except SessionExpiredError:
            problem = f"Robinhood does not know it any more; {LOG_IN}"
            return _view(session, now, "not accepted", problem, configured=configured)
        except TradingBotError as error:
            return _view(session, now, "unknown", str(error), configured=configured)
    is_ours = None
    if account_number:
        is_ours = account_number in {account.number for account in accounts}
    problem = f"the configured account {configured} is not one of its accounts"
    return _view(
        session,
        now,
        "another account" if is_ours is False else "valid",
        problem if is_ours is False else "",
        configured=configured,
        accounts=accounts,
        is_configured_ours=is_ours,
    )


def _view(
    session: BrokerSession,
    now: datetime,
    state: State,
    problem: str,
    *,
    configured: str | None,
    accounts: tuple[AccountRow, ...] | None = None,
    is_configured_ours: bool | None = None,
) -> SessionView:
    return SessionView(
        state=state,
        problem=problem,
        obtained_at=session.obtained_at,
        ends_at=session.ends_at,
        left=None if session.ends_at is None else session.ends_at - now,
        age=None if session.obtained_at is None else now - session.obtained_at,
        can_renew=bool(session.refresh_token),
        accounts=accounts,
        configured=configured,
        is_configured_ours=is_configured_ours,
    )
