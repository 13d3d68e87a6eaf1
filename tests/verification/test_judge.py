"""
How container, engine, our own validator and a policy become one verdict.

The engine's answers are edited here where no image makes it answer so.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from provenance import (
    AssetTooLargeError,
    EngineError,
    Limits,
    MalformedAssetError,
    NotAcceptedError,
    PolicyError,
    ProvenanceError,
    TrustError,
    UnreadableAssetError,
    UnsupportedAssetError,
    VerificationResult,
    Verifier,
    to_dict,
)
from provenance import authority as made
from provenance.asset.asset import Asset
from provenance.authority import Authority, IngredientSpec, sign_image
from provenance.manifest.status import StatusKind, ValidationState
from provenance.policy.requirement import Outcome
from provenance.trust.profile import TrustProfile
from provenance.validation import engine
from provenance.validation.engine import Anchors, Engine, EngineReading, NoManifestError
from provenance.verification.cause import Cause
from tests.validation.edited_answer_support import EngineAnswer, active_results, judge_edited

PNG = made.plain_png(24, 16, seed=1)
JPEG = made.plain_jpeg(24, 16, seed=1)
DOCUMENTED = "AI Generated Image"
Judged = Callable[[bytes, Callable[[EngineAnswer], None]], VerificationResult]


@pytest.fixture(scope="session")
def verifier(sample_trust: TrustProfile) -> Verifier:
    """
    Verify under the default policy; the self-test has tests of its own.
    """
    return Verifier(trust=sample_trust, self_test=False)


@pytest.fixture(scope="session")
def samples(authority: Authority) -> dict[str, bytes]:
    """
    Sign one image for each kind of verdict.
    """
    genuine = made.azure_v1(authority)
    changed = bytearray(sign_image(PNG, genuine))
    changed[-20] ^= 1
    stranger = Authority.create("Somebody Else")
    documented = made.azure_v1(authority, description=DOCUMENTED)
    return {
        "absent": PNG,
        "invalid": bytes(changed),
        "valid": sign_image(PNG, made.azure_v1(stranger)),
        "trusted": sign_image(PNG, genuine),
        "v2": sign_image(JPEG, made.azure_v2(authority)),
        "documented": sign_image(PNG, documented),
        "ingredient": sign_image(PNG, made.designer(authority, genuine)),
        "documented-ingredient": sign_image(PNG, made.designer(authority, documented)),
        "trailing": sign_image(PNG, genuine) + b"x",
        "foreign": sign_image(PNG, made.azure_v1(authority, software_agent="Microsoft Designer")),
        "two-stores": two_stores(sign_image(PNG, genuine)),
    }


def two_stores(png: bytes) -> bytes:
    """
    Write the store of a PNG twice.
    """
    parts = made.image.split_png(png)
    return b"".join(part for _, part in (*parts[:3], parts[2], *parts[3:]))


@pytest.fixture
def judged(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> Judged:
    """
    Verify as if the engine had given another answer.
    """
    return partial(judge_edited, verifier, monkeypatch)


def without(code: str) -> Callable[[EngineAnswer], None]:
    """
    Leave out a success of the active manifest.
    """

    def edit(answer: EngineAnswer) -> None:
        found = active_results(answer)
        found["success"] = [status for status in found["success"] if status["code"] != code]

    return edit


def adding(kind: str, code: str) -> Callable[[EngineAnswer], None]:
    """
    Add a status of the active manifest.
    """

    def edit(answer: EngineAnswer) -> None:
        active_results(answer)[kind].append({"code": code, "url": "", "explanation": "made up"})

    return edit


def finding_ids(result: VerificationResult) -> list[str]:
    """
    Name the checks that failed.
    """
    return [check.id for check in result.findings]


# --- the state ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "state", "findings", "passes"),
    [
        ("absent", "absent", ["manifest_store"], ()),
        ("invalid", "invalid", ["integrity"], ()),
        ("two-stores", "invalid", ["integrity"], ()),
        ("valid", "valid", ["signing_credential"], ()),
        ("trusted", "trusted", [], ("azure-openai", "azure-openai-lineage")),
        ("v2", "trusted", [], ("azure-openai", "azure-openai-lineage")),
        (
            "documented",
            "trusted",
            [],
            ("azure-openai", "azure-openai-documented", "azure-openai-lineage"),
        ),
        ("ingredient", "trusted", ["software_agent", "description"], ("azure-openai-lineage",)),
        ("foreign", "trusted", ["software_agent"], ()),
        ("trailing", "trusted", ["trailing_bytes"], ()),
    ],
)
def test_each_kind_of_image_has_its_verdict(
    samples: Mapping[str, bytes],
    verifier: Verifier,
    *,
    sample: str,
    state: str,
    findings: list[str],
    passes: tuple[str, ...],
) -> None:
    """
    State, findings, and the built-in policies that accept it.
    """
    result = verifier.verify(samples[sample])

    assert (result.state, finding_ids(result), result.passes) == (state, findings, passes)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("signingCredential.untrusted", "valid"),
        ("signingCredential.revoked", "valid"),
        ("signingCredential.expired", "valid"),
        ("signingCredential.code.of.next.year", "valid"),
        ("timeStamp.mismatch", "valid"),
        ("timestamp.untrusted", "valid"),
        ("claimSignature.outsideValidity", "valid"),
        ("cawg.ica.invalid", "valid"),
        ("claimSignature.mismatch", "invalid"),
        ("assertion.hashedURI.mismatch", "invalid"),
        ("assertion.dataHash.mismatch", "invalid"),
        ("claim.malformed", "invalid"),
        ("general.error", "invalid"),
        ("code.of.next.year", "invalid"),
        ("", "invalid"),
    ],
)
def test_a_failure_lowers_the_state_by_its_family(
    samples: Mapping[str, bytes], judged: Judged, code: str, state: str
) -> None:
    """
    Unknown ones make it invalid: nobody knows that they are harmless.
    """
    result = judged(samples["trusted"], adding("failure", code))

    assert (result.state, result.accepted) == (state, False)
    assert code in result.findings[0].message


@pytest.mark.parametrize("kind", ["success", "informational"])
def test_only_failures_lower_the_state(samples: Mapping[str, bytes], judged: Judged, kind: str) -> None:
    """
    By the array a status stands in, not by its name.
    """
    result = judged(samples["trusted"], adding(kind, "claimSignature.mismatch"))

    assert (result.state, result.accepted) == (ValidationState.TRUSTED, True)


@pytest.mark.parametrize(
    ("code", "state", "finding"),
    [
        ("claimSignature.validated", "invalid", "claim signature or hard binding is missing"),
        ("assertion.boxesHash.match", "invalid", "claim signature or hard binding is missing"),
        ("signingCredential.trusted", "valid", "engine and validator disagree"),
    ],
)
def test_what_the_engine_does_not_say_is_not_so(
    samples: Mapping[str, bytes], judged: Judged, code: str, state: str, finding: str
) -> None:
    """
    No failure is not yet a success.
    """
    result = judged(samples["trusted"], without(code))

    assert (result.state, result.accepted) == (state, False)
    assert finding in result.findings[0].message


def test_an_engine_that_says_nothing_at_all_proves_nothing(
    samples: Mapping[str, bytes], judged: Judged
) -> None:
    """
    As one would that no longer validates by default.
    """

    def forget(answer: EngineAnswer) -> None:
        del answer["validation_results"]

    result = judged(samples["trusted"], forget)

    assert (result.state, result.accepted) == (ValidationState.INVALID, False)


def test_the_engines_own_state_is_not_read(samples: Mapping[str, bytes], judged: Judged) -> None:
    """
    It is too strict in one place and too lax in several.
    """

    def claiming(state: str) -> Callable[[EngineAnswer], None]:
        return lambda answer: answer.update(validation_state=state)

    claims = {"trusted": "Invalid", "valid": "Trusted", "invalid": "Trusted"}

    verdicts = [judged(samples[name], claiming(state)).state for name, state in claims.items()]

    assert verdicts == ["trusted", "valid", "invalid"]


def test_both_have_to_trust_the_signer(samples: Mapping[str, bytes], judged: Judged) -> None:
    """
    The engine alone does not make a stranger trusted.
    """

    def praise(answer: EngineAnswer) -> None:
        found = active_results(answer)
        found["failure"] = []
        found["success"].append({"code": "signingCredential.trusted", "url": "", "explanation": ""})

    result = judged(samples["valid"], praise)

    assert (result.state, finding_ids(result)) == (ValidationState.VALID, ["signing_credential"])
    assert "(signingCredential.untrusted, validator)" in result.findings[0].message


def test_where_only_we_trust_the_signer_that_is_said(samples: Mapping[str, bytes], judged: Judged) -> None:
    """
    Nobody is called unknown or expired whom nobody found to be so.
    """
    result = judged(samples["trusted"], without("signingCredential.trusted"))

    assert (result.state, result.cause) == (ValidationState.VALID, Cause.VALIDATORS_DISAGREE)
    assert result.findings[0].message.startswith("the two validators disagree on the signer")


def test_a_missing_binding_is_not_excused_by_a_broken_rule(
    samples: Mapping[str, bytes], judged: Judged
) -> None:
    """
    Even where the engine reports nothing but the rule.
    """

    def edit(answer: EngineAnswer) -> None:
        without("assertion.boxesHash.match")(answer)
        adding("failure", "assertion.action.malformed")(answer)

    result = judged(samples["trusted"], edit)

    assert (result.state, result.cause) == (ValidationState.INVALID, Cause.INCOMPLETE)
    assert finding_ids(result) == ["integrity", "conformance"]
    assert "claim signature or hard binding is missing" in result.findings[0].message


def test_both_have_to_read_the_same_active_manifest(authority: Authority, judged: Judged) -> None:
    """
    Two readers that read different manifests are what an attacker hopes for.
    """
    first = made.make_manifest(PNG, made.azure_v1(authority, label="urn:uuid:first"))
    signed = sign_image(PNG, made.azure_v1(authority), unreferenced=(first,))

    result = judged(signed, lambda answer: answer.update(active_manifest="urn:uuid:first"))

    assert (result.state, result.accepted) == (ValidationState.INVALID, False)
    assert "engine and validator read different manifests" in result.findings[0].message


@pytest.mark.parametrize("other", ["garbage", "another-claim", "another-label"])
def test_both_have_to_read_the_same_claims(
    authority: Authority,
    samples: Mapping[str, bytes],
    verifier: Verifier,
    monkeypatch: pytest.MonkeyPatch,
    other: str,
) -> None:
    """
    Also where the engine finds another store under the same labels.
    """
    spec = made.azure_v1(authority, software_agent="somebody else")
    if other == "another-label":
        spec = made.azure_v1(authority, label="urn:uuid:other")
    store = made.build_store(made.make_manifest(PNG, spec)) if other != "garbage" else b"garbage"
    monkeypatch.setattr(engine, "_store_bytes", lambda *_: store)

    result = verifier.verify(samples["trusted"])

    assert (result.state, result.accepted) == (ValidationState.INVALID, False)
    assert "engine and validator read different manifests" in result.findings[0].message


def test_what_was_recorded_proves_nothing_about_the_active_manifest(
    authority: Authority, judged: Judged
) -> None:
    """
    An ingredient assertion may name any manifest in what it says was found when it was added.
    """
    inner = made.azure_v1(authority, label="urn:uuid:inner")
    spec = made.designer(authority, inner, claim_version=2)
    codes = ("signingCredential.trusted", "claimSignature.validated", "assertion.dataHash.match")
    url = f"self#jumbf=/c2pa/{spec.label}/c2pa.signature"
    found = {"success": [{"code": code, "url": url} for code in codes], "informational": [], "failure": []}
    ingredient = IngredientSpec(manifest=inner, recorded={"validationResults": {"activeManifest": found}})
    signed = sign_image(PNG, replace(spec, ingredients=(ingredient,)))

    def forget(answer: EngineAnswer) -> None:
        active_results(answer)["success"] = []

    result = judged(signed, forget)

    assert (result.state, result.accepted) == (ValidationState.INVALID, False)


def test_an_ingredient_without_a_manifest_has_no_reading(authority: Authority, verifier: Verifier) -> None:
    """
    Most pictures that go into another one have none, whatever was recorded about them.
    """
    recorded = {"validationStatus": [{"code": "claim.missing", "url": ""}]}
    photo = IngredientSpec(manifest=None, title="photo", recorded=recorded)

    result = verifier.verify(sign_image(PNG, replace(made.azure_v1(authority), ingredients=(photo,))))

    assert (result.state, result.accepted, len(result.readings)) == (ValidationState.TRUSTED, True, 1)
    assert [ingredient.title for ingredient in result.readings[0].manifest.ingredients] == ["photo"]


@pytest.mark.parametrize("claim_version", [1, 2])
def test_a_broken_ingredient_leaves_the_active_manifest_alone(
    authority: Authority, verifier: Verifier, claim_version: int
) -> None:
    """
    `state` speaks of the active manifest; each ingredient has a state of its own.
    """
    inner = replace(made.azure_v1(authority), tampering=made.Tampering(flip_signature=True))
    spec = made.designer(authority, inner, claim_version=2 if claim_version > 1 else 1)

    result = verifier.verify(sign_image(PNG, spec))

    assert [reading.state for reading in result.readings] == ["trusted", "invalid"]
    assert result.state is ValidationState.TRUSTED


def over(authority: Authority, ingredient: IngredientSpec) -> bytes:
    """
    Sign an image over an ingredient.
    """
    spec = made.designer(authority, made.azure_v1(authority), claim_version=2)
    return sign_image(PNG, replace(spec, ingredients=(ingredient,)))


def test_an_ingredient_that_was_exchanged_is_invalid(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    Else a genuine manifest could be put under the label that another one had.
    """
    inner = IngredientSpec(manifest=made.azure_v1(authority, label="urn:uuid:inner"), sha256=bytes(32))
    lineage = Verifier(policy="azure-openai-lineage", trust=sample_trust, self_test=False)

    result = lineage.verify(over(authority, inner))

    assert [reading.state for reading in result.readings] == ["trusted", "invalid"]
    assert (result.accepted, result.origin) == (False, None)


def test_an_ingredient_that_is_missing_makes_the_active_manifest_invalid(
    authority: Authority, verifier: Verifier
) -> None:
    """
    There it is the active manifest's own statement that does not hold.
    """
    inner = IngredientSpec(manifest=made.azure_v1(authority, label="urn:uuid:inner"), stored=False)

    assert verifier.verify(over(authority, inner)).state is ValidationState.INVALID


# --- an engine that finds nothing -----------------------------------------------------------------


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let the engine find no manifest store in anything.
    """

    def read(*_: object, **__: object) -> EngineReading:
        raise NoManifestError

    monkeypatch.setattr(Engine, "read", read)


def test_a_store_that_only_we_find_is_not_absent(
    blind: None, samples: Mapping[str, bytes], verifier: Verifier
) -> None:
    """
    Absent would say that there are no credentials, and there they are.
    """
    result = verifier.verify(samples["trusted"])

    assert (result.state, finding_ids(result)) == (ValidationState.INVALID, ["integrity"])
    assert "the engine finds no manifest store where there is one" in result.findings[0].message


def test_a_large_store_that_only_we_find_is_not_absent(
    blind: None, authority: Authority, verifier: Verifier
) -> None:
    """
    However many manifests it holds.
    """
    other = made.make_manifest(PNG, made.azure_v1(authority, label="urn:uuid:other"))

    result = verifier.verify(sign_image(PNG, made.azure_v1(authority), unreferenced=(other,)))

    assert result.state is ValidationState.INVALID


def test_a_chunk_for_a_store_that_holds_none_is_invalid(blind: None, verifier: Verifier) -> None:
    """
    Whatever cannot be read in bounds is not handed to the engine, so nobody can say that it is nothing.
    """
    assert verifier.verify(made.embed_store(PNG, b"garbage")).state is ValidationState.INVALID


def test_a_container_that_only_the_engine_reads_is_absent_when_it_finds_nothing(verifier: Verifier) -> None:
    """
    No bytes behind it were looked for either.
    """
    result = verifier.verify(b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;")

    assert (result.state, result.facts.trailing_bytes) == (ValidationState.ABSENT, None)


@pytest.mark.parametrize(
    "broken",
    [b"II*\0", b"GIF89a", b'<svg xmlns="http://www.w3.org/2000/svg"><unclosed'],
    ids=["tiff", "gif", "svg"],
)
def test_a_damaged_file_without_credentials_is_an_error_in_every_container(
    verifier: Verifier, broken: bytes
) -> None:
    """
    "The image or its credentials were changed" would accuse somebody of something.
    """
    with pytest.raises(MalformedAssetError):
        verifier.verify(broken)


def test_a_file_that_changes_while_it_is_judged_is_an_error(
    samples: Mapping[str, bytes], verifier: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The engine and we would judge different bytes.
    """
    path = tmp_path / "signed.png"
    path.write_bytes(samples["trusted"])
    real = Engine.read

    def read(self: Engine, asset: Asset, anchors: Anchors) -> EngineReading:
        path.write_bytes(samples["trusted"] + b"more")
        return real(self, asset, anchors)

    monkeypatch.setattr(Engine, "read", read)

    with pytest.raises(UnreadableAssetError, match="changed while it was being read"):
        verifier.verify(path)


# --- the verdict as a value -----------------------------------------------------------------------


def test_a_verdict_is_neither_true_nor_false(samples: Mapping[str, bytes], verifier: Verifier) -> None:
    """
    `if verify(image):` would pass for every image.
    """
    for data in samples.values():
        with pytest.raises(TypeError, match=r"ask for \.accepted or \.state"):
            bool(verifier.verify(data))


def test_no_findings_means_accepted(samples: Mapping[str, bytes], verifier: Verifier) -> None:
    """
    And accepted means trusted.
    """
    for data in samples.values():
        result = verifier.verify(data)

        assert result.accepted is (not result.findings)
        assert result.findings == tuple(check for check in result.checks if check.outcome is Outcome.FAIL)
        assert not result.accepted or result.state is ValidationState.TRUSTED


def test_a_rejected_verdict_can_be_raised(samples: Mapping[str, bytes], verifier: Verifier) -> None:
    """
    For callers who prefer exceptions; an accepted one passes.
    """
    for data in samples.values():
        result = verifier.verify(data)
        if result.accepted:
            result.raise_if_rejected()
            continue
        with pytest.raises(NotAcceptedError) as caught:
            result.raise_if_rejected()
        assert caught.value.result is result
        assert all(finding.message in str(caught.value) for finding in result.findings)
        assert "not accepted under policy 'azure-openai'" in str(caught.value)


@pytest.mark.parametrize(
    ("sample", "where", "documented"),
    [
        ("absent", None, None),
        ("invalid", None, None),
        ("valid", None, None),
        ("foreign", None, None),
        ("trusted", "active", False),
        ("v2", "active", False),
        ("documented", "active", True),
        ("ingredient", "ingredient", False),
        ("documented-ingredient", "ingredient", True),
        ("trailing", "active", False),
    ],
)
def test_the_origin_is_told_of_trusted_credentials_only(
    samples: Mapping[str, bytes],
    verifier: Verifier,
    *,
    sample: str,
    where: str | None,
    documented: bool | None,
) -> None:
    """
    Whatever any manifest claims; and whether what it says is what Microsoft documents.
    """
    result = verifier.verify(samples[sample])

    reported = to_dict(result)["origin"]
    assert (reported["azure_openai_in"], reported["documented"]) == (where, documented)
    assert (result.origin is None) is (where is None)


def test_the_active_manifest_is_the_first_reading(samples: Mapping[str, bytes], verifier: Verifier) -> None:
    """
    None where there is nothing to read.
    """
    trusted, absent = verifier.verify(samples["ingredient"]), verifier.verify(samples["absent"])

    assert trusted.active is trusted.readings[0]
    assert [reading.is_active for reading in trusted.readings] == [True, False]
    assert absent.active is None


def test_no_policy_is_asked_about_credentials_that_do_not_hold(
    samples: Mapping[str, bytes], verifier: Verifier
) -> None:
    """
    Its answer could only mislead.
    """
    outcomes = {
        name: [(check.id, str(check.outcome)) for check in verifier.verify(samples[name]).checks]
        for name in ("invalid", "valid", "trusted")
    }

    assert outcomes == {
        "invalid": [
            ("manifest_store", "pass"),
            ("integrity", "fail"),
            ("conformance", "skipped"),
            ("signing_credential", "skipped"),
            ("trailing_bytes", "pass"),
            ("unbound_bytes", "skipped"),
            ("policy", "skipped"),
        ],
        "valid": [
            ("manifest_store", "pass"),
            ("integrity", "pass"),
            ("conformance", "pass"),
            ("signing_credential", "fail"),
            ("trailing_bytes", "pass"),
            ("unbound_bytes", "pass"),
            ("policy", "skipped"),
        ],
        "trusted": [
            ("manifest_store", "pass"),
            ("integrity", "pass"),
            ("conformance", "pass"),
            ("signing_credential", "pass"),
            ("trailing_bytes", "pass"),
            ("unbound_bytes", "pass"),
            ("software_agent", "pass"),
            ("description", "pass"),
        ],
    }


def test_removed_credentials_are_absent_and_worth_saying(verifier: Verifier) -> None:
    """
    XMP that outlives the manifest it points at.
    """
    result = verifier.verify(made.embed_xmp(JPEG, made.remote_manifest_xmp("self#jumbf=c2pa/gone")))

    assert (result.state, result.facts.provenance) == (ValidationState.ABSENT, "self#jumbf=c2pa/gone")
    assert "'self#jumbf=c2pa/gone'" in result.findings[0].message
    assert to_dict(result)["asset"]["remote_manifest"] is None


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", ["absent", "invalid", "valid", "ingredient", "trailing"])
def test_a_rejection_survives_the_way_between_processes(
    samples: Mapping[str, bytes], verifier: Verifier, sample: str
) -> None:
    """
    Pools hand exceptions back pickled, verdict and all.
    """
    result = verifier.verify(samples[sample])
    error = NotAcceptedError(result)

    returned = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert isinstance(returned, NotAcceptedError)
    assert str(returned) == str(error)
    assert to_dict(returned.result) == to_dict(result)


@pytest.mark.parametrize(
    ("error", "attributes", "text"),
    [
        (
            AssetTooLargeError("chunks", 2000, 1000),
            {"unit": "chunks", "size": 2000, "limit": 1000},
            "asset exceeds 1,000 chunks (stopped after 2,000)",
        ),
        (UnreadableAssetError("gone"), {"reason": "gone"}, "asset cannot be read: gone"),
        (UnsupportedAssetError("text"), {"reason": "text"}, "not an image this library reads: text"),
        (MalformedAssetError("cut"), {"reason": "cut"}, "damaged image file: cut"),
        (TrustError("none"), {}, "none"),
        (PolicyError("none"), {}, "none"),
        (EngineError("none"), {}, "none"),
    ],
)
def test_every_error_survives_the_way_between_processes(
    error: ProvenanceError, attributes: Mapping[str, object], text: str
) -> None:
    """
    With its facts, its sentence and its hint.
    """
    returned = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(returned) is type(error)
    assert {name: getattr(returned, name) for name in attributes} == attributes
    assert (str(returned), returned.hint) == (text, error.hint)
    assert error.hint.endswith(".")


def test_the_statuses_of_all_sources_are_kept(samples: Mapping[str, bytes], verifier: Verifier) -> None:
    """
    The report shows who said what.
    """
    (reading,) = verifier.verify(samples["trusted"]).readings

    said = {(status.code, status.source) for status in reading.statuses if status.kind is StatusKind.SUCCESS}
    assert {
        ("claimSignature.validated", "engine"),
        ("claimSignature.validated", "validator"),
        ("signingCredential.trusted", "engine"),
        ("signingCredential.trusted", "validator"),
    } <= said


def test_the_limits_of_manifests_hold_inside_ingredients(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    A chain of ingredients costs as much as a heap of orphans.
    """
    spec = made.azure_v1(authority, label="urn:uuid:0")
    for number in range(1, 6):
        spec = made.designer(authority, spec, label=f"urn:uuid:{number}")
    signed = sign_image(PNG, spec)

    judged = Verifier(policy="azure-openai-lineage", trust=sample_trust, self_test=False).verify(signed)

    assert (judged.accepted, len(judged.readings)) == (True, 6)
    with pytest.raises(AssetTooLargeError, match="exceeds 5 manifests"):
        Verifier(trust=sample_trust, limits=Limits(max_manifests=5), self_test=False).verify(signed)
