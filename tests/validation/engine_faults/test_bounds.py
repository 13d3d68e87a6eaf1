"""
What is over a bound never reaches the engine.
"""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from provenance import Limits, Verifier
from provenance import authority as made
from provenance.authority import AssertionSpec, Authority, image, sign_image
from provenance.errors import AssetTooLargeError
from provenance.trust.profile import TrustProfile
from provenance.validation.engine import Engine
from tests.validation.engine_faults.support import JPEG, PNG, WEBP, readable_v2, store_of


def forbidden_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let every use of the engine fail the test.
    """

    def read(*_: object, **__: object) -> object:
        pytest.fail("the engine was asked")

    monkeypatch.setattr(Engine, "read", read)


def many_manifests(authority: Authority, count: int) -> bytes:
    """
    Write a store of so many manifests, the last of which is an ordinary one.
    """
    orphans = (
        made.make_manifest(PNG, made.azure_v1(authority, label=f"urn:uuid:{number}"))
        for number in range(count - 1)
    )
    return store_of(sign_image(PNG, made.azure_v1(authority), unreferenced=tuple(orphans)))


@pytest.mark.parametrize("plain", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])
def test_bounds_too_many_manifests_never_reach_the_engine(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, plain: bytes
) -> None:
    """
    It takes about 1.5 ms for each.
    """
    forbidden_engine(monkeypatch)
    asset = made.embed_store(plain, many_manifests(authority, 65))

    with pytest.raises(AssetTooLargeError) as caught:
        verifier.verify(asset)

    assert (caught.value.unit, caught.value.size, caught.value.limit) == ("manifests", 65, 64)


def test_bounds_as_many_manifests_as_allowed_are_judged(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    The bound is inclusive, and can be set.
    """
    asset = made.embed_store(PNG, many_manifests(authority, 3))
    accepting, refusing = (
        Verifier(trust=sample_trust, limits=Limits(max_manifests=most), self_test=False) for most in (3, 2)
    )

    assert accepting.verify(asset).accepted is True
    with pytest.raises(AssetTooLargeError, match="exceeds 2 manifests"):
        refusing.verify(asset)


@pytest.mark.parametrize("plain", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])
def test_bounds_a_store_over_8_mib_never_reaches_the_engine(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, plain: bytes
) -> None:
    """
    A store of 20 MB takes the engine 550 MB.
    """
    forbidden_engine(monkeypatch)
    store = store_of(sign_image(PNG, made.azure_v1(authority)))
    asset = made.embed_store(plain, store + bytes(8 * 1024 * 1024))

    with pytest.raises(AssetTooLargeError) as caught:
        verifier.verify(asset)

    assert (caught.value.unit, caught.value.limit) == ("manifest store bytes", 8 * 1024 * 1024)


def test_bounds_the_size_of_a_store_can_be_set(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    To the byte.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    size = len(store_of(signed))
    accepting, refusing = (
        Verifier(trust=sample_trust, limits=Limits(max_store_bytes=most), self_test=False)
        for most in (size, size - 1)
    )

    assert accepting.verify(signed).accepted is True
    with pytest.raises(AssetTooLargeError, match="manifest store bytes"):
        refusing.verify(signed)


def svg_with(store: bytes) -> bytes:
    """
    Put a store into an SVG, where it stands as text.
    """
    encoded = base64.b64encode(store).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg"><metadata>'
        f'<c2pa:manifest xmlns:c2pa="http://c2pa.org/manifest">{encoded}</c2pa:manifest>'
        "</metadata></svg>"
    ).encode()


@pytest.mark.parametrize("unit", ["manifest store bytes", "manifests"])
def test_bounds_hold_for_containers_that_embed_text(
    authority: Authority, verifier: Verifier, unit: str
) -> None:
    """
    What costs too much in a PNG costs as much in an SVG.
    """
    spec = readable_v2(authority)
    if unit == "manifests":
        for number in range(65):
            spec = made.designer(authority, spec, label=f"urn:uuid:{number}", claim_version=2)
    else:
        large = AssertionSpec(label="org.example.large", content=bytes(8 * 1024 * 1024))
        spec = replace(spec, assertions=(*spec.assertions, large))

    with pytest.raises(AssetTooLargeError) as caught:
        verifier.verify(svg_with(store_of(sign_image(PNG, spec))))

    assert caught.value.unit == unit


def chunk_bomb(kind: str) -> bytes:
    """
    Write an image of 70,000 empty parts.
    """
    if kind == "png":
        return PNG[:33] + image.png_chunk(b"abCD", b"") * 70_000 + PNG[33:]
    if kind == "jpeg":
        return JPEG[:2] + b"\xff\xfe\x00\x02" * 70_000 + JPEG[2:]
    body = WEBP[12:] + b"ABCD\0\0\0\0" * 70_000
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_bounds_a_bomb_of_chunks_is_refused_soon(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """
    The engine takes seconds, or hundreds of megabytes, for these.
    """
    forbidden_engine(monkeypatch)

    with pytest.raises(AssetTooLargeError) as caught:
        verifier.verify(chunk_bomb(kind))

    assert (caught.value.unit, caught.value.limit) == ("chunks", 65_536)


def test_bounds_the_number_of_chunks_can_be_set(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    IHDR, caBX, IDAT, IEND.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    accepting, refusing = (
        Verifier(trust=sample_trust, limits=Limits(max_chunks=most), self_test=False) for most in (4, 3)
    )

    assert accepting.verify(signed).accepted is True
    with pytest.raises(AssetTooLargeError, match="chunks"):
        refusing.verify(signed)


def test_bounds_the_size_of_an_asset_can_be_set(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    For bytes as for anything else.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    refusing = Verifier(trust=sample_trust, limits=Limits(max_bytes=len(signed) - 1), self_test=False)

    with pytest.raises(AssetTooLargeError, match=" bytes "):
        refusing.verify(signed)
