"""The commands and their arguments."""

import re
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import date, timedelta
from pathlib import Path

from trading_bot.domain.symbol import parse_symbol
from trading_bot.version import VERSION

_AT = re.compile(
    r"(?:[01]\d|2[0-3]):[0-5]\d|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?Z", re.ASCII
).fullmatch

_ABOUT = """\
A day-trading daemon that can always say why it did what it did.

first steps:
  trading-bot rehearse          play a made-up market day; needs no account and no network
  trading-bot trades            what was bought and sold in it
  trading-bot why SYMBOL        why, and why not more often
  trading-bot verify            that no record was changed since
"""

_EXITS = """\
exit codes: 0 done; 1 failed; 2 a wrong command or setting; 3 a person must look; 4 a damaged record
"""

_EXAMPLES = {
    "rehearse": """\
examples:
  trading-bot rehearse --speed 480            a made-up day in under a minute, to watch
  trading-bot rehearse AAPL-2024-07-02.csv.gz a recorded day, as fast as it goes
  trading-bot rehearse --live-code            a dress rehearsal: exit code 1 if the records disagree
  trading-bot rehearse --live-code --chaos 7  the same on a day on which much goes wrong
Each rehearsal is played in a home of its own, rehearsals/<when>; rehearsals/latest is the newest.
""",
    "run": """\
Runs until SIGTERM or Ctrl-C; entries are cancelled then, protective stops stay.
Real money needs two keys and a name: --live here, mode live and account_number in the settings. It
then shows what is at stake and asks for a typed phrase; a service says --armed-for instead.
examples:
  trading-bot run
  trading-bot run --live                      at a terminal
  trading-bot run --live --armed-for 4321     in a service: the end of the account's number
exit codes: 0 stopped; 1 failed; 2 not armed, or a wrong setting; 3 no session that can be used
""",
    "login": """\
Asks for e-mail and password, for a code where Robinhood wants one, or waits until you approve the
log-in in its app. The password is sent once: a refused log-in is never repeated, since a few of
them lock the account out for minutes or hours. Nothing is written before there is a session.
examples:
  trading-bot login                                  at a terminal
  trading-bot login --totp secret.txt                with the authenticator's secret, mode 0600
  trading-bot login --import ~/.tokens/robinhood.pickle
  trading-bot login --import tokens.json             {"access_token": "...", "refresh_token": "..."}
  trading-bot login --import -                       paste the tokens, nothing is shown
A session imported without a refresh token works until it ends and cannot be renewed.
exit codes: 0 logged in; 1 refused, or not in time; 2 what was given cannot be used; 3 nobody to
ask, a session file that is none (it is left as it is), or a session of another account
""",
    "logout": """\
Robinhood ends the session first; the file goes only when it did.
examples:
  trading-bot logout
  trading-bot logout --local    remove the file, whatever it is, and tell nobody
""",
    "session": """\
Reads the list of accounts unless --offline is given; renews and changes nothing.
exit codes: 0 it is good; 1 Robinhood could not be asked; 3 a person must log in or mend it
""",
    "probe": """\
Reads quotes, hours, instruments, accounts, positions and orders with your session, and compares
what comes with what the bot expects. It only ever reads: no order, no cancel, no log-in.
examples:
  trading-bot probe                          asks for a typed yes
  trading-bot probe --yes-read-my-account
exit codes: 0 all as expected; 1 something is not; 2 no yes; 3 no session that can be used
""",
    "trades": """\
Times are New York's; results are dollars after fees. Days and archive are read as one.
examples:
  trading-bot trades --last 100 --symbol AAPL
  trading-bot trades --jsonl | jq .net_profit_loss
""",
    "why": """\
Without --at: the story of the symbol's latest day: trades, refusals, and why most bars gave none.
With --at: that minute: the quotes seen, the bar closed, what each strategy said, every rule the
gate asked with value and limit, and what became of the order.
examples:
  trading-bot why AAPL
  trading-bot why AAPL --at 09:45
  trading-bot why AAPL --at 2026-11-23T14:45:00Z
""",
    "verify": """\
Compares every file with its seal and its recorded head, and reads every line as its record.
exit codes: 0 all is well; 4 damage, named by file, line and byte
""",
    "status": """\
exit codes: 0 alive and ready; 1 alive, but not ready (the reason is printed); 3 not running
with --alive: 0 it runs and its loop moves, ready or not; 3 it does not run or does not respond
""",
    "reconcile": """\
Reads orders, positions and cash of the home's broker and compares them with the records. The
daemon must not run. Nothing is sent; without --accept nothing is written.
What --accept means: a missing trade is adopted from the broker's history, missing shares are booked
as the owner's own sale, shares or orders too many are not ours, a changed order is taken as it is,
a split counts with its --ratio; the code of a cause ends protect-only.
exit codes: 0 the books agree; 3 they do not, or nothing may be opened
examples:
  trading-bot reconcile
  trading-bot reconcile --accept shares:AAPL:100:50 --why "sold on the phone"
""",
    "config": """\
  check    says what is wrong, a line each, and exits with 2; or that all is well
  show     prints what is in force as JSON, secrets covered
  schema   prints the JSON schema of config.json, for editors
docs/configuration.md lists every setting and the variables that stand over the file.
""",
}


def make_parser() -> ArgumentParser:
    """The whole command line."""
    parser = ArgumentParser(
        prog="trading-bot",
        description=_ABOUT,
        epilog=_EXITS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"trading-bot {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    common = ArgumentParser(add_help=False)
    common.add_argument(
        "--home",
        type=Path,
        default=None,
        metavar="DIR",
        help="where the bot lives (default: $TRADING_BOT_HOME, else the current folder)",
    )

    def add(name: str, help_text: str) -> ArgumentParser:
        command = commands.add_parser(
            name,
            help=help_text,
            description=help_text[0].upper() + help_text[1:] + ".",
            epilog=_EXAMPLES[name],
            parents=[common],
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.set_defaults(module=name)
        return command

    _add_rehearse(add("rehearse", "plays a market day against the exchange it brings along"))
    _add_run(add("run", "the daemon, on paper; with --live on real money"))
    _add_login(add("login", "gets a session from Robinhood, a person answering"))
    _add_logout(add("logout", "ends the session and removes its file"))
    _add_session(add("session", "how long the session lives and what it opens"))
    _add_probe(add("probe", "compares the real service with what the bot expects, reading only"))
    _add_trades(add("trades", "the trades written so far"))
    _add_why(add("why", "why a symbol was traded, or was not"))
    _add_verify(add("verify", "checks every record against its seal"))
    _add_status(add("status", "is it up, is it ready"))
    _add_reconcile(add("reconcile", "the records against the broker's account"))
    _add_config(add("config", "checks and shows the settings, prints their schema"))
    return parser


def _add_rehearse(command: ArgumentParser) -> None:
    command.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="minute bars of a symbol's day (CSV, gzipped or not); files of a day play together",
    )
    command.add_argument(
        "--generated", action="store_true", help="play made-up days (the default without FILE)"
    )
    command.add_argument(
        "--speed",
        type=_speed,
        default=None,
        metavar="N",
        help="N times as fast as real time, to watch; without it as fast as it goes, in lockstep",
    )
    command.add_argument(
        "--days",
        type=_days,
        default=(),
        metavar="D,D",
        help="dates of the made-up days: 2024-07-02",
    )
    command.add_argument(
        "--seed", type=int, default=1, metavar="N", help="seed of the made-up days (default: 1)"
    )
    command.add_argument(
        "--symbols", type=_symbols, default=(), metavar="A,B", help="play only these symbols"
    )
    command.add_argument("--quiet", action="store_true", help="print the summary only")
    _add_live_code(command)


def _add_live_code(command: ArgumentParser) -> None:
    command.add_argument(
        "--live-code",
        action="store_true",
        help="send the orders to the exchange by the code that trades live; ends with the verdict "
        "of the exchange's own ledger",
    )
    command.add_argument(
        "--faults",
        type=Path,
        default=None,
        metavar="FILE",
        help="what goes wrong on the exchange, as a script in JSON",
    )
    command.add_argument(
        "--chaos",
        type=int,
        default=None,
        metavar="SEED",
        help="with --live-code: faults of every kind and an owner in the app, drawn by a seed",
    )


def _add_run(command: ArgumentParser) -> None:
    command.add_argument(
        "--live", action="store_true", help="send orders to Robinhood: real money, once armed"
    )
    command.add_argument(
        "--armed-for",
        default=None,
        metavar="LAST4",
        help="arm without being asked: the last 4 characters of account_number",
    )


def _add_login(command: ArgumentParser) -> None:
    command.add_argument(
        "--import",
        dest="source",
        default=None,
        metavar="FILE",
        help="use the tokens of a file (JSON, or the library's pickle); - pastes them",
    )
    command.add_argument(
        "--totp", type=Path, default=None, metavar="FILE", help="the authenticator's secret"
    )
    command.add_argument(
        "--deadline",
        type=_deadline,
        default=timedelta(minutes=3),
        metavar="S",
        help="how many seconds to wait for you and your phone (default: 180)",
    )


def _add_logout(command: ArgumentParser) -> None:
    command.add_argument(
        "--local", action="store_true", help="only remove the file; the session lives on"
    )


def _add_session(command: ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for programs")
    command.add_argument("--offline", action="store_true", help="look at the file alone")


def _add_probe(command: ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for programs")
    command.add_argument(
        "--yes-read-my-account",
        action="store_true",
        dest="is_confirmed",
        help="the yes that is else asked for",
    )


def _add_trades(command: ArgumentParser) -> None:
    command.add_argument(
        "--last", type=_count, default=20, metavar="N", help="how many (default: 20)"
    )
    command.add_argument("--symbol", type=_symbol, metavar="SYMBOL", help="only this symbol's")
    command.add_argument("--jsonl", action="store_true", help="the records as they stand")


def _add_why(command: ArgumentParser) -> None:
    command.add_argument("symbol", type=_symbol, metavar="SYMBOL", help="such as AAPL")
    command.add_argument(
        "--at",
        type=_at,
        default=None,
        metavar="TIME",
        help="09:45 (New York, the latest day on record) or 2026-11-23T14:45:00Z",
    )


def _add_verify(command: ArgumentParser) -> None:
    command.add_argument(
        "--replay",
        action="store_true",
        help="also play each day's tape again and compare every record it gives; exit code 1 for a "
        "day that cannot be compared, another version or strategy recorded it",
    )


def _add_status(command: ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for programs")
    command.add_argument(
        "--alive", action="store_true", help="exit with 0 while it lives, ready or not"
    )


def _add_reconcile(command: ArgumentParser) -> None:
    command.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="WHAT",
        help="settle this difference, or end this cause, by the name that is shown",
    )
    command.add_argument(
        "--not-ours",
        action="store_true",
        help="what is accepted is not ours, instead of adopting it",
    )
    command.add_argument("--ratio", default="", metavar="R", help="new shares for an old one: 2")
    command.add_argument("--why", default="", metavar="TEXT", help="the reason, for the record")
    command.add_argument(
        "--yes", action="store_true", help="do not ask for a typed confirmation; needs --why"
    )


def _add_config(command: ArgumentParser) -> None:
    command.add_argument(
        "what", choices=("check", "show", "schema"), help="what to do with the settings"
    )


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 100_000:
        raise ArgumentTypeError(f"expected a number above 0 and up to 100000, got {text!r}")
    return speed


def _deadline(text: str) -> timedelta:
    if not (text.isascii() and text.isdecimal()) or not 10 <= int(text) <= 3600:
        raise ArgumentTypeError(f"expected seconds from 10 to 3600, got {text!r}")
    return timedelta(seconds=int(text))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")
    return int(text)


def _symbol(text: str) -> str:
    try:
        return parse_symbol(text.upper())
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _days(text: str) -> tuple[date, ...]:
    try:
        return tuple(date.fromisoformat(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ArgumentTypeError(f"expected dates such as 2024-07-02, got {text!r}") from error


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(_symbol(part.strip()) for part in text.split(",") if part.strip())


def _at(text: str) -> str:
    if not _AT(text):
        raise ArgumentTypeError(
            f"expected a New York time such as 09:45 or an instant such as 2026-11-23T14:45:00Z, "
            f"got {text!r}"
        )
    return text
