"""
A store of each kind of database, and the clock that it goes by.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from provenance.service.store.store import Store
from tests.service.store_support import Clock


@pytest.fixture
def clock() -> Clock:
    """
    Start at noon.
    """
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[Store]:
    """
    Open an empty store.
    """
    with Store.open(database_url, clock=clock) as opened:
        yield opened
