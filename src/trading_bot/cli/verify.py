"""`trading-bot verify`: is every record what was written?"""

from argparse import Namespace
from collections.abc import Iterator

from trading_bot.app.replay import Replayer
from trading_bot.cli import exits
from trading_bot.cli.home import records_home
from trading_bot.domain.errors import TradingBotError
from trading_bot.query.readable import unreadable_lines
from trading_bot.query.records import HomeRecords
from trading_bot.query.running import holder_of
from trading_bot.query.status import was_cut_off
from trading_bot.query.words import counted, table
from trading_bot.storage.home import Home
from trading_bot.storage.verify import VerifyReport, verify_home

_RIGHT = frozenset({1, 2})


def run(arguments: Namespace) -> int:
    """Check seals and lines, and with `--replay` that each day's tape gives its records again."""
    home = records_home(arguments)
    report = verify_home(home)
    problems = [str(found) for found in report.damage]
    problems += [str(found) for found in unreadable_lines(home)]
    for line in _files(report, home):
        print(line)
    unknown = 0
    for text, code in _replays(home) if arguments.replay else ():
        print(text)
        unknown += code == exits.FAILED
        if code == exits.DAMAGED:
            problems.append(text)
    for problem in problems:
        print(f"DAMAGED {problem}")
    if problems:
        print(f"damaged: {counted(len(problems), 'place')} in {home.root}")
        return exits.DAMAGED
    total = f"{counted(len(report.files), 'file')}, {counted(report.lines, 'line')}"
    unsealed = sum(file.unsealed for file in report.files)
    proof = (
        f"all but the last {counted(unsealed, 'line')}, not sealed yet, are what was acknowledged"
        if unsealed
        else "every line is what was acknowledged"
    )
    print(f"sound: {total}, {report.size:,} bytes; {proof}")
    return exits.FAILED if unknown else exits.OK


def _files(report: VerifyReport, home: Home) -> list[str]:
    rows = []
    for found in report.files:
        if not found.lines and not found.damage:
            continue
        state = "DAMAGED" if found.damage else "sound"
        if found.unsealed:
            state += f", the last {found.unsealed} not sealed yet"
        if found.torn:
            state += f", {found.torn} bytes of a line being written"
        name = str(found.file.relative_to(home.root))
        rows.append((name, f"{found.lines:,}", f"{found.size:,}", state))
    return table(("file", "lines", "bytes", "state"), rows, _RIGHT) if rows else []


def _replays(home: Home) -> Iterator[tuple[str, int]]:
    """A line for each day's tape, and OK, FAILED (cannot be replayed) or DAMAGED (differs)."""
    records = HomeRecords(home)
    days = list(records.tapes())
    last = max(days, default=None)
    if days and holder_of(home) is not None:
        yield f"replay {days[-1]}: left out, a daemon is writing it", exits.OK
        days.pop()
    replayer = Replayer(home)
    for day in days:
        try:
            difference = replayer.first_difference(day)
        except TradingBotError as error:
            yield f"replay {day}: cannot be replayed: {error}", exits.FAILED
            continue
        if difference is None:
            yield f"replay {day}: the same records again", exits.OK
        elif difference.recorded is None and day == last and was_cut_off(records):
            text = f"the daemon was ended before it wrote the last of its {difference.stream}"
            yield f"replay {day}: the same records again, but {text}", exits.OK
        else:
            place = f"{difference.stream} parts at line {difference.number} of the day"
            recorded = difference.recorded or "nothing"
            text = f"{place}: recorded {recorded}, replayed {difference.replayed}"
            if changed := replayer.changed_since(day):
                # The record may be as it was written: this program is not what wrote it.
                why = "; ".join(changed)
                yield f"replay {day}: cannot be compared: {why}; {text}", exits.FAILED
            else:
                yield f"replay {day}: {text}", exits.DAMAGED
