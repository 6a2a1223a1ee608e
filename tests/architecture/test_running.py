"""The runbook's commands are the program's, and its places those of the files it speaks of."""

import json
import re
import shlex

import pytest

from support.checkout import ROOT
from trading_bot.app.rehearsal_homes import KEPT
from trading_bot.cli.parser import make_parser

RUNBOOK = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
IMAGE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy" / "trading-bot.service").read_text(encoding="utf-8")

CALL = re.compile(
    r"(?:exec (?:--\S+ )*trading-bot trading-bot|run (?:--\S+ )*trading-bot|bin/trading-bot"
    r"|^trading-bot|^TRADING_BOT_COMMAND=) ?(?P<arguments>.+)"
)


def calls(text: str) -> list[list[str]]:
    """The arguments of every call of the program that a text shows, in a block or in a line."""
    blocks = re.findall(r"^```(?:sh|ini)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    found = [CALL.search(line) for line in lines]
    return [shlex.split(match["arguments"], comments=True) for match in found if match]


def is_accepted(arguments: list[str]) -> bool:
    """Does the program know this command and all its arguments?"""
    try:
        make_parser().parse_args(arguments)
    except SystemExit:
        return False
    return True


def test_every_call_in_the_runbook_is_accepted() -> None:
    """Each command line of ours parses as it stands."""
    shown = calls(RUNBOOK)

    assert {arguments[0] for arguments in shown} >= {"status", "trades", "why", "verify", "run"}
    assert [arguments for arguments in shown if not is_accepted(arguments)] == []


def test_what_the_supervisors_start_is_accepted() -> None:
    """The command of the image, its health check and the unit's program parse as well."""
    shown = re.findall(r"^(?:    )?CMD (\[.*\])$", IMAGE, re.MULTILINE)
    lists = [json.loads(found) for found in shown]
    started = [call[1:] if call[0] == "trading-bot" else call for call in lists]
    started += [shlex.split(found) for found in re.findall(r"bin/trading-bot (.*)", UNIT)]

    assert len(started) == 3
    assert [arguments for arguments in started if not is_accepted(arguments)] == []


@pytest.mark.parametrize("place", ["/srv/trading-bot", "/var/lib/trading-bot", "/opt/trading-bot"])
def test_the_places_are_those_of_the_files(place: str) -> None:
    """Where the runbook says things are, the files put them."""
    assert place in RUNBOOK
    assert place in COMPOSE + UNIT


def test_the_numbers_are_those_of_the_program() -> None:
    """How many rehearsals are kept, and which exit codes are not tried again."""
    assert f"the newest {KEPT}" in RUNBOOK
    assert f"the newest {KEPT};" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "RestartPreventExitStatus=2 3\n" in UNIT
    assert "Exit codes 2 " in RUNBOOK
    assert "and 3 " in RUNBOOK


def test_wrong_calls_are_found() -> None:
    """The control: a command that does not exist, in a block and in a line."""
    block = "```sh\ndocker compose exec trading-bot trading-bot nonsense  # no\n```\n"
    text = f"{block}`trading-bot x --y`"

    assert calls(text) == [["nonsense"], ["x", "--y"]]
    assert not any(is_accepted(arguments) for arguments in calls(text))
