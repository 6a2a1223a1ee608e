"""How this program is called from here, for the commands that it tells people to try."""

import os
import shlex
import shutil
import sys
from pathlib import Path

PROGRAM = "trading-bot"


def program_words() -> str:
    """`trading-bot` where the shell finds it by that name, else the path that finds it."""
    called = Path(sys.argv[0]).absolute()
    found = shutil.which(PROGRAM)
    if called.name != PROGRAM or (found is not None and Path(found).absolute() == called):
        return PROGRAM
    here = os.path.relpath(called)
    return shlex.quote(str(called) if here.startswith(os.pardir) else here)
