"""
The boxes of a manifest store, and the parts of a manifest that its signature is made of.

Labels are an attacker's to choose and to repeat: a store that holds two manifests, two claims or two
claim signatures under one label is refused, because two readers could each read another one.

Source: ISO 19566-5 (JUMBF); C2PA 2.4, "Use of JUMBF".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from provenance.errors import StructureError

MANIFEST_STORE = bytes.fromhex("6332706100110010800000aa00389b71")
MANIFEST = bytes.fromhex("63326d6100110010800000aa00389b71")
UPDATE_MANIFEST = bytes.fromhex("6332756d00110010800000aa00389b71")
COMPRESSED_MANIFEST = bytes.fromhex("6332636d00110010800000aa00389b71")
CLAIM = bytes.fromhex("6332636c00110010800000aa00389b71")
CLAIM_SIGNATURE = bytes.fromhex("6332637300110010800000aa00389b71")

_CLAIM_VERSIONS = {"c2pa.claim": 1, "c2pa.claim.v2": 2}
MAX_BOXES = 16_384
"""
Most boxes that are ever read; `Limits.max_boxes` may be less.
"""

_MAX_DEPTH = 8
_HEADER = 8
_LARGE_HEADER = 16
_UUID = 16
_REQUESTABLE_WITH_LABEL = 0x03


class TooManyManifestsError(StructureError):
    """
    The store holds more manifests than the caller allowed.

    Attributes:
        count: How many there are.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class Box(NamedTuple):
    """
    One JUMBF box.

    Attributes:
        type: Four bytes, such as b"jumb" or b"cbor".

        payload: What follows the box header, byte for byte.

        uuid: Content type of a superbox; empty for other boxes.

        label: Label of a superbox; empty for other boxes and where there is none.

        children: Boxes of a superbox after its description box; empty for other boxes.
    """

    type: bytes
    payload: bytes
    uuid: bytes = b""
    label: str = ""
    children: tuple[Box, ...] = ()


class SignedManifest(NamedTuple):
    """
    The parts of one manifest that its claim signature is about.

    Attributes:
        label: Unique label of the manifest in its store.

        claim: The claim, CBOR as stored.

        claim_version: 1 or 2.

        signature: The COSE_Sign1 message, CBOR as stored.
    """

    label: str
    claim: bytes
    claim_version: int
    signature: bytes


def walk(store: bytes) -> Box:
    """
    Read all boxes of a manifest store.

    Args:
        store: The store: one superbox, and nothing after it.

    Returns:
        The store's superbox.

    Raises:
        StructureError: If it is not one C2PA manifest store, a box runs past the one around it, or
            there are more than 16,384 boxes or 8 levels.
    """
    budget = iter(range(MAX_BOXES))
    boxes = list(_boxes(memoryview(store), budget, depth=0))
    if len(boxes) != 1 or boxes[0].type != b"jumb" or boxes[0].uuid != MANIFEST_STORE:
        raise StructureError("not one C2PA manifest store")
    return boxes[0]


def signed_manifests(store: Box | bytes, *, max_manifests: int) -> dict[str, SignedManifest | None]:
    """
    Read claim and claim signature of every manifest in a store.

    Args:
        store: The manifest store, byte for byte as embedded, or its superbox.

        max_manifests: Most manifests to accept.

    Returns:
        Manifests by label, in the store's order; the last is the active manifest. None stands for a
        manifest whose claim or signature cannot be read one way only (missing, repeated,
        compressed).

    Raises:
        StructureError: If the boxes cannot be read, or a label is empty or stands twice.

        TooManyManifestsError: If there are more than *max_manifests*.
    """
    root = store if isinstance(store, Box) else walk(store)
    if len(root.children) > max_manifests:
        raise TooManyManifestsError(len(root.children))
    found: dict[str, SignedManifest | None] = {}
    for box in root.children:
        if box.type != b"jumb":
            continue
        if not box.label or box.label in found:
            raise StructureError(f"manifest label {box.label!r} is empty or stands twice")
        found[box.label] = _signed_manifest(box)
    return found


def _signed_manifest(manifest: Box) -> SignedManifest | None:
    claims = [box for box in manifest.children if box.uuid == CLAIM]
    signatures = [box for box in manifest.children if box.uuid == CLAIM_SIGNATURE]
    if manifest.uuid not in (MANIFEST, UPDATE_MANIFEST) or len(claims) != 1 or len(signatures) != 1:
        return None
    version = _CLAIM_VERSIONS.get(claims[0].label)
    claim, signature = _content(claims[0]), _content(signatures[0])
    if version is None or claim is None or signature is None:
        return None
    return SignedManifest(manifest.label, claim, version, signature)


def _content(superbox: Box) -> bytes | None:
    contents = [box.payload for box in superbox.children if box.type == b"cbor"]
    return contents[0] if len(contents) == 1 else None


def _boxes(data: memoryview, budget: Iterator[int], *, depth: int) -> Iterator[Box]:
    position = 0
    while position < len(data):
        if next(budget, None) is None or depth > _MAX_DEPTH:
            raise StructureError("too many boxes, or boxes too deep")
        kind, start, end = _header(data, position)
        payload = data[start:end]
        yield _superbox(payload, budget, depth) if kind == b"jumb" else Box(kind, bytes(payload))
        position = end


def _header(data: memoryview, position: int) -> tuple[bytes, int, int]:
    length = int.from_bytes(data[position : position + 4])
    kind = bytes(data[position + 4 : position + _HEADER])
    start = position + _HEADER
    if length == 1:
        length = int.from_bytes(data[start : start + 8])
        start = position + _LARGE_HEADER
    elif length == 0:
        length = len(data) - position
    end = position + length
    if start > len(data) or end > len(data) or end < start:
        raise StructureError(f"box at byte {position} does not fit into the one around it")
    return kind, start, end


def _superbox(payload: memoryview, budget: Iterator[int], depth: int) -> Box:
    kind, start, end = _header(payload, 0)
    if kind != b"jumd" or end - start < _UUID + 1:
        raise StructureError("superbox without a description box")
    uuid, label = _description(bytes(payload[start:end]))
    children = tuple(_boxes(payload[end:], budget, depth=depth + 1))
    return Box(b"jumb", b"", uuid, label, children)


def _description(body: bytes) -> tuple[bytes, str]:
    uuid, toggles = body[:_UUID], body[_UUID]
    if toggles & _REQUESTABLE_WITH_LABEL != _REQUESTABLE_WITH_LABEL:
        return uuid, ""
    label, terminator, _ = body[_UUID + 1 :].partition(b"\0")
    if not terminator:
        raise StructureError("label without an end")
    try:
        return uuid, label.decode()
    except UnicodeDecodeError as error:
        raise StructureError("label is not UTF-8") from error
