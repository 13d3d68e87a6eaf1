"""
AVIF and HEIC: the store is found wherever the engine finds one, and what it would cost is bounded.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import Verifier
from provenance.asset.asset import Asset
from provenance.asset.bmff import MAX_BOXES_WITH_STORE, BoxDamageError, tree
from provenance.asset.layout import Embedding
from provenance.asset.limits import Limits
from provenance.authority import Authority
from provenance.errors import AssetError, AssetTooLargeError, MalformedAssetError
from provenance.manifest.status import ValidationState
from provenance.trust.profile import TrustProfile
from provenance.validation.engine import Anchors, Engine, NoManifestError, RejectedStoreError
from tests.asset.container_support import (
    C2PA_USER_TYPE,
    FTYP,
    a_store,
    avif,
    box,
    full_box,
    layout_of,
    sign_avif,
    store_box,
    top_level,
)
from tests.support import SHARED

XMP_USER_TYPE = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
NESTED = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"edts", b"udta", b"mfra")


def engine_finds(data: bytes) -> bytes | None:
    """
    Ask the engine for the store it reads; None if there is none for it, or it refuses.
    """
    try:
        return Engine().read(Asset.from_bytes(data, Limits()), Anchors()).manifest_store
    except (NoManifestError, RejectedStoreError):
        return None


def large_box(kind: bytes, body: bytes) -> bytes:
    """
    Write a box whose size takes 64 bits.
    """
    return b"\0\0\0\1" + kind + (16 + len(body)).to_bytes(8, "big") + body


@pytest.fixture(scope="module")
def verifier(sample_trust: TrustProfile) -> Verifier:
    """
    Verify without the self-test, which is tested elsewhere.
    """
    return Verifier(trust=sample_trust, self_test=False)


def test_a_signed_image_is_trusted(authority: Authority, verifier: Verifier) -> None:
    """
    The walk, the engine and the validator read the same store.
    """
    assert verifier.verify(sign_avif(authority)).state is ValidationState.TRUSTED


def test_the_store_and_its_box_are_found(authority: Authority) -> None:
    """
    With the dimensions of the primary item, which are not those of a tile.
    """
    signed = sign_avif(authority)

    found = layout_of(signed)

    (_, start, end) = top_level(signed)[1]
    assert found.stores == (engine_finds(signed),)
    assert found.embedding == Embedding(start, end - start)
    assert (found.width, found.height) == (30, 20)


def test_an_image_without_a_store_is_not_shown_to_the_engine(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    37,500 empty boxes cost it five seconds.
    """
    monkeypatch.setattr(Engine, "read", lambda *_: pytest.fail("the engine was asked"))

    for image in (avif(), FTYP + box(b"free") * 37_500, avif(ftyp=box(b"ftyp", b"heic\0\0\0\0"))):
        assert verifier.verify(image).state is ValidationState.ABSENT


@pytest.mark.parametrize(
    "placed",
    [
        pytest.param(lambda store: FTYP + avif()[len(FTYP) :] + store_box(store), id="last"),
        pytest.param(lambda store: FTYP + box(b"free") + store_box(store), id="second"),
        pytest.param(lambda store: FTYP + box(b"uuid", bytes(16)) + store_box(store), id="second-uuid"),
        pytest.param(lambda store: FTYP + b"\0\0\0\0" + store_box(store)[4:], id="to-the-end"),
        pytest.param(
            lambda store: FTYP + large_box(b"uuid", store_box(store)[8:]) + box(b"mdat"), id="64-bit-size"
        ),
        pytest.param(lambda store: FTYP + store_box(store, b"update"), id="update-alone"),
        pytest.param(lambda store: FTYP + store_box(store, b"original"), id="original-alone"),
        pytest.param(lambda store: FTYP + large_box(b"free", b"x") + store_box(store), id="behind-64-bit"),
    ],
)
def test_a_store_is_found_wherever_the_engine_could_look(authority: Authority, placed: object) -> None:
    """
    More is found than the engine finds, never less.
    """
    assert callable(placed)
    store = a_store(authority)
    image = placed(store)

    assert layout_of(image).stores == (store,)
    assert engine_finds(image) in (None, store)


@pytest.mark.parametrize("around", [*NESTED, b"meta", b"free"])
def test_a_store_inside_another_box_is_none(authority: Authority, around: bytes) -> None:
    """
    Neither for the engine.
    """
    image = FTYP + box(around, store_box(a_store(authority)))

    assert layout_of(image).stores == ()
    assert engine_finds(image) is None


def test_every_store_is_found(authority: Authority, verifier: Verifier) -> None:
    """
    Two are never one.
    """
    image = FTYP + store_box(a_store(authority)) * 2

    assert len(layout_of(image).stores) == 2
    assert layout_of(image).embedding is None
    assert verifier.verify(image).state is ValidationState.INVALID


def test_an_update_manifest_belongs_to_the_store_before_it(authority: Authority) -> None:
    """
    The two boxes are one store, as the engine joins them.
    """
    store, other = a_store(authority), a_store(authority)
    image = FTYP + store_box(store, b"original") + box(b"mdat") + store_box(other, b"update")

    found = layout_of(image)

    assert found.stores == ((len(store) * 2 - 38).to_bytes(4, "big") + store[4:] + other[38:],)
    assert found.embedding == Embedding(len(FTYP), len(store_box(store)))


@pytest.mark.parametrize("broken", [b"", b"x" * 10, bytes(40)])
def test_an_update_that_is_no_store_is_a_second_one(authority: Authority, broken: bytes) -> None:
    """
    Nothing is joined that cannot be.
    """
    image = FTYP + store_box(a_store(authority), b"original") + store_box(broken, b"update")

    assert len(layout_of(image).stores) == 2


def test_a_box_for_merkle_trees_is_no_store() -> None:
    """
    Nor is one of a purpose that nobody knows.
    """
    for purpose in (b"merkle", b"other", b""):
        assert layout_of(FTYP + store_box(b"tree", purpose)).stores == ()


@pytest.mark.parametrize("rest", [b"", bytes(4), bytes(4) + b"manifest", bytes(4) + b"manifest\0" + bytes(7)])
def test_the_remains_of_a_store_are_found(verifier: Verifier, rest: bytes) -> None:
    """
    What is left of credentials is not "none".
    """
    image = FTYP + box(b"uuid", C2PA_USER_TYPE, rest)

    assert layout_of(image).stores == (b"",)
    assert verifier.verify(image).accepted is False


def test_xmp_is_found() -> None:
    """
    It can name a manifest elsewhere.
    """
    assert layout_of(FTYP + box(b"uuid", XMP_USER_TYPE, b"<x:xmpmeta/>")).xmp == b"<x:xmpmeta/>"


@pytest.mark.parametrize(
    "damaged",
    [
        FTYP + b"\0\0\0",
        FTYP + b"\0\0\0\x07free",
        FTYP + b"\0\0\0\x09free",
        FTYP + b"\0\0\0\1free" + bytes(8),
        FTYP + b"\0\0\0\1free" + b"\xff" * 8,
        FTYP + b"\0\0\0\1free",
        b"\xff\0\0\0" + FTYP[4:],
    ],
)
def test_damage_before_a_store_is_an_error(damaged: bytes) -> None:
    """
    The engine refuses these files as well.
    """
    assert engine_finds(damaged) is None
    with pytest.raises(MalformedAssetError):
        layout_of(damaged)


def test_damage_behind_a_store_is_for_the_verdict(authority: Authority, verifier: Verifier) -> None:
    """
    It does not hide the store.
    """
    image = sign_avif(authority) + b"\0\0"

    assert len(layout_of(image).stores) == 1
    assert verifier.verify(image).state is ValidationState.INVALID


@pytest.mark.parametrize(
    "many",
    [
        box(b"free") * MAX_BOXES_WITH_STORE,
        box(b"moov", box(b"free") * MAX_BOXES_WITH_STORE),
        box(b"moov", *(box(b"trak", box(b"udta"), box(b"mdia")) for _ in range(800))),
        full_box(b"meta", full_box(b"hdlr", bytes(20)), box(b"free") * MAX_BOXES_WITH_STORE),
    ],
    ids=["top-level", "nested", "nested-deeper", "meta"],
)
def test_many_boxes_beside_a_store_never_reach_the_engine(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, many: bytes
) -> None:
    """
    Its time grows with the square of their number, those inside others included.
    """
    monkeypatch.setattr(Engine, "read", lambda *_: pytest.fail("the engine was asked"))

    with pytest.raises(AssetTooLargeError, match="chunks beside a manifest store"):
        verifier.verify(sign_avif(authority) + many)


def test_bounds_can_be_set(authority: Authority) -> None:
    """
    Boxes count as chunks.
    """
    store = a_store(authority)
    image = FTYP + store_box(store) + box(b"free") * 8

    assert layout_of(image, Limits(max_chunks=10)).stores == (store,)
    with pytest.raises(AssetTooLargeError, match="chunks"):
        layout_of(image, Limits(max_chunks=9))
    with pytest.raises(AssetTooLargeError, match="manifest store bytes"):
        layout_of(image, Limits(max_store_bytes=len(store) - 1))
    with pytest.raises(AssetTooLargeError, match="chunks"):
        layout_of(FTYP + box(b"free") * 10, Limits(max_chunks=10))


def test_boxes_are_walked_as_the_engine_does() -> None:
    """
    A size of 0 ends the file at the top level and means nothing elsewhere; QuickTime's meta has no version.
    """
    inner = b"\0\0\0\0skip" + box(b"free")
    image = (
        FTYP + box(b"moov", inner) + box(b"meta", box(b"hdlr", bytes(4))) + full_box(b"meta", box(b"idat"))
    )
    image += b"\0\0\0\0mdat" + box(b"free")

    assert [found.path for found in tree(Asset.from_bytes(image, Limits()))] == [
        *("/ftyp", "/moov", "/moov/free", "/meta", "/meta/hdlr", "/meta", "/meta/idat", "/mdat")
    ]


def test_boxes_are_not_followed_without_end() -> None:
    """
    The engine gives up at the same depth.
    """
    deep = b""
    for _ in range(40):
        deep = box(b"moov", deep)

    with pytest.raises(BoxDamageError):
        list(tree(Asset.from_bytes(FTYP + deep, Limits())))


@pytest.mark.parametrize(("brand", "media_type"), [(b"avif", "image/avif"), (b"heic", "image/heic")])
def test_a_low_overhead_image_is_absent(verifier: Verifier, brand: bytes, media_type: str) -> None:
    """
    All its metadata stand in one box, `mini`, which holds no credentials.
    """
    result = verifier.verify(box(b"ftyp", b"mif3", brand) + box(b"mini", bytes(40)))

    assert (result.state, result.facts.media_type) == (ValidationState.ABSENT, media_type)


def test_a_low_overhead_image_can_be_signed(authority: Authority) -> None:
    """
    The box of the store is the same there.
    """
    store = a_store(authority)
    image = box(b"ftyp", b"mif3avif") + store_box(store) + box(b"mini", bytes(40))

    assert layout_of(image).stores == (store,) == (engine_finds(image),)


@pytest.mark.parametrize("name", ["plain.avif", "plain.heic", "low-overhead-heif.avif"])
def test_real_images_without_a_store_are_absent(verifier: Verifier, name: str) -> None:
    """
    By other makers than these tests.
    """
    path = SHARED / "corpus" / "none" / name
    if not path.is_file():
        pytest.skip("the corpus of real images is not beside this repository")

    assert verifier.verify(path).state is ValidationState.ABSENT


@given(data=st.binary(max_size=300), prefix=st.sampled_from([FTYP, avif()[:200], FTYP + store_box(b"")]))
@settings(max_examples=300)
def test_random_bytes_raise_nothing_but_asset_errors(prefix: bytes, data: bytes) -> None:
    """
    And a store is found wherever the engine finds one.
    """
    try:
        found = layout_of(prefix + data).store_found
    except AssetError:
        found = True

    assert found or engine_finds(prefix + data) is None
