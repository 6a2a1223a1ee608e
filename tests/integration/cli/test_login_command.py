"""`login`, `logout` and `session` as a person at a terminal meets them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.checkout import ROOT
from support.logins import WANTED, issued
from support.street import Street
from trading_bot.app.sessions import Place
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.runtime.clocks import SystemClock


def test_a_person_logs_in_with_the_app(street: Street) -> None:
    """E-mail seen, password unseen, an approval, and a session on disk; no secret is shown."""
    with street.typist("login") as typist:
        typist.see("e-mail: ")
        typist.type(WANTED.username + "\n")
        typist.see("Password: ")
        assert not typist.echoes
        typist.type(WANTED.password + "\n")
        typist.see("Approve this log-in")
        typist.see("logged in")
        code = typist.end()
        screen, echoes = typist.screen, typist.echoes

    session = street.file.load()
    assert code == exits.OK
    assert echoes
    assert "6.9 days" in screen or "7.0 days" in screen
    assert "ends in 001, cash, active" in screen
    for secret in (WANTED.password, session.access_token, session.device_token, "REH000001"):
        assert secret not in screen


@pytest.mark.parametrize("street", [{"challenge": "sms"}], indirect=True)
def test_a_code_is_typed(street: Street) -> None:
    """A code by SMS, mistyped once and mended with backspaces in the password before."""
    with street.typist("login") as typist:
        typist.see("e-mail: ")
        typist.type(WANTED.username + "\n")
        typist.see("Password: ")
        typist.type("x\x7f" + WANTED.password + "zz\x7f\x7f\n")
        typist.see("by SMS: ")
        typist.type("000000\n")
        typist.see("attempts left: 2")
        typist.see("by SMS: ")
        typist.type(WANTED.code + "\n")
        assert typist.end() == exits.OK, typist.screen

    assert street.file.load().access_token


@pytest.mark.parametrize("key", ["\x03", "\x04"])
@pytest.mark.parametrize("question", ["e-mail: ", "Password: "])
def test_leaving_a_question_leaves_everything(street: Street, question: str, key: str) -> None:
    """Ctrl-C and Ctrl-D: exit code 1, the terminal as it was, the file as it was, nothing sent."""
    street.issue()
    before = street.home.session_pickle.read_bytes()

    with street.typist("login") as typist:
        typist.see("e-mail: ")
        if question != "e-mail: ":
            typist.type(WANTED.username + "\n")
            typist.see(question)
        typist.type(key)
        code = typist.end()
        assert typist.echoes

    assert code == exits.FAILED
    assert "Traceback" not in typist.screen
    assert street.exchange.asked == []
    assert street.home.session_pickle.read_bytes() == before


@pytest.mark.parametrize("street", [{"polls_until_approval": 1000}], indirect=True)
def test_leaving_while_the_app_is_waited_for(street: Street) -> None:
    """Ctrl-C between two looks ends at once; nothing was written."""
    with street.typist("login") as typist:
        typist.see("e-mail: ")
        typist.type(WANTED.username + "\n")
        typist.see("Password: ")
        typist.type(WANTED.password + "\n")
        typist.see("waiting for it")
        typist.type("\x03")
        code = typist.end()

    assert code == exits.FAILED
    assert not street.home.session_pickle.exists()


@pytest.mark.parametrize("street", [{"challenge": "none"}], indirect=True)
def test_a_long_token_is_pasted_at_once(street: Street) -> None:
    """Three answers in one paste, one longer than a terminal's line may be; nothing is shown."""
    session = issued(street.exchange, SystemClock().now())
    long = "x" * 6000

    with street.typist("login", "--import", "-") as typist:
        typist.see("Access token: ")
        typist.type(f"{session.access_token}\n{long}\n\n")
        code = typist.end()

    assert code == exits.OK, typist.screen
    assert street.file.load().refresh_token == long
    assert session.access_token not in typist.screen
    assert "xxxx" not in typist.screen


def test_a_refused_login_says_so(street: Street) -> None:
    """Exit code 1, one line, one grant."""
    with street.typist("login") as typist:
        typist.see("e-mail: ")
        typist.type(WANTED.username + "\n")
        typist.see("Password: ")
        typist.type("wrong-password\n")
        code = typist.end()

    assert code == exits.FAILED
    assert "refused the log-in (400)" in typist.screen
    assert "wrong-password" not in typist.screen
    assert street.exchange.paths == ["POST /oauth2/token/"]


@pytest.mark.parametrize("arguments", [("login",), ("login", "--import", "-")])
def test_nobody_to_ask_is_a_refusal(street: Street, arguments: tuple[str, ...]) -> None:
    """Without a terminal it ends with 3 and a way out, and waits for nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "trading_bot", *arguments, "--home", str(street.home.root)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
        timeout=60,
        check=False,
    )

    assert done.returncode == exits.HUMAN_NEEDED
    assert "--import FILE" in done.stderr
    assert not street.home.root.exists()


def test_a_file_is_imported_without_a_terminal(
    street: Street, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a container or a service: the file alone is enough."""
    session = issued(street.exchange, SystemClock().now())
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps({"access_token": session.access_token}))
    path.chmod(0o600)

    code = street.main("login", "--import", str(path))

    said = capsys.readouterr()
    assert code == exits.OK
    assert "it cannot be renewed" in said.out
    assert session.access_token not in said.out + said.err
    assert street.file.load().access_token == session.access_token


def test_another_persons_account_is_named(
    street: Street, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configured number is not among the session's: `login` and `session` end with 3."""
    street.issue()
    street.home.config_file.write_text('{"account_number": "REH999777"}')
    session = street.file.load()
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps({"access_token": session.access_token}))

    codes = [street.main("session"), street.main("login", "--import", str(path))]

    said = capsys.readouterr()
    assert codes == [exits.HUMAN_NEEDED] * 2
    assert said.err.count("ends in 777") == 2
    assert "REH" not in said.out + said.err


def test_totp_file_must_be_ours_alone(street: Street, tmp_path: Path) -> None:
    """The secret that makes every code is not read from a file that others read."""
    secret = tmp_path / "totp"
    secret.write_text(WANTED.totp_secret)
    secret.chmod(0o644)

    with street.typist("login", "--totp", str(secret)) as typist:
        assert typist.end() == exits.USAGE

    assert "mode 0600" in typist.screen


def test_session_for_people_and_for_programs(
    street: Street, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same facts twice, no secret in either."""
    street.issue()
    street.home.config_file.write_text('{"account_number": "REH000001"}')

    assert street.main("session") == exits.OK
    shown = capsys.readouterr().out
    assert street.main("session", "--json") == exits.OK
    value = json.loads(capsys.readouterr().out)

    session = street.file.load()
    assert shown.startswith("VALID\n")
    assert "ends in 001, cash, active, the default one, the configured one" in shown
    assert value["state"] == "valid"
    assert value["configured_is_ours"] is True
    assert 6.9 * 86400 < value["left_s"] <= 7 * 86400
    for secret in (session.access_token, session.refresh_token, session.device_token, "REH000"):
        assert secret not in shown + json.dumps(value)


def test_session_says_what_is_wrong_with_its_exit_code(
    street: Street, capsys: pytest.CaptureFixture[str]
) -> None:
    """3 for missing, ended and loose; 1 when nobody could be asked; 0 offline."""
    assert street.main("session") == exits.HUMAN_NEEDED
    street.issue()
    assert street.main("session", "--offline") == exits.OK
    gone = main(
        ["session", "--home", str(street.home.root)],
        place=Place(base_url="http://127.0.0.1:1"),
    )
    assert gone == exits.FAILED
    street.home.session_pickle.chmod(0o640)
    assert street.main("session") == exits.HUMAN_NEEDED
    assert "chmod 600" in capsys.readouterr().err


def test_logout_and_local_logout(street: Street, capsys: pytest.CaptureFixture[str]) -> None:
    """The first tells Robinhood, the second removes whatever stands there."""
    street.issue()
    assert street.main("logout") == exits.OK
    assert street.main("logout") == exits.HUMAN_NEEDED
    street.home.session_pickle.write_bytes(b"")
    assert street.main("logout", "--local") == exits.OK
    assert street.main("logout", "--local") == exits.OK

    said = capsys.readouterr().out
    assert "Robinhood ended the session" in said
    assert "there is no session file" in said
    assert not street.home.session_pickle.exists()
