"""
The vocabulary: which failures are about the signer, and whom a status is about.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.manifest.status import (
    StatusKind,
    StatusSource,
    ValidationState,
    ValidationStatus,
    is_about_rules,
    is_about_signer,
    manifest_label,
)


@pytest.mark.parametrize(
    "code",
    [
        "signingCredential.untrusted",
        "signingCredential.invalid",
        "signingCredential.expired",
        "signingCredential.ocsp.revoked",
        "timeStamp.mismatch",
        "timeStamp.untrusted",
        "timestamp.outsideValidity",
        "claimSignature.outsideValidity",
        "cawg.ica.untrusted_issuer",
    ],
)
def test_failures_of_signer_and_time_make_a_manifest_valid_at_most(code: str) -> None:
    """
    They say nothing about whether the bytes are those that were signed.
    """
    assert is_about_signer(code) is True


@pytest.mark.parametrize(
    "code",
    [
        "claimSignature.mismatch",
        "claimSignature.missing",
        "assertion.dataHash.mismatch",
        "assertion.hashedURI.mismatch",
        "claim.malformed",
        "general.error",
        "ingredient.manifest.mismatch",
        "signingCredential",
        "signingcredential.untrusted",
        "x.signingCredential.untrusted",
        "made.up.next.year",
        "",
    ],
)
def test_every_other_failure_makes_a_manifest_invalid(code: str) -> None:
    """
    A code nobody has heard of is taken for the worst, and so is one that only resembles a known one.
    """
    assert is_about_signer(code) is False


@pytest.mark.parametrize(
    "code",
    [
        "assertion.action.malformed",
        "assertion.action.ingredientMismatch",
        "assertion.cbor.invalid",
        "assertion.cloud-data.labelMismatch",
        "assertion.selfRedacted",
        "claim.malformed",
        "manifest.multipleParents",
        "manifest.update.invalid",
        "manifest.update.wrongParents",
    ],
)
def test_rules_on_what_was_signed_are_no_matter_of_integrity(code: str) -> None:
    """
    Nobody can break them afterwards without the key.
    """
    assert (is_about_rules(code), is_about_signer(code)) == (True, False)


@pytest.mark.parametrize(
    "code",
    [
        "assertion.bmffHash.mismatch",
        "assertion.boxesHash.unknownBox",
        "assertion.dataHash.malformed",
        "assertion.dataHash.redacted",
        "assertion.hashedURI.mismatch",
        "assertion.inaccessible",
        "assertion.missing",
        "assertion.multipleHardBindings",
        "assertion.notRedacted",
        "assertion.outsideManifest",
        "assertion.undeclared",
        "algorithm.unsupported",
        "claim.cbor.invalid",
        "claim.hardBindings.missing",
        "claim.missing",
        "claim.multiple",
        "claimSignature.mismatch",
        "claimSignature.missing",
        "general.error",
        "hashedURI.missing",
        "ingredient.claimSignature.mismatch",
        "ingredient.hashedURI.mismatch",
        "ingredient.manifest.mismatch",
        "ingredient.manifest.missing",
        "manifest.compressed.invalid",
        "manifest.inaccessible",
        "manifest.missing",
        "signingCredential.untrusted",
        "assertion.actions.malformed",
        "made.up.next.year",
        "",
    ],
)
def test_hashes_signatures_and_what_is_unknown_are_no_matter_of_rules(code: str) -> None:
    """
    What is missing, doubled or covered by no hash can be made so by anybody, and what is unknown, too.
    """
    assert is_about_rules(code) is False


@pytest.mark.parametrize(
    ("url", "label"),
    [
        pytest.param("self#jumbf=/c2pa/urn:uuid:1/c2pa.signature", "urn:uuid:1", id="absolute"),
        pytest.param("self#jumbf=c2pa/urn:uuid:1/c2pa.claim", "urn:uuid:1", id="without-leading-slash"),
        pytest.param("self#jumbf=/c2pa/urn:uuid:1", "urn:uuid:1", id="manifest-itself"),
        pytest.param("urn:uuid:1", "urn:uuid:1", id="bare-label"),
        pytest.param("self#jumbf=c2pa.assertions/c2pa.actions", None, id="relative"),
        pytest.param("self#jumbf=/c2pa", None, id="store-only"),
        pytest.param("self#jumbf=", None, id="empty-path"),
        pytest.param("", None, id="empty"),
    ],
)
def test_the_manifest_is_read_out_of_a_uri(url: str, label: str | None) -> None:
    """
    Statuses are sorted by manifest, and a relative URI names none.
    """
    assert manifest_label(url) == label


@given(st.text(max_size=64))
def test_any_text_can_stand_where_a_uri_should(url: str) -> None:
    """
    URIs of recorded statuses are hostile; without the marker, the text is taken for a label.
    """
    found = manifest_label(url)

    assert found == (url or None) if "jumbf=" not in url else found is None or found in url


def test_the_words_are_those_of_the_report() -> None:
    """
    The values go into reports as they are, so none may change by renaming a member.
    """
    assert [*ValidationState] == ["absent", "invalid", "valid", "trusted"]
    assert [*StatusKind] == ["success", "informational", "failure"]
    assert [*StatusSource] == ["engine", "validator", "recorded"]


def test_a_status_is_the_engines_unless_said_otherwise() -> None:
    """
    The engine's statuses are by far the most.
    """
    status = ValidationStatus("claim.missing", "", "", StatusKind.FAILURE)

    assert status.source is StatusSource.ENGINE
