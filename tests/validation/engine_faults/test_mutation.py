"""
Images changed at random are judged, and never accepted with another content.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import Verifier
from provenance import authority as made
from provenance.authority import Authority, image, sign_image
from provenance.errors import AssetError
from tests.validation.engine_faults.support import JPEG, PNG, WEBP

SEEDS = range(64)
SIGNED = {
    "v1-png": (PNG, made.azure_v1),
    "v1-jpeg": (JPEG, made.azure_v1),
    "v2-png": (PNG, made.azure_v2),
    "v2-jpeg": (JPEG, made.azure_v2),
}


@pytest.fixture(scope="session")
def signed_images(authority: Authority) -> dict[str, bytes]:
    """
    Sign one image of each kind.
    """
    return {name: sign_image(plain, describe(authority)) for name, (plain, describe) in SIGNED.items()}


def store_span(asset: bytes) -> tuple[int, int]:
    """
    Find the manifest store with what wraps it: the first byte, and the byte after.
    """
    parts = image.split_png(asset) if asset.startswith(b"\x89PNG") else image.split_jpeg(asset)
    position = 0
    for name, part in parts:
        if name in {"caBX", "APP11"}:
            return position, position + len(part)
        position += len(part)
    pytest.fail("there is no store")


def flipped(asset: bytes, position: int, bit: int) -> bytes:
    """
    Change one bit.
    """
    return asset[:position] + bytes([asset[position] ^ (1 << bit)]) + asset[position + 1 :]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SIGNED)
def test_a_flipped_bit_under_the_hard_binding_is_never_accepted(
    signed_images: Mapping[str, bytes], verifier: Verifier, name: str, seed: int
) -> None:
    """
    The hard binding covers every byte outside the manifest store.
    """
    noise = random.Random(seed)  # noqa: S311 - a seeded mutation
    signed = signed_images[name]
    start, end = store_span(signed)
    position = noise.choice([*range(start), *range(end, len(signed))])

    assert accepted(verifier, flipped(signed, position, noise.randrange(8))) is False


def accepted(verifier: Verifier, asset: bytes) -> bool:
    """
    Verify bytes that may not even be an image any more; what cannot be judged is not accepted.
    """
    try:
        return verifier.verify(asset).accepted
    except AssetError:
        return False


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SIGNED)
def test_a_mutated_store_is_judged_and_never_tells_another_story(
    signed_images: Mapping[str, bytes], verifier: Verifier, name: str, seed: int
) -> None:
    """
    Not every byte of a store is signed: padding may change, but nothing the verdict rests on.
    """
    noise = random.Random(seed)  # noqa: S311 - a seeded mutation
    signed = signed_images[name]
    start, end = store_span(signed)
    mutated = bytearray(signed)
    for _ in range(noise.choice([1, 1, 1, 4])):
        mutated[noise.randrange(start, end)] ^= 1 << noise.randrange(8)

    told = story(verifier, bytes(mutated))

    assert told in {story(verifier, signed), None}


def story(verifier: Verifier, asset: bytes) -> object:
    """
    Return what an accepted image says about how it was made, and who says so; None if not accepted.
    """
    try:
        result = verifier.verify(asset)
    except AssetError:
        return None
    if not result.accepted or result.active is None:
        return None
    signature = result.active.signature
    return result.active.manifest.created, signature.anchor, signature.chain[0].sha256


@given(data=st.data(), name=st.sampled_from(sorted(SIGNED)))
@settings(max_examples=150)
def test_a_spliced_store_is_never_accepted_with_another_action(
    signed_images: Mapping[str, bytes], verifier: Verifier, data: st.DataObject, name: str
) -> None:
    """
    Bytes put in, taken out or moved about inside a store.
    """
    signed = signed_images[name]
    start, end = store_span(signed)
    cut = data.draw(st.integers(start, end - 1))
    until = data.draw(st.integers(cut, min(end, cut + 64)))
    filling = data.draw(st.binary(max_size=64))

    told = story(verifier, signed[:cut] + filling + signed[until:])

    assert told in {story(verifier, signed), None}


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.parametrize("name", SIGNED)
def test_a_truncated_image_is_never_accepted(
    signed_images: Mapping[str, bytes], verifier: Verifier, name: str, seed: int
) -> None:
    """
    As a transfer that broke off leaves it.
    """
    signed = signed_images[name]
    length = random.Random(seed).randrange(len(signed))  # noqa: S311 - a seeded mutation

    assert accepted(verifier, signed[:length]) is False


@given(trailing=st.binary(min_size=1, max_size=200), name=st.sampled_from(sorted(SIGNED)))
@settings(max_examples=80)
def test_an_image_with_something_behind_it_is_never_accepted(
    signed_images: Mapping[str, bytes], verifier: Verifier, trailing: bytes, name: str
) -> None:
    """
    Whatever it is, and whatever the hard binding covers.
    """
    result = verifier.verify(signed_images[name] + trailing)

    assert (result.accepted, result.facts.trailing_bytes) == (False, len(trailing))


@given(
    asset=st.binary(max_size=300), prefix=st.sampled_from([b"", PNG[:33], JPEG[:20], WEBP[:12], b"GIF89a"])
)
@settings(max_examples=200)
def test_arbitrary_bytes_are_judged_or_refused(verifier: Verifier, asset: bytes, prefix: bytes) -> None:
    """
    Nothing but an asset error leaves the library, and nothing is accepted.
    """
    assert accepted(verifier, prefix + asset) is False


@given(store=st.binary(max_size=300), plain=st.sampled_from([PNG, JPEG, WEBP]))
@settings(max_examples=200)
def test_an_arbitrary_store_is_judged(verifier: Verifier, store: bytes, plain: bytes) -> None:
    """
    Hostile bytes inside a store are a verdict.
    """
    result = verifier.verify(made.embed_store(plain, store.ljust(8, b"\0")))

    assert result.accepted is False
