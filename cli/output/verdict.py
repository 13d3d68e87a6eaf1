"""
A verdict in words: what the credentials prove, whether it is enough, who says so, and what to do next.

The words matter more than the layout: a signature shows who signed which bytes, and what an image without
trusted credentials says of itself is given as a claim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from provenance.cli.output.terminal import Row, quoted
from provenance.manifest.manifest import Action, Reading, Signature
from provenance.manifest.status import ValidationState, ValidationStatus, is_about_signer
from provenance.policy.requirement import Check, Outcome
from provenance.verification.cause import Cause, cause_of, parent_of
from provenance.verification.verdict import VerificationResult

_AGAIN = "Get the image again from where it was made"
_FIRST_SAVED = "Ask for the file as it was first saved"


class _Words(NamedTuple):
    state: str
    advice: str


_CAUSES = {
    Cause.HASH_MISMATCH: _Words(
        "invalid: changed after signing",
        f"{_AGAIN}: a copy that was edited, resized or saved anew cannot pass.",
    ),
    Cause.SIGNATURE_MISMATCH: _Words(
        "invalid: the claim signature does not verify with the key of its certificate",
        "Every hash matches, so another key signed, or the claim or its signature was changed since. Do not "
        "rely on what it says; if the file came straight from where it was made, tell those who made it.",
    ),
    Cause.INCOMPLETE: _Words(
        "invalid: the credentials are incomplete, or cannot be checked",
        f"Do not rely on what they say. {_FIRST_SAVED}; if it is the same, tell those who made it.",
    ),
    Cause.RULE_BROKEN: _Words(
        "invalid: signed like this, against a rule of C2PA; hashes and signature hold",
        "Another copy will not differ: tell those who made it which rule the check 'conformance' names.",
    ),
    Cause.EDIT_RECORDED: _Words(
        "invalid: edited since, by a record on top that the rules of C2PA do not allow",
        "Ask for the image as it was before the edit. 'provenance inspect' shows what lies below.",
    ),
    Cause.SIGNER_UNKNOWN: _Words(
        "valid, but nobody who is trusted vouches for the signer",
        "'provenance inspect' shows the chain. To trust another signer, see 'provenance trust add --help'.",
    ),
    Cause.SIGNER_EXPIRED: _Words(
        "valid, but the signer's certificate had expired, or was not valid yet",
        "The signer is known, but no trusted time-stamp shows when it signed. Ask where the image was made "
        "for one with a time-stamp; '--at' and '--tsa-anchors' settle which day and which authorities count.",
    ),
    Cause.SIGNER_OUTSIDE_VALIDITY: _Words(
        "valid, but signed outside the time for which the certificate holds",
        "The signer is known, but its certificate did not hold at the time that the time-stamp shows. Ask "
        "where the image was made for one that was signed while it held.",
    ),
    Cause.SIGNER_PURPOSE: _Words(
        "valid, but signed with a certificate for another purpose",
        "The signer is known, but its certificate is not meant for signing such images. A trust profile "
        "settles which key purposes to accept.",
    ),
    Cause.SIGNER_PATH: _Words(
        "valid, but the certificate chain is not accepted",
        "The chain ends at a known trust anchor, but not every certificate in it may be used in this way: "
        "the check 'signing_credential' says why.",
    ),
    Cause.VALIDATORS_DISAGREE: _Words(
        "valid, but the two validators disagree on the signer",
        "'provenance inspect' shows what each of them found.",
    ),
}
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_MAX_FOUND = 600


def verdict(name: str, result: VerificationResult) -> Iterator[Row]:
    """
    Say in about ten lines what became of one image.

    Args:
        name: The path as it was given.

        result: The verdict.
    """
    yield Row(name, depth=0, bold=True)
    word, colour = ("ACCEPTED", "green") if result.accepted else ("REJECTED", "red")
    yield Row(f"{word} under {result.policy.name}", colour=colour, bold=True)
    yield Row(state_in_words(result), "state")
    if result.active is not None:
        yield from _signer(result, result.active.signature)
        yield from _lies_below(result)
        yield from _creation(result)
    for finding in result.findings:
        yield Row(_failure(finding), "failed")
    yield from _advice(result)
    yield from _notes(result)


def summary(codes: Mapping[int, int]) -> Row:
    """
    Count entries by their exit codes.
    """
    counts = [
        f"{codes.get(code, 0):,} {words}"
        for code, words in ((0, "accepted"), (1, "rejected"), (3, "could not be judged"))
        if codes.get(code) or code == 0
    ]
    return Row(f"{sum(codes.values()):,} files: {', '.join(counts)}", depth=0, bold=True)


def _reservation(result: VerificationResult) -> str:
    failed = {check.id for check in result.findings}
    if "trailing_bytes" in failed:
        return f", but what follows the image is not: {result.facts.trailing_bytes:,} bytes"
    if "unbound_bytes" in failed:
        unbound = result.facts.unbound_bytes
        return (
            ", but which bytes cannot be told"
            if unbound is None
            else f", but not all of it: {unbound:,} bytes"
        )
    if not result.accepted:
        return ", but not what the policy demands"
    return ": these are the bytes that a trusted signer signed"


def state_in_words(result: VerificationResult) -> str:
    """
    Say what the credentials prove.
    """
    if result.state is ValidationState.ABSENT:
        return "absent: no Content Credentials"
    return f"trusted{_reservation(result)}" if result.cause is None else _CAUSES[result.cause].state


def reading_in_words(reading: Reading) -> str:
    """
    Say what one manifest proves.
    """
    cause = cause_of(reading)
    return reading.state.value if cause is None else _CAUSES[cause].state


def signer_name(signature: Signature) -> str:
    """
    Name who signed, as the signing certificate names itself.
    """
    if not signature.chain:
        return "nobody that can be read"
    leaf = signature.chain[0]
    if leaf.organization is None or leaf.organization == leaf.common_name:
        return quoted(leaf.common_name or leaf.subject)
    return f"{quoted(leaf.organization)} ({quoted(leaf.common_name)})"


def signature_holds(result: VerificationResult) -> bool:
    """
    Tell whether the claim signature and all hashes hold, whoever signed.
    """
    return any(check.id == "integrity" and check.outcome is Outcome.PASS for check in result.checks)


def source_type(action: Action) -> str | None:
    """
    Shorten a digital source type of IPTC's vocabulary to its name there.
    """
    return action.digital_source_type and action.digital_source_type.removeprefix(_SOURCE_TYPES)


def _signer(result: VerificationResult, signature: Signature) -> Iterator[Row]:
    name = signer_name(signature)
    if not signature_holds(result):
        yield Row(f"{name} by its own claim, which does not hold", "signed by")
        return
    if signature.anchor is None:
        yield Row(f"{name} by its own claim; no anchor of yours vouches for it", "signed by")
    else:
        yield Row(f"{name}, below {signature.anchor.name}", "signed by")
    yield Row(_time(signature) or "unknown: no time-stamp of a trusted authority", "signed at")


def _lies_below(result: VerificationResult) -> Iterator[Row]:
    if result.active is None or result.cause is not Cause.EDIT_RECORDED:
        return
    parent = parent_of(result.active.manifest)
    below = next((reading for reading in result.readings if reading.manifest.label == parent), None)
    if below is None:
        yield Row("a manifest that cannot be read", "lies below")
        return
    created = below.manifest.created
    claim = "" if below.state is ValidationState.TRUSTED else " by its own claim"
    maker = f", made by {quoted(created.software_agent)}{claim}" if created is not None else ""
    yield Row(f"{reading_in_words(below)}, signed by {signer_name(below.signature)}{maker}", "lies below")


def _time(signature: Signature) -> str | None:
    if signature.signed_at is None or signature.time_stamp_anchor is None:
        return None
    return f"{signature.signed_at:%Y-%m-%d %H:%M:%S} UTC, time-stamp below {signature.time_stamp_anchor.name}"


def _creation(result: VerificationResult) -> Iterator[Row]:
    origin = result.origin
    reading = origin.reading if origin is not None else result.readings[0]
    action = reading.manifest.created
    if action is None:
        yield Row("not said: there is no single c2pa.created action", "made by")
        return
    yield Row(_maker(result, reading, action), "made by")
    if origin is not None:
        text = "no description" if action.description is None else quoted(action.description)
        wording = "as documented" if origin.documented else "as seen in genuine images, not as documented"
        yield Row(f"{text}, {wording}", "described as")


def _maker(result: VerificationResult, reading: Reading, action: Action) -> str:
    agent = "no software agent" if action.software_agent is None else quoted(action.software_agent)
    if result.state is ValidationState.INVALID:
        return f"{agent} by its own claim; invalid credentials prove nothing"
    if result.state is not ValidationState.TRUSTED:
        return f"{agent} by its own claim; no trusted signer says so"
    if result.origin is None:
        return f"{agent} in the active manifest; not Azure OpenAI"
    if reading.is_active:
        return f"Azure OpenAI: {agent} in the active manifest"
    return f"Azure OpenAI: {agent} in an ingredient, not in the active manifest"


def _failure(finding: Check) -> str:
    expected = " or ".join(finding.expected).replace(_SOURCE_TYPES, "")
    return f"{finding.id}: expected {expected}; found {quoted(finding.actual, _MAX_FOUND)}"


def _advice(result: VerificationResult) -> Iterator[Row]:
    if result.accepted:
        return
    if result.state is ValidationState.ABSENT:
        yield Row(
            "This says nothing about how the image was made. Copies often lose their credentials: "
            "ask for the file as it was first saved.",
            "next",
        )
    elif result.state is ValidationState.VALID and any(c.id == "known_authority" for c in result.findings):
        yield Row(
            "Anybody can sign in Microsoft's name: see whether a newer version of this program knows the "
            "authority before you trust it.",
            "next",
        )
    elif result.cause is not None:
        yield Row(_CAUSES[result.cause].advice, "next")
    elif any(check.id in {"trailing_bytes", "unbound_bytes"} for check in result.findings):
        yield Row(
            f"{_FIRST_SAVED}: no Azure OpenAI image seen so far holds a byte that is not bound.", "next"
        )
    elif result.passes:
        yield Row(f"It passes under: {', '.join(result.passes)} (--policy).", "next")
    else:
        yield Row("It passes under no built-in policy. 'provenance inspect' shows all it says.", "next")


def _notes(result: VerificationResult) -> Iterator[Row]:
    if result.facts.provenance is not None and result.state is ValidationState.ABSENT:
        place = quoted(result.facts.provenance)
        yield Row(
            f"XMP says that credentials are at {place}: removed, or remote. Nothing was fetched.", "note"
        )
    found = Counter(
        status._replace(url="") for reading in result.readings for status in dict.fromkeys(reading.tolerated)
    )
    for status, count in found.items():
        where = f" in {count:,} manifests" if count > 1 else ""
        words = f"{status.code} ({quoted(status.explanation)}){where} was tolerated"
        yield Row(f"{words}: {_why_tolerated(status)}", "note")


def _why_tolerated(status: ValidationStatus) -> str:
    if is_about_signer(status.code):
        return "the engine judges by today's date, and another one was asked for"
    return "a known fault of the engine, not of the image"
