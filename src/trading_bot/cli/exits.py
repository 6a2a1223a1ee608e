"""The exit codes; each says what whoever called should do next."""

from typing import Final

OK: Final = 0
FAILED: Final = 1
"""It did not work; `status`: alive, but not ready to trade."""
USAGE: Final = 2
"""The command or the settings are wrong: nothing was started."""
HUMAN_NEEDED: Final = 3
"""A person must look; `status`: nothing runs."""
BUSY: Final = 5
"""Another process holds the home just now: try again."""
DAMAGED: Final = 4
"""`verify`: a record is not what was written."""
