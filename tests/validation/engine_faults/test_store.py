"""
Rows 8 to 10: damaged and doubled stores, and manifests that are missing or that nothing references.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from provenance import Verifier, to_dict
from provenance import authority as made
from provenance.authority import AssertionSpec, Authority, ManifestSpec, Tampering, image, sign_image
from provenance.manifest.status import ValidationState
from provenance.trust.profile import TrustProfile
from provenance.validation.engine_json import parse_answer
from tests.validation.edited_answer_support import judge_edited
from tests.validation.engine_faults.support import (
    JPEG,
    PNG,
    PNG_AND_JPEG,
    POLICIES,
    WEBP,
    ask_engine,
    failure_codes,
    finding_ids,
    options_for,
    readable_v2,
    store_of,
)

# --- 8: damaged and doubled stores ----------------------------------------------------------------


def with_two_stores(authority: Authority, plain: bytes) -> bytes:
    """
    Write a store twice into one image.
    """
    signed = sign_image(plain, made.azure_v1(authority))
    if plain is PNG:
        parts = image.split_png(signed)
        chunk = dict(parts)["caBX"]
    else:
        parts = image.split_jpeg(signed)
        segment = dict(parts)["APP11"]
        chunk = segment[:6] + b"\x02\x22" + segment[8:]
    head, rest = parts[:2], parts[2:]
    return b"".join(part for _, part in head) + chunk + b"".join(part for _, part in rest)


@PNG_AND_JPEG
def test_row_8_two_stores_are_a_verdict(authority: Authority, verifier: Verifier, plain: bytes) -> None:
    """
    Two readers could each read another one; the engine raises.
    """
    doubled = with_two_stores(authority, plain)

    result = verifier.verify(doubled)

    assert ask_engine(doubled, options_for(authority)).error.startswith("Manifest: more than one")
    assert (result.state, finding_ids(result)) == (ValidationState.INVALID, ["integrity"])
    assert (failure_codes(result), result.readings) == (["claim.multiple"], ())


@pytest.mark.parametrize(
    "tampering",
    [
        pytest.param(Tampering(edit_manifest=made.without_signature), id="no-signature"),
        pytest.param(Tampering(edit_manifest=made.with_claim_twice), id="two-claims"),
        pytest.param(Tampering(edit_manifest=lambda boxes: [*boxes, boxes[2]]), id="two-signatures"),
        pytest.param(Tampering(edit_manifest=lambda boxes: [boxes[0], boxes[2]]), id="no-claim"),
        pytest.param(Tampering(edit_manifest=lambda boxes: boxes[1:]), id="no-assertions"),
        pytest.param(Tampering(edit_manifest=lambda _: []), id="empty"),
        pytest.param(Tampering(edit_signature=lambda encoded: encoded[:-100]), id="cut-signature"),
        pytest.param(Tampering(edit_signature=lambda _: b""), id="empty-signature"),
        pytest.param(Tampering(edit_signed_claim=lambda claim: claim[:-9]), id="cut-claim"),
        pytest.param(Tampering(flip_signature=True), id="wrong-signature"),
        pytest.param(Tampering(attached_payload=True), id="attached-payload"),
    ],
)
@pytest.mark.parametrize("describe", [made.azure_v1, readable_v2], ids=["v1", "v2"])
def test_row_8_a_damaged_manifest_is_a_verdict(
    authority: Authority,
    verifier: Verifier,
    describe: Callable[[Authority], ManifestSpec],
    tampering: Tampering,
) -> None:
    """
    The engine raises one of several types, or lets it pass.
    """
    result = verifier.verify(sign_image(PNG, replace(describe(authority), tampering=tampering)))

    assert (result.state, finding_ids(result)) == (ValidationState.INVALID, ["integrity"])


@pytest.mark.parametrize("plain", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda store: store[:500], id="cut"),
        pytest.param(lambda store: store.replace(b"jumd", b"jumx", 1), id="first-description"),
        pytest.param(lambda store: store.replace(b"jumb", b"jumx", 1), id="first-type"),
        pytest.param(lambda store: store.replace(b"c2ma", b"c2mx", 1), id="manifest-type"),
        pytest.param(lambda _: made.build_store(), id="no-manifests"),
        pytest.param(lambda store: store[:4] + b"\0" * 4 + store[8:], id="type-zeroed"),
    ],
)
def test_row_8_a_damaged_store_is_a_verdict(
    authority: Authority, verifier: Verifier, plain: bytes, damage: Callable[[bytes], bytes]
) -> None:
    """
    It was a manifest store, so it is invalid and not absent.
    """
    store = store_of(sign_image(PNG, made.azure_v1(authority)))

    result = verifier.verify(made.embed_store(plain, damage(store)))

    assert (result.state, result.accepted) == (ValidationState.INVALID, False)


def test_row_8_remains_that_nobody_calls_a_store_are_absent(verifier: Verifier) -> None:
    """
    An APP11 segment of JPEG XT's kind that holds no box is not a manifest store to anyone.
    """
    result = verifier.verify(made.embed_store(JPEG, b"garbage, not a store"))

    assert result.state is ValidationState.ABSENT


# --- 9: an active manifest that is not there ------------------------------------------------------


def test_row_9_an_active_manifest_may_be_missing_from_the_manifests() -> None:
    """
    The engine names one and does not list it.
    """
    status = {"code": "claim.missing", "url": "", "explanation": "x"}
    results = {"activeManifest": {"success": [], "informational": [], "failure": [status]}}
    answer = {"active_manifest": "a", "manifests": {"b": {}}, "validation_results": results}

    store = parse_answer(json.dumps(answer))

    assert (store.active, list(store.manifests), list(store.reached())) == ("a", ["b"], [])


@pytest.mark.parametrize("missing", ["active", "all", "name"])
def test_row_9_a_missing_active_manifest_is_a_verdict(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """
    Nothing is read from any other manifest in its place.
    """

    def forget(answer: dict[str, object]) -> None:
        if missing == "active":
            answer["active_manifest"] = "urn:uuid:not-there"
        elif missing == "all":
            answer["manifests"] = {}
        else:
            del answer["active_manifest"]

    result = judge_edited(verifier, monkeypatch, sign_image(PNG, made.azure_v1(authority)), forget)

    assert (result.state, result.readings) == (ValidationState.INVALID, ())
    assert (finding_ids(result), result.origin, result.passes) == (["integrity"], None, ())


def test_row_9_an_assertion_that_is_no_cbor_makes_the_engine_drop_the_manifest(
    authority: Authority, verifier: Verifier
) -> None:
    """
    It names the active manifest and does not list it. Here it is not asked about bytes that are no CBOR.
    """
    broken = AssertionSpec(label="org.example", content=b"\xff\xff", form="raw")
    signed = sign_image(PNG, replace(made.azure_v1(authority), assertions=(broken,)))

    result = verifier.verify(signed)

    raw = ask_engine(signed, options_for(authority)).answer
    assert raw["active_manifest"] not in raw["manifests"]  # type: ignore[operator] # JSON of the engine
    assert (result.state, failure_codes(result)) == (ValidationState.INVALID, ["general.error"])


# --- 10: manifests that nothing references --------------------------------------------------------


@PNG_AND_JPEG
@pytest.mark.parametrize("policy", POLICIES)
def test_row_10_an_orphan_manifest_proves_nothing(
    authority: Authority, sample_trust: TrustProfile, plain: bytes, policy: str
) -> None:
    """
    A genuine Azure manifest dropped into the store of another genuine image is only listed.
    """
    genuine = made.azure_v1(authority, label="urn:uuid:orphan", description="AI Generated Image")
    orphan = made.make_manifest(plain, genuine)
    other = made.azure_v2(authority, software_agent={"name": "Microsoft Copilot"}, soft_binding_unit=None)
    signed = sign_image(plain, other, unreferenced=(orphan,))

    result = Verifier(policy=policy, trust=sample_trust, self_test=False).verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.TRUSTED, False)
    assert (result.origin, result.passes) == (None, ())
    assert [manifest.label for manifest in result.unreferenced] == ["urn:uuid:orphan"]
    listed = {manifest["label"]: manifest for manifest in to_dict(result)["manifests"]}
    assert (listed["urn:uuid:orphan"]["path"], listed["urn:uuid:orphan"]["state"]) == (None, None)
    assert listed[other.label]["path"] == [other.label]


def test_row_10_a_manifest_under_the_active_ones_label_is_refused(
    authority: Authority, verifier: Verifier
) -> None:
    """
    Two readers could each read another one; the engine reads one of them and says Trusted.
    """
    twin = made.make_manifest(JPEG, made.azure_v1(authority))
    signed = sign_image(PNG, made.azure_v1(authority), unreferenced=(twin,))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.INVALID, False)
    assert "stands twice" in result.findings[0].message


def test_row_10_an_orphan_of_a_stranger_does_no_harm(
    authority: Authority, impostor: Authority, verifier: Verifier
) -> None:
    """
    Nor does one that is damaged: what nothing references is not judged.
    """
    strange = made.azure_v1(impostor, label="urn:uuid:strange")
    broken = replace(strange, label="urn:uuid:broken", tampering=Tampering(flip_signature=True))
    orphans = tuple(made.make_manifest(PNG, spec) for spec in (strange, broken))

    result = verifier.verify(sign_image(PNG, made.azure_v1(authority), unreferenced=orphans))

    assert (result.state, result.accepted) == (ValidationState.TRUSTED, True)
    assert len(result.unreferenced) == 2
