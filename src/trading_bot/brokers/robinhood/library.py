"""robin_stocks' session, URL functions and output: the only file that imports it."""

import io
from collections.abc import Callable
from typing import Protocol, cast

from requests import Session
from requests.adapters import BaseAdapter

from trading_bot.logging.redaction import Redactor

_REDIRECTS_MAX = 3
"""The form without a slash is redirected once; each redirect has timeouts of its own."""


class Urls(Protocol):
    """The URL functions of robin_stocks that are used here."""

    def login_url(self) -> str: ...
    def quotes_url(self) -> str: ...
    def fundamentals_url(self) -> str: ...
    def historicals_url(self) -> str: ...
    def instruments_url(self) -> str: ...
    def market_hours_url(self, market: str, date: str) -> str: ...
    def account_profile_url(self, account_number: str) -> str: ...
    def portfolio_profile_url(self, account_number: str) -> str: ...
    def positions_url(self, account_number: str) -> str: ...
    def orders_url(self, order_id: str = "", /, *, account_number: str = "") -> str: ...
    def cancel_url(self, url: str) -> str: ...


class _Printed(io.TextIOBase):
    """Takes what the library prints, a line at a time, redacted."""

    def __init__(self, tell: Callable[[str], None], redact: Callable[[str], str]) -> None:
        super().__init__()
        self._tell = tell
        self._redact = redact

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if line.strip():
                self._tell(self._redact(line))
        return len(text)


class Library:
    """robin_stocks, loaded (a quarter of a second) and pointed at `adapter`.

    Its session is one global of the process: a second Library takes it over. `open_session` makes
    further ones that share its headers and its login.
    """

    def __init__(self, adapter: BaseAdapter, printed: Callable[[str], None]) -> None:
        from robin_stocks.robinhood import helper, urls

        self._helper = helper
        self._secrets: frozenset[str] = frozenset()
        self._redactor = Redactor()
        self.urls = cast("Urls", urls)
        self.session = cast("Session", helper.SESSION)
        self.session.cookies.clear()
        self._further: list[Session] = []
        self._adapter = adapter
        _guard(self.session, adapter)
        helper.set_output(_Printed(printed, self.redact))

    def redact(self, text: str) -> str:
        """`text` without tokens, account numbers and what `hide` was told."""
        return self._redactor.text(text)

    def hide(self, *secrets: str) -> None:
        """Let these values show in no error and no log line from now on."""
        self._secrets |= set(secrets)
        self._redactor = Redactor(self._secrets)

    def open_session(self, adapter: BaseAdapter) -> Session:
        """One more session with the headers and the login of the first, over `adapter`."""
        session = Session()
        session.headers.clear()
        session.headers.update(self.session.headers)
        _guard(session, adapter)
        self._further.append(session)
        return session

    def close_session(self, session: Session) -> None:
        """Forget a session of `open_session` and the token it holds."""
        session.headers.pop("Authorization", None)
        self._further = [one for one in self._further if one is not session]

    def log_in(self, token_type: str, access_token: str) -> None:
        """Use this token from the next request on."""
        self.hide(access_token)
        bearer = f"{token_type} {access_token}"
        self._helper.update_session("Authorization", bearer)
        for session in self._further:
            session.headers["Authorization"] = bearer
        self._helper.set_login_state(True)

    def log_out(self) -> None:
        """Forget the token and everything the server set.

        The global session is left alone when a later Library took it over.
        """
        for session in self._further:
            session.headers.pop("Authorization", None)
            session.cookies.clear()
        if self.session.adapters.get("https://") is not self._adapter:
            return
        self.session.headers.pop("Authorization", None)
        self.session.cookies.clear()
        self._helper.set_login_state(False)


def _guard(session: Session, adapter: BaseAdapter) -> None:
    # Proxies and .netrc of the environment must not see or replace the token.
    session.trust_env = False
    session.max_redirects = _REDIRECTS_MAX
    for prefix in ("https://", "http://"):
        session.mount(prefix, adapter)
