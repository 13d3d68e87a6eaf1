"""
The boxes of a manifest store, written.

Hashes over a box leave out its eight header bytes, so `content` is offered beside `box`.

Source: ISO 19566-5 (JUMBF); C2PA 2.4, "Use of JUMBF".
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from provenance.manifest import jumbf

ASSERTION_STORE = bytes.fromhex("6332617300110010800000aa00389b71")
CBOR = bytes.fromhex("63626f7200110010800000aa00389b71")
JSON = bytes.fromhex("6a736f6e00110010800000aa00389b71")

_HEADER = 8
_SALT_BYTES = 16
_REQUESTABLE_WITH_LABEL = 0x03
_WITH_PRIVATE_BOX = 0x10


@dataclass(frozen=True, slots=True)
class ManifestBox:
    """
    One finished manifest, ready to stand in a store.

    Attributes:
        label: Its label.

        superbox: The whole superbox, header included.

        signature_content: Content of its claim signature's superbox; empty if there is none.

        required: Manifests its ingredients refer to; they stand before it in a store.
    """

    label: str
    superbox: bytes
    signature_content: bytes = b""
    required: tuple[ManifestBox, ...] = ()

    @property
    def sha256(self) -> bytes:
        """
        Hash by which an ingredient refers to this manifest.
        """
        return content_sha256(self.superbox)

    @property
    def signature_sha256(self) -> bytes:
        """
        Hash by which an ingredient refers to this manifest's claim signature.
        """
        return hashlib.sha256(self.signature_content).digest()


def box(kind: bytes, payload: bytes) -> bytes:
    """
    Write one box; *kind* is four bytes such as b"cbor".
    """
    return struct.pack(">I4s", _HEADER + len(payload), kind) + payload


def superbox(uuid: bytes, label: str, *children: bytes, salted: bool = False) -> bytes:
    """
    Write a JUMBF superbox.

    Args:
        uuid: Type of its content, 16 bytes.

        label: Its label.

        children: Finished boxes to put inside, in this order.

        salted: Put a salt box into the description, as most signers do around assertions. The salt
            follows from the content, so that equal calls write equal bytes.
    """
    toggles = _REQUESTABLE_WITH_LABEL | (_WITH_PRIVATE_BOX if salted else 0)
    description = uuid + bytes([toggles]) + label.encode() + b"\x00"
    content = b"".join(children)
    if salted:
        salt = hashlib.sha256(label.encode() + content).digest()[:_SALT_BYTES]
        description += box(b"c2sh", salt)
    return box(b"jumb", box(b"jumd", description) + content)


def content_sha256(written: bytes) -> bytes:
    """
    Hash a written superbox the way hashed URIs do: without its own header.
    """
    return hashlib.sha256(written[_HEADER:]).digest()


def build_store(*manifests: ManifestBox) -> bytes:
    """
    Put manifests into a store; the last one is the active manifest.

    Manifests that others require are put before them, once; repeated arguments are written repeatedly.
    """
    written: list[bytes] = []
    for manifest in manifests:
        for needed in _required(manifest):
            if needed not in written:
                written.append(needed)
        written.append(manifest.superbox)
    return superbox(jumbf.MANIFEST_STORE, "c2pa", *written)


def split_store(store: bytes) -> tuple[ManifestBox, ...]:
    """
    Split a store into its manifests, in order, so that they can be put into another one.

    Raises:
        ValueError: If the store is not built of whole boxes with a label.
    """
    manifests = _children(store)[1:]
    return tuple(
        ManifestBox(_label(manifest), manifest, _signature_content(manifest)) for manifest in manifests
    )


def _required(manifest: ManifestBox) -> list[bytes]:
    found: list[bytes] = []
    for needed in manifest.required:
        found += [*_required(needed), needed.superbox]
    return found


def _children(written: bytes) -> list[bytes]:
    children, position = [], _HEADER
    while position < len(written):
        size = int.from_bytes(written[position : position + 4], "big")
        if not _HEADER <= size <= len(written) - position:
            raise ValueError(f"box of {size} bytes at {position} does not fit")
        children.append(written[position : position + size])
        position += size
    return children


def _label(written: bytes) -> str:
    description = _children(written)[0][_HEADER:]
    return description[17:].split(b"\x00", 1)[0].decode()


def _signature_content(manifest: bytes) -> bytes:
    for child in _children(manifest)[1:]:
        if _label(child) == "c2pa.signature":
            return child[_HEADER:]
    return b""
