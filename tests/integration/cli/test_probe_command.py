"""`probe`: only with a yes, only with a session, only reading."""

import json
import pickle
from datetime import timedelta

import pytest

from support.street import Street
from trading_bot.cli import exits
from trading_bot.runtime.clocks import SystemClock

YES = "--yes-read-my-account"


def test_a_table_of_points(street: Street, capsys: pytest.CaptureFixture[str]) -> None:
    """Point, expected, found, ok; a count; and only GETs went out."""
    street.issue()

    code = street.main("probe", YES)

    said = capsys.readouterr().out
    assert code in (exits.OK, exits.FAILED)
    assert said.splitlines()[0].split() == ["point", "expected", "found", "ok"]
    assert "quotes: without a token" in said
    assert "could not be settled" in said.splitlines()[-1]
    assert {request.method for request in street.exchange.asked} == {"GET"}
    assert "REH000001" not in said


def test_for_programs(street: Street, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as a list."""
    street.issue()

    street.main("probe", YES, "--json")

    found = json.loads(capsys.readouterr().out)
    assert {tuple(one) for one in found} == {("point", "expected", "found", "is_ok")}


def test_without_a_yes_nothing_is_read(street: Street, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody to ask and no flag: refused as a wrong command."""
    street.issue()

    assert street.main("probe") == exits.USAGE
    assert YES in capsys.readouterr().err
    assert street.exchange.asked == []


@pytest.mark.parametrize(("answer", "is_read"), [("no", False), ("", False), ("yes", True)])
def test_a_person_is_asked(street: Street, answer: str, is_read: bool) -> None:
    """Only a typed yes goes on."""
    street.issue()

    with street.typist("probe") as typist:
        typist.see("Type yes to go on: ")
        typist.type(answer + "\n")
        code = typist.end()

    assert bool(street.exchange.asked) is is_read
    assert is_read or code == exits.USAGE


def test_a_session_that_is_none_sends_nothing(street: Street) -> None:
    """Missing, ended, loose, empty or hostile: exit code 3, and not a byte goes out."""
    path = street.home.session_pickle
    codes = [street.main("probe", YES)]
    street.issue(expires_at=SystemClock().now() - timedelta(hours=1))
    codes.append(street.main("probe", YES))
    street.issue()
    path.chmod(0o644)
    codes.append(street.main("probe", YES))
    for content in (b"", pickle.dumps(print)):
        path.write_bytes(content)
        path.chmod(0o600)
        codes.append(street.main("probe", YES))

    assert codes == [exits.HUMAN_NEEDED] * 5
    assert street.exchange.asked == []
