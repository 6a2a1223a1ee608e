"""trading-bot: a day-trading daemon that can always say why it did what it did.

The rooms of this package and the order in which they may import each other stand in the
README and, enforced, in `pyproject.toml`. Importing anything here does nothing by itself.
"""
