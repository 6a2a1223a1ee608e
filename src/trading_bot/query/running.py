"""Is a daemon alive in a home?"""

import errno
import fcntl
import os

from trading_bot.storage.home import Home


def holder_of(home: Home) -> int | None:
    """The process that holds the home's lock, 0 when its id cannot be read; None when free.

    It asks for a shared lock and gives it back at once: who starts a daemon at that very moment
    would find the home busy and be started again by what watches over it.
    """
    try:
        descriptor = os.open(home.lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        text = os.pread(descriptor, 20, 0).strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None
