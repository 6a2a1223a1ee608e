"""`trading-bot config` on homes with good and bad settings."""

import json
from pathlib import Path

import pytest

from support.program import Run
from trading_bot.config.identity import config_hash
from trading_bot.config.model import Config
from trading_bot.config.schema import schema_text
from trading_bot.logging.session_record import SessionRecord
from trading_bot.storage.home import Home

OWN_STRATEGY = """
def make(symbol, settings):
    raise ValueError(f"no period for {symbol}")
"""


def settings(home: Path, **values: object) -> Path:
    """A home whose config.json holds these."""
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "config.json").write_text(json.dumps(values), encoding="utf-8")
    return home


def test_check_of_no_file_takes_the_defaults(tmp_path: Path, run: Run) -> None:
    """It says that it is about the shipped ones, and names their hash."""
    answer = run("config", "check", home=tmp_path)

    assert answer.code == 0
    assert "the shipped defaults" in answer.lines[0]
    assert config_hash(Config()) in answer.out
    assert answer.lines[-1] == "all settings are sound"


def test_check_names_every_problem_in_a_line(tmp_path: Path, run: Run) -> None:
    """Each with key, what was expected and what was given; exit code 2, nothing on stdout."""
    home = settings(tmp_path, rsk={}, risk={"max_position_pct": 0.5}, poll={"interval_s": "3"})

    answer = run("config", "check", home=home)

    assert answer.code == 2
    assert answer.out == ""
    assert sorted(answer.err.splitlines()) == [
        "trading-bot: poll.interval_s: expected a whole number, got text '3'",
        (
            "trading-bot: risk.max_position_pct: expected an exact number, write it as text: "
            '"0.5", got number 0.5'
        ),
        "trading-bot: rsk: unknown key, did you mean 'risk'?",
    ]


def test_check_tries_the_traders_own_strategy(tmp_path: Path, run: Run) -> None:
    """A file that is not there, or that cannot make its strategy, refuses the settings."""
    entry = {"name": "mine", "file": "config/mine.py"}
    home = settings(tmp_path, strategies=[entry])
    missing = run("config", "check", home=home)
    (home / "config" / "mine.py").write_text(OWN_STRATEGY, encoding="utf-8")
    broken = run("config", "check", home=home)

    assert missing.code == broken.code == 2
    assert "strategies.0.file" in missing.err
    assert "ValueError: no period for AAPL" in broken.err


def test_check_tries_the_calendar(tmp_path: Path, run: Run) -> None:
    """An early close on a day without a session is refused."""
    home = settings(tmp_path, calendar={"extra_early_closes": {"2025-01-09": "26:00"}})

    answer = run("config", "check", home=home)

    assert answer.code == 2
    assert "calendar.extra_early_closes" in answer.err


def test_check_of_mode_live_wants_the_account_named(tmp_path: Path, run: Run) -> None:
    """What `run --live` would refuse is said here already; with the number all is sound."""
    (tmp_path / "config").mkdir()
    file = tmp_path / "config" / "config.json"
    file.write_text('{"mode": "live"}')
    without = run("config", "check", home=tmp_path)
    file.write_text('{"mode": "live", "account_number": "REH000001"}')
    named = run("config", "check", home=tmp_path)

    assert (without.code, named.code) == (2, 0)
    assert "account_number: " in without.err
    assert "REH000001" not in named.out + named.err


def test_check_names_the_variables_over_the_file(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, never by value."""
    monkeypatch.setenv("TRADING_BOT_ACCOUNT_NUMBER", "5QX12345")

    answer = run("config", "check", home=tmp_path)

    assert "  over it    TRADING_BOT_ACCOUNT_NUMBER" in answer.lines
    assert "5QX12345" not in answer.out


def test_show_covers_secrets(tmp_path: Path, run: Run) -> None:
    """The account number, and whatever else goes under a secret's name."""
    (tmp_path / "mine.py").write_text("def make(symbol, settings): ...", encoding="utf-8")
    home = settings(
        tmp_path, account_number="5QX12345", risk={"max_position_pct": "7.50"}, strategies=[]
    )

    answer = run("config", "show", home=home)
    shown = json.loads(answer.out)

    assert answer.code == 0
    assert "5QX12345" not in answer.out
    assert shown["account_number"] == "***"
    assert shown["risk"]["max_position_pct"] == "7.5"
    assert shown["poll"] == {
        key: getattr(Config().poll, key) for key in type(Config().poll).model_fields
    }


def test_schema_is_the_published_one(tmp_path: Path, run: Run) -> None:
    """The same bytes as the file beside config.json."""
    answer = run("config", "schema", home=tmp_path)

    assert answer.out == schema_text()


def test_the_session_record_holds_the_settings_in_force(played: Home, run: Run) -> None:
    """Complete, with their hash, so that the day can be replayed under them."""
    line = (played.logs / "sessions.jsonl").read_text(encoding="utf-8").splitlines()[0]
    record = SessionRecord.from_jsonl_line(line)
    config = Config.model_validate(dict(record.config))

    assert config.watchlist == ("ZZB", "ZZF")
    assert config_hash(config) == record.config_hash
