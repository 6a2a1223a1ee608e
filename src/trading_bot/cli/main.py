"""The one program: `trading-bot COMMAND`."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from trading_bot.cli import exits
from trading_bot.cli.parser import make_parser
from trading_bot.domain.errors import ConfigError, HaltError, TradingBotError

Command = Callable[..., int]
"""Takes the arguments, and what `main` was given besides."""


def main(argv: Sequence[str] | None = None, **given: object) -> int:
    """Run one command; its exit code. Errors we raise on purpose are a line each, never a trace.

    `given` goes on to the command: a test hands it another exchange than Robinhood.
    """
    arguments = make_parser().parse_args(argv)
    try:
        command: Command = import_module(f"trading_bot.cli.{arguments.module}").run
        code = command(arguments, **given)
        # Here and not at the interpreter's end, where a closed pipe could only be complained of.
        sys.stdout.flush()
        return code
    except ConfigError as error:
        return _refuse(exits.BUSY if error.is_passing else exits.USAGE, *error.problems)
    except HaltError as error:
        return _refuse(exits.HUMAN_NEEDED, str(error))
    except TradingBotError as error:
        return _refuse(exits.FAILED, str(error) or type(error).__name__)
    except BrokenPipeError:
        # Somebody closed the pipe we print into, as `head` does; nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.OK
    except OSError as error:
        # A file that is not ours to read, a disk that is gone: a person is told which, in a line.
        return _refuse(exits.FAILED, str(error))
    except KeyboardInterrupt:
        return _refuse(exits.FAILED, "interrupted")


def _refuse(code: int, *problems: str) -> int:
    for problem in problems:
        print(f"trading-bot: {problem}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
