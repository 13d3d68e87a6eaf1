"""
A verdict in words: what the credentials prove, whether it is enough, who says so, and what to do next.

The words matter more than the layout: a signature shows who signed which bytes, and what an image without
trusted credentials says of itself is given as a claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provenance.cli.terminal import Row, quoted
from provenance.demand import Check
from provenance.manifest import Action, Reading, Signature
from provenance.status import ValidationState
from provenance.verdict import VerificationResult

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
        yield from _signer(result.state, result.active.signature)
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
    if result.facts.trailing_bytes:
        return f", but what follows the image is not: {result.facts.trailing_bytes:,} bytes"
    if any(check.id == "unbound_bytes" for check in result.findings):
        return ", but what stands between the boxes of the file is not"
    if not result.accepted:
        return ", but not what the policy demands"
    return ": these are the bytes that a trusted signer signed"


def state_in_words(result: VerificationResult) -> str:
    """
    Say what the credentials prove.
    """
    if result.state is ValidationState.ABSENT:
        return "absent: no Content Credentials"
    if result.state is ValidationState.INVALID:
        failures = (*result.store_failures, *(result.active.failures if result.active else ()))
        changed = any(status.code.endswith(".mismatch") for status in failures)
        return "invalid: changed after signing" if changed else "invalid: the credentials are damaged"
    if result.state is ValidationState.VALID:
        return "valid, but the signer is not trusted"
    return f"trusted{_reservation(result)}"


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


def source_type(action: Action) -> str | None:
    """
    Shorten a digital source type of IPTC's vocabulary to its name there.
    """
    return action.digital_source_type and action.digital_source_type.removeprefix(_SOURCE_TYPES)


def _signer(state: ValidationState, signature: Signature) -> Iterator[Row]:
    name = signer_name(signature)
    if state is ValidationState.INVALID:
        yield Row(f"{name} by its own claim, which does not hold", "signed by")
        return
    if signature.anchor is None:
        yield Row(f"{name} by its own claim; no anchor of yours vouches for it", "signed by")
    else:
        yield Row(f"{name}, below {signature.anchor.name}", "signed by")
    yield Row(_time(signature) or "unknown: no time-stamp of a trusted authority", "signed at")


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
    again = "Get the image again from where it was made"
    if result.state is ValidationState.ABSENT:
        yield Row(
            "This says nothing about how the image was made. Copies often lose their credentials: "
            "ask for the file as it was first saved.",
            "next",
        )
    elif result.state is ValidationState.INVALID:
        yield Row(f"{again}: a copy that was edited, resized or saved anew cannot pass.", "next")
    elif result.state is ValidationState.VALID:
        yield Row(
            "'provenance inspect' shows the chain. To trust another signer, see "
            "'provenance trust add --help'.",
            "next",
        )
    elif any(check.id in {"trailing_bytes", "unbound_bytes"} for check in result.findings):
        yield Row(f"{again}: no Azure OpenAI image seen so far holds a byte that is not bound.", "next")
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
    for reading in result.readings:
        for status in reading.tolerated:
            words = f"{status.code} ({quoted(status.explanation)})"
            yield Row(f"{words} was tolerated: a known fault of the engine, not of the image", "note")
