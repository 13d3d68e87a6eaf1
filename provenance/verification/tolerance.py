"""
What is set aside of a manifest's statuses before they make a state, by dated rules, and nothing else.

Each rule names one known fault of the engine so narrowly that it fits that fault alone. What a recorder
thought of an ingredient's signer is kept, as information: our own validator has judged that signer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from provenance.manifest.manifest import Manifest, Signature
from provenance.manifest.status import StatusKind, StatusSource, ValidationStatus, succeeded
from provenance.trust.certificate import Certificate
from provenance.trust.profile import ANY_PURPOSE, TIME_STAMPING
from provenance.validation.claim_signature import SignatureResult

_SOFT_BINDING = "soft binding assertion could not be decoded"
_UNTRUSTED_STAMP = "timestamp cert untrusted: "
_VIEWS_OF_SIGNER = frozenset(
    {
        "signingCredential.untrusted",
        "signingCredential.invalid",
        "signingCredential.expired",
        "claimSignature.outsideValidity",
    }
)
_VIEWS_OF_TIME = ("timeStamp.", "timestamp.")


class SeparatedStatuses(NamedTuple):
    """
    The statuses about one manifest, in two groups.

    Attributes:
        kept: Those that count, each once.

        tolerated: Failures that are a known fault of the engine.
    """

    kept: tuple[ValidationStatus, ...]
    tolerated: tuple[ValidationStatus, ...]


def separate_tolerated(
    manifest: Manifest,
    recorded: tuple[ValidationStatus, ...],
    result: SignatureResult | None,
    *,
    fixed_time: bool,
) -> SeparatedStatuses:
    """
    Separate the statuses about one manifest into those that count and those that are set aside.

    Args:
        manifest: The manifest, with what the engine found.

        recorded: What was recorded about it when it was made an ingredient.

        result: What our validator found; None if it could not read the manifest.

        fixed_time: Whether the caller fixed the time, which the engine cannot be told.
    """
    ours = result or SignatureResult(Signature(), ())
    theirs = (*manifest.statuses, *recorded)
    tolerated = tuple(
        status
        for status in theirs
        if status.kind is StatusKind.FAILURE
        and (
            _is_soft_binding(status, manifest, theirs)
            or _is_about_time_stamp(status, manifest, theirs, ours)
            or (fixed_time and _is_by_clock(status, theirs, ours))
        )
    )
    kept = (_demoted(status) for status in (*theirs, *ours.statuses) if status not in tolerated)
    return SeparatedStatuses(tuple(dict.fromkeys(kept)), tuple(dict.fromkeys(tolerated)))


def _demoted(status: ValidationStatus) -> ValidationStatus:
    # Revocation and identities, which nothing here judges, are not among them.
    of_signer = status.code in _VIEWS_OF_SIGNER or status.code.startswith(_VIEWS_OF_TIME)
    if status.source is StatusSource.RECORDED and status.kind is StatusKind.FAILURE and of_signer:
        return status._replace(kind=StatusKind.INFORMATIONAL)
    return status


def _is_soft_binding(
    status: ValidationStatus, manifest: Manifest, theirs: tuple[ValidationStatus, ...]
) -> bool:
    # 2026-06: Microsoft writes the region unit "percentage", which c2pa-rs since 0.91 does not know. It is
    # the same fault where a recorder's engine had it: ours leaves out then what was recorded already.
    uri = f"self#jumbf=/c2pa/{manifest.label}/c2pa.assertions/c2pa.soft-binding"
    return (
        status.code == "claim.malformed"
        and status.url == uri
        and status.explanation == _SOFT_BINDING
        and succeeded(theirs, "assertion.hashedURI.match", uri)
    )


def _is_by_clock(
    status: ValidationStatus, theirs: tuple[ValidationStatus, ...], ours: SignatureResult
) -> bool:
    # The engine judges validity by its own clock only; a caller who fixed the time is answered by our
    # validator, which has judged purpose, path and validity at that time.
    by_clock = status.code in ("signingCredential.expired", "signingCredential.untrusted")
    expired = any(
        other.code == "signingCredential.expired" and other.kind is StatusKind.FAILURE for other in theirs
    )
    return by_clock and expired and succeeded(ours.statuses, "signingCredential.trusted")


def _is_about_time_stamp(
    status: ValidationStatus, manifest: Manifest, theirs: tuple[ValidationStatus, ...], ours: SignatureResult
) -> bool:
    """
    Return whether the engine blames the claim's signer for the certificate of its time-stamp's.

    2026-11: c2pa-rs 0.91 logs both in the same words, under the same URI. It is about the time-stamp where
    our validator trusts the signer, one of the time-stamps that count for nothing has a signer with the
    very fault that is named, and there are no more faults than time-stamps the engine did not trust: it
    logs one of those for each, and a fault of the claim's signer comes on top.
    """
    uri = f"self#jumbf=/c2pa/{manifest.label}/c2pa.signature"
    if (status.source, status.code, status.url) != (StatusSource.ENGINE, "signingCredential.invalid", uri):
        return False
    named = _FAULTS.get(status.explanation)
    faulty = named is not None and any(map(named, ours.failed_time_stampers))
    blamed = sum((s.source, s.code, s.url) == (status.source, status.code, uri) for s in theirs)
    distrusted = sum(
        s.code == "timeStamp.untrusted" and s.url == uri and s.explanation.startswith(_UNTRUSTED_STAMP)
        for s in theirs
    )
    return faulty and blamed <= distrusted and succeeded(ours.statuses, "signingCredential.trusted")


def _purposes(certificate: Certificate) -> frozenset[str]:
    return certificate.key_purposes or frozenset()


_FAULTS: dict[str, Callable[[Certificate], bool]] = {
    "certificate params incorrect": lambda c: (
        not c.identifies_issuer or c.key_purposes is None or not c.signs_data or bool(c.not_understood)
    ),
    "certificate missing required EKU": lambda c: bool(_purposes(c)) and TIME_STAMPING not in _purposes(c),
    "certificate invalid set of EKUs": lambda c: TIME_STAMPING in _purposes(c) and len(_purposes(c)) > 1,
    "certificate 'any' EKU not allowed": lambda c: ANY_PURPOSE in _purposes(c),
    "expected end-entity certificate": lambda c: c.is_ca,
    "certificate issuer and subject cannot be the same (self-signed disallowed)": lambda c: (
        c.is_ca and c.subject_name == c.issuer_name
    ),
}
"""
What the engine says of a certificate that may not sign time-stamps, and when that is so.
"""
