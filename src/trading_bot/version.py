"""The one place that knows the version of this program."""

from typing import Final

VERSION: Final = "0.2.0"
