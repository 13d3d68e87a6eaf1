"""
A verdict in words: what the credentials prove, whether it is enough, who says so, and what to do next.

The words matter more than the layout: a signature shows who signed which bytes, and what an image without
trusted credentials says of itself is given as a claim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from provenance.cli.output.terminal import Row, counted, quoted
from provenance.manifest.manifest import Action, Reading, Signature
from provenance.manifest.status import ValidationState, is_about_signer
from provenance.policy.requirement import Check, Outcome
from provenance.verification.cause import Cause, cause_of, parent_of
from provenance.verification.verdict import VerificationResult
from provenance.verification.words import Surface, read_words

_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_MAX_FOUND = 600


def verdict(name: str, result: VerificationResult) -> Iterator[Row]:
    """
    Yield in about ten lines what became of one image.

    Args:
        name: The path as it was given.

        result: The verdict.
    """
    yield Row(name, depth=0, bold=True)
    outcome, colour = ("accepted", "green") if result.accepted else ("rejected", "red")
    word = read_words(Surface.COMMAND).verdicts[outcome]["title"].upper()
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
    return Row(f"{counted(sum(codes.values()), 'file')}: {', '.join(counts)}", depth=0, bold=True)


def sentence(name: str, /, **facts: str) -> str:
    """
    Return a sentence of the command's, with facts in its places.
    """
    return read_words(Surface.COMMAND).sentences[name].format(**facts)


def state_in_words(result: VerificationResult) -> str:
    """
    Return what the credentials prove.
    """
    if result.state is ValidationState.ABSENT:
        return read_words(Surface.COMMAND).states[result.state]["sentence"]
    return _trusted(result) if result.cause is None else _proved(result.cause)


def reading_in_words(reading: Reading) -> str:
    """
    Return what one manifest proves.
    """
    cause = cause_of(reading)
    return read_words(Surface.COMMAND).states[reading.state]["title"] if cause is None else _proved(cause)


def _proved(cause: Cause) -> str:
    return read_words(Surface.COMMAND).causes[cause]["sentence"]


def _trusted(result: VerificationResult) -> str:
    failed = {check.id for check in result.findings}
    facts = result.facts
    if "trailing_bytes" in failed:
        return sentence("trusted_trailing", bytes=counted(facts.trailing_bytes or 0, "byte"))
    if "unbound_bytes" in failed:
        if facts.unbound_bytes is None:
            return sentence("trusted_untold")
        return sentence("trusted_unbound", amount=f"{facts.unbound_bytes:,}")
    return sentence("trusted" if result.accepted else "trusted_not_accepted")


def signer_name(signature: Signature) -> str:
    """
    Return who signed, as the signing certificate names itself.
    """
    if not signature.chain:
        return sentence("signer_unreadable")
    leaf = signature.chain[0]
    if leaf.organization and leaf.common_name and leaf.organization != leaf.common_name:
        return sentence("signer", organization=quoted(leaf.organization), name=quoted(leaf.common_name))
    return quoted(leaf.organization or leaf.common_name or leaf.subject)


def signature_holds(result: VerificationResult) -> bool:
    """
    Return whether the claim signature and all hashes hold, whoever signed.
    """
    return any(check.id == "integrity" and check.outcome is Outcome.PASS for check in result.checks)


def source_type(action: Action) -> str | None:
    """
    Return a digital source type, shortened to its name where it is of IPTC's vocabulary.
    """
    return action.digital_source_type and action.digital_source_type.removeprefix(_SOURCE_TYPES)


def _signer(result: VerificationResult, signature: Signature) -> Iterator[Row]:
    signer = signer_name(signature)
    if not signature_holds(result):
        yield Row(sentence("signed_broken", signer=signer), "signed by")
        return
    if signature.anchor is None:
        yield Row(sentence("signed_unvouched", signer=signer), "signed by")
    else:
        yield Row(sentence("signed", signer=signer, anchor=signature.anchor.name), "signed by")
    yield Row(_time(signature), "signed at")


def _time(signature: Signature) -> str:
    if signature.signed_at is None or signature.time_stamp_anchor is None:
        return sentence("undated")
    time = f"{signature.signed_at:%Y-%m-%d %H:%M:%S} UTC"
    return sentence("dated", time=time, anchor=signature.time_stamp_anchor.name)


def _lies_below(result: VerificationResult) -> Iterator[Row]:
    if result.active is None or result.cause is not Cause.EDIT_RECORDED:
        return
    parent = parent_of(result.active.manifest)
    below = next((reading for reading in result.readings if reading.manifest.label == parent), None)
    if below is None:
        yield Row(sentence("below_unreadable"), "lies below")
        return
    created = below.manifest.created
    facts = {"state": reading_in_words(below), "signer": signer_name(below.signature)}
    if created is None or created.software_agent is None:
        yield Row(sentence("below", **facts), "lies below")
        return
    name = "below_made" if below.state is ValidationState.TRUSTED else "below_claimed"
    yield Row(sentence(name, agent=quoted(created.software_agent), **facts), "lies below")


def _creation(result: VerificationResult) -> Iterator[Row]:
    origin = result.origin
    reading = origin.reading if origin is not None else result.readings[0]
    action = reading.manifest.created
    yield Row(_maker(result, reading, action), "made by")
    if origin is not None and action is not None:
        said = action.description
        text = sentence("description_missing") if said is None else quoted(said)
        name = "described_documented" if origin.documented else "described_seen"
        yield Row(sentence(name, description=text), "described as")


def _maker(result: VerificationResult, reading: Reading, action: Action | None) -> str:
    if action is None:
        return sentence("made_unsaid")
    if action.software_agent is None:
        return sentence("made_unnamed")
    if result.state is ValidationState.INVALID:
        name = "made_invalid"
    elif result.state is not ValidationState.TRUSTED:
        name = "made_claimed"
    elif result.origin is None:
        name = "made_other"
    else:
        name = "made_azure" if reading.is_active else "made_ingredient"
    return sentence(name, agent=quoted(action.software_agent))


def _failure(finding: Check) -> str:
    expected = " or ".join(finding.expected).replace(_SOURCE_TYPES, "")
    return f"{finding.id}: expected {expected}; found {quoted(finding.actual, _MAX_FOUND)}"


def _advice(result: VerificationResult) -> Iterator[Row]:
    if not result.accepted:
        yield Row(_next(result), "next")


def _next(result: VerificationResult) -> str:
    words = read_words(Surface.COMMAND)
    failed = {check.id for check in result.findings}
    if result.state is ValidationState.ABSENT:
        return words.advice(words.states[result.state])
    if result.state is ValidationState.VALID and "known_authority" in failed:
        return words.advice(words.checks["known_authority"])
    if result.cause is not None:
        return words.advice(words.causes[result.cause])
    if failed & {"trailing_bytes", "unbound_bytes"}:
        return sentence("unbound_next")
    if result.passes:
        return sentence("passes", names=", ".join(result.passes))
    return sentence("passes_nowhere")


def _notes(result: VerificationResult) -> Iterator[Row]:
    if result.facts.provenance is not None and result.state is ValidationState.ABSENT:
        yield Row(sentence("xmp_remote", place=quoted(result.facts.provenance)), "note")
    found = Counter(
        status._replace(url="") for reading in result.readings for status in dict.fromkeys(reading.tolerated)
    )
    for status, count in found.items():
        why = sentence("tolerated_day" if is_about_signer(status.code) else "tolerated_fault")
        facts = {"code": status.code, "explanation": quoted(status.explanation), "why": why}
        if count > 1:
            yield Row(sentence("tolerated_several", count=f"{count:,}", **facts), "note")
        else:
            yield Row(sentence("tolerated", **facts), "note")
