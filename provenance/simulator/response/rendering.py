"""
The images of one request: drawn, signed, and spoiled where that was asked for.
"""

from __future__ import annotations

from provenance.simulator.drawing import Picture, draw, reencode
from provenance.simulator.fault import Alteration
from provenance.simulator.request.image_request import ImageRequest
from provenance.simulator.simulation import Behaviour, Simulation

_BEST_QUALITY = 95
_FROM_END = 64
_MARKERS = frozenset({0xFE, 0xFF})


def make_image(
    simulation: Simulation,
    behaviour: Behaviour,
    request: ImageRequest,
    index: int,
    alteration: Alteration | None = None,
) -> bytes:
    """
    Make one of the images that were asked for.

    Args:
        simulation: Whose authority signs, and whose clock counts.

        behaviour: How that request is answered.

        request: What was asked for.

        index: Which of its images, from 0.

        alteration: How to spoil it; None for not at all.
    """
    if alteration == "garbage":
        return b"This is not an image."
    plain = draw(_picture(behaviour, request, index))
    if alteration == "unsigned":
        return plain
    signed = simulation.signer.sign(plain, request.model, behaviour.signing, simulation.clock())
    if alteration == "reencoded":
        return reencode(signed, request.output_format)
    if alteration == "tampered":
        return _flip_bit(signed)
    if alteration == "appended":
        return signed + b"appended"
    return signed[: len(signed) // 2] if alteration == "truncated" else signed


def make_partial(behaviour: Behaviour, request: ImageRequest, index: int) -> bytes:
    """
    Make a picture as it looks while it is still being made; it is not signed.
    """
    return draw(_picture(behaviour, request, index, rough=True))


def _picture(behaviour: Behaviour, request: ImageRequest, index: int, *, rough: bool = False) -> Picture:
    width, height = request.pixels
    compression = request.compression
    return Picture(
        width=width,
        height=height,
        caption=request.prompt,
        variant=index,
        image_format=request.output_format,
        # Compression counts as the quality kept: the documentation says both this and the opposite.
        quality=_BEST_QUALITY if compression is None else max(1, min(_BEST_QUALITY, compression)),
        transparent=request.background == "transparent",
        noise=behaviour.noise and not rough,
        rough=rough,
    )


def _flip_bit(image: bytes) -> bytes:
    # Near the end lie pixels, in PNG and JPEG alike; in JPEG no marker may come or go.
    at = len(image) - _FROM_END
    while _MARKERS & {image[at], image[at - 1]}:
        at -= 1
    return image[:at] + bytes([image[at] ^ 1]) + image[at + 1 :]
