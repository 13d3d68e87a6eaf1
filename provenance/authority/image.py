"""
Small images made from nothing, and what can be put into them: manifest stores and XMP.

Placement follows Microsoft: in a PNG right after IHDR, in a JPEG right after SOI, or after JFIF's
APP0 for claims of version 2.

Source: C2PA 2.4, "Embedding manifests into JPEG/PNG"; ISO 19566-5, section D.2.
"""

from __future__ import annotations

import random
import struct
import zlib

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}

_IHDR_END = 33
_SOI = b"\xff\xd8"
_APP0, _APP1, _APP11, _SOS = 0xE0, 0xE1, 0xEB, 0xDA
_SEGMENT_DATA = 65_000
_BOX_HEADER = 8
_JUMBF_EN = b"JP\x02\x11"
_XMP_PNG = b"XML:com.adobe.xmp\x00\x00\x00\x00\x00"
_XMP_JPEG = b"http://ns.adobe.com/xap/1.0/\x00"
_WEBP_PIXEL = bytes.fromhex("524946461a000000574542505650384c0d0000002f00000010071011118888fe0700")


def container_of(image: bytes) -> str:
    """
    Return the container: "png", "jpeg" or "webp".

    Raises:
        ValueError: If it is none of these.
    """
    if image.startswith(PNG_SIGNATURE):
        return "png"
    if image.startswith(_SOI):
        return "jpeg"
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "webp"
    raise ValueError("neither PNG, JPEG nor WebP")


def plain_png(width: int = 16, height: int = 16, seed: int = 0) -> bytes:
    """
    Make an RGB image of noise; the same arguments always give the same bytes.
    """
    noise = random.Random(seed)  # noqa: S311 - pixels, not secrets
    rows = b"".join(b"\x00" + noise.randbytes(3 * width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        (
            PNG_SIGNATURE,
            png_chunk(b"IHDR", header),
            png_chunk(b"IDAT", zlib.compress(rows, 0)),
            png_chunk(b"IEND", b""),
        )
    )


def plain_jpeg(width: int = 16, height: int = 16, seed: int = 0) -> bytes:
    """
    Make a baseline JPEG of grey 8x8 blocks; the same arguments always give the same bytes.
    """
    quantization = b"\x00" + b"\x08" * 64
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    # Twelve codes of four bits for the sizes of a DC difference; the only AC code, one bit, ends a block.
    dc_table = b"\x00" + bytes([0, 0, 0, 12]) + bytes(12) + bytes(range(12))
    ac_table = b"\x10" + bytes([1]) + bytes(15) + b"\x00"
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    return b"".join(
        (
            _SOI,
            jpeg_segment(_APP0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
            jpeg_segment(0xDB, quantization),
            jpeg_segment(0xC0, frame),
            jpeg_segment(0xC4, dc_table),
            jpeg_segment(0xC4, ac_table),
            jpeg_segment(_SOS, b"\x01\x01\x00\x00\x3f\x00"),
            _grey_blocks(blocks, random.Random(seed)),  # noqa: S311 - pixels, not secrets
            b"\xff\xd9",
        )
    )


def plain_webp() -> bytes:
    """
    Return a lossless WebP of one pixel.
    """
    return _WEBP_PIXEL


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """
    Write one PNG chunk, checksum included.
    """
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg_segment(marker: int, data: bytes) -> bytes:
    """
    Write one JPEG segment; *marker* is its second byte, such as 0xE1 for APP1.
    """
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def split_png(image: bytes) -> list[tuple[str, bytes]]:
    """
    Split a PNG: ("PNGh", signature), then each chunk whole under its type.

    What follows IEND is left out.
    """
    parts, position = [("PNGh", image[:8])], 8
    while position < len(image) and parts[-1][0] != "IEND":
        end = position + 12 + int.from_bytes(image[position : position + 4], "big")
        parts.append((image[position + 4 : position + 8].decode("latin-1"), image[position:end]))
        position = end
    return parts


def split_jpeg(image: bytes) -> list[tuple[str, bytes]]:
    """
    Split a JPEG under the names box hashes use; "SOS" holds the scan's data too.

    Images of one scan only. What follows EOI is left out.
    """
    parts, position = [("SOI", image[:2])], 2
    while image[position + 1] != _SOS:
        end = position + 2 + int.from_bytes(image[position + 2 : position + 4], "big")
        parts.append((_marker_name(image[position + 1]), image[position:end]))
        position = end
    # EOI cannot occur in the data of a scan: there an 0xFF is followed by 0x00 or a restart marker.
    end = image.index(b"\xff\xd9", position)
    return [*parts, ("SOS", image[position:end]), ("EOI", image[end : end + 2])]


def place(image: bytes, store_size: int, *, after_app0: bool = False) -> tuple[bytes, bytes]:
    """
    Cut an image at the place where a store goes, leaving out a store it already has.

    Args:
        image: PNG, JPEG or WebP.

        store_size: Size of the store to come, in bytes; a WebP states its own size at its beginning.

        after_app0: In a JPEG, put the store after APP0 instead of right after SOI.

    Returns:
        What stands before and what stands behind the embedded store.
    """
    container = container_of(image)
    if container == "png":
        return _place_png(image)
    if container == "jpeg":
        return _place_jpeg(image, after_app0=after_app0)
    return _place_webp(image, store_size)


def wrap(container: str, store: bytes) -> bytes:
    """
    Wrap a store as it is embedded: one `caBX` chunk, one or more APP11 segments, or one `C2PA` chunk.
    """
    if container == "png":
        return png_chunk(b"caBX", store)
    if container == "webp":
        return _wrap_webp(store)
    header, data = store[:_BOX_HEADER], store[_BOX_HEADER:]
    pieces = range(0, max(len(data), 1), _SEGMENT_DATA)
    return b"".join(
        jpeg_segment(
            _APP11, _JUMBF_EN + struct.pack(">I", number) + header + data[start : start + _SEGMENT_DATA]
        )
        for number, start in enumerate(pieces, 1)
    )


def embed_store(image: bytes, store: bytes, *, after_app0: bool = False) -> bytes:
    """
    Put a manifest store, or any bytes, where a manifest store belongs.

    Args:
        image: PNG, JPEG or WebP; a store it already has is replaced.

        store: Bytes to embed; of at least 8 bytes for a JPEG, since segments repeat the box header.

        after_app0: In a JPEG, put the store after APP0 instead of right after SOI.
    """
    before, behind = place(image, len(store), after_app0=after_app0)
    return before + wrap(container_of(image), store) + behind


def embed_xmp(image: bytes, xmp: str) -> bytes:
    """
    Put XMP into a PNG (`iTXt`, after IHDR) or a JPEG (APP1, after APP0 if there is one).

    Raises:
        ValueError: If the image is neither.
    """
    container = container_of(image)
    if container == "png":
        chunk = png_chunk(b"iTXt", _XMP_PNG + xmp.encode())
        return image[:_IHDR_END] + chunk + image[_IHDR_END:]
    if container == "jpeg":
        cut = _app0_end(image)
        return image[:cut] + jpeg_segment(_APP1, _XMP_JPEG + xmp.encode()) + image[cut:]
    raise ValueError("XMP is written into PNG and JPEG only")


def remote_manifest_xmp(address: str) -> str:
    """
    Write the XMP by which an image names a manifest store that lies elsewhere.
    """
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" '
        f'dcterms:provenance="{address}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def _place_png(image: bytes) -> tuple[bytes, bytes]:
    parts = split_png(image)
    trailing = image[sum(len(part) for _, part in parts) :]
    kept = [part for name, part in parts if name != "caBX"]
    return b"".join(kept[:2]), b"".join(kept[2:]) + trailing


def _place_jpeg(image: bytes, *, after_app0: bool) -> tuple[bytes, bytes]:
    parts = split_jpeg(image)
    trailing = image[sum(len(part) for _, part in parts) :]
    kept = [(name, part) for name, part in parts if name != "APP11" or part[4:6] != b"JP"]
    cut = 2 if after_app0 and kept[1][0] == "APP0" else 1
    before, behind = kept[:cut], kept[cut:]
    return b"".join(part for _, part in before), b"".join(part for _, part in behind) + trailing


def _place_webp(image: bytes, store_size: int) -> tuple[bytes, bytes]:
    kept = b"".join(chunk for chunk in _split_riff(image) if chunk[:4] != b"C2PA")
    # The byte that makes a chunk's size even belongs to the file, not to the store.
    padding = b"\x00" * (store_size % 2)
    size = len(b"WEBP") + len(kept) + len(_wrap_webp(bytes(store_size))) + len(padding)
    return b"RIFF" + struct.pack("<I", size) + b"WEBP" + kept, padding


def _app0_end(image: bytes) -> int:
    if image[3] != _APP0:
        return 2
    return 4 + int.from_bytes(image[4:6], "big")


def _split_riff(image: bytes) -> list[bytes]:
    chunks, position = [], 12
    while position < len(image):
        size = int.from_bytes(image[position + 4 : position + 8], "little")
        end = position + 8 + size + size % 2
        chunks.append(image[position:end])
        position = end
    return chunks


def _wrap_webp(store: bytes) -> bytes:
    return b"C2PA" + struct.pack("<I", len(store)) + store


def _marker_name(marker: int) -> str:
    names = {0xDB: "DQT", 0xC4: "DHT", 0xCC: "DAC", 0xDD: "DRI", 0xFE: "COM"}
    if marker in names:
        return names[marker]
    if marker >> 4 == 0xE:  # noqa: PLR2004 - ISO 10918-1, table B.1: the application segments
        return f"APP{marker & 15}"
    return f"SOF{marker & 15}"


def _grey_blocks(blocks: int, noise: random.Random) -> bytes:
    bits, previous = "", 0
    for _ in range(blocks):
        level = noise.randint(-127, 127)
        difference, previous = level - previous, level
        size = abs(difference).bit_length()
        bits += f"{size:04b}"
        if size:
            value = difference if difference > 0 else difference + (1 << size) - 1
            bits += f"{value:0{size}b}"
        bits += "0"
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return data.replace(b"\xff", b"\xff\x00")
