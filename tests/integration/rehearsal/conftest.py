from collections.abc import Iterator

import pytest

from support.library import Library, running_library


@pytest.fixture
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    """robin_stocks on an exchange; parametrized indirectly by its fault rules."""
    with running_library(*getattr(request, "param", ())) as one:
        yield one
