"""
What a manifest store may hold before anybody reads it in earnest.

The engine allocates lengths before it checks them, and compares each reference with each assertion; so does
much that comes after it. What a store holds is therefore counted first, at a cost that its bytes account for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cbor2 import CBORTag

from provenance import cbor
from provenance.asset.limits import Limits
from provenance.errors import AssetTooLargeError, StructureError, UnsupportedAssetError
from provenance.manifest.jumbf import COMPRESSED_MANIFEST, Box, SignedManifest

_STRUCTURED = frozenset((b"cbor", b"json"))
_CLAIM_LISTS = ("assertions", "created_assertions", "gathered_assertions", "redacted_assertions")


def check_boxes(root: Box, limits: Limits) -> None:
    """
    Return if a manifest store holds no more than allowed, and no CBOR that promises more than there is.

    Args:
        root: The store's superbox.

        limits: Boxes, assertions, ingredients, bytes and values allowed.

    Raises:
        AssetTooLargeError: If it holds more.

        UnsupportedAssetError: If it holds a compressed manifest, whose size nobody can tell beforehand.

        StructureError: If CBOR runs past its box, or lies too deep.
    """
    boxes = list(_all(root))
    _require("boxes", len(boxes), limits.max_boxes)
    if any(box.uuid == COMPRESSED_MANIFEST or box.type == b"brob" for box in boxes):
        raise UnsupportedAssetError("it carries a compressed manifest, which cannot be bounded")
    assertions = [box for manifest in root.children for part in manifest.children for box in part.children]
    labels = [box.label for box in assertions if box.type == b"jumb"]
    _require("assertions", len(labels), limits.max_assertions)
    ingredients = sum(label.startswith("c2pa.ingredient") for label in labels)
    _require("ingredients", ingredients, limits.max_ingredients)
    size = sum(len(box.payload) for box in boxes if box.type in _STRUCTURED)
    _require("bytes of CBOR and JSON in the manifest store", size, limits.max_structured_bytes)
    _check_cbor([box.payload for box in boxes if box.type == b"cbor"], limits.max_values)


def check_claims(manifests: Mapping[str, SignedManifest | None], limits: Limits) -> None:
    """
    Return if claims refer to no more assertions, and their signatures' headers hold no more, than allowed.

    Args:
        manifests: As `jumbf.signed_manifests` gives them, after `check_boxes`.

        limits: Assertions and values allowed.

    Raises:
        AssetTooLargeError: If there are more.

        StructureError: If CBOR in a protected header runs past its end, or lies too deep.
    """
    signed = [manifest for manifest in manifests.values() if manifest is not None]
    count = sum(_references(manifest.claim) for manifest in signed)
    _require("references to assertions", count, limits.max_assertions)
    # They are CBOR in a byte string, which was one value so far.
    _check_cbor([_protected_header(manifest.signature) for manifest in signed], limits.max_values)


def _all(box: Box) -> Iterator[Box]:
    yield box
    for child in box.children:
        yield from _all(child)


def _check_cbor(payloads: list[bytes], max_values: int) -> None:
    few = sum(map(len, payloads)) <= max_values  # each value takes a byte or more
    values = 0
    for payload in payloads:
        # Decoding is quicker than counting. Not all that it refuses is broken, or worth refusing.
        if not (few and _is_decodable(payload)):
            values += cbor.count_items(payload, max_values - values)
            _require("CBOR values", values, max_values)


def _is_decodable(payload: bytes) -> bool:
    try:
        cbor.decode(payload)
    except StructureError:
        return False
    return True


def _references(claim: bytes) -> int:
    try:
        value = cbor.decode(claim)
    except StructureError:
        return 0
    lists = [value.get(name) for name in _CLAIM_LISTS] if isinstance(value, Mapping) else []
    return sum(len(listed) for listed in lists if isinstance(listed, list | tuple))


def _protected_header(signature: bytes) -> bytes:
    try:
        value = cbor.decode(signature)
    except StructureError:
        return b""
    parts = value.value if isinstance(value, CBORTag) else value
    header = parts[0] if isinstance(parts, list | tuple) and parts else b""
    return header if isinstance(header, bytes) else b""


def _require(unit: str, count: int, most: int) -> None:
    if count > most:
        raise AssetTooLargeError(unit, count, most)
