"""
Pictures to sign, drawn from a seed, and what is done to them and to signed images.
"""

from __future__ import annotations

import random
import struct
import zlib

from provenance.authority import image


def landscape(width: int, height: int, seed: int) -> bytes:
    """
    Draw a sky, a sun and hills in 16 colours, as an uncompressed PNG; *width* is even.
    """
    noise = random.Random(seed)  # noqa: S311 - pixels, not secrets
    horizon, slope = height * noise.randint(5, 7) // 10, noise.randint(3, 6)
    hills = [horizon - abs(x % (4 * slope) - 2 * slope) // 2 for x in range(width)]
    sun = (noise.randrange(width // 4, width), noise.randrange(height // 8, height // 3), height // 7)
    rows = bytearray()
    for y in range(height):
        colours = [_colour(x, y, height, hills[x], sun) for x in range(width)]
        rows += b"\x00" + bytes(16 * a + b for a, b in zip(colours[::2], colours[1::2], strict=True))
    return b"".join(
        (
            image.PNG_SIGNATURE,
            image.png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)),
            image.png_chunk(b"PLTE", _palette(noise)),
            image.png_chunk(b"IDAT", zlib.compress(rows, 0)),
            image.png_chunk(b"IEND", b""),
        )
    )


def _colour(x: int, y: int, height: int, ground: int, sun: tuple[int, int, int]) -> int:
    # 0 to 7 are the sky, 8 is the sun, 9 to 15 are the hills.
    across, down, radius = sun
    if y >= ground:
        return 9 + min(6, (y - ground) * 7 // max(height - ground, 1))
    if (x - across) ** 2 + (y - down) ** 2 <= radius**2:
        return 8
    return min(7, y * 8 // ground)


def _palette(noise: random.Random) -> bytes:
    top, low = [noise.randint(0, 120) for _ in range(3)], [noise.randint(130, 255) for _ in range(3)]
    sky = [bytes(a + (b - a) * step // 7 for a, b in zip(top, low, strict=True)) for step in range(8)]
    near = [noise.randint(60, 160) for _ in range(3)]
    hills = [bytes(part * (10 - step) // 10 for part in near) for step in range(7)]
    return b"".join((*sky, b"\xff\xe0\x60", *hills))


def retouched(signed: bytes, plain: bytes) -> bytes:
    """
    Change one byte of the picture in a signed image; a PNG's checksum is made to fit.
    """
    if image.container_of(plain) == "jpeg":
        scan = dict(image.split_jpeg(plain))["SOS"]
        # Any byte of the scan but one that is, or comes after, a marker's first.
        spot = next(i for i in range(len(scan) // 2, len(scan)) if 0 < scan[i] < 0xFE and scan[i - 1] != 0xFF)  # noqa: PLR2004 - ISO 10918-1
        return signed.replace(scan, scan[:spot] + bytes([scan[spot] ^ 1]) + scan[spot + 1 :])
    chunk = dict(image.split_png(plain))["IDAT"]
    rows = bytearray(zlib.decompress(chunk[8:-4]))
    rows[len(rows) // 2] ^= 0x11
    return signed.replace(chunk, image.png_chunk(b"IDAT", zlib.compress(rows, 0)))


def twice(signed: bytes) -> bytes:
    """
    Repeat the manifest store of a signed PNG.
    """
    chunk = dict(image.split_png(signed))["caBX"]
    return signed.replace(chunk, chunk * 2)
