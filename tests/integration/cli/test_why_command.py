"""`trading-bot why` on the records and tapes of real rehearsed days."""

import json
from typing import Any

import pytest

from support.program import Run
from trading_bot.storage.home import Home


def decisions(home: Home, verdict: str, symbol: str) -> list[dict[str, Any]]:
    """The symbol's decisions of that kind, oldest first."""
    text = (home.logs / "decisions.jsonl").read_text(encoding="utf-8")
    every = [json.loads(line) for line in text.splitlines()]
    return [
        record for record in every if (record["verdict"], record["symbol"]) == (verdict, symbol)
    ]


def new_york(timestamp: str) -> str:
    """Hours, minutes and seconds in New York of a July timestamp."""
    return f"{int(timestamp[11:13]) - 4:02}{timestamp[13:19]}"


def test_the_day_tells_every_trade(played: Home, run: Run) -> None:
    """Entry with its reasons, stop and target, time without a stop, exit with reason and result."""
    answer = run("why", "ZZB", home=played)
    line = max(played.logs.glob("2*.jsonl")).read_text(encoding="utf-8").splitlines()[-1]
    last = json.loads(line)

    assert answer.code == 0
    assert answer.lines[0] == "ZZB on Wednesday 2024-07-03, times of New York"
    assert "2 trades" in answer.lines
    assert f"stop {last['stop_loss']}, target {last['target']}" in answer.out
    assert f"because {last['decision_reasoning']}" in answer.out
    assert f"because {last['exit_reasoning']}" in answer.out
    assert f"{last['outcome']} {float(last['net_profit_loss']):+.2f}" in answer.out
    assert "covered by a working sell order after 0." in answer.out


def test_the_day_tells_every_refusal_with_its_numbers(played: Home, run: Run) -> None:
    """Time, rule, strategy and the sentence of the gate."""
    of_day = [
        record
        for record in decisions(played, "refused", "ZZF")
        if record["timestamp"].startswith("2024-07-03")
    ]

    answer = run("why", "zzf", home=played)

    assert f"{len(of_day)} refusals" in answer.lines
    for record in of_day:
        rest = f"{record['rule']}  {record['strategy_name']}: {record['reason']}"
        assert f"{new_york(record['timestamp'])}  {rest}" in answer.out


def test_the_day_tells_what_the_risk_side_found(played: Home, run: Run) -> None:
    """Quotes of the symbol that were refused, each time it became so; no refusal a second time."""
    text = (played.logs / "risk-management.jsonl").read_text(encoding="utf-8")
    every = [json.loads(line) for line in text.splitlines()]
    own = [
        event
        for event in every
        if event["timestamp"].startswith("2024-07-03")
        and event["event_type"] == "quote_refused"
        and event["config_snapshot"]["symbol"] == "ZZF"
    ]

    answer = run("why", "ZZF", home=played)

    assert own != []
    for event in own:
        at = new_york(event["timestamp"])
        assert f"    {at}  quote refused: {event['config_snapshot']['reason']}" in answer.lines
    # Each refusal is told once, as the decision it was.
    of_day = [d for d in decisions(played, "refused", "ZZF") if d["timestamp"] > "2024-07-03"]
    wide = [record for record in of_day if record["rule"] == "SPREAD_WIDE"]
    assert answer.out.count("SPREAD_WIDE") == len(wide) > 0


def test_the_day_counts_why_there_was_no_signal(played: Home, run: Run) -> None:
    """The counts of a strategy's verdicts and its signals are the day's bars; misses are named."""
    answer = run("why", "ZZB", home=played)

    bars = next(int(line.split()[0]) for line in answer.lines if " polls" in line)
    said = next(line for line in answer.lines if line.startswith(" pullback-entry: "))
    start = answer.lines.index(said)
    signals, without = said.split()[1], int(said.split()[3])
    counts = []
    for line in answer.lines[start + 1 :]:
        if "nearest miss at" in line:
            break
        counts.append(int(line.split()[0]))
    assert sum(counts) == without == bars - int(signals)
    assert bars > 200
    assert "nearest miss at" in answer.out


def test_a_minute_tells_everything_of_an_approval(played: Home, run: Run) -> None:
    """Quotes, bar, each strategy's word, every rule with value and limit, the order's life."""
    record = decisions(played, "approved", "ZZB")[-1]
    at = new_york(record["timestamp"])

    answer = run("why", "ZZB", "--at", at[:5], home=played)

    assert answer.code == 0
    assert answer.out.count("  bid ") == 4
    assert answer.out.count(" 0.0 s old") == 4
    assert answer.out.count("\nbar ") == 1
    assert f"{at}  pullback-entry  SIGNAL" in answer.out
    assert f"{at}  bull-flag-breakout  no: " in answer.out
    assert f"APPROVED {at}" in answer.out
    shown = [line.split() for line in answer.lines]
    for check in record["checks"]:
        assert [check["rule"], "holds", *check["value"].split(), *check["limit"].split()] in shown
    for words in ("intended: entry", "entry filled", "intended: protective stop", "trade closed"):
        assert words in answer.out


def test_a_minute_tells_which_rule_refused(played: Home, run: Run) -> None:
    """The rule that failed is marked, with value and limit, and no order followed."""
    record = decisions(played, "refused", "ZZF")[0]

    answer = run("why", "ZZF", "--at", record["timestamp"][:17] + "00Z", home=played)

    failed = next(check for check in record["checks"] if not check["ok"])
    assert f"REFUSED {new_york(record['timestamp'])}" in answer.out
    assert f"{record['rule']}: {record['reason']}" in answer.out
    assert [failed["rule"], "FAILS", failed["value"], failed["limit"]] in [
        line.split() for line in answer.lines
    ]
    assert "no order followed" in answer.lines


def test_a_quiet_minute_has_its_quotes_bar_and_verdicts(played: Home, run: Run) -> None:
    """Where nothing was wanted the verdicts say what was lacking."""
    answer = run("why", "ZZB", "--at", "09:35", home=played)

    assert "    09:36:00" not in answer.out
    assert "no: warming up 5 of" in answer.out
    assert "REFUSED" not in answer.out


def test_a_bad_quote_is_shown_as_not_used(played: Home, run: Run) -> None:
    """The quote as it came, and what was wrong with it."""
    day = run("why", "ZZF", home=played)

    assert "  QUOTE_STALE" in day.out
    text = (played.tape / "2024-07-03.jsonl").read_text(encoding="utf-8")
    assert '"symbol":"ZZF"' in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("QQQQ",), "nothing is on record of QQQQ"),
        (("ZZB", "--at", "08:00"), "08:00 New York is outside the session of 2024-07-03"),
        (("ZZB", "--at", "13:30"), "(09:30-13:00)"),
        (("ZZB", "--at", "2023-05-25T14:00:00Z"), "there is no tape of 2023-05-25"),
        (("ZZB", "--at", "2024-02-31T14:00:00Z"), "expected a time that exists"),
        (("ZZB", "--at", "9.45"), "expected a New York time such as 09:45"),
        (("brk.b",), "class shares are not supported"),
    ],
)
def test_a_question_that_has_no_answer_says_why(
    played: Home, run: Run, arguments: tuple[str, ...], said: str
) -> None:
    """In a line, with the exit code of a wrong command."""
    answer = run("why", *arguments, home=played)

    assert answer.code == 2
    assert answer.out == ""
    assert said in answer.err


def test_known_symbols_are_listed(played: Home, run: Run) -> None:
    """Whoever mistypes a symbol sees which there are."""
    assert "known are ZZB, ZZF" in run("why", "QQQQ", home=played).err


def test_without_its_tape_a_day_still_tells_its_records(copied: Home, run: Run) -> None:
    """Trades and refusals come from the records; that the verdicts are not known is said."""
    for path in copied.tape.iterdir():
        path.unlink()

    answer = run("why", "ZZB", home=copied)

    assert answer.code == 0
    assert "2 trades" in answer.lines
    assert "is not known: there is no tape of 2024-07-03" in answer.out
