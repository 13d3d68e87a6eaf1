"""
The verifier's own checks, in the words that people read: what was looked at before a policy is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from provenance.coverage import Coverage
from provenance.demand import Check, Outcome
from provenance.manifest import Reading
from provenance.status import ValidationState, ValidationStatus, is_about_signer
from provenance.verdict import AssetFacts

_NO_STORE = Check(
    "manifest_store",
    Outcome.FAIL,
    ("a manifest store",),
    None,
    "the image carries no Content Credentials; that says nothing about how it was made",
)


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
    failures = (*store_failures, *(readings[0].failures if readings else ()))
    yield _integrity_check(state, [s for s in failures if not is_about_signer(s.code)])
    yield _signer_check(state, readings[0] if readings else None)
    yield _trailing_check(facts.trailing_bytes, is_bound=coverage.beyond_end)
    yield _unbound_check(state, coverage.unbound_bytes)


def _integrity_check(state: ValidationState, failures: list[ValidationStatus]) -> Check:
    expected = ("every hash, the claim signature and the structure hold",)
    if state is not ValidationState.INVALID:
        return Check(
            "integrity", Outcome.PASS, expected, "they hold", "these bytes are the ones that were signed"
        )
    reasons = "; ".join(f"{status.code} ({status.explanation})" for status in failures)
    actual = reasons or "claim signature or hard binding is missing"
    message = f"the image or its credentials were changed, or are damaged: {actual}"
    return Check("integrity", Outcome.FAIL, expected, actual, message)


def _signer_check(state: ValidationState, active: Reading | None) -> Check:
    expected = ("a signer below a pinned anchor, with its key purpose, valid when it signed",)
    if active is None or state is ValidationState.INVALID:
        message = "not asked, because what was signed does not hold"
        return Check("signing_credential", Outcome.SKIPPED, expected, None, message)
    anchor = active.signature.anchor
    if state is ValidationState.TRUSTED and anchor is not None:
        return Check(
            "signing_credential", Outcome.PASS, expected, anchor.name, f"signer is below {anchor.name}"
        )
    reasons = [f"{s.explanation} ({s.code}, {s.source})" for s in active.failures]
    actual = "; ".join(reasons) or "engine and validator disagree on whether the signer is trusted"
    return Check("signing_credential", Outcome.FAIL, expected, actual, f"the signer is not trusted: {actual}")


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
