"""
The manifests of genuine images.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import scan
from provenance.authority import Authority, AuthorityNames
from provenance.manifest.jumbf import SignedManifest, signed_manifests
from provenance.trust.certificate import load
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import TrustProfile
from tests.support import SHARED, corpus_files
from tests.validation.claim_signature.support import (
    ALL_GOOD,
    check,
    failures,
    information,
    stamped,
    successes,
)

# Where the corpus is missing, one case is left for the fixture to skip, which says what is missing.
GENUINE = [entry.name for entry in corpus_files("azure-openai/")] or ["none"]


def _real_manifests(name: str) -> Iterator[SignedManifest]:
    with Asset.from_path(SHARED / "corpus" / name, Limits()) as asset:
        for store in scan(asset, Limits()).stores:
            for found in signed_manifests(store, max_manifests=64).values():
                assert found is not None
                yield found


@pytest.mark.corpus
@pytest.mark.parametrize("name", GENUINE)
def test_every_manifest_of_a_genuine_image_is_trusted(corpus: object, name: str) -> None:
    """
    Signed 2023 to 2026, asked about on a day when every signer has expired.
    """
    results = [check(found, MICROSOFT, datetime(2100, 1, 1, tzinfo=UTC)) for found in _real_manifests(name)]

    assert results
    for result in results:
        assert [status.code for status in result.statuses] == ALL_GOOD
        assert result.signature.signed_at is not None
        assert result.claim_anchor == load(result.signature.chain[-1].der)


@pytest.mark.corpus
@pytest.mark.parametrize("name", GENUINE)
def test_a_genuine_image_is_a_stranger_to_another_profile(
    corpus: object, sample_trust: TrustProfile, name: str
) -> None:
    """
    What is trusted follows from the profile and from nothing else.
    """
    for found in _real_manifests(name):
        result = check(found, sample_trust)

        assert successes(result) == ["claimSignature.validated"]
        assert failures(result) == ["signingCredential.untrusted"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", GENUINE)
def test_a_genuine_image_with_a_self_made_time_stamp_has_expired(corpus: object, name: str) -> None:
    """
    The engine alone trusts it: in claims of version 1 it never checks the authority's chain.
    """
    evil = Authority.create(names=AuthorityNames.microsoft()).time_stamper

    for found in _real_manifests(name):
        result = check(stamped(found, evil), MICROSOFT, datetime(2100, 1, 1, tzinfo=UTC))

        assert successes(result) == ["claimSignature.validated"]
        assert failures(result) == ["signingCredential.expired"]
        assert information(result) == ["timeStamp.untrusted"]
