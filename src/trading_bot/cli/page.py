"""What a command prints on."""

import shutil
import sys


def page_width() -> int | None:
    """The terminal's width in characters; None when the output goes into a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
