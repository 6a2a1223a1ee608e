"""`trading-bot trades` on the records of real rehearsed days."""

import gzip
from decimal import Decimal
from pathlib import Path

from support.program import Run
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.storage.home import Home


def written(home: Home) -> list[str]:
    """Every trade line on disk, oldest first."""
    files = sorted(home.logs.glob("2*.jsonl"))
    return [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]


def test_jsonl_gives_the_lines_as_they_stand(played: Home, run: Run) -> None:
    """Over both days, byte for byte, oldest first."""
    answer = run("trades", "--jsonl", "--last", "1000", home=played)

    assert answer.code == 0
    assert len(list(played.logs.glob("2*.jsonl"))) == 2
    assert answer.lines == written(played) != []


def test_the_newest_are_shown_oldest_first(played: Home, run: Run) -> None:
    """`--last 3` are the last three lines, over the switch of the day if need be."""
    answer = run("trades", "--jsonl", "--last", "3", home=played)

    assert answer.lines == written(played)[-3:]


def test_the_table_says_when_what_and_what_came_of_it(played: Home, run: Run) -> None:
    """New York time, action, quantity, price, outcome, net result and reason; a total below."""
    records = [TradeRecord.from_jsonl_line(line) for line in written(played)]
    net = sum((r.net_profit_loss for r in records if r.net_profit_loss is not None), Decimal(0))
    last = records[-1]

    answer = run("trades", home=played)

    head, *rows, total = answer.lines
    assert head.split()[:3] == ["New", "York", "time"]
    assert len(rows) == len(records)
    # 14:44:30 UTC in July is 10:44:30 in New York.
    hour = int(last.timestamp[11:13]) - 4
    assert rows[-1].startswith(f"{last.timestamp[:10]} {hour:02}{last.timestamp[13:19]}")
    for part in (last.symbol, last.action, str(last.quantity), str(last.price), str(last.outcome)):
        assert part in rows[-1].split()
    assert str(last.exit_reasoning) in rows[-1]
    assert f"net {net:+.2f} dollars after fees" in total


def test_only_one_symbol_when_asked(played: Home, run: Run) -> None:
    """In any case of letters; a symbol without trades is said to have none."""
    answer = run("trades", "--symbol", "zzb", "--jsonl", home=played)
    nothing = run("trades", "--symbol", "QQQQ", home=played)

    assert answer.lines == [line for line in written(played) if '"symbol":"ZZB"' in line]
    assert nothing.code == 0
    assert nothing.lines == [f"no trades of QQQQ on record in {played.root}"]


def test_the_archive_is_read_as_well(copied: Home, run: Run) -> None:
    """A day that was moved into the archive is still there."""
    before = run("trades", "--jsonl", home=copied).lines
    first = min(copied.logs.glob("2*.jsonl"))
    year = copied.trades_archive / first.name[:4]
    year.mkdir(parents=True)
    (year / f"{first.name}.gz").write_bytes(gzip.compress(first.read_bytes()))
    first.unlink()

    after = run("trades", "--jsonl", home=copied)

    assert after.lines == before


def test_a_folder_of_rehearsals_answers_for_the_latest(base: Path, played: Home, run: Run) -> None:
    """`--home` may name the folder in which `rehearse` was typed."""
    assert run("trades", home=base).out == run("trades", home=played).out


def test_a_folder_without_records_says_so(tmp_path: Path, run: Run) -> None:
    """It is told what was expected there, and the exit code is that of a wrong command."""
    answer = run("trades", home=tmp_path)

    assert answer.code == 2
    assert "holds no records" in answer.err


def test_a_broken_line_is_not_passed_over(copied: Home, run: Run) -> None:
    """Half a table would be believed; the way to the damage is named instead."""
    path = max(copied.logs.glob("2*.jsonl"))
    path.write_text(path.read_text(encoding="utf-8") + '{"symbol":"ZZB"}\n', encoding="utf-8")

    answer = run("trades", home=copied)

    assert answer.code == 1
    assert answer.out == ""
    assert "`trading-bot verify`" in answer.err
    assert len(answer.err.splitlines()) == 1
