"""Settings from file, `.env` and environment: what is taken, what is refused, in which words."""

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trading_bot.config.load import load, load_config
from trading_bot.config.model import Config
from trading_bot.domain.errors import ConfigError
from trading_bot.storage.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a folder for its config and nothing in it."""
    (tmp_path / "config").mkdir()
    return Home(tmp_path)


def write(home: Home, values: object) -> None:
    """Put the config file there: text as it is, anything else as JSON."""
    text = values if isinstance(values, str) else json.dumps(values)
    home.config_file.write_text(text, encoding="utf-8")


def problems(
    home: Home, values: object = None, environ: Mapping[str, str] | None = None
) -> list[str]:
    """The lines with which the settings are refused; none when they are taken."""
    if values is not None:
        write(home, values)
    try:
        load_config(home, environ or {})
    except ConfigError as error:
        return list(error.problems)
    return []


def test_a_home_without_a_file_has_the_defaults(home: Home) -> None:
    """And it is known that there was none."""
    loaded = load(home, {})

    assert loaded.config == Config()
    assert loaded.file is None


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"rsk": {}}, "rsk: unknown key, did you mean 'risk'?"),
        (
            {"max_positon_pct": "5"},
            "max_positon_pct: unknown key, did you mean 'risk.max_position_pct'?",
        ),
        (
            {"risk": {"max_position_pc": "5"}},
            "risk.max_position_pc: unknown key, did you mean 'max_position_pct'?",
        ),
        (
            {"calendar": {"extra_closure": {}}},
            "calendar.extra_closure: unknown key, did you mean 'extra_closures'?",
        ),
        (
            {"strategies": [{"name": "ema-cross", "setings": {}}]},
            "strategies.0.setings: unknown key, did you mean 'settings'?",
        ),
        (
            {"strategies": [{"name": "ema-cross", "settings": {"fst": 3}}]},
            "strategies.0.settings.fst: unknown key, did you mean 'fast'?",
        ),
        (
            {"strategies": [{"name": "bull-flag"}]},
            "strategies.0.name: unknown strategy 'bull-flag', did you mean 'bull-flag-breakout'?",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(home: Home, values: object, line: str) -> None:
    """At the top, in a group, in a list, in a strategy's settings."""
    assert problems(home, values) == [line]


def test_a_key_like_no_other_is_refused_with_the_known_ones(home: Home) -> None:
    """Where no known key is near, some are listed."""
    assert problems(home, {"poll": {"zzz": 1}}) == [
        (
            "poll.zzz: unknown key; known are interval_s, account_interval_s, "
            "reconcile_interval_s, failure_backoff_max_s"
        )
    ]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"poll": {"interval_s": "3"}}, "poll.interval_s: expected a whole number, got text '3'"),
        (
            {"poll": {"interval_s": True}},
            "poll.interval_s: expected a whole number, got boolean true",
        ),
        (
            {"poll": {"interval_s": 3.0}},
            "poll.interval_s: expected a whole number, got number 3.0",
        ),
        ({"poll": {"interval_s": None}}, "poll.interval_s: expected a whole number, got null"),
        (
            {"poll": {"interval_s": 0}},
            "poll.interval_s: expected at least 1, got number 0",
        ),
        ({"watchlist": []}, "watchlist: expected at least 1 of them, got list []"),
        (
            {"account_number": ""},
            "account_number: expected a text that is not empty, got text [redacted]",
        ),
        ({"poll": 3}, "poll: expected an object, got number 3"),
        ({"mode": "papr"}, "mode: expected 'rehearsal', 'paper' or 'live', got text 'papr'"),
        ({"watchlist": "AAPL"}, "watchlist: expected a list, got text 'AAPL'"),
        (
            {"risk": {"max_position_pct": "ten"}},
            "risk.max_position_pct: expected a plain decimal number, got 'ten'",
        ),
        (
            {"risk": {"max_position_pct": 0.1}},
            (
                'risk.max_position_pct: expected an exact number, write it as text: "0.1", '
                "got number 0.1"
            ),
        ),
        (
            {"strategies": [{"name": "ema-cross", "settings": {"stop_pct": 0.5}}]},
            (
                "strategies.0.settings.stop_pct: expected an exact number, "
                'write it as text: "0.5", got number 0.5'
            ),
        ),
        (
            {"paper": {"requires_settled_cash": "yes"}},
            "paper.requires_settled_cash: expected true or false, got text 'yes'",
        ),
        (
            {"strategies": [{"name": "mine", "file": "../mine.py"}]},
            "strategies.0.file: expected a file inside the home, relative to it, got '../mine.py'",
        ),
        ({"strategies": [{"file": "x.py"}]}, "strategies.0.name: expected a value, got none"),
        (
            {"strategies": [{"name": "ema-cross"}, {"name": "ema-cross"}]},
            "strategies.1.name: expected each strategy once, got 'ema-cross' again",
        ),
        (
            {"watchlist": ["AAPL", "AAPL"]},
            "watchlist: expected each symbol once, got AAPL more than once",
        ),
        (
            {"calendar": {"extra_closures": {"2025-1-9": "mourning"}}},
            (
                "calendar.extra_closures.2025-1-9.[key]: expected a date such as 2025-01-09, "
                "got '2025-1-9'"
            ),
        ),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_expected(
    home: Home, values: object, line: str
) -> None:
    """Key, expectation, type and value, in one line; nothing is coerced."""
    assert problems(home, values) == [line]


def test_limits_that_contradict_each_other_are_refused(home: Home) -> None:
    """With both numbers, and without the whole group in the line."""
    (line,) = problems(home, {"risk": {"risk_per_trade_pct": "3"}})

    assert line.startswith("risk: risk_per_trade_pct 3 is more than max_daily_loss_pct 2")


def test_every_problem_is_named_at_once(home: Home) -> None:
    """Nobody mends a file ten times."""
    values = {"mode": 1, "watchlist": ["brk.b"], "poll": {"x": 1, "interval_s": 0}}

    assert len(problems(home, values, {"TRADING_BOT_NONSENSE": "1"})) == 5


def test_a_long_value_is_cut_and_stays_in_its_line(home: Home) -> None:
    """A pasted page does not fill the terminal."""
    (line,) = problems(home, {"mode": "x\n" * 500})

    assert "\n" not in line
    assert len(line) < 150


def test_an_account_number_is_never_repeated(home: Home) -> None:
    """Not even in the sentence that refuses it."""
    (line,) = problems(home, {"account_number": 512345678})

    assert line == "account_number: expected a text, got number [redacted]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected a file of JSON"),
        ("[]", "expected a JSON object, got list"),
        ('{"mode": null, "mode": "paper"}', "key 'mode' occurs twice"),
        ('{"risk": {"quantity_max": 1, "quantity_max": 2}}', "key 'quantity_max' occurs twice"),
        ('{"poll": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "expected a file of JSON"),
        ("", "expected a file of JSON"),
    ],
)
def test_a_file_that_is_no_json_object_is_named(home: Home, text: str, said: str) -> None:
    """The path and what is wrong with it."""
    (line,) = problems(home, text)

    assert line.startswith(f"{home.config_file}: ")
    assert said in line


def test_bytes_that_are_no_text_are_refused(home: Home) -> None:
    """The file is named."""
    home.config_file.write_bytes(b"\xff\xfe")

    (line,) = problems(home)

    assert line.startswith(f"{home.config_file}: expected a readable file of JSON")


def test_the_schema_reference_is_no_setting(home: Home) -> None:
    """Editors need it; the program passes over it."""
    assert problems(home, {"$schema": "config.schema.json"}) == []


def over(**variables: str) -> dict[str, str]:
    """Variables without their prefix."""
    return {f"TRADING_BOT_{name}": value for name, value in variables.items()}


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("RISK__MAX_POSITION_PCT", "3.50", "risk.max_position_pct", Decimal("3.50")),
        ("RISK__MAX_POSITION_PCT", "3", "risk.max_position_pct", Decimal(3)),
        ("POLL__INTERVAL_S", "7", "poll.interval_s", 7),
        ("QUOTES__QUOTE_AGE_MAX_S", "12.5", "quotes.quote_age_max_s", 12.5),
        ("QUOTES__QUOTE_AGE_MAX_S", "12", "quotes.quote_age_max_s", 12.0),
        ("PAPER__REQUIRES_SETTLED_CASH", "false", "paper.requires_settled_cash", False),
        ("ACCOUNT_NUMBER", "512345678", "account_number", "512345678"),
        ("ACCOUNT_NUMBER", "null", "account_number", None),
        ("EXECUTION__MAX_HOLD_MINUTES", "null", "execution.max_hold_minutes", None),
        ("MODE", "paper", "mode", "paper"),
        ("WATCHLIST", "AAPL, TSLA", "watchlist", ("AAPL", "TSLA")),
        ("WATCHLIST", '["AAPL"]', "watchlist", ("AAPL",)),
        (
            "CALENDAR__EXTRA_CLOSURES",
            '{"2025-01-09": "mourning"}',
            "calendar.extra_closures",
            {"2025-01-09": "mourning"},
        ),
    ],
)
def test_a_variable_stands_over_the_file(
    home: Home, name: str, text: str, key: str, value: Any
) -> None:
    """In the type its setting wants: amounts exact, texts text even when they are digits."""
    write(home, {"poll": {"interval_s": 30}, "mode": None, "watchlist": ["SPY"]})

    found: Any = load_config(home, over(**{name: text}))
    for part in key.split("."):
        found = getattr(found, part)

    assert found == value
    assert type(found) is type(value)


def test_an_empty_variable_sets_nothing(home: Home) -> None:
    """Container files hand unset variables down as empty ones."""
    write(home, {"poll": {"interval_s": 30}})

    loaded = load(home, over(POLL__INTERVAL_S="", MODE="", WATCHLIST=""))

    assert loaded.config.poll.interval_s == 30
    assert loaded.variables == ()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "RISK__MAX_POSITION_PC",
            (
                "TRADING_BOT_RISK__MAX_POSITION_PC: unknown variable, "
                "did you mean 'TRADING_BOT_RISK__MAX_POSITION_PCT'?"
            ),
        ),
        (
            "RISK_MAX_POSITION_PCT",
            (
                "TRADING_BOT_RISK_MAX_POSITION_PCT: unknown variable, "
                "did you mean 'TRADING_BOT_RISK__MAX_POSITION_PCT'?"
            ),
        ),
        (
            "NONSENSE",
            (
                "TRADING_BOT_NONSENSE: unknown variable; "
                "docs/configuration.md lists those that are known"
            ),
        ),
        ("HOMES", "TRADING_BOT_HOMES: unknown variable, did you mean 'TRADING_BOT_HOME'?"),
        (
            "POLL",
            (
                "TRADING_BOT_POLL: names a whole group, set its keys one by one, "
                "such as TRADING_BOT_POLL__ACCOUNT_INTERVAL_S"
            ),
        ),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest(home: Home, name: str, line: str) -> None:
    """Even an empty one: it was meant to do something."""
    assert problems(home, {}, over(**{name: ""})) == [line]


def test_a_wrong_variable_is_named_with_its_key(home: Home) -> None:
    """Who set it in a container must not search the file."""
    assert problems(home, {}, over(POLL__INTERVAL_S="5.5")) == [
        "TRADING_BOT_POLL__INTERVAL_S (poll.interval_s): expected a whole number, got text '5.5'"
    ]


def test_other_variables_are_not_ours(home: Home) -> None:
    """What has no prefix of ours, or belongs to scripts and containers, is passed over."""
    others = over(HOME="x", COMMAND="run", REDIS_URL="x", VENV="x", MARKET_DATA="x")

    assert problems(home, {}, {"PATH": "/bin", "TRADINGBOT_X": "1", **others}) == []


def test_the_env_file_is_read_under_the_environment(home: Home) -> None:
    """File under `.env` under process; comments, quotes and `export` as everywhere."""
    write(home, {"poll": {"interval_s": 30}, "risk": {"max_position_pct": "5"}})
    home.env_file.write_text(
        (
            "# the owner's\nexport TRADING_BOT_POLL__INTERVAL_S=20\n"
            "TRADING_BOT_RISK__MAX_POSITION_PCT='6.5'\nRESTIC_PASSWORD=whatever\n"
        ),
        encoding="utf-8",
    )
    home.env_file.chmod(0o600)

    config = load_config(home, over(POLL__INTERVAL_S="10"))

    assert config.poll.interval_s == 10
    assert config.risk.max_position_pct == Decimal("6.5")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_an_env_file_others_can_read_is_refused(home: Home, mode: int) -> None:
    """It may hold secrets: the way to mend it is in the line."""
    home.env_file.write_text("", encoding="utf-8")
    home.env_file.chmod(mode)

    (line,) = problems(home)

    assert line == (
        f"{home.env_file}: expected mode 0600, got {mode:04o}: run chmod 600 {home.env_file}"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_an_env_file_of_another_user_is_refused(home: Home) -> None:
    """Somebody else could change the settings with it."""
    home.env_file.write_text("", encoding="utf-8")
    home.env_file.chmod(0o600)
    os.chown(home.env_file, 12345, -1)

    (line,) = problems(home)

    assert line == f"{home.env_file}: expected a file of ours, got one of user 12345"


@pytest.mark.parametrize(
    "line", ["TRADING_BOT_RISK__MAX_POSITION_PCT 5", "TRADING_BOT_MODE", "se cret", "=5"]
)
def test_a_line_of_the_env_file_that_sets_nothing_is_refused(home: Home, line: str) -> None:
    """A limit with a slip of the pen must not be silently off; the line itself may be a secret."""
    home.env_file.write_text(f"# ours\nexport A=1\n{line}\n", encoding="utf-8")
    home.env_file.chmod(0o600)

    assert problems(home) == [f"{home.env_file}, line 3: expected NAME=value"]


def test_an_unknown_name_in_the_env_file_is_refused(home: Home) -> None:
    """A misspelt variable must not be silent because it stands in a file."""
    home.env_file.write_text("TRADING_BOT_MOD=paper\n", encoding="utf-8")
    home.env_file.chmod(0o600)

    assert problems(home) == ["TRADING_BOT_MOD: unknown variable, did you mean 'TRADING_BOT_MODE'?"]
