"""
One simulator for each module, as it was at first in each test, and a client of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from provenance import Verifier
from provenance.authority import KeyType
from provenance.simulator import Behaviour, Simulator
from tests.simulator.support import KEY


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """
    Run one simulator for the whole module, with what its function `settings` returns.
    """
    settings: dict[str, Any] = getattr(request.module, "settings", dict)()
    with Simulator(api_key=KEY, key_type=KeyType.P256, **settings) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    """
    Return the simulator as it was at first.
    """
    running.behaviour = Behaviour()
    running.faults.clear()
    running.simulation.request_log.clear()
    return running


@pytest.fixture
def http(simulator: Simulator) -> Iterator[httpx.Client]:
    """
    Make a client that shows the key.
    """
    with httpx.Client(base_url=simulator.endpoint, headers={"api-key": KEY}, timeout=30) as client:
        yield client


@pytest.fixture
def verifier(simulator: Simulator) -> Verifier:
    """
    Believe the simulator's authority.
    """
    return Verifier(trust=simulator.trust_profile, self_test=False)
