"""
Why an image is not trusted, through every surface: the cause, the checks that fail, and the words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from provenance import VerificationResult, Verifier, to_dict
from provenance.audit.gate import Gate
from provenance.audit.record import Record
from provenance.authority import (
    AssertionSpec,
    Authority,
    IngredientSpec,
    ManifestSpec,
    Tampering,
    azure_v1,
    azure_v2,
    designer,
    sign_image,
    without_signature,
)
from provenance.cli.output import verdict
from provenance.manifest.status import ValidationState
from provenance.trust.profile import TrustProfile
from provenance.verification.cause import Cause
from provenance.verification.report import schema
from tests.verification.cause_support import (
    PNG,
    against_a_rule,
    by_another_key,
    changed_pixel,
    edited_in_paint,
    images_by_cause,
)

CHECKS = {
    **{cause: ["integrity"] for cause in (Cause.HASH_MISMATCH, Cause.SIGNATURE_MISMATCH, Cause.INCOMPLETE)},
    **{cause: ["conformance"] for cause in (Cause.RULE_BROKEN, Cause.EDIT_RECORDED)},
    **{cause: ["signing_credential"] for cause in Cause if cause.startswith("signer_")},
}


@pytest.fixture(scope="module")
def verifier(sample_trust: TrustProfile) -> Verifier:
    """
    Verify under the default policy; the self-test has tests of its own.
    """
    return Verifier(trust=sample_trust, self_test=False)


@pytest.fixture(scope="module")
def results(authority: Authority, verifier: Verifier) -> Mapping[Cause, VerificationResult]:
    """
    Judge an image for each cause.
    """
    return {cause: verifier.verify(image) for cause, image in images_by_cause(authority).items()}


def failed(result: VerificationResult) -> list[str]:
    """
    Name the checks that failed.
    """
    return [check.id for check in result.findings]


def said(result: VerificationResult) -> str:
    """
    Give what the command says.
    """
    return "\n".join(f"{row.label or ''} {row.text}" for row in verdict.verdict("x", result))


@pytest.mark.parametrize("cause", CHECKS)
def test_each_cause_is_told_from_the_others(
    cause: Cause, results: Mapping[Cause, VerificationResult]
) -> None:
    """
    By the result, by the report, and by the check that fails.
    """
    result = results[cause]

    report = json.loads(json.dumps(to_dict(result)))
    jsonschema.validate(report, schema())
    assert (
        result.cause,
        report["cause"],
        report["manifests"][0]["cause"] if report["manifests"] else cause,
    ) == (
        cause,
        cause.value,
        cause.value,
    )
    assert failed(result) == CHECKS[cause]
    invalid = cause in list(Cause)[:5]
    assert result.state is (ValidationState.INVALID if invalid else ValidationState.VALID)


def test_trusted_and_absent_have_no_cause(authority: Authority, verifier: Verifier) -> None:
    """
    Whether or not a policy accepts them.
    """
    trusted = verifier.verify(sign_image(PNG, designer(authority, azure_v1(authority))))

    assert (trusted.state, trusted.accepted, trusted.cause) == (ValidationState.TRUSTED, False, None)
    assert verifier.verify(PNG).cause is None


@pytest.mark.parametrize("cause", CHECKS)
def test_changed_and_damaged_are_said_only_where_a_hash_says_so(
    cause: Cause, results: Mapping[Cause, VerificationResult]
) -> None:
    """
    Nor is anybody sent for another copy that would be no better.
    """
    result = results[cause]

    text = said(result)
    strong = [w for w in ("changed after signing", "damaged", "Get the image again", "tampered") if w in text]
    assert strong == (
        ["changed after signing", "Get the image again"] if cause is Cause.HASH_MISMATCH else []
    )
    assert ("changed after signing" in str(result.findings[0])) is (cause is Cause.HASH_MISMATCH)
    assert "\nnext " in text


@pytest.mark.parametrize("describe", [azure_v1, azure_v2])
def test_a_hash_by_an_unknown_algorithm_is_not_said_to_differ(
    authority: Authority, verifier: Verifier, describe: Callable[[Authority], ManifestSpec]
) -> None:
    """
    The engine compares nothing then, and calls it a mismatch all the same.
    """
    unknown = Tampering(edit_binding=_with_unknown_algorithm)

    result = verifier.verify(sign_image(PNG, replace(describe(authority), tampering=unknown)))

    assert "ash.mismatch" in result.findings[0].message
    assert (str(result.state), result.cause) == ("invalid", Cause.INCOMPLETE)


def _with_unknown_algorithm(content: dict[str, object]) -> object:
    boxes = content.get("boxes")
    if isinstance(boxes, list):
        return content | {"boxes": [box | {"alg": "md5"} for box in boxes]}
    return content | {"alg": "md5"}


def test_each_cause_has_words_of_its_own(results: Mapping[Cause, VerificationResult]) -> None:
    """
    An expired signer, one of another purpose and an unknown one call for different things.
    """
    states = {verdict.state_in_words(result) for result in results.values()}
    advice = {line for r in results.values() for line in said(r).splitlines() if line.startswith("next")}

    assert len(states) == len(advice) == len(results)


# --- rules broken from birth ------------------------------------------------------------------------


def test_a_rule_broken_from_birth_is_said_as_that(results: Mapping[Cause, VerificationResult]) -> None:
    """
    Hashes and signature hold: whoever signed is named as for any other image.
    """
    text = said(results[Cause.RULE_BROKEN])

    assert "signed like this, against a rule of C2PA; hashes and signature hold" in text
    assert '"Sample Authority" ("Sample Authority Signer"), below Sample Root CA' in text
    assert "which does not hold" not in text
    assert "assertion.action.malformed (first action must be created or opened)" in text
    assert "Another copy will not differ" in text


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param(Tampering(flip_signature=True), id="signature"),
        pytest.param(
            Tampering(edit_assertions={"c2pa.actions.v2": lambda _: {"actions": []}}), id="assertion"
        ),
        pytest.param(Tampering(edit_manifest=without_signature), id="no-signature"),
    ],
)
def test_a_broken_rule_never_hides_that_the_rest_does_not_hold(
    authority: Authority, verifier: Verifier, spoiled: Tampering
) -> None:
    """
    Then both checks fail, or the rule could not be asked about; the gate fails in any case.
    """
    spec = replace(against_a_rule(authority), tampering=spoiled)

    result = verifier.verify(sign_image(PNG, spec))

    assert "integrity" in failed(result)
    assert result.cause not in {None, Cause.RULE_BROKEN}
    assert Gate().apply(Record.of(result, "x")).failing


def test_changed_pixels_under_a_broken_rule_fail_both(authority: Authority, verifier: Verifier) -> None:
    """
    A manifest with both kinds of faults has both.
    """
    result = verifier.verify(changed_pixel(sign_image(PNG, against_a_rule(authority))))

    assert (failed(result), result.cause) == (["integrity", "conformance"], Cause.HASH_MISMATCH)


def test_what_no_hash_covers_is_no_rule_broken_from_birth(authority: Authority, verifier: Verifier) -> None:
    """
    An assertion that the claim does not name may have been put there by anybody, later.
    """
    added = AssertionSpec(label="com.example.added", content={"a": 1}, referenced=False)
    spec = replace(azure_v1(authority), assertions=(added,))

    result = verifier.verify(sign_image(PNG, spec))

    assert (failed(result), result.cause) == (["integrity"], Cause.INCOMPLETE)


# --- signed with another key ------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2])
def test_a_signature_by_another_key_is_said_with_no_more_than_is_known(
    authority: Authority, verifier: Verifier, version: int
) -> None:
    """
    Some of Microsoft's images of claim version 2 are like this.
    """
    spec = (azure_v1 if version == 1 else azure_v2)(authority, credential=by_another_key(authority.signer))

    result = verifier.verify(sign_image(PNG, spec))

    text = said(result)
    assert "invalid: the claim signature does not verify with the key of its certificate" in text
    assert "every hash matches, and so does the imprint of a time-stamp" in text
    assert "by its own claim, which does not hold" in text
    assert Gate().apply(Record.of(result, "x")).failing


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "chain", [7, [], [b"no certificate"], {"a": 1}], ids=["number", "none", "bytes", "map"]
)
def test_a_signature_that_cannot_be_read_is_not_said_to_be_of_another_key(
    authority: Authority, verifier: Verifier, version: int, chain: object
) -> None:
    """
    There is no key to hold it against.
    """
    unprotected = Tampering(edit_unprotected=lambda header: {**header, "x5chain": chain})
    protected = Tampering(edit_protected=lambda header: {**header, 33: chain})
    spec = azure_v1(authority) if version == 1 else azure_v2(authority)

    result = verifier.verify(
        sign_image(PNG, replace(spec, tampering=unprotected if version == 1 else protected))
    )

    assert (result.state, result.cause) == (ValidationState.INVALID, Cause.INCOMPLETE)
    assert "another key signed" not in said(result)


def test_a_time_stamp_that_does_not_fit_is_not_said_to(authority: Authority, verifier: Verifier) -> None:
    """
    Nor one that is not there.
    """
    signer = by_another_key(authority.signer)
    spec = replace(azure_v1(authority, credential=signer), time_stamper=None)

    finding = verifier.verify(sign_image(PNG, spec)).findings[0]

    assert str(finding.actual).endswith("; every hash matches")


# --- an edit on top ---------------------------------------------------------------------------------


def test_an_edit_on_top_is_said_with_what_lies_below(results: Mapping[Cause, VerificationResult]) -> None:
    """
    The person needs to hear "edited since", and what was there before.
    """
    text = said(results[Cause.EDIT_RECORDED])

    assert "invalid: edited since, by a record on top that the rules of C2PA do not allow" in text
    assert 'lies below trusted, signed by "Sample Authority" ("Sample Authority Signer"), made by' in text
    assert "'c2pa.edited' by 'Microsoft Paint'" in text
    assert "manifest.update.invalid" in text
    assert "as it was before the edit" in text


def test_an_edit_that_changed_the_picture_fails_the_hash_as_well(
    authority: Authority, verifier: Verifier
) -> None:
    """
    It is still said to be an edit, and fails an audit.
    """
    edited = edited_in_paint(Authority.create("Somebody Else"), azure_v1(authority))

    result = verifier.verify(changed_pixel(sign_image(PNG, edited)))

    assert (failed(result), result.cause) == (["integrity", "conformance"], Cause.EDIT_RECORDED)
    assert "by its own claim, which does not hold" in said(result)
    assert Gate().apply(Record.of(result, "x")).failing


def test_a_record_of_an_edit_that_is_not_signed_is_no_record(
    authority: Authority, verifier: Verifier
) -> None:
    """
    Then nobody says so.
    """
    edited = edited_in_paint(Authority.create("Somebody Else"), azure_v1(authority))

    result = verifier.verify(sign_image(PNG, replace(edited, tampering=Tampering(flip_signature=True))))

    assert result.cause is not Cause.EDIT_RECORDED
    assert failed(result)[0] == "integrity"


def test_an_edit_over_an_image_without_credentials_lies_over_nothing(
    authority: Authority, verifier: Verifier
) -> None:
    """
    There is nothing to inherit a hard binding from.
    """
    edited = edited_in_paint(authority, azure_v1(authority))
    bare = (IngredientSpec(manifest=None, relationship="parentOf"),)

    result = verifier.verify(sign_image(PNG, replace(edited, ingredients=bare)))

    assert (result.state, failed(result)[0]) == (ValidationState.INVALID, "integrity")


def test_words_of_an_edit_stay_words(authority: Authority, verifier: Verifier) -> None:
    """
    Whoever edits chooses them.
    """
    bad = "\x1b[2J\u202e\n  ACCEPTED"
    edited = edited_in_paint(Authority.create("Somebody Else"), azure_v1(authority))
    actions = ({"action": "c2pa.edited", "softwareAgent": bad}, *({"action": "x.y"} for _ in range(500)))

    result = verifier.verify(sign_image(PNG, replace(edited, actions=actions)))

    assert result.cause is Cause.EDIT_RECORDED
    assert len(str(result.findings[0].actual)) < 1000
    assert "\x1b" not in said(result)
    assert "\u202e" not in said(result)


# --- notes ------------------------------------------------------------------------------------------


def test_a_note_that_holds_for_several_manifests_stands_once(
    authority: Authority, verifier: Verifier
) -> None:
    """
    Designer over Azure OpenAI: both carry the watermark that the engine cannot read.
    """
    inner = azure_v2(authority)
    outer = azure_v2(authority, label="urn:c2pa:00000000-0000-4000-8000-00000000000f")
    twice = replace(outer, ingredients=(IngredientSpec(manifest=inner, image=PNG),))

    result = verifier.verify(sign_image(PNG, twice))

    assert [len(reading.tolerated) for reading in result.readings] == [1, 1]
    notes = [line for line in said(result).splitlines() if line.startswith("note")]
    assert len(notes) == 1
    assert '("soft binding assertion could not be decoded") in 2 manifests was tolerated' in notes[0]


def test_what_a_fixed_day_sets_aside_is_not_called_a_fault_of_the_engine(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    It judges by today's date, as it should.
    """
    spec = replace(azure_v1(authority), time_stamper=None)
    verifier = Verifier(trust=sample_trust, at=spec.signed_at, self_test=False)

    text = said(verifier.verify(sign_image(PNG, spec)))

    assert "signingCredential.expired" in text
    assert "the engine judges by today's date, and another one was asked for" in text
    assert "known fault" not in text


# --- real images -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("other-signer/openai-action-malformed-from-birth.jpg", Cause.RULE_BROKEN),
        ("other-signer/test-certificate.png", Cause.RULE_BROKEN),
        ("invalid/microsoft-signed-by-another-key.png", Cause.SIGNATURE_MISMATCH),
        ("invalid/microsoft-signed-bytes-changed-1.jpg", Cause.HASH_MISMATCH),
        ("invalid/data-hash-mismatch-1.jpg", Cause.HASH_MISMATCH),
        ("invalid/claim-hash-mismatch-in-ingredient.jpg", Cause.HASH_MISMATCH),
        ("invalid/claim-signature-mismatch.jpg", Cause.SIGNATURE_MISMATCH),
        ("invalid/corrupt-box-type.jpg", Cause.INCOMPLETE),
        ("invalid/expired-signer.jpg", Cause.INCOMPLETE),
        ("other-signer/google-1.jpg", Cause.SIGNER_UNKNOWN),
        ("other-signer/test-certificate-expired-no-timestamp.jpg", Cause.SIGNER_UNKNOWN),
    ],
)
def test_the_cause_of_real_images(corpus: Path, name: str, cause: Cause) -> None:
    """
    As they were found in public.
    """
    result = Verifier(self_test=False).verify(corpus / name)

    assert result.cause is cause
