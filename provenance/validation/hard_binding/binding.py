"""
The hard binding of a manifest, held against the container: which bytes it leaves open to change.

No hash is computed here. The engine compares hashes, but neither asks whether a data hash excludes just the
manifest store, nor whether a hash over boxes names all of them; both must hold before anybody may say that
these are the bytes that were signed.

Source: C2PA 2.4, "Validate the asset's content", "Data hash", "General box hash"; the engine's known faults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provenance import cbor
from provenance.asset.asset import Asset
from provenance.asset.layout import Layout
from provenance.errors import StructureError
from provenance.manifest.jumbf import UPDATE_MANIFEST, Box
from provenance.manifest.status import manifest_label
from provenance.validation.hard_binding.bmff_hash import bmff_hash_coverage
from provenance.validation.hard_binding.box_hash import box_hash_coverage
from provenance.validation.hard_binding.coverage import Coverage
from provenance.validation.hard_binding.data_hash import data_hash_coverage

_DATA, _BOXES = "c2pa.hash.data", "c2pa.hash.boxes"
_BMFF = frozenset({"c2pa.hash.bmff.v2", "c2pa.hash.bmff.v3"})
_HARD_BINDINGS = frozenset({_DATA, _BOXES, "c2pa.hash.bmff", "c2pa.hash.collection.data"}) | _BMFF
_NOT_KNOWN = Coverage()


def coverage(asset: Asset, layout: Layout, root: Box) -> Coverage:
    """
    Compute which bytes of an asset the hard binding of its active manifest leaves open.

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
        return data_hash_coverage(asset.size, layout.embedding, content, is_updated=is_updated)
    if binding.label == _BOXES and layout.parts:
        return box_hash_coverage(asset.size - (layout.trailing_bytes or 0), layout, content)
    if binding.label in _BMFF:
        return bmff_hash_coverage(asset, layout, content)
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
