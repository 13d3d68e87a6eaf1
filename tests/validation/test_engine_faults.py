"""
Where the engine's own answer is wrong or dangerous, and what this library makes of it.

Each fault is shown twice: with the engine asked directly, so that a release that mends it is noticed,
and with this library, whose verdict must not depend on it.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import c2pa
import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import Limits, VerificationResult, Verifier, to_dict
from provenance import authority as made
from provenance.asset.asset import Asset
from provenance.authority import (
    AssertionSpec,
    Authority,
    AuthorityNames,
    CertificateOptions,
    IngredientSpec,
    ManifestSpec,
    Tampering,
    TokenOptions,
    box,
    image,
    sign_image,
)
from provenance.errors import AssetError, AssetTooLargeError, EngineError
from provenance.manifest.status import StatusKind, ValidationState
from provenance.trust.profile import ClaimAnchor, TrustProfile
from provenance.validation import engine
from provenance.validation.engine import Anchors, Engine, engine_settings, load_engine
from provenance.validation.engine_json import parse_answer
from tests.support import certificate, codes, corpus_files, pin

PNG = made.plain_png(40, 24, seed=1)
JPEG = made.plain_jpeg(40, 24, seed=1)
WEBP = made.plain_webp()
FAR = datetime(2119, 1, 1, tzinfo=UTC)
SEEDS = range(64)
POLICIES = ("azure-openai", "azure-openai-documented", "azure-openai-lineage")
INNER = "urn:uuid:inner"

PNG_AND_JPEG = pytest.mark.parametrize("plain", [PNG, JPEG], ids=["png", "jpeg"])


@dataclass(frozen=True, slots=True)
class Raw:
    """
    What the engine says when it is asked directly.

    Attributes:
        state: Its own state; None after an error.

        failures: Failure codes of its whole answer, ingredients included.

        answer: Its JSON.

        error: Its error, or empty.
    """

    state: str | None
    failures: frozenset[str]
    answer: Mapping[str, object]
    error: str = ""


def ask_engine(asset: bytes, options: Mapping[str, object] | None) -> Raw:
    """
    Ask the engine directly; None for its own defaults.
    """
    context = c2pa.Context.from_dict(options) if options is not None else None
    try:
        with c2pa.Reader("image/png", io.BytesIO(asset), context=context) as reader:
            answer = json.loads(reader.json())
    except c2pa.C2paError as error:
        return Raw(None, frozenset(), {}, str(error))
    failures = frozenset(status["code"] for status in answer.get("validation_status", []))
    return Raw(answer["validation_state"], failures, answer)


def options_for(authority: Authority) -> dict[str, object]:
    """
    Write the settings this library would use, had it been given the anchors as certificates.
    """
    anchors = Anchors(
        claims=frozenset({certificate(authority.root)}),
        time_stamps=frozenset({certificate(authority.time_stamp_root)}),
        key_purposes=(made.PURPOSE_MICROSOFT_CLAIM,),
    )
    return engine_settings(anchors)


def with_trust(authority: Authority, **trust: object) -> dict[str, object]:
    """
    Change entries of the trust settings.
    """
    options = options_for(authority)
    believed = options["trust"]
    assert isinstance(believed, dict)
    return {**options, "trust": {**believed, **trust}}


def readable_v2(authority: Authority) -> ManifestSpec:
    """
    Describe a manifest of version 2 whose soft binding the engine can read.
    """
    return made.azure_v2(authority, soft_binding_unit="percent")


def failure_codes(result: VerificationResult) -> list[str]:
    """
    Name the failures of the store and of the active manifest.
    """
    active = result.active.statuses if result.active else ()
    return codes((*result.store_failures, *active), StatusKind.FAILURE)


def finding_ids(result: VerificationResult) -> list[str]:
    """
    Name the checks that failed.
    """
    return [check.id for check in result.findings]


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


# --- 1: the soft-binding fault --------------------------------------------------------------------


def test_row_1_the_soft_binding_fault_is_tolerated_and_stays_visible(
    authority: Authority, verifier: Verifier
) -> None:
    """
    Every genuine image of claim version 2 meets this fault of the engine.
    """
    spec = made.azure_v2(authority)
    signed = sign_image(PNG, spec)

    result = verifier.verify(signed)

    raw = ask_engine(signed, options_for(authority))
    assert (raw.state, list(raw.failures)) == ("Invalid", ["claim.malformed"])
    assert (result.state, result.accepted) == (ValidationState.TRUSTED, True)
    (tolerated,) = result.readings[0].tolerated
    assert tolerated.code == "claim.malformed"
    assert tolerated.url == f"self#jumbf=/c2pa/{spec.label}/c2pa.assertions/c2pa.soft-binding"
    assert tolerated not in result.readings[0].statuses
    assert [status["code"] for status in to_dict(result)["tolerated"]] == ["claim.malformed"]


def test_row_1_the_fault_is_tolerated_in_an_ingredient_as_well(
    authority: Authority, lineage: Verifier
) -> None:
    """
    Microsoft Designer takes such images in.
    """
    spec = made.designer(authority, made.azure_v2(authority), claim_version=2)

    result = lineage.verify(sign_image(PNG, spec))

    assert result.accepted is True
    assert [len(reading.tolerated) for reading in result.readings] == [0, 1]


SOFT_BINDING = made.soft_binding_assertion()


@pytest.mark.parametrize(
    ("assertions", "failed"),
    [
        pytest.param(
            (replace(SOFT_BINDING, written={"alg": "other"}),),
            ["integrity", "conformance"],
            id="hash-does-not-match",
        ),
        pytest.param((replace(SOFT_BINDING, stored=False),), ["integrity", "conformance"], id="missing"),
        pytest.param((SOFT_BINDING, SOFT_BINDING), ["conformance"], id="a-second-one"),
        pytest.param((replace(SOFT_BINDING, content=b"\xff", form="raw"),), ["integrity"], id="not-cbor"),
        pytest.param((replace(SOFT_BINDING, referenced=False),), ["integrity"], id="not-in-the-claim"),
    ],
)
def test_row_1_nothing_but_the_one_intact_soft_binding_is_tolerated(
    authority: Authority, verifier: Verifier, assertions: tuple[AssertionSpec, ...], failed: list[str]
) -> None:
    """
    The rule needs the assertion's own hash to match, and knows one label only.
    """
    signed = sign_image(PNG, replace(made.azure_v2(authority), assertions=assertions))

    result = verifier.verify(signed)

    assert (result.state, finding_ids(result)) == (ValidationState.INVALID, failed)


@pytest.mark.parametrize("label", ["c2pa.cloud-data", "c2pa.metadata", "c2pa.external-reference"])
def test_row_1_another_assertion_that_cannot_be_decoded_is_invalid(
    authority: Authority, verifier: Verifier, label: str
) -> None:
    """
    Only the soft binding is known to be misread.
    """
    spec = readable_v2(authority)
    other = AssertionSpec(label=label, content=7)

    result = verifier.verify(sign_image(PNG, replace(spec, assertions=(*spec.assertions, other))))

    assert result.state is ValidationState.INVALID


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"explanation": "something else could not be decoded"}, id="explanation"),
        pytest.param({"explanation": ""}, id="no-explanation"),
        pytest.param({"url": "self#jumbf=/c2pa/LABEL/c2pa.assertions/c2pa.metadata"}, id="assertion"),
        pytest.param({"url": "self#jumbf=/c2pa/other/c2pa.assertions/c2pa.soft-binding"}, id="manifest"),
        pytest.param({"url": "self#jumbf=c2pa.assertions/c2pa.soft-binding"}, id="relative"),
        pytest.param({"url": "LABEL"}, id="whole-manifest"),
        pytest.param({"code": "claim.multiple"}, id="code"),
    ],
)
def test_row_1_the_rule_is_exact(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, change: Mapping[str, str]
) -> None:
    """
    What the engine might say some day about something else must not slip through.
    """
    spec = made.azure_v2(authority)
    told = {key: value.replace("LABEL", spec.label) for key, value in change.items()}

    result = judge_edited(verifier, monkeypatch, sign_image(PNG, spec), edit_failures(lambda one: one | told))

    assert (result.state, result.readings[0].tolerated) == (ValidationState.INVALID, ())


def test_row_1_the_rule_needs_the_match_of_the_assertion_itself(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Without `assertion.hashedURI.match` nobody says that these are the bytes that were signed.
    """

    def forget_match(answer: dict[str, object]) -> None:
        active = active_results(answer)
        active["success"] = [one for one in active["success"] if "soft-binding" not in one["url"]]

    result = judge_edited(verifier, monkeypatch, sign_image(PNG, made.azure_v2(authority)), forget_match)

    assert (result.state, failure_codes(result)) == (ValidationState.INVALID, ["claim.malformed"])


def test_row_1_the_fault_excuses_nothing_else(authority: Authority, verifier: Verifier) -> None:
    """
    A changed picture under the fault is a changed picture.
    """
    signed = bytearray(sign_image(PNG, made.azure_v2(authority)))
    signed[-20] ^= 1

    result = verifier.verify(bytes(signed))

    assert (result.state, failure_codes(result)) == (ValidationState.INVALID, ["assertion.dataHash.mismatch"])
    assert codes(result.readings[0].tolerated, StatusKind.FAILURE) == ["claim.malformed"]


Results = dict[str, list[dict[str, str]]]


def active_results(answer: dict[str, object]) -> Results:
    """
    Take the active manifest's results out of an answer.
    """
    results = answer["validation_results"]
    assert isinstance(results, dict)
    active: Results = results["activeManifest"]
    return active


def edit_failures(change: Callable[[dict[str, str]], dict[str, str]]) -> Callable[[dict[str, object]], None]:
    """
    Change every failure of the active manifest.
    """

    def edit(answer: dict[str, object]) -> None:
        active = active_results(answer)
        active["failure"] = [change(failure) for failure in active["failure"]]

    return edit


def judge_edited(
    verifier: Verifier,
    monkeypatch: pytest.MonkeyPatch,
    asset: bytes,
    edit: Callable[[dict[str, object]], None],
) -> VerificationResult:
    """
    Verify as if the engine had given another answer.
    """

    def parse(text: str) -> object:
        answer = json.loads(text)
        edit(answer)
        return parse_answer(json.dumps(answer))

    monkeypatch.setattr(engine, "parse_answer", parse)
    return verifier.verify(asset)


# --- 2: the time-stamp authority of version 1 -----------------------------------------------------


@PNG_AND_JPEG
def test_row_2_a_self_made_time_stamp_does_not_revive_an_expired_signer(
    authority: Authority, impostor: Authority, verifier: Verifier, plain: bytes
) -> None:
    """
    In claims of version 1 the engine never checks who the time-stamp authority is.
    """
    signed = sign_image(plain, replace(made.azure_v1(authority), time_stamper=impostor.time_stamper))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.VALID, False)
    assert (finding_ids(result), result.origin) == (["signing_credential"], None)
    assert result.readings[0].signature.signed_at is None
    informed = codes(result.readings[0].statuses, StatusKind.INFORMATIONAL)
    assert "timeStamp.untrusted" in informed


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(TokenOptions(flip_signature=True), id="signature"),
        pytest.param(TokenOptions(message_digest=bytes(32)), id="message-digest"),
        pytest.param(TokenOptions(content=b"no TSTInfo"), id="content"),
        pytest.param(TokenOptions(certificates=()), id="no-certificates"),
        pytest.param(TokenOptions(ess_version=0), id="no-signing-certificate"),
    ],
)
@pytest.mark.parametrize("describe", [made.azure_v1, readable_v2], ids=["v1", "v2"])
def test_row_2_a_time_stamp_that_does_not_hold_counts_as_none(
    authority: Authority,
    verifier: Verifier,
    describe: Callable[[Authority], ManifestSpec],
    options: TokenOptions,
) -> None:
    """
    An expired signer is then not trusted, whatever time the token states.
    """
    result = verifier.verify(sign_image(PNG, replace(describe(authority), token_options=options)))

    assert (result.state, result.readings[0].signature.signed_at) == (ValidationState.VALID, None)


# --- 3: what was recorded in an ingredient --------------------------------------------------------


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


# --- 4: the claim signer's root, intermediate and purpose -----------------------------------------


def test_row_4_an_anchor_for_time_stamps_is_none_for_claims(authority: Authority) -> None:
    """
    The engine keeps the two lists as one.
    """
    somebody = Authority.create("Somebody Else")
    signed = sign_image(PNG, made.azure_v1(authority))
    anchors = [{"trust_anchors": authority.root.pem, "trust_uri": "urn:x", "trust_kind": "tsa"}]
    only_time = TrustProfile(
        "only-time",
        (ClaimAnchor(pin(somebody.root), key_purposes=(made.PURPOSE_MICROSOFT_CLAIM,)),),
        (pin(authority.root), pin(authority.time_stamp_root)),
    )

    result = Verifier(trust=only_time, self_test=False).verify(signed)

    assert (
        "signingCredential.untrusted"
        not in ask_engine(signed, with_trust(authority, anchors=anchors)).failures
    )
    assert (result.state, result.accepted) == (ValidationState.VALID, False)
    assert result.readings[0].signature.anchor is None


@pytest.mark.parametrize(
    ("purposes", "engine_state"),
    [
        pytest.param(("1.3.6.1.5.5.7.3.8",), "Trusted", id="timeStamping"),
        pytest.param(("1.3.6.1.5.5.7.3.4",), "Trusted", id="emailProtection"),
        pytest.param(("1.3.6.1.5.5.7.3.9",), "Trusted", id="OCSPSigning"),
        pytest.param(("2.5.29.37.0",), "Invalid", id="any"),
        pytest.param(("1.3.6.1.5.5.7.3.36",), "Invalid", id="documentSigning"),
        pytest.param((made.PURPOSE_MICROSOFT_CLAIM, "1.3.6.1.5.5.7.3.8"), "Invalid", id="and-timeStamping"),
    ],
)
def test_row_4_a_signer_of_another_purpose_is_not_trusted(
    authority: Authority, verifier: Verifier, purposes: tuple[str, ...], engine_state: str
) -> None:
    """
    Microsoft's root and intermediate issue for more than claims.
    """
    signer = authority.issue_signer(key_purposes=purposes, not_after=FAR)
    signed = sign_image(PNG, made.azure_v1(authority, credential=signer))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == engine_state
    assert (result.state, finding_ids(result)) == (ValidationState.VALID, ["signing_credential"])
    assert "signingCredential.invalid" in failure_codes(result)


def test_row_4_another_intermediate_below_the_same_root_is_not_trusted(
    authority: Authority, verifier: Verifier
) -> None:
    """
    The root also signs for code and containers.
    """
    options = CertificateOptions(
        subject=made.make_name("Other CA"), is_ca=True, key_purposes=(), not_after=FAR
    )
    signer = authority.root.issue(options).issue(
        CertificateOptions(subject=authority.names.signer, not_after=FAR)
    )
    signed = sign_image(PNG, made.azure_v1(authority, credential=signer))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, failure_codes(result)) == (ValidationState.VALID, ["signingCredential.invalid"])


def test_row_4_copied_names_are_worth_nothing(authority: Authority, impostor: Authority) -> None:
    """
    Neither under the profile that names Microsoft's pins nor under any other.
    """
    signed = sign_image(PNG, made.azure_v1(impostor))

    result = Verifier(self_test=False).verify(signed)

    assert (result.state, result.accepted) == (ValidationState.VALID, False)
    assert result.readings[0].signature.chain[-1].common_name == "Microsoft Supply Chain RSA Root CA 2022"


def test_row_4_a_pinned_root_lying_in_a_foreign_chain_proves_nothing(
    authority: Authority, impostor: Authority, verifier: Verifier
) -> None:
    """
    Anyone can copy the certificate; it did not issue the rest of the chain.
    """
    borrowed = replace(impostor.signer, chain=(*impostor.signer.chain[:2], authority.root.certificate))

    result = verifier.verify(sign_image(PNG, made.azure_v1(impostor, credential=borrowed)))

    assert (result.state, result.readings[0].signature.anchor) == (ValidationState.VALID, None)


# --- 5: the time of signing -----------------------------------------------------------------------


def test_row_5_the_time_of_an_untrusted_time_stamp_is_not_signed_at(
    authority: Authority, impostor: Authority, verifier: Verifier
) -> None:
    """
    The engine fills in the time whoever says it; a signer that is still valid stays trusted without it.
    """
    spec = made.azure_v1(authority, credential=authority.lasting_signer)
    signed = sign_image(PNG, replace(spec, time_stamper=impostor.time_stamper))

    result = verifier.verify(signed)

    manifests = ask_engine(signed, options_for(authority)).answer["manifests"]
    assert isinstance(manifests, dict)
    assert manifests[spec.label]["signature_info"]["time"] == "2024-06-01T12:00:00+00:00"
    assert result.state is ValidationState.TRUSTED
    assert result.readings[0].signature.signed_at is None
    report = to_dict(result)["credential"]
    assert (report["signed_at"], report["time_stamp"]) == (None, None)


def test_row_5_the_time_of_a_trusted_time_stamp_is_signed_at(
    authority: Authority, verifier: Verifier
) -> None:
    """
    The other side of the same rule.
    """
    result = verifier.verify(sign_image(PNG, made.azure_v1(authority)))

    assert result.readings[0].signature.signed_at == made.SIGNED_AT
    assert to_dict(result)["credential"]["signed_at"] == "2024-06-01T12:00:00Z"


# --- 6: bytes outside the hard binding ------------------------------------------------------------


@PNG_AND_JPEG
@pytest.mark.parametrize("trailing", [b"\0", b"behind", PNG], ids=["one", "text", "another-image"])
def test_row_6_bytes_behind_the_image_are_found(
    authority: Authority, verifier: Verifier, plain: bytes, trailing: bytes
) -> None:
    """
    Box hashes do not cover them, so the credentials hold and the file is still not accepted.
    """
    signed = sign_image(plain, made.azure_v1(authority)) + trailing

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.TRUSTED, False)
    assert (finding_ids(result), result.facts.trailing_bytes) == (["trailing_bytes"], len(trailing))
    assert result.passes == ()


@pytest.mark.parametrize("policy", POLICIES)
def test_row_6_no_policy_waives_trailing_bytes(
    authority: Authority, sample_trust: TrustProfile, policy: str
) -> None:
    """
    Policies add demands; they are not even asked.
    """
    spec = made.azure_v1(authority, description="AI Generated Image")

    result = Verifier(policy=policy, trust=sample_trust, self_test=False).verify(sign_image(PNG, spec) + b"x")

    assert finding_ids(result) == ["trailing_bytes"]
    assert [(check.id, check.outcome) for check in result.checks][-1] == ("policy", "skipped")


@pytest.mark.parametrize("hidden", [b"junk" * 1000, box.box(b"free", b"junk" * 1000)], ids=["junk", "box"])
def test_row_6_bytes_behind_the_store_inside_its_chunk_are_found(
    authority: Authority, verifier: Verifier, hidden: bytes
) -> None:
    """
    Box hashes leave the whole chunk unbound, so room for anything would be there.
    """
    hiding = made.embed_store(PNG, store_of(sign_image(PNG, made.azure_v1(authority))) + hidden)

    result = verifier.verify(hiding)

    assert ask_engine(hiding, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.INVALID, False)


GIF_HEAD = b"GIF89a\x01\0\x01\0\0\0\0"
GIF_FRAME = (b",\0\0\0\0\x01\0\x01\0\0", b"\x02\x02D\x01\0", b";")


def signed_gif(authority: Authority) -> bytes:
    """
    Sign a GIF by the hashes of its boxes, under the names that the engine gives them.
    """
    named = [("GIF89a", GIF_HEAD[:6]), ("LSD", GIF_HEAD[6:]), ("C2PA", None)]
    named += list(zip(("2C", "TBID", "3B"), GIF_FRAME, strict=True))
    boxes = [
        {"names": [name], "hash": hashlib.sha256(part).digest() if part else b"\0", "pad": b""}
        for name, part in named
    ]
    binding = AssertionSpec(label="c2pa.hash.boxes", content={"alg": "sha256", "boxes": boxes})
    spec = replace(made.azure_v1(authority), binding="none", assertions=(binding,))
    store = made.build_store(made.make_manifest(PNG, spec))
    pieces = (store[start : start + 255] for start in range(0, len(store), 255))
    extension = b"!\xff\x0bC2PA_GIF\x01\0\0" + b"".join(bytes([len(one)]) + one for one in pieces) + b"\0"
    return GIF_HEAD + extension + b"".join(GIF_FRAME)


def test_row_6_a_gif_bound_by_its_boxes_is_judged(authority: Authority, verifier: Verifier) -> None:
    """
    Without this the test beside it would prove nothing.
    """
    assert verifier.verify(signed_gif(authority)).state is ValidationState.TRUSTED


def test_row_6_bytes_behind_a_gif_are_not_accepted(authority: Authority, verifier: Verifier) -> None:
    """
    Box hashes leave them unbound in a GIF as in a PNG.
    """
    result = verifier.verify(signed_gif(authority) + b"behind")

    assert (result.accepted, result.facts.trailing_bytes) == (False, 6)


# --- 7: settings that are ignored in silence ------------------------------------------------------


def test_row_7_the_settings_have_the_one_shape_that_works(authority: Authority) -> None:
    """
    A misspelt key would be accepted in silence, so the whole shape is pinned.
    """
    root, stamp_root = certificate(authority.root), certificate(authority.time_stamp_root)

    written = engine_settings(Anchors(frozenset({root}), frozenset({stamp_root}), ("1.2.3", "1.2.4")))

    trust = written.pop("trust")
    assert isinstance(trust, dict)
    assert written == {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
    }
    assert trust.keys() == {"anchors", "trust_config"}
    assert trust["trust_config"] == "1.2.3\n1.2.4"
    assert [(one.keys(), one["trust_kind"]) for one in trust["anchors"]] == [
        ({"trust_anchors", "trust_uri", "trust_kind"}, "manifest"),
        ({"trust_anchors", "trust_uri", "trust_kind"}, "tsa"),
    ]
    for anchor, expected in zip(trust["anchors"], (root, stamp_root), strict=True):
        body = "".join(anchor["trust_anchors"].splitlines()[1:-1])
        assert base64.b64decode(body) == expected.der


def test_row_7_an_empty_list_of_anchors_is_left_out(authority: Authority) -> None:
    """
    An empty PEM text makes some releases fail every read.
    """
    trust = engine_settings(Anchors())["trust"]

    assert trust == {"anchors": [], "trust_config": ""}


def test_row_7_the_order_of_anchors_does_not_change_the_settings(authority: Authority) -> None:
    """
    A set has no order, and contexts are kept by what they believe.
    """
    both = (certificate(authority.root), certificate(authority.time_stamp_root))

    written = [engine_settings(Anchors(claims=frozenset(order))) for order in (both, both[::-1])]

    assert written[0] == written[1]


@pytest.mark.parametrize(
    "pem",
    ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ids=["empty", "no-pem", "no-certificate"],
)
def test_row_7_the_engine_says_nothing_about_unreadable_anchors(authority: Authority, pem: str) -> None:
    """
    It only trusts nobody; hence the self-test, and hence anchors that are parsed before.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    anchors = [{"trust_anchors": pem, "trust_uri": "urn:x", "trust_kind": "manifest"}]

    raw = ask_engine(signed, with_trust(authority, anchors=anchors))

    assert (raw.error, raw.state) == ("", "Valid")
    assert raw.failures == {"signingCredential.untrusted"}


def test_row_7_the_engine_says_nothing_about_unknown_settings(authority: Authority) -> None:
    """
    Once it does, the self-test has less to do.
    """
    options = {**options_for(authority), "no_such_table": {"no_such_key": True}}

    assert ask_engine(sign_image(PNG, made.azure_v1(authority)), options).state == "Trusted"


def test_row_7_the_purpose_must_stand_at_the_top(authority: Authority) -> None:
    """
    Without it every one of Microsoft's signers is of the wrong purpose.
    """
    raw = ask_engine(sign_image(PNG, made.azure_v1(authority)), with_trust(authority, trust_config=""))

    assert raw.failures == {"signingCredential.untrusted", "signingCredential.invalid"}


# --- 8: damaged and doubled stores ----------------------------------------------------------------


def store_of(png: bytes) -> bytes:
    """
    Take the manifest store out of a PNG.
    """
    return dict(image.split_png(png))["caBX"][8:-4]


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


# --- 11: headers of the wrong type ----------------------------------------------------------------

WRONG = {
    "number": 7,
    "negative": -1,
    "text": "text",
    "bytes": b"bytes",
    "list": [1],
    "empty-list": [],
    "map": {"a": 1},
    "null": None,
    "true": True,
    "float": 1.5,
    "tag": cbor2.CBORTag(1, 5),
    "undefined": cbor2.undefined,
}
PLACES = {
    "chain": lambda wrong: Tampering(edit_unprotected=lambda header: {**header, "x5chain": wrong}),
    "in-chain": lambda wrong: Tampering(edit_unprotected=lambda header: {**header, "x5chain": [wrong]}),
    "stamp": lambda wrong: Tampering(edit_unprotected=lambda header: {**header, "sigTst": wrong}),
    "tokens": lambda wrong: Tampering(
        edit_unprotected=lambda header: {**header, "sigTst": {"tstTokens": wrong}}
    ),
    "token": lambda wrong: Tampering(
        edit_unprotected=lambda header: {**header, "sigTst": {"tstTokens": [wrong]}}
    ),
    "value": lambda wrong: Tampering(
        edit_unprotected=lambda header: {**header, "sigTst": {"tstTokens": [{"val": wrong}]}}
    ),
    "protected": lambda wrong: Tampering(edit_protected=lambda _: wrong),
    "unprotected": lambda wrong: Tampering(edit_unprotected=lambda _: wrong),
    "algorithm": lambda wrong: Tampering(edit_protected=lambda header: {**header, 1: wrong}),
    "signature": lambda wrong: Tampering(edit_signature=lambda _: cbor2.dumps(wrong)),
    "claim": lambda wrong: Tampering(edit_claim=lambda _: wrong),
}
HARMLESS = {("stamp", "null"), ("tokens", "empty-list"), ("value", "bytes")}
"""
Places where this leaves a signature whole and only without a time-stamp.
"""


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("place", PLACES)
def test_row_11_a_header_of_the_wrong_type_is_a_verdict(
    authority: Authority, verifier: Verifier, place: str, wrong: str
) -> None:
    """
    These bytes are unsigned or a stranger's, and reach whoever parses them.
    """
    tampering = PLACES[place](WRONG[wrong])
    signed = sign_image(PNG, replace(made.azure_v1(authority), tampering=tampering))

    result = verifier.verify(signed)

    expected = ValidationState.VALID if (place, wrong) in HARMLESS else ValidationState.INVALID
    assert (result.state, result.accepted) == (expected, False)


@pytest.mark.parametrize("wrong", [name for name in WRONG if name != "bytes"])
def test_row_11_a_protected_chain_of_the_wrong_type_is_a_verdict(
    authority: Authority, verifier: Verifier, wrong: str
) -> None:
    """
    In claims of version 2 the chain is signed, by whoever owns the key.
    """
    tampering = Tampering(edit_protected=lambda header: {**header, 33: WRONG[wrong]})

    result = verifier.verify(sign_image(PNG, replace(readable_v2(authority), tampering=tampering)))

    assert (result.state, result.accepted) == (ValidationState.INVALID, False)


ECDSA_WITH_SHA256 = bytes.fromhex("06082a8648ce3d040302")
UNKNOWN_ALGORITHM = bytes.fromhex("06082a8648ce3d040322")


@pytest.mark.parametrize("position", [0, 1, 2], ids=["leaf", "intermediate", "root"])
def test_row_11_a_certificate_signed_by_an_unknown_algorithm_is_a_verdict(
    authority: Authority, verifier: Verifier, position: int
) -> None:
    """
    Certificates are parsed in part when they are read, and in part when they are judged.
    """
    chain = list(authority.signer.chain_der)
    chain[position] = chain[position].replace(ECDSA_WITH_SHA256, UNKNOWN_ALGORITHM)
    tampering = Tampering(edit_unprotected=lambda header: {**header, "x5chain": chain})

    result = verifier.verify(sign_image(PNG, replace(made.azure_v1(authority), tampering=tampering)))

    assert result.accepted is False


# --- 12: one whole chain, and no memory -----------------------------------------------------------


def test_row_12_a_chain_without_its_root_is_not_trusted_by_a_pin_alone(
    authority: Authority, verifier: Verifier
) -> None:
    """
    The pinned certificate is taken from the image; where it is missing there is nothing to compare.
    """
    short = replace(authority.signer, chain=authority.signer.chain[:-1])
    signed = sign_image(PNG, made.azure_v1(authority, credential=short))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.readings[0].signature.anchor) == (ValidationState.VALID, None)


def test_row_12_a_chain_without_its_root_is_trusted_below_a_certificate_at_hand(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    Whoever gives the root itself needs no copy of it in the image.
    """
    short = replace(authority.signer, chain=authority.signer.chain[:-1])
    believed = sample_trust.claim_anchors[0]
    anchor = ClaimAnchor(pin(authority.root, carried=True), believed.intermediates, believed.key_purposes)
    carried = TrustProfile("carried", (anchor,), sample_trust.time_stamp_anchors)

    result = Verifier(trust=carried, self_test=False).verify(
        sign_image(PNG, made.azure_v1(authority, credential=short))
    )

    assert (result.state, result.accepted) == (ValidationState.TRUSTED, True)


def test_row_12_two_chains_in_one_signature_are_refused(
    authority: Authority, impostor: Authority, verifier: Verifier
) -> None:
    """
    The engine takes one of them and says Trusted; another reader might take the other.
    """
    tampering = Tampering(edit_unprotected=lambda header: {**header, 33: list(impostor.signer.chain_der)})
    signed = sign_image(PNG, replace(made.azure_v1(authority), tampering=tampering))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.INVALID, False)
    assert "2 certificate chains" in result.findings[0].message


def test_row_12_no_verdict_depends_on_an_earlier_image(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    One image carries the root, the next one relies on it: the second must not profit from the first.
    """
    first = sign_image(PNG, made.azure_v1(authority))
    short = replace(authority.signer, chain=authority.signer.chain[:-1])
    second = sign_image(PNG, made.azure_v1(authority, credential=short))
    kept = Verifier(trust=sample_trust, self_test=False)

    in_turn = [json.dumps(to_dict(kept.verify(asset))) for asset in (first, second, first, second)]

    fresh = [
        json.dumps(to_dict(Verifier(trust=sample_trust, self_test=False).verify(asset)))
        for asset in (second, first)
    ]
    assert in_turn == [fresh[1], fresh[0], fresh[1], fresh[0]]
    assert json.loads(fresh[0])["state"] == "valid"


def test_row_12_contexts_are_kept_per_set_of_anchors_and_bounded(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A folder of images by a thousand authorities must not keep a thousand contexts.
    """
    monkeypatch.setattr(engine, "_MAX_CONTEXTS", 2)
    kept = Engine()
    signed = sign_image(PNG, made.azure_v1(authority))
    purposes = [("1.2.3",), ("1.2.3",), ("1.2.4",), ("1.2.5",)]

    sizes = []
    for purpose in purposes:
        with Asset.from_bytes(signed, Limits()) as asset:
            kept.read(asset, Anchors(key_purposes=purpose))
        sizes.append(len(kept._contexts))

    assert sizes == [1, 1, 2, 1]


# --- network --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Listener:
    """
    Counts who connects to a port on this machine.
    """

    port: int
    connections: int = 0


@pytest.fixture
def listener() -> Iterator[Listener]:
    """
    Listen while a test runs.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)
        counted = Listener(server.getsockname()[1])
        finished = threading.Event()

        def count() -> None:
            while not finished.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                counted.connections += 1
                connection.close()

        thread = threading.Thread(target=count)
        thread.start()
        yield counted
        finished.set()
        thread.join()


def settle() -> None:
    """
    Give a connection that was made the time to be counted.
    """
    time.sleep(0.1)


@PNG_AND_JPEG
def test_network_a_remote_manifest_is_not_fetched(
    listener: Listener, verifier: Verifier, plain: bytes
) -> None:
    """
    The engine fetches it by default; here the address is only reported.
    """
    address = f"http://127.0.0.1:{listener.port}/x"
    remote = made.embed_xmp(plain, made.remote_manifest_xmp(address))

    result = verifier.verify(remote)

    settle()
    assert (listener.connections, result.state) == (0, ValidationState.ABSENT)
    assert to_dict(result)["asset"]["remote_manifest"] == address
    assert address in result.findings[0].message


def test_network_the_engine_alone_would_fetch(listener: Listener) -> None:
    """
    Without this the tests beside it would prove nothing.
    """
    remote = made.embed_xmp(PNG, made.remote_manifest_xmp(f"http://127.0.0.1:{listener.port}/x"))

    raw = ask_engine(remote, None)

    settle()
    assert (listener.connections, raw.error.split(":")[0]) == (1, "Remote")


def iso_box(kind: bytes, body: bytes) -> bytes:
    """
    Write one box of an ISO base media file.
    """
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def remote_image(kind: str, address: str) -> bytes:
    """
    Write an image of another kind, with XMP that names a remote manifest.
    """
    xmp = made.remote_manifest_xmp(address).encode()
    if kind == "tiff":
        entry = struct.pack("<HHHIII", 1, 700, 1, len(xmp), 26, 0)
        return b"II*\0" + struct.pack("<I", 8) + entry + xmp
    adobe = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    brand = kind.encode()
    return iso_box(b"ftyp", brand + bytes(4) + brand) + iso_box(b"uuid", adobe + xmp)


@pytest.mark.parametrize("kind", ["avif", "heic", "tiff"])
def test_network_a_remote_manifest_is_not_fetched_from_other_containers(
    listener: Listener, verifier: Verifier, kind: str
) -> None:
    """
    The address is in the report; such an image carries no credentials.
    """
    address = f"http://127.0.0.1:{listener.port}/x"

    result = verifier.verify(remote_image(kind, address))

    settle()
    assert (listener.connections, result.state) == (0, ValidationState.ABSENT)
    assert result.facts.provenance == address


def identity_assertion(issuer: str) -> AssertionSpec:
    """
    Describe an identity claims aggregation whose issuer has to be looked up.
    """
    credential = {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://cawg.io/identity/1.1/ica/context/"],
        "type": ["VerifiableCredential", "IdentityClaimsAggregationCredential"],
        "issuer": issuer,
        "validFrom": "2024-05-27T17:40:40Z",
        "credentialSubject": {
            "verifiedIdentities": [
                {
                    "type": "cawg.social_media",
                    "username": "somebody",
                    "uri": "https://example.invalid/somebody",
                    "verifiedAt": "2024-05-27T08:40:39Z",
                    "provider": {"id": "https://example.invalid", "name": "Example"},
                }
            ],
            "c2paAsset": {"referenced_assertions": [], "sig_type": "cawg.identity_claims_aggregation"},
        },
    }
    protected = cbor2.dumps({1: -8, 3: "application/vc"})
    message = cbor2.CBORTag(18, [protected, {}, json.dumps(credential).encode(), bytes(64)])
    referenced = [{"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": bytes(32)}]
    payload = {"referenced_assertions": referenced, "sig_type": "cawg.identity_claims_aggregation"}
    content = {"signer_payload": payload, "signature": cbor2.dumps(message), "pad1": b""}
    return AssertionSpec(label="cawg.identity", content=content)


def test_network_an_identity_assertion_is_not_resolved(
    authority: Authority, listener: Listener, verifier: Verifier
) -> None:
    """
    Switching off remote manifests is not enough: the engine resolves a host that the image chooses.
    """
    spec = readable_v2(authority)
    identity = identity_assertion(f"did:web:127.0.0.1%3A{listener.port}")
    signed = sign_image(PNG, replace(spec, assertions=(*spec.assertions, identity)))

    result = verifier.verify(signed)

    settle()
    resolving = {**options_for(authority), "core": {"allowed_network_hosts": []}}
    assert "cawg.ica.did_unavailable" in ask_engine(signed, resolving).failures
    assert result.state is ValidationState.TRUSTED
    assert [s.code for s in result.readings[0].statuses if s.code.startswith("cawg.")] == []
    assert listener.connections == 0


WATCHED = """
import sys

touched = []


def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"}:
        touched.append(event)


sys.addaudithook(watch)

from provenance import Verifier

states = []
for path in sys.argv[1:]:
    states.append(str(Verifier(self_test=False).verify(path).state))
assert not touched, touched
print(*states)
"""


def run_python(code: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """
    Run a program in a process of its own.
    """
    command = [sys.executable, "-c", code, *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("C2PA", "COV"))}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_network_no_python_socket_is_opened_over_the_whole_corpus(corpus: Path) -> None:
    """
    Neither by the library nor by anything it imports.
    """
    files = [file for file in corpus_files() if file.credentials != "not trusted"]

    run = run_python(WATCHED, *(str(corpus / file.name) for file in files))

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.split() == [file.credentials for file in files]


def test_network_no_native_socket_is_opened_either(
    authority: Authority, tmp_path: Path, listener: Listener
) -> None:
    """
    The engine is not Python, so the system calls of a whole run are watched.
    """
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    spec = readable_v2(authority)
    identity = identity_assertion("did:web:host.invalid")
    samples = {
        "identity.png": sign_image(PNG, replace(spec, assertions=(*spec.assertions, identity))),
        "remote.png": made.embed_xmp(PNG, made.remote_manifest_xmp(f"http://127.0.0.1:{listener.port}/x")),
        "plain.png": sign_image(PNG, made.azure_v1(authority)),
    }
    for name, data in samples.items():
        (tmp_path / name).write_bytes(data)
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=%network", "-o", str(trace), sys.executable, "-c", WATCHED]

    run = subprocess.run(
        [*command, *(str(tmp_path / name) for name in samples)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    if "ptrace" in run.stderr:
        pytest.skip("this machine does not let processes be traced")
    assert (run.returncode, run.stdout.split()) == (0, ["valid", "absent", "valid"])
    lines = trace.read_text().splitlines()
    assert [line for line in lines if "AF_INET" in line or "AF_NETLINK" in line] == []


# --- loading --------------------------------------------------------------------------------------

DECOY = """
#include <stdio.h>

__attribute__((constructor)) static void run(void)
{
    FILE *marker = fopen("it-ran", "w");
    if (marker)
        fclose(marker);
}
"""
JUDGE = """
import sys
from provenance import Verifier

print(Verifier(self_test=False).verify(sys.argv[1]).state)
"""


def audited_folder(folder: Path, authority: Authority, library: bytes) -> Path:
    """
    Write a signed image and a file called like the engine's library, under all the names there are.
    """
    signed = folder / "signed.png"
    signed.write_bytes(sign_image(PNG, made.azure_v1(authority)))
    for name in ("libc2pa_c.so", "libc2pa_c.dylib", "c2pa_c.dll"):
        for place in (folder, folder / "libs", folder / "artifacts"):
            place.mkdir(exist_ok=True)
            (place / name).write_bytes(library)
    return signed


def test_loading_a_text_file_named_like_the_library_is_not_loaded(
    authority: Authority, tmp_path: Path
) -> None:
    """
    The binding looks into the current directory first.
    """
    signed = audited_folder(tmp_path, authority, b"not a library")

    run = run_python(JUDGE, str(signed), cwd=tmp_path)

    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "valid", "")


def compiled_decoy(folder: Path) -> bytes:
    """
    Compile a library that leaves a mark when it is loaded.
    """
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    source = folder / "decoy.c"
    source.write_text(DECOY)
    target = folder / "decoy.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(target), str(source)], check=True)
    return target.read_bytes()


def test_loading_code_in_an_audited_folder_does_not_run(authority: Authority, tmp_path: Path) -> None:
    """
    A library of that name in the current directory would run as whoever audits it.
    """
    folder = tmp_path / "audited"
    folder.mkdir()
    signed = audited_folder(folder, authority, compiled_decoy(tmp_path))

    run = run_python(JUDGE, str(signed), cwd=folder)

    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "valid", "")
    assert not (folder / "it-ran").exists()


def test_loading_the_binding_alone_would_run_it(authority: Authority, tmp_path: Path) -> None:
    """
    Without this the test beside it would prove nothing.
    """
    folder = tmp_path / "audited"
    folder.mkdir()
    audited_folder(folder, authority, compiled_decoy(tmp_path))

    run_python("import c2pa", cwd=folder)

    assert (folder / "it-ran").exists()


@pytest.fixture
def fresh_loading(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """
    Forget that the engine was loaded, before and after.
    """
    load_engine.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    load_engine.cache_clear()


def no_distribution(name: str) -> str:
    """
    Stand in for `importlib.metadata.version` where nothing is installed.
    """
    raise importlib.metadata.PackageNotFoundError(name)


@pytest.mark.parametrize("version", ["0.37.10", "0.38.0", "0.38.2", "0.38.1.post1", "1.0.0"])
def test_loading_another_version_is_an_error(fresh_loading: pytest.MonkeyPatch, version: str) -> None:
    """
    Releases differ in verdicts; 0.37 trusted what must not be.
    """
    fresh_loading.setattr(importlib.metadata, "version", lambda _: version)

    with pytest.raises(EngineError, match=f"c2pa-python {version} is installed, but {engine.VERSION}"):
        load_engine()


def test_loading_without_the_engine_is_an_error(fresh_loading: pytest.MonkeyPatch) -> None:
    """
    It says what to do about it.
    """
    fresh_loading.setattr(importlib.metadata, "version", no_distribution)

    with pytest.raises(EngineError, match="not installed") as caught:
        load_engine()

    assert "Reinstall" in caught.value.hint


def test_loading_without_the_library_file_is_an_error(
    fresh_loading: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    When the name given cannot be loaded the binding searches the current directory again.
    """
    origin = str(tmp_path / "c2pa" / "__init__.py")
    spec = type("Spec", (), {"origin": origin})
    fresh_loading.setattr("importlib.util.find_spec", lambda _: spec)

    with pytest.raises(EngineError, match="missing from its installation"):
        load_engine()


@pytest.mark.parametrize("missing", ["spec", "origin", "platform"])
def test_loading_where_there_is_no_library_is_an_error(
    fresh_loading: pytest.MonkeyPatch, missing: str
) -> None:
    """
    A platform without a library, or a package without a place.
    """
    if missing == "platform":
        fresh_loading.setattr(sys, "platform", "plan9")
    else:
        spec = None if missing == "spec" else type("Spec", (), {"origin": None})
        fresh_loading.setattr("importlib.util.find_spec", lambda _: spec)

    with pytest.raises(EngineError, match="has no library for"):
        load_engine()


LOADED = """
import os, sys

loaded = []
sys.addaudithook(lambda event, values: loaded.extend(values) if event == "ctypes.dlopen" else None)
before = dict(os.environ)

from provenance.validation.engine import load_engine

load_engine()
assert dict(os.environ) == before
print(*{str(name) for name in loaded if name})
"""


def test_loading_names_the_installed_library_by_its_absolute_path(tmp_path: Path) -> None:
    """
    So that the search never begins; and programs started later are told nothing of it.
    """
    run = run_python(LOADED, cwd=tmp_path)

    library = Path(c2pa.__file__).resolve().parent / "libs" / engine._LIBRARY[sys.platform]
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, str(library), "")


def test_loading_leaves_a_name_that_was_set_already(fresh_loading: pytest.MonkeyPatch) -> None:
    """
    Whoever uses the binding beside this library may have set it.
    """
    fresh_loading.setenv("C2PA_LIBRARY_NAME", "theirs.so")

    load_engine()

    assert os.environ["C2PA_LIBRARY_NAME"] == "theirs.so"


def test_loading_a_library_that_cannot_be_loaded_is_an_error(
    fresh_loading: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    The file may be there and be made for another system; the binding would search on.
    """
    (tmp_path / "c2pa" / "libs").mkdir(parents=True)
    (tmp_path / "c2pa" / "libs" / engine._LIBRARY[sys.platform]).write_bytes(b"not a library")
    spec = type("Spec", (), {"origin": str(tmp_path / "c2pa" / "__init__.py")})
    fresh_loading.setattr("importlib.util.find_spec", lambda _: spec)

    with pytest.raises(EngineError, match="cannot be loaded"):
        load_engine()


# --- hostile input: bounds ------------------------------------------------------------------------


def forbidden_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let every use of the engine fail the test.
    """

    def read(*_: object, **__: object) -> object:
        pytest.fail("the engine was asked")

    monkeypatch.setattr(Engine, "read", read)


def many_manifests(authority: Authority, count: int) -> bytes:
    """
    Write a store of so many manifests, the last of which is an ordinary one.
    """
    orphans = (
        made.make_manifest(PNG, made.azure_v1(authority, label=f"urn:uuid:{number}"))
        for number in range(count - 1)
    )
    return store_of(sign_image(PNG, made.azure_v1(authority), unreferenced=tuple(orphans)))


@pytest.mark.parametrize("plain", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])
def test_bounds_too_many_manifests_never_reach_the_engine(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, plain: bytes
) -> None:
    """
    It takes about 1.5 ms for each.
    """
    forbidden_engine(monkeypatch)
    asset = made.embed_store(plain, many_manifests(authority, 65))

    with pytest.raises(AssetTooLargeError) as caught:
        verifier.verify(asset)

    assert (caught.value.unit, caught.value.size, caught.value.limit) == ("manifests", 65, 64)


def test_bounds_as_many_manifests_as_allowed_are_judged(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    The bound is inclusive, and can be set.
    """
    asset = made.embed_store(PNG, many_manifests(authority, 3))
    accepting, refusing = (
        Verifier(trust=sample_trust, limits=Limits(max_manifests=most), self_test=False) for most in (3, 2)
    )

    assert accepting.verify(asset).accepted is True
    with pytest.raises(AssetTooLargeError, match="exceeds 2 manifests"):
        refusing.verify(asset)


@pytest.mark.parametrize("plain", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])
def test_bounds_a_store_over_8_mib_never_reaches_the_engine(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, plain: bytes
) -> None:
    """
    A store of 20 MB takes the engine 550 MB.
    """
    forbidden_engine(monkeypatch)
    store = store_of(sign_image(PNG, made.azure_v1(authority)))
    asset = made.embed_store(plain, store + bytes(8 * 1024 * 1024))

    with pytest.raises(AssetTooLargeError) as caught:
        verifier.verify(asset)

    assert (caught.value.unit, caught.value.limit) == ("manifest store bytes", 8 * 1024 * 1024)


def test_bounds_the_size_of_a_store_can_be_set(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    To the byte.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    size = len(store_of(signed))
    accepting, refusing = (
        Verifier(trust=sample_trust, limits=Limits(max_store_bytes=most), self_test=False)
        for most in (size, size - 1)
    )

    assert accepting.verify(signed).accepted is True
    with pytest.raises(AssetTooLargeError, match="manifest store bytes"):
        refusing.verify(signed)


def svg_with(store: bytes) -> bytes:
    """
    Put a store into an SVG, where it stands as text.
    """
    encoded = base64.b64encode(store).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg"><metadata>'
        f'<c2pa:manifest xmlns:c2pa="http://c2pa.org/manifest">{encoded}</c2pa:manifest>'
        "</metadata></svg>"
    ).encode()


@pytest.mark.parametrize("unit", ["manifest store bytes", "manifests"])
def test_bounds_hold_for_containers_that_embed_text(
    authority: Authority, verifier: Verifier, unit: str
) -> None:
    """
    What costs too much in a PNG costs as much in an SVG.
    """
    spec = readable_v2(authority)
    if unit == "manifests":
        for number in range(65):
            spec = made.designer(authority, spec, label=f"urn:uuid:{number}", claim_version=2)
    else:
        large = AssertionSpec(label="org.example.large", content=bytes(8 * 1024 * 1024))
        spec = replace(spec, assertions=(*spec.assertions, large))

    with pytest.raises(AssetTooLargeError) as caught:
        verifier.verify(svg_with(store_of(sign_image(PNG, spec))))

    assert caught.value.unit == unit


def chunk_bomb(kind: str) -> bytes:
    """
    Write an image of 70,000 empty parts.
    """
    if kind == "png":
        return PNG[:33] + image.png_chunk(b"abCD", b"") * 70_000 + PNG[33:]
    if kind == "jpeg":
        return JPEG[:2] + b"\xff\xfe\x00\x02" * 70_000 + JPEG[2:]
    body = WEBP[12:] + b"ABCD\0\0\0\0" * 70_000
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_bounds_a_bomb_of_chunks_is_refused_soon(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """
    The engine takes seconds, or hundreds of megabytes, for these.
    """
    forbidden_engine(monkeypatch)

    with pytest.raises(AssetTooLargeError) as caught:
        verifier.verify(chunk_bomb(kind))

    assert (caught.value.unit, caught.value.limit) == ("chunks", 65_536)


def test_bounds_the_number_of_chunks_can_be_set(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    IHDR, caBX, IDAT, IEND.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    accepting, refusing = (
        Verifier(trust=sample_trust, limits=Limits(max_chunks=most), self_test=False) for most in (4, 3)
    )

    assert accepting.verify(signed).accepted is True
    with pytest.raises(AssetTooLargeError, match="chunks"):
        refusing.verify(signed)


def test_bounds_the_size_of_an_asset_can_be_set(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    For bytes as for anything else.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    refusing = Verifier(trust=sample_trust, limits=Limits(max_bytes=len(signed) - 1), self_test=False)

    with pytest.raises(AssetTooLargeError, match=" bytes "):
        refusing.verify(signed)


# --- hostile input: mutations ---------------------------------------------------------------------

SIGNED = {
    "v1-png": (PNG, made.azure_v1),
    "v1-jpeg": (JPEG, made.azure_v1),
    "v2-png": (PNG, made.azure_v2),
    "v2-jpeg": (JPEG, made.azure_v2),
}


@pytest.fixture(scope="session")
def signed_images(authority: Authority) -> dict[str, bytes]:
    """
    Sign one image of each kind.
    """
    return {name: sign_image(plain, describe(authority)) for name, (plain, describe) in SIGNED.items()}


def store_span(asset: bytes) -> tuple[int, int]:
    """
    Find the manifest store with what wraps it: the first byte, and the byte after.
    """
    parts = image.split_png(asset) if asset.startswith(b"\x89PNG") else image.split_jpeg(asset)
    position = 0
    for name, part in parts:
        if name in {"caBX", "APP11"}:
            return position, position + len(part)
        position += len(part)
    pytest.fail("there is no store")


def flipped(asset: bytes, position: int, bit: int) -> bytes:
    """
    Change one bit.
    """
    return asset[:position] + bytes([asset[position] ^ (1 << bit)]) + asset[position + 1 :]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SIGNED)
def test_a_flipped_bit_under_the_hard_binding_is_never_accepted(
    signed_images: Mapping[str, bytes], verifier: Verifier, name: str, seed: int
) -> None:
    """
    The hard binding covers every byte outside the manifest store.
    """
    noise = random.Random(seed)  # noqa: S311 - a seeded mutation
    signed = signed_images[name]
    start, end = store_span(signed)
    position = noise.choice([*range(start), *range(end, len(signed))])

    assert accepted(verifier, flipped(signed, position, noise.randrange(8))) is False


def accepted(verifier: Verifier, asset: bytes) -> bool:
    """
    Verify bytes that may not even be an image any more; what cannot be judged is not accepted.
    """
    try:
        return verifier.verify(asset).accepted
    except AssetError:
        return False


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SIGNED)
def test_a_mutated_store_is_judged_and_never_tells_another_story(
    signed_images: Mapping[str, bytes], verifier: Verifier, name: str, seed: int
) -> None:
    """
    Not every byte of a store is signed: padding may change, but nothing the verdict rests on.
    """
    noise = random.Random(seed)  # noqa: S311 - a seeded mutation
    signed = signed_images[name]
    start, end = store_span(signed)
    mutated = bytearray(signed)
    for _ in range(noise.choice([1, 1, 1, 4])):
        mutated[noise.randrange(start, end)] ^= 1 << noise.randrange(8)

    told = story(verifier, bytes(mutated))

    assert told in {story(verifier, signed), None}


def story(verifier: Verifier, asset: bytes) -> object:
    """
    Tell what an accepted image says about how it was made, and who says so; None if not accepted.
    """
    try:
        result = verifier.verify(asset)
    except AssetError:
        return None
    if not result.accepted or result.active is None:
        return None
    signature = result.active.signature
    return result.active.manifest.created, signature.anchor, signature.chain[0].sha256


@given(data=st.data(), name=st.sampled_from(sorted(SIGNED)))
@settings(max_examples=150)
def test_a_spliced_store_is_never_accepted_with_another_action(
    signed_images: Mapping[str, bytes], verifier: Verifier, data: st.DataObject, name: str
) -> None:
    """
    Bytes put in, taken out or moved about inside a store.
    """
    signed = signed_images[name]
    start, end = store_span(signed)
    cut = data.draw(st.integers(start, end - 1))
    until = data.draw(st.integers(cut, min(end, cut + 64)))
    filling = data.draw(st.binary(max_size=64))

    told = story(verifier, signed[:cut] + filling + signed[until:])

    assert told in {story(verifier, signed), None}


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.parametrize("name", SIGNED)
def test_a_truncated_image_is_never_accepted(
    signed_images: Mapping[str, bytes], verifier: Verifier, name: str, seed: int
) -> None:
    """
    As a transfer that broke off leaves it.
    """
    signed = signed_images[name]
    length = random.Random(seed).randrange(len(signed))  # noqa: S311 - a seeded mutation

    assert accepted(verifier, signed[:length]) is False


@given(trailing=st.binary(min_size=1, max_size=200), name=st.sampled_from(sorted(SIGNED)))
@settings(max_examples=80)
def test_an_image_with_something_behind_it_is_never_accepted(
    signed_images: Mapping[str, bytes], verifier: Verifier, trailing: bytes, name: str
) -> None:
    """
    Whatever it is, and whatever the hard binding covers.
    """
    result = verifier.verify(signed_images[name] + trailing)

    assert (result.accepted, result.facts.trailing_bytes) == (False, len(trailing))


@given(
    asset=st.binary(max_size=300), prefix=st.sampled_from([b"", PNG[:33], JPEG[:20], WEBP[:12], b"GIF89a"])
)
@settings(max_examples=200)
def test_arbitrary_bytes_are_judged_or_refused(verifier: Verifier, asset: bytes, prefix: bytes) -> None:
    """
    Nothing but an asset error leaves the library, and nothing is accepted.
    """
    assert accepted(verifier, prefix + asset) is False


@given(store=st.binary(max_size=300), plain=st.sampled_from([PNG, JPEG, WEBP]))
@settings(max_examples=200)
def test_an_arbitrary_store_is_judged(verifier: Verifier, store: bytes, plain: bytes) -> None:
    """
    Hostile bytes inside a store are a verdict.
    """
    result = verifier.verify(made.embed_store(plain, store.ljust(8, b"\0")))

    assert result.accepted is False
