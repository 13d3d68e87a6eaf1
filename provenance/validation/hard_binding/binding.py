"""
The hard binding of a manifest, held against the container: which bytes it leaves open to change.

No hash is computed here. The engine compares hashes, but neither asks whether a data hash excludes just the
manifest store, nor whether a hash over boxes names all of them; both must hold before anybody may say that
these are the bytes that were signed.

Source: C2PA 2.4, "Validate the asset's content", "Data hash", "General box hash"; the engine's known faults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeGuard

from provenance import cbor
from provenance.asset.asset import Asset
from provenance.asset.scan import Embedding, Layout, Part
from provenance.errors import StructureError
from provenance.manifest.jumbf import UPDATE_MANIFEST, Box
from provenance.manifest.status import manifest_label
from provenance.validation.hard_binding.bmff_hash import bmff_coverage
from provenance.validation.hard_binding.coverage import Coverage

_DATA, _BOXES = "c2pa.hash.data", "c2pa.hash.boxes"
_BMFF = frozenset({"c2pa.hash.bmff.v2", "c2pa.hash.bmff.v3"})
_HARD_BINDINGS = frozenset({_DATA, _BOXES, "c2pa.hash.bmff", "c2pa.hash.collection.data"}) | _BMFF
_NOT_KNOWN = Coverage()

Entry = Mapping[object, object]


def coverage(asset: Asset, layout: Layout, root: Box) -> Coverage:
    """
    Tell which bytes of an asset the hard binding of its active manifest leaves open.

    Args:
        asset: The asset.

        layout: Where things lie in it.

        root: Superbox of its manifest store.

    Returns:
        What is not bound, and what is wrong with the binding or with how the store is embedded. Nothing is
        known where there is not exactly one hard binding, or one of a kind that is not read here.
    """
    manifest, is_updated = _bound_manifest(root)
    assertions = [box for part in manifest.children for box in part.children] if manifest else []
    bindings = [box for box in assertions if box.label.partition("__")[0] in _HARD_BINDINGS]
    found = _NOT_KNOWN
    if len(bindings) == 1:
        found = _coverage(asset, layout, bindings[0], is_updated=is_updated)
    if layout.embedding is not None and layout.embedding.fault is not None:
        fault = ("general.error", layout.embedding.fault)
        found = found._replace(faults=(fault, *found.faults))
    return found


def _coverage(asset: Asset, layout: Layout, binding: Box, *, is_updated: bool) -> Coverage:
    try:
        content = cbor.decode(b"".join(box.payload for box in binding.children if box.type == b"cbor"))
    except StructureError:
        return _NOT_KNOWN
    if not isinstance(content, Mapping) or layout.embedding is None:
        return _NOT_KNOWN
    if binding.label == _DATA:
        return _data_hash(asset.size, layout.embedding, content, is_updated=is_updated)
    if binding.label == _BOXES and layout.parts:
        return _box_hash(asset.size - (layout.trailing_bytes or 0), layout, content)
    if binding.label in _BMFF:
        return bmff_coverage(asset, layout, content)
    return _NOT_KNOWN


def _bound_manifest(root: Box) -> tuple[Box | None, bool]:
    """
    Find the manifest whose hard binding counts.

    Returns:
        The active manifest, or where that only updates another one, the one it updates at last, and whether
        it was updated; no manifest if none can be told.
    """
    manifests = {box.label: box for box in root.children if box.type == b"jumb"}
    manifest = next(reversed(manifests.values()), None)
    is_updated = False
    for _ in range(len(manifests)):
        if manifest is None or manifest.uuid != UPDATE_MANIFEST:
            return manifest, is_updated
        is_updated = True
        parents = list(_parents(manifest))
        manifest = manifests.get(parents[0]) if len(parents) == 1 else None
    return None, is_updated


def _parents(manifest: Box) -> Iterator[str]:
    for assertion in (box for part in manifest.children for box in part.children):
        if not assertion.label.startswith("c2pa.ingredient"):
            continue
        try:
            content = cbor.decode(b"".join(box.payload for box in assertion.children if box.type == b"cbor"))
        except StructureError:
            continue
        if isinstance(content, Mapping) and content.get("relationship") == "parentOf":
            for key in ("activeManifest", "c2pa_manifest"):
                reference = content.get(key)
                if isinstance(reference, Mapping):
                    yield manifest_label(str(reference.get("url"))) or ""


def _data_hash(size: int, store: Embedding, content: Entry, *, is_updated: bool) -> Coverage:
    """
    Look for the exclusion that is the manifest store, and count what any other one leaves open.

    The field that states the store's size may be left out, too. An update makes the store longer, and leaves
    the exclusion as it was: then only where it begins counts.
    """
    exclusions = [_span(entry) for entry in _list(content.get("exclusions"))]
    spans = [span for span in exclusions if span is not None]
    if len(spans) != len(exclusions) or any(a[1] > b[0] for a, b in pairwise(spans)):
        explanation = "the exclusions of the data hash are out of order, overlap, or are none"
        return Coverage(faults=(("assertion.dataHash.malformed", explanation),))
    is_store = [start == store.start and (end == store.end or is_updated) for start, end in spans]
    others = [
        (start, end)
        for (start, end), known in zip(spans, is_store, strict=True)
        if not known and (start, end - start) != store.size_field
    ]
    if not any(is_store):
        explanation = "no exclusion of the data hash is where the manifest store lies"
        return Coverage(faults=(("assertion.dataHash.mismatch", explanation),))
    return Coverage(sum(min(end, size) - min(start, size) for start, end in others), beyond_end=not others)


def _span(entry: object) -> tuple[int, int] | None:
    start = entry.get("start") if isinstance(entry, Mapping) else None
    length = entry.get("length") if isinstance(entry, Mapping) else None
    if not _is_count(start) or not _is_count(length):
        return None
    return start, start + length


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _box_hash(end: int, layout: Layout, content: Entry) -> Coverage:
    """
    Walk the container's parts and the list side by side, and count what the list leaves out.
    """
    parts = list(layout.parts)
    entries = [entry for entry in _list(content.get("boxes")) if isinstance(entry, Mapping)]
    bound = position = 0
    # The list may leave out the signature of a PNG file, which is always the same.
    if parts[0].name == "PNGh" and _names(entries[0] if entries else {})[:1] != ("PNGh",):
        bound, position = parts[0].length, 1
    for entry in entries:
        taken = _take(parts, position, _names(entry))
        if taken is None:
            break
        position += len(taken)
        is_store = [part.name for part in taken] == ["C2PA"]
        is_hashed = not entry.get("excluded") and "exclusions" not in entry
        if taken and (is_store or is_hashed):
            bound += taken[-1].end - taken[0].start
    return Coverage(end - bound)


def _take(parts: Sequence[Part], position: int, names: tuple[str, ...]) -> list[Part] | None:
    taken: list[Part] = []
    for name in names:
        if position + len(taken) < len(parts) and parts[position + len(taken)].name == name:
            taken.append(parts[position + len(taken)])
        elif not name.startswith("RST"):  # restart markers lie in the data of a scan, which is one part
            return None
    return taken


def _names(entry: Entry) -> tuple[str, ...]:
    return tuple(str(name) for name in _list(entry.get("names")))


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
