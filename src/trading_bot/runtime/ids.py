"""Ids that somebody gives: random where the run is real, counted where it must repeat."""

import uuid
from collections.abc import Callable
from typing import Final

Ids = Callable[[], str]
"""A new id, a UUID as text, each time it is called."""

_NAMESPACE: Final = uuid.UUID("8f3a6c1e-5d27-5b94-9a0e-3c1f7e2b4d60")


def random_ids() -> Ids:
    """Ids of a live session: nobody can foresee or repeat them."""
    return lambda: str(uuid.uuid4())


def counted_ids(seed: str) -> Ids:
    """Ids of a rehearsal: the n-th one of a `seed` is the same in every run, everywhere."""
    name = uuid.uuid5(_NAMESPACE, seed)
    count = 0

    def next_id() -> str:
        nonlocal count
        count += 1
        return str(uuid.uuid5(name, str(count)))

    return next_id
