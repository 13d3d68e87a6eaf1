"""
Who signs, and who verifies, in the tests of the engine's faults.
"""

from __future__ import annotations

import pytest

from provenance import Verifier
from provenance.authority import Authority, AuthorityNames
from provenance.trust.profile import TrustProfile


@pytest.fixture(scope="session")
def impostor() -> Authority:
    """
    Make an authority under Microsoft's names that nobody believes.
    """
    return Authority.create(names=AuthorityNames.microsoft())


@pytest.fixture(scope="session")
def verifier(sample_trust: TrustProfile) -> Verifier:
    """
    Verify under the default policy; the self-test has tests of its own.
    """
    return Verifier(trust=sample_trust, self_test=False)


@pytest.fixture(scope="session")
def lineage(sample_trust: TrustProfile) -> Verifier:
    """
    Verify under the policy that leans on ingredients.
    """
    return Verifier(policy="azure-openai-lineage", trust=sample_trust, self_test=False)
