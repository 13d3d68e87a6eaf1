"""
The authorities that these tests sign with.
"""

from __future__ import annotations

import pytest

from provenance.authority import Authority, AuthorityNames


@pytest.fixture(scope="module")
def authority() -> Authority:
    """
    Make the authority whose anchors are trusted.
    """
    return Authority.create()


@pytest.fixture(scope="module")
def impostor() -> Authority:
    """
    Make an authority that nobody trusts, under Microsoft's names.
    """
    return Authority.create(names=AuthorityNames.microsoft())
