"""The session beside the daemon, against the exchange, on virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.core_builders import INFO
from support.logins import Hall, Scripted, issued, make_hall
from support.rehearsal import CALENDAR, DAY, OPEN
from trading_bot.app.kept_session import KeptSession
from trading_bot.app.renewals import Renewals
from trading_bot.app.session_watch import WATCH_S, SessionWatch
from trading_bot.brokers.robinhood.quotes import RobinhoodQuoteSource
from trading_bot.brokers.robinhood.refresh import SessionKeeper
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import SessionFile, SessionNotStoredError
from trading_bot.core.events import Event, SessionKnown, Started, StartState
from trading_bot.domain.errors import HumanNeededError
from trading_bot.rehearsal import fault_menu as faults
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.login import LoginSettings

TOKEN = "/oauth2/token/"
EVENING = OPEN + timedelta(hours=8)
CLOSE = OPEN + timedelta(hours=6, minutes=30)
MakeHall = Callable[..., Hall]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeHall]:
    with ExitStack() as stack:

        def making(*rules: FaultRule, **settings: Any) -> Hall:
            login = LoginSettings(challenge="none")
            return make_hall(stack, tmp_path / "home", *rules, login=login, **settings)

        yield making


@dataclass
class Watch:
    """A watch, its keeper, and what it told whom."""

    keeper: SessionKeeper
    quotes: KeptSession
    watch: SessionWatch
    is_flat: bool = True
    told: list[Event] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    def notify(self, severity: str, subject: str, text: str) -> None:
        self.heard.append(f"{severity} {subject}: {text}")

    @property
    def known(self) -> list[tuple[datetime | None, str]]:
        """What the core was told: end and problem."""
        return [(e.ends_at, e.needs_person) for e in self.told if isinstance(e, SessionKnown)]


@asynccontextmanager
async def watching(hall: Hall, at: datetime) -> AsyncIterator[Watch]:
    """A watch that runs from `at` on."""
    await hall.clock.sleep_until(at)
    async with hall.place.transport() as transport:
        keeper = SessionKeeper(transport, hall.file, hall.clock)
        await keeper.start()
        made: Watch

        def is_flat() -> bool:
            return made.is_flat

        def tell(event: Event) -> None:
            made.told.append(event)

        class Notes:
            def notify(self, severity: str, subject: str, text: str) -> None:
                made.notify(severity, subject, text)

        watch = SessionWatch(
            keeper,
            clock=hall.clock,
            calendar=CALENDAR,
            notifier=Notes(),
            is_flat=is_flat,
            tell=tell,
        )
        source = RobinhoodQuoteSource(transport)
        made = Watch(keeper, KeptSession(source, Renewals(keeper, hall.clock)), watch)
        running = asyncio.ensure_future(watch.run())
        try:
            yield made
        finally:
            running.cancel()
            await asyncio.wait([running])


def ending(hall: Hall, at: datetime, **changes: Any) -> BrokerSession:
    """A session in the file that ends at `at`, got two days before the open."""
    return hall.issue(expires_at=at, obtained_at=OPEN - timedelta(days=2), **changes)


def test_session_near_its_end_is_renewed_when_the_market_is_closed(make: MakeHall) -> None:
    """The new pair is in the file and in use, and the core knows the new end."""
    hall = make()
    old = ending(hall, EVENING + timedelta(hours=3))

    async def play() -> Watch:
        async with watching(hall, EVENING) as seen:
            await hall.clock.sleep(1)
            await seen.quotes.quotes(["AAPL"])
            return seen

    seen = hall.run(play())

    stored = hall.file.load()
    assert stored.access_token != old.access_token
    assert seen.keeper.session == stored
    assert seen.known == [(EVENING + timedelta(days=7), "")]
    assert hall.exchange.paths.count(f"POST {TOKEN}") == 1
    assert not hall.file.previous_path.exists()


def test_session_that_would_end_within_the_day_is_renewed_before_it(make: MakeHall) -> None:
    """Before the open, a session that ends before the close is renewed, hours ahead of its end."""
    hall = make(start=OPEN - timedelta(hours=2))
    ending(hall, CLOSE)

    async def play() -> Watch:
        async with watching(hall, OPEN - timedelta(hours=1)) as seen:
            await hall.clock.sleep(1)
            return seen

    assert hall.run(play()).known == [(OPEN - timedelta(hours=1) + timedelta(days=7), "")]


@pytest.mark.parametrize(("is_flat", "renewed_before_end_s"), [(True, 4 * 3600), (False, 15 * 60)])
def test_market_hours_with_a_position_put_a_renewal_off(
    make: MakeHall, is_flat: bool, renewed_before_end_s: float
) -> None:
    """Flat it is renewed at once; holding, only when the session is about to be lost anyway."""
    hall = make()
    ends_at = OPEN + timedelta(hours=5)
    ending(hall, ends_at)

    async def play() -> None:
        async with watching(hall, OPEN + timedelta(minutes=1)) as seen:
            seen.is_flat = is_flat
            await hall.clock.sleep_until(ends_at)

    hall.run(play())

    (at,) = [
        at
        for at, one in zip(hall.exchange.times, hall.exchange.asked, strict=True)
        if one.path == TOKEN
    ]
    left_s = (ends_at - at).total_seconds()
    if is_flat:
        assert left_s > renewed_before_end_s
    else:
        assert renewed_before_end_s - WATCH_S <= left_s <= renewed_before_end_s


def test_refused_renewal_asks_for_a_person_once_and_takes_over_what_they_leave(
    make: MakeHall,
) -> None:
    """One alert, one grant in hours, the core told; a log-in is in use within a minute."""
    hall = make(FaultRule(fault=faults.HumanNeeded(), path=TOKEN, count=1))
    ending(hall, EVENING + timedelta(hours=3))

    async def play() -> Watch:
        async with watching(hall, EVENING) as seen:
            await hall.clock.sleep(7200)
            assert len(hall.exchange.sent(TOKEN)) == 1
            newer = issued(hall.exchange, hall.clock.now() + timedelta(minutes=1))
            hall.file.save(newer)
            await hall.clock.sleep(60)
            await seen.quotes.quotes(["AAPL"])
            return seen

    seen = hall.run(play())

    assert [one.split(":")[0] for one in seen.heard] == [
        "CRITICAL a person must log in",
        "INFO session",
    ]
    assert "trading-bot login" in seen.heard[0]
    problem = "Robinhood wants this device verified by a person"
    assert [needs for _, needs in seen.known] == [problem, ""]
    assert seen.known[-1][0] == hall.file.load().ends_at
    assert seen.keeper.session == hall.file.load()
    assert not hall.file.previous_path.exists()


def test_refused_token_is_not_shown_again(make: MakeHall) -> None:
    """Neither the watch nor a read that is refused sends it a second time."""
    hall = make(
        FaultRule(fault=faults.HumanNeeded(), path=TOKEN),
        FaultRule(fault=faults.Unauthorized(), path="/quotes/*"),
    )
    ending(hall, EVENING + timedelta(hours=3))

    async def play() -> None:
        async with watching(hall, EVENING) as seen:
            for _ in range(20):
                await hall.clock.sleep(600)
                with pytest.raises(HumanNeededError, match="trading-bot login"):
                    await seen.quotes.quotes(["AAPL"])

    hall.run(play())

    assert len(hall.exchange.sent(TOKEN)) == 1


def test_session_without_a_refresh_token_asks_for_a_person_ahead(make: MakeHall) -> None:
    """Nothing is sent; it goes on working until it ends."""
    hall = make()
    ending(hall, EVENING + timedelta(hours=3), refresh_token="")

    async def play() -> Watch:
        async with watching(hall, EVENING) as seen:
            await hall.clock.sleep(600)
            assert (await seen.quotes.quotes(["AAPL"]))["AAPL"] is not None
            return seen

    seen = hall.run(play())

    assert hall.exchange.sent(TOKEN) == []
    assert [needs for _, needs in seen.known] == [
        "the session has no refresh token and cannot be renewed"
    ]
    assert len(seen.heard) == 1


def test_file_that_went_bad_is_a_problem_until_it_is_mended(make: MakeHall) -> None:
    """The session in use stays in use; a person is asked for, and no longer once it is right."""
    hall = make()
    ending(hall, EVENING + timedelta(days=3))
    path = hall.home.session_pickle

    async def play() -> Watch:
        async with watching(hall, EVENING) as seen:
            await hall.clock.sleep(1)
            path.chmod(0o644)
            await hall.clock.sleep(60)
            assert (await seen.quotes.quotes(["AAPL"]))["AAPL"] is not None
            path.chmod(0o600)
            await hall.clock.sleep(60)
            return seen

    seen = hall.run(play())

    problems = [needs for _, needs in seen.known]
    assert problems[0] == problems[2] == ""
    assert "mode 0644" in problems[1]
    assert [one.split(":")[0] for one in seen.heard] == ["CRITICAL a person must log in"]


def test_outage_puts_renewals_further_and_further_apart(make: MakeHall) -> None:
    """Two hours of failures: few grants, one warning, and a renewal once it is over."""
    hall = make(
        FaultRule(
            fault=faults.ServerError(status=503), path=TOKEN, until=EVENING + timedelta(hours=2)
        )
    )
    ending(hall, EVENING + timedelta(hours=3))

    async def play() -> Watch:
        async with watching(hall, EVENING) as seen:
            await hall.clock.sleep(3 * 3600)
            return seen

    seen = hall.run(play())

    assert 8 <= len(hall.exchange.sent(TOKEN)) <= 14
    assert [one.split(":")[0] for one in seen.heard] == ["WARNING the session could not be renewed"]
    assert seen.known[-1][0] > EVENING + timedelta(days=7)


def test_every_start_of_a_tape_is_told_again(make: MakeHall) -> None:
    """A day's tape gives the day by itself: the session's end is on it."""
    hall = make()
    ending(hall, EVENING + timedelta(days=3))
    started = Started(
        at=EVENING, session=INFO, start=StartState(trading_day=DAY), is_new_session=False
    )

    async def play() -> Watch:
        async with watching(hall, EVENING) as seen:
            await hall.clock.sleep(90)
            assert len(seen.known) == 1
            seen.watch(started, ())
            await hall.clock.sleep(90)
            return seen

    assert hall.run(play()).known == [(EVENING + timedelta(days=3), "")] * 2


def test_read_that_was_refused_with_the_old_token_is_made_with_the_new(make: MakeHall) -> None:
    """A session taken over while a read was on its way: no renewal, one more read."""
    hall = make()
    hall.issue()

    async def play() -> Any:
        async with hall.place.transport() as transport:
            keeper = SessionKeeper(transport, hall.file, hall.clock)
            await keeper.start()
            kept = KeptSession(RobinhoodQuoteSource(transport), Renewals(keeper, hall.clock))
            found = await hall.desk(Scripted()).log_in()
            transport.library.log_in("Bearer", "a-token-that-nobody-knows")
            plain = hall.exchange.handle

            def handle(request: Any, now: datetime) -> Any:
                if not taken:
                    taken.append(1)
                    transport.library.log_in("Bearer", found.session.access_token)
                    keeper._session = found.session
                return plain(request, now)

            taken: list[int] = []
            hall.exchange.handle = handle  # type: ignore[method-assign]
            # The log-in's own line took the library's one session over: take it back.
            for prefix in ("https://", "http://"):
                transport.library.session.mount(prefix, transport._guard)
            hall.exchange.asked.clear()
            return await kept.quotes(["AAPL"])

    assert hall.run(play())["AAPL"] is not None
    assert hall.exchange.paths == ["GET /quotes/"] * 2


def test_a_session_that_cannot_be_stored_is_alarmed_and_stored_as_soon_as_it_can(
    make: MakeHall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The core opens nothing while a restart would lose it; a person hears of it once."""
    hall = make()
    ending(hall, EVENING + timedelta(hours=3))

    def full(*_: object) -> None:
        raise SessionNotStoredError("No space left on device")

    async def play() -> Watch:
        async with watching(hall, EVENING) as seen:
            with monkeypatch.context() as disk:
                disk.setattr(SessionFile, "save", full)
                await hall.clock.sleep(5 * WATCH_S)
            await hall.clock.sleep(2 * WATCH_S)
            return seen

    seen = hall.run(play())

    ends_at = EVENING + timedelta(days=7)
    assert seen.known == [
        (ends_at, "the renewed session could not be stored"),
        (ends_at, ""),
    ]
    (alarm,) = [told for told in seen.heard if "could not be stored" in told]
    assert alarm.startswith("CRITICAL")
    assert hall.file.load() == seen.keeper.session
    assert hall.exchange.paths.count(f"POST {TOKEN}") == 1
