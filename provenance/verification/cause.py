"""
Why a manifest is not trusted, as one word for programs; the surfaces say it in sentences.

The state says how much is proved. People need to know more: bytes changed since, another key than the
certificate's, a rule that the signer broke, an edit recorded on top, and an expired certificate all call for
something else to be done.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from provenance.manifest.manifest import Action, Manifest, Reading
from provenance.manifest.status import (
    StatusSource,
    ValidationState,
    ValidationStatus,
    is_about_rules,
    is_about_signer,
    is_hard_binding,
    succeeded,
)

_SIGNATURE_MISMATCH = "claimSignature.mismatch"
# The engine calls it a mismatch, too, where it does not know the hash algorithm of a hard binding.
_NOT_COMPARED = "type is unsupported"
_NO_EDITS = {"c2pa.created", "c2pa.edited.metadata", "c2pa.opened", "c2pa.published", "c2pa.redacted"}


class Cause(StrEnum):
    """
    Why a manifest is `invalid` or no more than `valid`.

    The first five belong to `invalid`, the others to `valid`.

    Attributes:
        HASH_MISMATCH: A hash does not match: bytes were changed after signing.

        SIGNATURE_MISMATCH: The claim signature does not verify with the key of the certificate it carries;
            every hash matches. Another key signed, or the claim or its signature was changed since.

        INCOMPLETE: Something that hashes and signature need is missing, ambiguous or cannot be read, or
            something is covered by none of them.

        RULE_BROKEN: Hashes and signature hold, and what was signed breaks a rule of C2PA.

        EDIT_RECORDED: What was signed is the record of an edit of another manifest's image, in an update
            manifest, which must hold none; the picture may match the hash of what lies below, or not.

        SIGNER_UNKNOWN: The signer's chain leads to no trust anchor.

        SIGNER_EXPIRED: The signer is known, its certificate is outside its validity, and no trusted
            time-stamp says when it signed.

        SIGNER_OUTSIDE_VALIDITY: The signer is known, and a trusted time-stamp says that it signed outside
            its certificate's validity.

        SIGNER_PURPOSE: The signer is known, and its certificate is for another purpose.

        SIGNER_PATH: The signer leads to a trust anchor by a chain that is not accepted.

        VALIDATORS_DISAGREE: Only one of engine and validator trusts the signer.
    """

    HASH_MISMATCH = "hash_mismatch"
    SIGNATURE_MISMATCH = "signature_mismatch"
    INCOMPLETE = "incomplete"
    RULE_BROKEN = "rule_broken"
    EDIT_RECORDED = "edit_recorded"
    SIGNER_UNKNOWN = "signer_unknown"
    SIGNER_EXPIRED = "signer_expired"
    SIGNER_OUTSIDE_VALIDITY = "signer_outside_validity"
    SIGNER_PURPOSE = "signer_purpose"
    SIGNER_PATH = "signer_path"
    VALIDATORS_DISAGREE = "validators_disagree"


def cause_of(reading: Reading) -> Cause | None:
    """
    Return why a manifest is not trusted; None if it is.
    """
    if reading.state is ValidationState.TRUSTED:
        return None
    if reading.state is ValidationState.VALID:
        return _signer_cause(reading)
    failures = integrity_failures(reading.failures)
    signed = succeeded(by_engine(reading.statuses, is_active=reading.is_active), "claimSignature.validated")
    if signed and recorded_edits(reading) and all(_is_binding_mismatch(status) for status in failures):
        return Cause.EDIT_RECORDED
    if integrity_holds(reading):
        return Cause.RULE_BROKEN
    mismatches = {
        status.code
        for status in failures
        if status.code.lower().endswith("mismatch") and not status.explanation.endswith(_NOT_COMPARED)
    }
    if mismatches - {_SIGNATURE_MISMATCH}:
        return Cause.HASH_MISMATCH
    bound = not reading.is_active or any(map(is_hard_binding, reading.statuses))
    alone = {status.code for status in failures} == {_SIGNATURE_MISMATCH}
    # Our validator says the same of a signature that it cannot read.
    read = bool(reading.signature.chain) and not signed
    return Cause.SIGNATURE_MISMATCH if bound and alone and read else Cause.INCOMPLETE


def cause_of_all(
    state: ValidationState, readings: tuple[Reading, ...], store_failures: tuple[ValidationStatus, ...]
) -> Cause | None:
    """
    Return why an asset is not trusted; None if it is, and if it carries no manifest store.

    Args:
        state: What the asset's credentials prove.

        readings: The active manifest first; empty if none can be read.

        store_failures: What is wrong with the manifest store as a whole.
    """
    if state is ValidationState.ABSENT:
        return None
    return Cause.INCOMPLETE if store_failures or not readings else cause_of(readings[0])


def integrity_failures(failures: Iterable[ValidationStatus]) -> list[ValidationStatus]:
    """
    Keep the failures that concern neither the signer nor the rules only, unknown ones included.
    """
    return [s for s in failures if not is_about_signer(s.code) and not is_about_rules(s.code)]


def integrity_holds(reading: Reading) -> bool:
    """
    Return whether claim signature and hashes hold, and nothing that they need is missing.
    """
    whole = is_signed_and_bound(reading.statuses, is_active=reading.is_active)
    return whole and not integrity_failures(reading.failures)


def by_engine(statuses: Iterable[ValidationStatus], *, is_active: bool) -> list[ValidationStatus]:
    """
    Keep what the engine found about a manifest.

    It leaves out what was recorded about an ingredient and still holds, so that counts as its own there.
    """
    sources = {StatusSource.ENGINE} if is_active else {StatusSource.ENGINE, StatusSource.RECORDED}
    return [status for status in statuses if status.source in sources]


def is_signed_and_bound(statuses: Iterable[ValidationStatus], *, is_active: bool) -> bool:
    """
    Return whether the engine validated the claim signature and, of the active manifest, a hard binding.
    """
    theirs = by_engine(statuses, is_active=is_active)
    bound = not is_active or any(map(is_hard_binding, theirs))
    return bound and succeeded(theirs, "claimSignature.validated")


def recorded_edits(reading: Reading) -> tuple[Action, ...]:
    """
    Return the edits that an update manifest records although it must not; empty for any other manifest.

    That they were made is its signer's word.
    """
    is_update = any(status.code == "manifest.update.invalid" for status in reading.failures)
    if not is_update or parent_of(reading.manifest) is None:
        return ()
    return tuple(action for action in reading.manifest.actions if action.action not in _NO_EDITS)


def parent_of(manifest: Manifest) -> str | None:
    """
    Return the label of the manifest whose image this one's was made from; None unless there is exactly one.
    """
    parents = [one.manifest for one in manifest.ingredients if one.relationship == "parentOf"]
    return parents[0] if len(parents) == 1 else None


def _is_binding_mismatch(status: ValidationStatus) -> bool:
    return status.code.startswith("assertion.") and status.code.endswith("Hash.mismatch")


def _signer_cause(reading: Reading) -> Cause:
    signature = reading.signature
    if signature.anchor is None:
        return Cause.SIGNER_UNKNOWN
    ours = {s.code: s.explanation for s in reading.failures if s.source is StatusSource.VALIDATOR}
    fault = ours.get("signingCredential.invalid")
    if fault is not None:
        alone = fault.startswith("key purposes ") and ";" not in fault
        return Cause.SIGNER_PURPOSE if alone else Cause.SIGNER_PATH
    if "signingCredential.expired" not in ours:
        return Cause.VALIDATORS_DISAGREE
    return Cause.SIGNER_EXPIRED if signature.signed_at is None else Cause.SIGNER_OUTSIDE_VALIDITY
