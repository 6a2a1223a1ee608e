"""The commands and their arguments."""

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import date
from pathlib import Path

from trading_bot.domain.symbol import parse_symbol
from trading_bot.version import VERSION


def make_parser() -> ArgumentParser:
    """The whole command line."""
    parser = ArgumentParser(
        prog="trading-bot",
        description="A day-trading daemon that can always say why it did what it did.",
    )
    parser.add_argument("--version", action="version", version=f"trading-bot {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
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
            description=help_text,
            parents=[common],
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.set_defaults(module=name)
        return command

    _add_rehearse(add("rehearse", "plays a market day against the exchange it brings along"))
    add("run", "the daemon, on paper")
    _add_trades(add("trades", "the trades written so far"))
    _add_why(add("why", "why a symbol was traded, or was not"))
    add("verify", "checks every record against its seal")
    add("status", "is it up, is it ready")
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
        "--seed", type=int, default=1, help="seed of the made-up days (default: 1)"
    )
    command.add_argument(
        "--symbols", type=_symbols, default=(), metavar="A,B", help="play only these symbols"
    )
    command.add_argument("--quiet", action="store_true", help="print the summary only")


def _add_trades(command: ArgumentParser) -> None:
    command.add_argument(
        "--last", type=_count, default=20, metavar="N", help="how many (default: 20)"
    )
    command.add_argument("--symbol", type=_symbol, help="only this symbol's")
    command.add_argument("--jsonl", action="store_true", help="the records as they stand")


def _add_why(command: ArgumentParser) -> None:
    command.add_argument("symbol", type=_symbol, metavar="SYMBOL")
    command.add_argument(
        "--at",
        default=None,
        metavar="TIME",
        help="09:45 (New York, the last day) or 2026-11-23T14:45:00Z",
    )


def _add_config(command: ArgumentParser) -> None:
    command.add_argument(
        "what",
        choices=("check", "show", "schema"),
        help="check it, show what is in force, print its JSON schema",
    )


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 100_000:
        raise ArgumentTypeError(f"expected a number above 0 and up to 100000, got {text!r}")
    return speed


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
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
