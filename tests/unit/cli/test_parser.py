"""The command line: what it takes, what it refuses, and that the README lists it."""

import re
from argparse import ArgumentParser, _SubParsersAction

import pytest

from support.checkout import ROOT
from trading_bot.cli.main import main
from trading_bot.cli.parser import make_parser


def commands() -> dict[str, ArgumentParser]:
    """Every command the parser knows, in its order."""
    parser = make_parser()
    action = next(a for a in parser._actions if isinstance(a, _SubParsersAction))
    return dict(action.choices)


def test_the_readme_lists_exactly_the_commands() -> None:
    """Each command once, in the same order, with the same words as `--help`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `trading-bot ([a-z]+)` \| (.+) \|$", readme, flags=re.MULTILINE)
    parser = make_parser()
    action = next(a for a in parser._actions if isinstance(a, _SubParsersAction))
    helps = [(choice.dest, choice.help) for choice in action._choices_actions]

    assert table == helps


def test_every_command_has_a_home_and_a_module() -> None:
    """`--home DIR` everywhere; a command without code behind it would fail when typed."""
    for name, command in commands().items():
        assert "--home" in command.format_help(), name
        assert (ROOT / "src" / "trading_bot" / "cli" / f"{name}.py").is_file(), name


@pytest.mark.parametrize("name", [None, *commands()])
def test_help_is_printed(name: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """Every help says what the command is for, in lines that fit a page."""
    with pytest.raises(SystemExit) as stop:
        main(["--help"] if name is None else [name, "--help"])

    said = capsys.readouterr().out
    assert stop.value.code == 0
    assert said.startswith("usage: trading-bot")
    assert max(map(len, said.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trades", "--last", "0"], "a whole number from 1 on"),
        (["trades", "--last", "²"], "a whole number from 1 on"),
        (["trades", "--symbol", "BRK.B"], "class shares are not supported"),
        (["why"], "SYMBOL"),
        (["why", "AAPL", "--at", "25:00"], "expected a New York time such as 09:45"),
        (["why", "AAPL", "--at", "2026-11-23T14:45:00"], "2026-11-23T14:45:00Z"),
        (["rehearse", "--speed", "0"], "a number above 0"),
        (["rehearse", "--speed", "nan"], "a number above 0"),
        (["rehearse", "--days", "2024-7-2"], "dates such as 2024-07-02"),
        (["config"], "what"),
        (["config", "delete"], "check"),
        (["nonsense"], "invalid choice"),
        ([], "COMMAND"),
    ],
)
def test_a_wrong_command_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what was expected, and exit code 2."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)

    assert stop.value.code == 2
    assert said in capsys.readouterr().err
