"""
The specification's vocabulary for what validation found.

A status code says what happened; the array it stood in (success, informational, failure) says how
much it matters. New codes appear with every release of the specification, so kinds are never
derived from codes here; only the family of a failure is: signer, rules, or (all others) integrity.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ValidationState(StrEnum):
    """
    What the credentials of an asset, or one of its manifests, prove.
    """

    ABSENT = "absent"
    INVALID = "invalid"
    VALID = "valid"
    TRUSTED = "trusted"


class StatusKind(StrEnum):
    """
    The array of the validation results in which a status stands.
    """

    SUCCESS = "success"
    INFORMATIONAL = "informational"
    FAILURE = "failure"


class StatusSource(StrEnum):
    """
    Who says so: the engine now, our own validator now, or whoever added the ingredient, then.
    """

    ENGINE = "engine"
    VALIDATOR = "validator"
    RECORDED = "recorded"


class ValidationStatus(NamedTuple):
    """
    One thing validation found about one manifest.

    Attributes:
        code: Validation status code, such as "assertion.dataHash.match".

        url: JUMBF URI of what it is about; empty when it is about the whole store.

        explanation: The validator's own words. May quote the asset: hostile text.

        kind: Whether it is a success, information or a failure.

        source: Who says so.
    """

    code: str
    url: str
    explanation: str
    kind: StatusKind
    source: StatusSource = StatusSource.ENGINE


_SIGNER_FAMILIES = (
    "signingCredential.",
    "timeStamp.",
    "timestamp.",
    "claimSignature.outsideValidity",
    "cawg.",
)


def is_about_signer(code: str) -> bool:
    """
    Return whether a failure concerns only who signed and when, not which bytes were signed.

    Returns:
        True for signer, key purpose, validity, revocation, time-stamp and identity failures: they
        make a manifest `valid` at most. False for anything else, unknown codes included: those make
        it `invalid`.

    Source:
        C2PA 2.4, "Validation states" (well-formed, valid, trusted) and "Validation status codes".
    """
    return code.startswith(_SIGNER_FAMILIES)


_RULE_FAMILIES = (
    "assertion.action.",
    "assertion.alternativeContentRepresentation.",
    "assertion.cbor.invalid",
    "assertion.cloud-data.",
    "assertion.ingredient.malformed",
    "assertion.json.invalid",
    "assertion.metadata.",
    "assertion.required.missing",
    "assertion.selfRedacted",
    "assertion.timestamp.malformed",
    "claim.malformed",
    "claim.required.missing",
    "ingredient.malformed",
    "manifest.multipleParents",
    "manifest.timestamp.",
    "manifest.update.",
)


def is_about_rules(code: str) -> bool:
    """
    Return whether a failure concerns only how a claim or an assertion is written, which its signature covers.

    Such a rule was broken when the manifest was signed, if its hashes and its claim signature hold: whoever
    has not the key cannot bring it about afterwards.

    Returns:
        True for what claims and assertions say, and for what may stand in which kind of manifest. False for
        hashes and signatures; for what is missing, cannot be read, stands there twice or is covered by no
        hash, since that can be brought about afterwards; and for unknown codes.

    Source:
        C2PA 2.4, "Validation status codes".
    """
    return code.startswith(_RULE_FAMILIES)


def manifest_label(url: str) -> str | None:
    """
    Read the manifest's label out of an absolute JUMBF URI.

    Returns:
        The label, as in "self#jumbf=/c2pa/LABEL/c2pa.signature" (or without the leading slash), or
        the whole text when it is a bare label; None when the URI is relative or empty.
    """
    if not url:
        return None
    _, marker, path = url.partition("jumbf=")
    if not marker:
        return url
    parts = path.removeprefix("/").split("/")
    return parts[1] if parts[0] == "c2pa" and len(parts) > 1 else None


def is_hard_binding(status: ValidationStatus) -> bool:
    """
    Return whether a status says that a hard binding matches, such as `assertion.dataHash.match`.
    """
    return (
        status.kind is StatusKind.SUCCESS
        and status.code.startswith("assertion.")
        and status.code.endswith("Hash.match")
    )


def succeeded(
    statuses: tuple[ValidationStatus, ...] | list[ValidationStatus], code: str, url: str = ""
) -> bool:
    """
    Return whether a success of this code, about *url* if one is given, is among the statuses.
    """
    return any(
        status.code == code and status.kind is StatusKind.SUCCESS and url in ("", status.url)
        for status in statuses
    )
