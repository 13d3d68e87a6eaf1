"""
An image's manifests as a tree in words, with everything validation found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provenance.cli.output.terminal import BLANK, Row, quoted
from provenance.cli.output.verdict import reading_in_words, sentence, signer_name, source_type, state_in_words
from provenance.manifest.manifest import Action, Ingredient, Manifest, Reading, Signature
from provenance.manifest.status import StatusKind, ValidationState, ValidationStatus
from provenance.trust.certificate import Certificate
from provenance.verification.verdict import AssetFacts, VerificationResult

_MAX_ROWS = 100
_STATE_COLOURS = {
    ValidationState.TRUSTED: "green",
    ValidationState.VALID: "yellow",
    ValidationState.INVALID: "red",
    ValidationState.ABSENT: None,
}


def inspection(name: str, sha256: str | None, result: VerificationResult) -> Iterator[Row]:
    """
    Yield everything that is known about one image.

    Args:
        name: The path as it was given.

        sha256: SHA-256 of its bytes, or None.

        result: The verdict.
    """
    yield Row(name, depth=0, bold=True)
    yield from _facts(result.facts, sha256)
    accepted = "accepted" if result.accepted else "not accepted"
    colour = _STATE_COLOURS[result.state]
    yield Row(state_in_words(result), "state", colour=colour, bold=True)
    policy = f"{result.policy.name} {result.policy.version}, trust profile {result.trust}: {accepted}"
    yield Row(policy, "policy")
    for status in result.store_failures:
        yield _status(status, 1)
    if result.active is not None:
        yield BLANK
        yield from _reading(result.active, result, 1, set())
    for manifest in result.unreferenced:
        yield BLANK
        yield Row(f"unreferenced manifest {quoted(manifest.label)} - it proves nothing", bold=True)
        yield from _contents(manifest, 2)


def _facts(facts: AssetFacts, sha256: str | None) -> Iterator[Row]:
    size = f"{facts.width:,} x {facts.height:,} pixels, " if facts.width and facts.height else ""
    yield Row(f"{facts.media_type}, {size}{facts.size:,} bytes", "image")
    if sha256 is not None:
        yield Row(sha256, "SHA-256")
    trailing = sentence("unmeasured")
    if facts.trailing_bytes is not None:
        trailing = (
            f"{facts.trailing_bytes:,} bytes after its end, which no signature covers"
            if facts.trailing_bytes
            else "none"
        )
    yield Row(trailing, "trailing")
    if facts.unbound_bytes:
        yield Row(
            f"{facts.unbound_bytes:,} bytes between its boxes, which a hash over boxes does not cover", "gaps"
        )
    if facts.provenance is not None:
        yield Row(f"{quoted(facts.provenance)}; never fetched", "XMP names")


def _reading(reading: Reading, result: VerificationResult, depth: int, shown: set[str]) -> Iterator[Row]:
    kind = "active manifest" if reading.is_active else "manifest"
    title = f"{kind} {quoted(reading.manifest.label)} - {reading_in_words(reading)}"
    yield Row(title, depth=depth, colour=_STATE_COLOURS[reading.state], bold=True)
    yield from _contents(reading.manifest, depth + 1)
    yield from _signature(reading.signature, depth + 1)
    yield from _statuses(reading, depth + 1)
    for ingredient in reading.manifest.ingredients[:_MAX_ROWS]:
        title = "ingredient" if ingredient.title is None else f"ingredient {quoted(ingredient.title)}"
        yield Row(f"{title}, {quoted(ingredient.relationship)}", depth=depth + 1, bold=True)
        yield from _below(ingredient, (*reading.path, str(ingredient.manifest)), result, depth + 2, shown)
    yield from _left_out(reading.manifest.ingredients, depth + 1)


def _below(
    ingredient: Ingredient, path: tuple[str, ...], result: VerificationResult, depth: int, shown: set[str]
) -> Iterator[Row]:
    if ingredient.manifest is None:
        yield Row("without a manifest of its own", depth=depth)
        return
    found = next((reading for reading in result.readings if reading.path == path), None)
    # A manifest that is an ingredient twice, at each of many levels, would double the tree at each.
    if found is not None and ingredient.manifest not in shown:
        shown.add(ingredient.manifest)
        yield from _reading(found, result, depth, shown)
        return
    place = "shown elsewhere" if _is_reached(ingredient.manifest, result) else "not in this store"
    yield Row(f"manifest {quoted(ingredient.manifest)} - {place}", depth=depth)


def _is_reached(label: str, result: VerificationResult) -> bool:
    return any(reading.manifest.label == label for reading in result.readings)


def _contents(manifest: Manifest, depth: int) -> Iterator[Row]:
    if manifest.title is not None:
        yield Row(quoted(manifest.title), "title", depth)
    version = manifest.claim_version if manifest.claim_version is not None else "unknown"
    yield Row(f"version {version}, written by {quoted(manifest.claim_generator)}", "claim", depth)
    for action in manifest.actions[:_MAX_ROWS]:
        yield Row(_action(action), "action", depth)
    yield from _left_out(manifest.actions, depth)
    if manifest.assertions:
        yield Row(", ".join(map(quoted, manifest.assertions[:_MAX_ROWS])), "assertions", depth)
        yield from _left_out(manifest.assertions, depth)


def _action(action: Action) -> str:
    parts = (
        ("by", action.software_agent),
        ("described as", action.description),
        ("at", action.when),
        ("digital source type", source_type(action)),
    )
    said = "".join(f", {word} {quoted(value)}" for word, value in parts if value is not None)
    return quoted(action.action) + said


def _signature(signature: Signature, depth: int) -> Iterator[Row]:
    yield Row(signer_name(signature), "signed by", depth)
    for position, certificate in enumerate(signature.chain, start=1):
        yield from _certificate(position, certificate, depth + 1)
    anchor, stamp = signature.anchor, signature.time_stamp_anchor
    pinned = f"{quoted(anchor.name)}, SHA-256 {anchor.sha256}" if anchor else sentence("unanchored")
    yield Row(pinned, "anchor", depth)
    if signature.signed_at is not None and stamp is not None:
        when = signature.signed_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        yield Row(f"{when}, below {quoted(stamp.name)}, SHA-256 {stamp.sha256}", "time-stamp", depth)
    else:
        yield Row(sentence("unstamped"), "time-stamp", depth)


def _certificate(position: int, certificate: Certificate, depth: int) -> Iterator[Row]:
    validity = f"valid {certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
    yield Row(f"{position} {quoted(certificate.subject)}, {validity}", depth=depth)
    yield Row(f"  SHA-256 {certificate.sha256}", depth=depth)


def _statuses(reading: Reading, depth: int) -> Iterator[Row]:
    ordered = sorted(reading.statuses, key=lambda status: list(StatusKind)[::-1].index(status.kind))
    for status in ordered[:_MAX_ROWS]:
        yield _status(status, depth)
    yield from _left_out(ordered, depth)
    for status in reading.tolerated:
        yield Row(_said(status), "tolerated", depth, colour="yellow")


def _status(status: ValidationStatus, depth: int) -> Row:
    colour = "red" if status.kind is StatusKind.FAILURE else None
    return Row(_said(status), str(status.kind.value), depth, colour=colour)


def _said(status: ValidationStatus) -> str:
    parts = (status.url.rsplit("/", 1)[-1], status.explanation)
    about = ", ".join(quoted(part) for part in parts if part)
    return f"{quoted(status.code)} by {status.source.value}" + (f": {about}" if about else "")


def _left_out(items: Sequence[object], depth: int) -> Iterator[Row]:
    if len(items) > _MAX_ROWS:
        yield Row(sentence("left_out", count=f"{len(items) - _MAX_ROWS:,}"), depth=depth)
