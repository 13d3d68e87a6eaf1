"""
Row 3: what was recorded in an ingredient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from provenance import Verifier
from provenance import authority as made
from provenance.authority import Authority, IngredientSpec, ManifestSpec, Tampering, sign_image
from provenance.manifest.status import ValidationState
from tests.validation.engine_faults.support import PNG, ask_engine, options_for

INNER = "urn:uuid:inner"


def recorded(code: str, url: str, *, older: bool = False, delta: bool = False) -> dict[str, object]:
    """
    Write that a failure was found when the ingredient was added, in one of the three forms.
    """
    status = {"code": code, "url": url}
    if older:
        return {"validationStatus": [status]}
    none: dict[str, object] = {"success": [], "informational": [], "failure": []}
    found = {**none, "failure": [status]}
    if not delta:
        return {"validationResults": {"activeManifest": found}}
    uri = f"self#jumbf=/c2pa/{INNER}/c2pa.assertions/c2pa.ingredient"
    deltas = [{"ingredientAssertionURI": uri, "validationDeltas": found}]
    return {"validationResults": {"activeManifest": none, "ingredientDeltas": deltas}}


def over_ingredient(
    authority: Authority, inner: ManifestSpec, entries: Mapping[str, object], claim_version: int = 2
) -> bytes:
    """
    Sign an image over an ingredient with something recorded about it.
    """
    spec = made.designer(authority, inner, claim_version=2 if claim_version > 1 else 1)
    return sign_image(PNG, replace(spec, ingredients=(IngredientSpec(manifest=inner, recorded=entries),)))


@pytest.mark.parametrize(
    ("code", "url", "expected"),
    [
        ("assertion.hashedURI.mismatch", f"self#jumbf=/c2pa/{INNER}/c2pa.assertions/c2pa.actions", "invalid"),
        ("assertion.dataHash.mismatch", "self#jumbf=c2pa.assertions/c2pa.hash.data", "invalid"),
        ("claimSignature.mismatch", "", "invalid"),
        ("some.code.of.next.year", "self#jumbf=/c2pa/unknown/c2pa.signature", "invalid"),
        ("signingCredential.untrusted", f"self#jumbf=/c2pa/{INNER}/c2pa.signature", "trusted"),
        ("signingCredential.revoked", INNER, "valid"),
    ],
)
@pytest.mark.parametrize("form", ["results", "older", "delta"])
def test_row_3_a_recorded_failure_is_part_of_the_ingredients_verdict(
    authority: Authority, lineage: Verifier, *, code: str, url: str, expected: str, form: str
) -> None:
    """
    The engine leaves out of its deltas what was recorded already, so it reads Trusted.

    Only what a recorder thought of the signer does not count: our validator has judged that one.
    """
    entries = recorded(code, url, older=form == "older", delta=form == "delta")
    inner = made.azure_v1(authority, label=INNER)
    signed = over_ingredient(authority, inner, entries, claim_version=1 if form == "older" else 2)

    result = lineage.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert [reading.state for reading in result.readings] == ["trusted", expected]
    assert (result.state, result.accepted) == (ValidationState.TRUSTED, expected == "trusted")
    assert (result.origin is not None) == result.accepted


@pytest.mark.parametrize("claim_version", [1, 2])
def test_row_3_a_broken_ingredient_is_not_hidden_by_having_been_recorded(
    authority: Authority, lineage: Verifier, claim_version: int
) -> None:
    """
    Its claim signature does not hold, and somebody wrote so when it was added.
    """
    inner = replace(made.azure_v1(authority, label=INNER), tampering=Tampering(flip_signature=True))
    url = f"self#jumbf=/c2pa/{INNER}/c2pa.signature"
    entries = recorded("claimSignature.mismatch", url, older=claim_version == 1)
    signed = over_ingredient(authority, inner, entries, claim_version)

    result = lineage.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert [reading.state for reading in result.readings] == ["trusted", "invalid"]
    assert (result.accepted, result.passes) == (False, ())


def test_row_3_recorded_successes_do_not_mend_a_broken_ingredient(
    authority: Authority, lineage: Verifier
) -> None:
    """
    What the signer of the outer manifest believed is no proof of what is there.
    """
    inner = replace(made.azure_v1(authority, label=INNER), tampering=Tampering(flip_signature=True))
    url = f"self#jumbf=/c2pa/{INNER}/c2pa.signature"
    praised = ("claimSignature.validated", "claimSignature.insideValidity", "signingCredential.trusted")
    found = {"success": [{"code": code, "url": url} for code in praised], "informational": [], "failure": []}
    signed = over_ingredient(authority, inner, {"validationResults": {"activeManifest": found}})

    result = lineage.verify(signed)

    assert [reading.state for reading in result.readings] == ["trusted", "invalid"]


def test_row_3_an_ingredient_of_a_stranger_is_not_accepted(
    authority: Authority, impostor: Authority, lineage: Verifier
) -> None:
    """
    A trusted manifest around it does not vouch for its signer.
    """
    inner = made.azure_v1(impostor, label=INNER)
    url = f"self#jumbf=/c2pa/{INNER}/c2pa.signature"
    signed = over_ingredient(authority, inner, recorded("signingCredential.untrusted", url))

    result = lineage.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert [reading.state for reading in result.readings] == ["trusted", "valid"]
    assert result.accepted is False


def test_row_3_a_way_through_an_untrusted_manifest_is_no_way(
    authority: Authority, impostor: Authority, lineage: Verifier
) -> None:
    """
    A genuine image inside a stranger's inside a trusted one: each manifest on the path has to be trusted.
    """
    innermost = made.azure_v1(authority, label="urn:uuid:innermost")
    middle = replace(made.designer(impostor, innermost, label=INNER), credential=impostor.signer)
    spec = made.designer(authority, middle, claim_version=2)

    result = lineage.verify(sign_image(PNG, spec))

    assert [reading.state for reading in result.readings] == ["trusted", "valid", "trusted"]
    assert (result.accepted, result.origin) == (False, None)
