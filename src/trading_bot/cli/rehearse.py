"""`trading-bot rehearse`: play a market day and show it."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trading_bot.app.alerts import PrintedAlerts
from trading_bot.app.progress import Progress
from trading_bot.app.rehearsal_homes import discard_old, new_home
from trading_bot.app.rehearse import Audience, Rehearsal, play, prepare, with_chaos
from trading_bot.app.strategy_files import copy_own_strategies, make_factories
from trading_bot.app.summary import summary_of
from trading_bot.app.verdict import verdict_of
from trading_bot.cli.exits import FAILED, OK
from trading_bot.cli.home import home_of
from trading_bot.cli.program import program_words
from trading_bot.config.load import load_config
from trading_bot.domain.errors import ConfigError, DataError
from trading_bot.rehearsal.faults import FaultRule, load_rules
from trading_bot.runtime.clocks import SystemClock
from trading_bot.runtime.measure import Measures


def run(arguments: Namespace) -> int:
    """Play it in a home of its own, print as it goes, end with a summary."""
    if arguments.files and arguments.generated:
        raise ConfigError("expected files or --generated, got both")
    base = home_of(arguments)
    config = load_config(base)
    if arguments.files and arguments.days:
        raise ConfigError("expected files or --days, got both: a file's day is its own")
    if arguments.chaos is not None and not arguments.live_code:
        raise ConfigError("--chaos: expected --live-code with it, for it is orders that go wrong")
    plan = Rehearsal(
        files=tuple(arguments.files),
        days=arguments.days,
        symbols=arguments.symbols,
        seed=arguments.seed,
        speed=arguments.speed,
        is_live_code=arguments.live_code,
        faults=_faults(arguments.faults),
    )
    # What can be refused is refused before there is a home: `latest` stays the one before.
    make_factories(config, base.root)
    stage = prepare(plan, base, config)
    if arguments.chaos is not None:
        stage = with_chaos(stage, arguments.chaos)
    home = new_home(base.root, SystemClock().now())
    stage = replace(stage, home=home)
    for problem in discard_old(home):
        print(f"trading-bot: {problem}", file=sys.stderr)
    copy_own_strategies(config, base.root, home.root)
    progress = Progress(stage.calendar, sys.stdout, is_quiet=arguments.quiet)
    progress.announce(stage)
    measures = Measures()
    reports: list[Mapping[str, object]] = []
    audience = Audience(
        notifier=PrintedAlerts(sys.stdout),
        observers=(progress,),
        measures=measures,
        judged=reports.append,
    )
    reason = asyncio.run(play(stage, audience))
    print(summary_of(home, reason, measures, program_words()))
    if not arguments.live_code:
        return OK
    verdict = verdict_of(home, stage.config, reports[-1], stage.plan.faults)
    print(verdict.text())
    return OK if verdict.agrees else FAILED


def _faults(file: Path | None) -> tuple[FaultRule, ...]:
    if file is None:
        return ()
    try:
        return tuple(load_rules(file))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    except DataError as error:
        raise ConfigError(str(error)) from error
