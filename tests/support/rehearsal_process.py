"""A paced rehearsal in a process of its own, to be killed: HOME START-OFFSET-MINUTES SPEED."""

import asyncio
import sys
from pathlib import Path

from support.scenarios import CALENDAR, SEED, Play
from trading_bot.app.rehearse import Audience, Rehearsal, Stage, play_against
from trading_bot.runtime.clocks import PacedClock


def main(root: str, offset_minutes: str, speed: str) -> int:
    """Play the made-up day from so many minutes after its open.

    Prints minutes after the open and the count of trade records with each event.
    """
    play = Play(Path(root))
    start = play.after_open(float(offset_minutes))
    clock = PacedClock(start, float(speed))
    play.start_exchange(clock, float(speed))
    plan = Rehearsal(seed=SEED, speed=float(speed))
    stage = Stage(home=play.home, config=play.config, calendar=CALENDAR, days=play.days, plan=plan)

    def see(event: object, effects: object) -> None:
        trades = len(play.home.trades_link.read_text().splitlines())
        minutes = (clock.now() - play.open).total_seconds() / 60
        print(f"{minutes:.3f} {trades}", flush=True)

    audience = Audience(notifier=play.heard, observers=(see,))
    asyncio.run(play_against(stage, audience, clock, f"http://127.0.0.1:{play.port}"))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
