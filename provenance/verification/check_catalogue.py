"""
The verifier's own checks, in the words that people read: what was looked at before a policy is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from provenance.manifest.manifest import Action, Reading, Signature
from provenance.manifest.status import ValidationState, ValidationStatus, is_about_rules, succeeded
from provenance.policy.requirement import Check, Outcome
from provenance.trust.microsoft import is_named_microsoft, known_as_of, knows_microsoft
from provenance.trust.profile import TrustProfile
from provenance.validation.hard_binding.coverage import Coverage
from provenance.verification.cause import (
    Cause,
    cause_of_all,
    integrity_failures,
    integrity_holds,
    parent_of,
    recorded_edits,
)
from provenance.verification.verdict import AssetFacts

_NO_STORE = Check(
    "manifest_store",
    Outcome.FAIL,
    ("a manifest store",),
    None,
    "the image carries no Content Credentials; that says nothing about how it was made",
)
_MAX_EDITS = 8
_SIGNER_MESSAGES = {
    Cause.SIGNER_EXPIRED: "the signer is known, but its certificate had expired, or was not valid yet, and "
    "no trusted time-stamp shows when it signed",
    Cause.SIGNER_OUTSIDE_VALIDITY: "the signer is known, but its certificate was not valid at the time that "
    "the time-stamp shows",
    Cause.SIGNER_PURPOSE: "the signer is known, but its certificate is for another purpose",
    Cause.SIGNER_PATH: "the signer leads to a trust anchor by a chain that is not accepted",
    Cause.SIGNER_UNKNOWN: "nobody who is trusted vouches for the signer",
    Cause.VALIDATORS_DISAGREE: "the two validators disagree on the signer",
}


def absent_check(provenance: str | None) -> Check:
    """
    Return the only check of an image without a manifest store.

    Args:
        provenance: What its XMP packet gives as the place of a manifest, or None.
    """
    if provenance is None:
        return _NO_STORE
    where = f"; its XMP names {provenance!r} as their place, which was not followed"
    return _NO_STORE._replace(message=_NO_STORE.message + where)


def verifier_checks(
    state: ValidationState,
    readings: tuple[Reading, ...],
    store_failures: tuple[ValidationStatus, ...],
    facts: AssetFacts,
    coverage: Coverage,
) -> Iterator[Check]:
    """
    Yield what is looked at before any policy is asked.

    Args:
        state: What the asset's credentials prove.

        readings: The active manifest, then what is reached from it; empty if none can be read.

        store_failures: What is wrong with the manifest store as a whole.

        facts: What the container says.

        coverage: What the hard binding leaves open.
    """
    yield Check("manifest_store", Outcome.PASS, ("a manifest store",), "present", "there is a manifest store")
    cause = cause_of_all(state, readings, store_failures)
    active = readings[0] if readings else None
    holds = active is not None and not store_failures and integrity_holds(active)
    yield _integrity_check(cause, active, store_failures, holds=holds)
    yield _conformance_check(readings, holds=holds)
    yield _signer_check(state, cause, active, holds=holds)
    yield _trailing_check(facts.trailing_bytes, is_bound=coverage.beyond_end)
    yield _unbound_check(state, coverage.unbound_bytes)


def authority_checks(active: Reading | None, trust: TrustProfile) -> Iterator[Check]:
    """
    Yield a failed check if a signer calls itself Microsoft and leads to no pinned authority.

    Nothing is yielded for any other signer, nor where the trust profile pins none of Microsoft's
    authorities. The name proves nothing, but a genuine change of authority must be noticed on the first
    image, and told from a signer nobody knows.
    """
    signature = active.signature if active is not None else Signature()
    if signature.anchor is not None or not knows_microsoft(trust) or not is_named_microsoft(signature.chain):
        return
    expected = ("a pinned authority above a signer that calls itself Microsoft",)
    day = known_as_of(trust) or "a day that the trust profile does not say"
    actual = (
        f"not below any Microsoft authority that this version knows (of {day}): "
        "a forgery, or newer than this profile; update"
    )
    message = f"the signer calls itself Microsoft, and is {actual}"
    yield Check("known_authority", Outcome.FAIL, expected, actual, message)


def _integrity_check(
    cause: Cause | None,
    active: Reading | None,
    store_failures: tuple[ValidationStatus, ...],
    *,
    holds: bool,
) -> Check:
    expected = ("every hash and the claim signature hold",)
    if holds:
        return Check(
            "integrity", Outcome.PASS, expected, "they hold", "every hash and the claim signature hold"
        )
    failures = [*store_failures, *(integrity_failures(active.failures) if active else ())]
    actual = _describe_failures(failures) or "claim signature or hard binding is missing"
    if cause in {Cause.HASH_MISMATCH, Cause.EDIT_RECORDED}:
        message = f"the image or its credentials were changed after signing: {actual}"
    elif cause is Cause.SIGNATURE_MISMATCH:
        actual += "; every hash matches"
        if active is not None and succeeded(active.statuses, "timeStamp.validated"):
            actual += ", and so does the imprint of a time-stamp"
        message = (
            "the claim signature does not verify with the key of the certificate it carries; another key "
            f"signed, or the claim or its signature was changed since: {actual}"
        )
    else:
        message = f"the credentials are incomplete, or cannot be checked: {actual}"
    return Check("integrity", Outcome.FAIL, expected, actual, message)


def _conformance_check(readings: tuple[Reading, ...], *, holds: bool) -> Check:
    expected = ("what was signed keeps the rules of C2PA",)
    broken = [s for s in (readings[0].failures if readings else ()) if is_about_rules(s.code)]
    if not broken and not holds:
        message = "not asked, because hashes and signature do not hold"
        return Check("conformance", Outcome.SKIPPED, expected, None, message)
    if not broken:
        return Check(
            "conformance", Outcome.PASS, expected, "it does", "what was signed keeps the rules of C2PA"
        )
    actual = _describe_failures(broken)
    edits = recorded_edits(readings[0])
    if edits:
        actual = f"{actual}; {_edited(edits, readings)}"
        message = (
            f"an edit was recorded on top of these credentials, as the rules of C2PA do not allow: {actual}"
        )
    else:
        message = f"what was signed breaks a rule of C2PA: {actual}"
    return Check("conformance", Outcome.FAIL, expected, actual, message)


def _edited(edits: tuple[Action, ...], readings: tuple[Reading, ...]) -> str:
    listed = ", ".join(
        f"{edit.action!r} by {edit.software_agent or 'nobody named'!r}" for edit in edits[:_MAX_EDITS]
    )
    parent = parent_of(readings[0].manifest)
    below = next((reading for reading in readings if reading.manifest.label == parent), None)
    if below is None:
        return f"edits: {listed}; what lies below cannot be read"
    leaf = below.signature.chain[0] if below.signature.chain else None
    signer = (leaf.organization or leaf.common_name or leaf.subject) if leaf else "nobody that can be read"
    created = below.manifest.created
    maker = f", made by {created.software_agent!r} by its own claim" if created else ""
    return f"edits: {listed}; below lies a manifest that is {below.state.value}, signed by {signer!r}{maker}"


def _signer_check(
    state: ValidationState, cause: Cause | None, active: Reading | None, *, holds: bool
) -> Check:
    expected = ("a signer below a pinned anchor, with its key purpose, valid when it signed",)
    if active is None or state is ValidationState.INVALID:
        what = "what was signed breaks rules of C2PA" if holds else "what was signed does not hold"
        message = f"not asked, because {what}"
        return Check("signing_credential", Outcome.SKIPPED, expected, None, message)
    anchor = active.signature.anchor
    if state is ValidationState.TRUSTED and anchor is not None:
        return Check(
            "signing_credential", Outcome.PASS, expected, anchor.name, f"signer is below {anchor.name}"
        )
    reasons = dict.fromkeys(f"{s.explanation} ({s.code}, {s.source})" for s in active.failures)
    actual = "; ".join(reasons) or "engine and validator disagree on whether the signer is trusted"
    message = _SIGNER_MESSAGES[cause or Cause.VALIDATORS_DISAGREE]
    return Check("signing_credential", Outcome.FAIL, expected, actual, f"{message}: {actual}")


def _describe_failures(failures: list[ValidationStatus]) -> str:
    return "; ".join(dict.fromkeys(f"{status.code} ({status.explanation})" for status in failures))


def _trailing_check(trailing_bytes: int | None, *, is_bound: bool) -> Check:
    expected = ("no byte after the container's end, or all of them bound by a hash",)
    if not trailing_bytes:
        actual = "not measured for this kind of file" if trailing_bytes is None else "none"
        return Check("trailing_bytes", Outcome.PASS, expected, actual, "nothing follows the image")
    follow = f"{trailing_bytes:,} bytes follow the end of the image"
    if is_bound:
        message = f"{follow}; a hash over the whole file covers them"
        return Check("trailing_bytes", Outcome.PASS, expected, str(trailing_bytes), message)
    message = f"{follow}; no signature covers them"
    return Check("trailing_bytes", Outcome.FAIL, expected, str(trailing_bytes), message)


def _unbound_check(state: ValidationState, unbound_bytes: int | None) -> Check:
    expected = ("every byte of the container bound by a hash",)
    if state is ValidationState.INVALID:
        message = "not asked, because what was signed does not hold"
        return Check("unbound_bytes", Outcome.SKIPPED, expected, None, message)
    if unbound_bytes == 0:
        return Check("unbound_bytes", Outcome.PASS, expected, "none", "every byte is bound")
    if unbound_bytes is None:
        message = "which bytes the hard binding leaves open cannot be told for this kind of file"
        return Check("unbound_bytes", Outcome.FAIL, expected, None, message)
    message = f"{unbound_bytes:,} bytes of the image are bound by no hash; no signature covers them"
    return Check("unbound_bytes", Outcome.FAIL, expected, str(unbound_bytes), message)
