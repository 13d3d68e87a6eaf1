"""
TIFF, GIF and SVG: the store is found wherever the engine finds one, and what it would cost is bounded.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import Verifier
from provenance.asset.asset import Asset
from provenance.asset.layout import Embedding, Part
from provenance.asset.limits import Limits
from provenance.authority import Authority
from provenance.errors import AssetError, AssetTooLargeError, MalformedAssetError
from provenance.manifest.status import ValidationState
from provenance.trust.profile import TrustProfile
from provenance.validation.engine import Anchors, Engine, NoManifestError, RejectedStoreError
from tests.asset.container_support import (
    GIF_HEAD,
    GIF_IMAGE,
    Entry,
    a_store,
    gif,
    gif_store,
    layout_of,
    svg,
    svg_store,
    tiff,
)

SIZE: tuple[Entry, ...] = ((256, 3, 1, 30), (257, 3, 1, 20))
XMP = b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta/>'


def engine_finds(data: bytes) -> bool:
    """
    Ask the engine whether there is a store, readable or not.
    """
    try:
        Engine().read(Asset.from_bytes(data, Limits()), Anchors())
    except NoManifestError:
        return False
    except RejectedStoreError as error:
        return not (error.failed_reading or str(error).startswith("asset could not be parsed"))
    return True


@pytest.fixture(scope="module")
def store(authority: Authority) -> bytes:
    """
    Make a store, bound to some other image.
    """
    return a_store(authority)


@pytest.fixture(scope="module")
def verifier(sample_trust: TrustProfile) -> Verifier:
    """
    Verify without the self-test, which is tested elsewhere.
    """
    return Verifier(trust=sample_trust, self_test=False)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let every use of the engine fail the test.
    """
    monkeypatch.setattr(Engine, "read", lambda *_: pytest.fail("the engine was asked"))


def entry_of(store: bytes, kind: int = 7) -> Entry:
    """
    Write a directory's entry for a store.
    """
    return (0xCD41, kind, len(store), store)


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "image",
    [
        tiff(SIZE),
        tiff(SIZE, SIZE, order=">"),
        tiff(SIZE, big=True),
        gif(),
        gif(b"!\xfe" + b"\x01x" * 900_000 + b"\0"),
        gif(b"!\xfe\0" * 60_000),
        svg(""),
        svg("<g/>" * 1_000_000),
        svg("<!-- the manifest of ships --><text>manifest</text><manifests/>"),
        svg('<m:manifest xmlns:m="urn:x"/>'),
    ],
    ids=[
        "tiff",
        "tiff-2",
        "bigtiff",
        "gif",
        "gif-sub-blocks",
        "gif-blocks",
        "svg",
        "svg-tags",
        "svg-words",
        "svg-empty",
    ],
)
@pytest.mark.usefixtures("no_engine")
def test_an_image_without_a_store_is_not_shown_to_the_engine(verifier: Verifier, image: bytes) -> None:
    """
    Some of these cost it seconds.
    """
    assert verifier.verify(image).state is ValidationState.ABSENT


@pytest.mark.parametrize(
    "damaged",
    [
        b"II*\0",
        b"II*\0\x08\0\0\0",
        b"MM\0*\xff\xff\xff\xff",
        tiff(SIZE)[:-1],
        tiff(SIZE)[:-4] + b"\x08\0\0\0",
        tiff(SIZE)[:-4] + b"\xff\xff\xff\x7f",
        b"II*\0\x08\0\0\0\xff\xff" + bytes(40),
        tiff(SIZE, big=True)[:16] + b"\xff" * 8 + bytes(40),
        b"GIF89a",
        GIF_HEAD,
        GIF_HEAD + b"!",
        GIF_HEAD + b"\0" + GIF_IMAGE,
        GIF_HEAD + b"!\xfe\x05abc",
        b'<svg xmlns="http://www.w3.org/2000/svg"><unclosed',
        b"<svg><g></g>",
    ],
)
def test_damage_before_a_store_is_an_error(damaged: bytes) -> None:
    """
    The engine refuses these files as well.
    """
    assert engine_finds(damaged) is False
    with pytest.raises(MalformedAssetError):
        layout_of(damaged)


@pytest.mark.parametrize(
    "many",
    [
        lambda store: tiff([(tag, 3, 1, 0) for tag in range(5000)] + [entry_of(store)]),
        lambda store: tiff(*[SIZE] * 1500, [entry_of(store)]),
        lambda store: tiff([(330, 4, 900, struct.pack("<I", 8) * 900), *SIZE, entry_of(store)]),
        lambda store: tiff([(330, 4, 1 << 31, 8), *SIZE, entry_of(store)], [(330, 4, 4000, bytes(16_000))]),
        lambda store: gif(b"!\xfe\0" * 5000, gif_store(store)),
        lambda store: gif(b"!\xfe" + b"\x01x" * 70_000 + b"\0", gif_store(store)),
        lambda store: gif(gif_store(store * 20, size=1)),
        lambda store: svg(svg_store(store) + "<g/>" * 500_000),
        lambda store: svg(svg_store(store) * 65),
        lambda store: svg(svg_store(store) + " " * (32 << 20)),
    ],
    ids=[
        *("tiff-entries", "tiff-pages", "tiff-below", "tiff-below-far", "gif-blocks", "gif-sub-blocks"),
        *("gif-store", "svg-tags", "svg-stores", "svg-bytes"),
    ],
)
@pytest.mark.usefixtures("no_engine")
def test_what_costs_too_much_beside_a_store_never_reaches_the_engine(
    verifier: Verifier, store: bytes, many: Callable[[bytes], bytes]
) -> None:
    """
    60 kB of directories take it a minute.
    """
    with pytest.raises(AssetTooLargeError):
        verifier.verify(many(store))


@pytest.mark.parametrize(
    "write",
    [
        lambda store: tiff([entry_of(store)]),
        lambda store: gif(gif_store(store)),
        lambda store: svg(svg_store(store)),
    ],
    ids=["tiff", "gif", "svg"],
)
def test_the_size_of_a_store_can_be_set(store: bytes, write: Callable[[bytes], bytes]) -> None:
    """
    To the byte.
    """
    image = write(store)

    assert layout_of(image, Limits(max_store_bytes=len(store))).stores == (store,)
    with pytest.raises(AssetTooLargeError, match="manifest store bytes"):
        layout_of(image, Limits(max_store_bytes=len(store) - 1))


@given(
    data=st.binary(max_size=300),
    prefix=st.sampled_from(
        [
            *(b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08\0\x01", b"II+\0\x08\0\0\0\x10" + bytes(7)),
            *(GIF_HEAD, GIF_HEAD + b"!\xff", GIF_HEAD + b"!\x01\x0c", gif_store(b"")),
            *(b"<svg><metadata>", b"<svg><metadata><c2pa:manifest"),
        ]
    ),
)
@settings(max_examples=400)
def test_random_bytes_raise_nothing_but_asset_errors(prefix: bytes, data: bytes) -> None:
    """
    And a store is found wherever the engine finds one.
    """
    try:
        found = layout_of(prefix + data).store_found
    except AssetError:
        return

    assert found or not engine_finds(prefix + data)


# --- TIFF -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_is_described(store: bytes, order: str, big: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """
    In both orders of bytes, small and big.
    """
    image = tiff(SIZE, [(700, 1, len(XMP), XMP), entry_of(store)], order=order, big=big)
    described = tiff([*SIZE, (700, 1, len(XMP), XMP), entry_of(store)], order=order, big=big)

    found = layout_of(image)

    start = image.index(store)
    field = image.rindex(struct.pack(order + "HH", 0xCD41, 7)) + 4
    assert found.stores == (store,)
    assert found.embedding == Embedding(start, len(store), None, (field, 8 if big else 4))
    assert (found.width, found.height, found.xmp) == (30, 20, None)
    assert layout_of(described).xmp == XMP
    assert engine_finds(image)


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_store_is_found_in_any_directory(store: bytes, page: int) -> None:
    """
    The engine looks into the last and the first one.
    """
    pages: list[Sequence[Entry]] = [SIZE, SIZE, SIZE]
    pages[page] = [*SIZE, entry_of(store)]

    assert layout_of(tiff(*pages)).stores == (store,)
    assert engine_finds(tiff(*pages)) is (page != 1)


def test_every_store_of_a_tiff_is_found(store: bytes, verifier: Verifier) -> None:
    """
    In one directory or in several.
    """
    for image in (tiff([entry_of(store), entry_of(store)]), tiff([entry_of(store)], [entry_of(store)])):
        assert layout_of(image).stores == (store, store)
        assert verifier.verify(image).state is ValidationState.INVALID


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        pytest.param([(0xCD41, 1, 40, bytes(40))], "its entry is not of the type UNDEFINED", id="type"),
        pytest.param([(0xCD41, 7, 4, 0)], "it does not lie within the file", id="in-the-entry"),
        pytest.param([(0xCD41, 7, 400, 20)], "it does not lie within the file", id="past-the-end"),
        pytest.param([(0xCD41, 7, 9, 12)], "a directory lies within it", id="directory"),
        pytest.param([(0xCD41, 7, 9, 2)], "a directory lies within it", id="header"),
        pytest.param(
            [(273, 4, 1, 70), (279, 4, 1, 8), (0xCD41, 7, 9, 62)], "image data lie within it", id="strip"
        ),
        pytest.param(
            [(324, 4, 1, 70), (325, 4, 1, 8), (0xCD41, 7, 9, 62)], "image data lie within it", id="tile"
        ),
        pytest.param(
            [(513, 4, 1, 70), (514, 4, 1, 8), (0xCD41, 7, 9, 62)], "image data lie within it", id="jpeg"
        ),
        pytest.param(
            [(273, 4, 1, 60), (0xCD41, 7, 9, 62)], "image data lie within it", id="strip-of-any-length"
        ),
        pytest.param([(273, 4, 1, 71), (279, 4, 1, 8), (0xCD41, 7, 9, 62)], None, id="beside-a-strip"),
        pytest.param(
            [(330, 4, 1, 62), (0xCD41, 7, 9, 58)], "a directory lies within it", id="directory-below"
        ),
    ],
)
def test_a_store_that_something_else_lies_in_is_a_fault(entries: Sequence[Entry], fault: str | None) -> None:
    """
    A data hash leaves the store's bytes out, and what is shown must not stand there.
    """
    image = tiff(entries) + bytes(120 - len(tiff(entries)))

    embedding = layout_of(image).embedding

    assert embedding is not None
    assert embedding.fault == fault


def test_a_tiff_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Pictures are large, directories are not.
    """
    image, reads = tiff([*SIZE, (273, 4, 1, 8), (279, 4, 1, 1 << 22)]) + bytes(1 << 22), list[int]()
    read_at = Asset.read_at

    def noted(asset: Asset, offset: int, length: int) -> bytes:
        reads.append(length)
        return read_at(asset, offset, length)

    monkeypatch.setattr(Asset, "read_at", noted)
    layout_of(image)

    assert sum(reads) < 200


# --- GIF ------------------------------------------------------------------------------------------


def test_a_gif_is_described(store: bytes) -> None:
    """
    With its blocks under the names that a hash over boxes uses.
    """
    table, local = bytes(6), bytes(12)
    image = b"GIF89a\x01\0\x02\0\x80\0\0" + table + gif_store(store) + b"!\xf9\x04abcd\0!\x01\x0c" + bytes(12)
    image += b"\0!\xfe\x01x\0,\0\0\0\0\x01\0\x01\0\x81" + local + b"\x02\x02D\x01\0;behind"

    found = layout_of(image)

    assert found.stores == (store,)
    assert found.embedding == Embedding(19, len(gif_store(store)))
    assert (found.width, found.height, found.trailing_bytes) == (1, 2, 6)
    assert [part.name for part in found.parts] == [
        *("GIF89a", "LSD", "GCT", "C2PA", "21F9", "2101", "21FE", "2C", "LCT", "TBID", "3B")
    ]
    ends = [0, *(part.end for part in found.parts)]
    assert [part.start for part in found.parts] == ends[:-1]
    assert found.parts[-1] == Part("3B", len(image) - 7, 1)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(gif, id="first"),
        pytest.param(lambda one: gif(b"!\xfe\x01x\0", one), id="behind-a-comment"),
        pytest.param(lambda one: gif(b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0", one), id="behind-a-loop"),
        pytest.param(lambda one: b"GIF87a" + gif(one)[6:], id="87a"),
        pytest.param(
            lambda one: gif(b"!\x01\x0c" + bytes(10) + b"\0!\xff", one[2:], b"\0" * 300), id="in-a-text"
        ),
        pytest.param(lambda one: gif(b"!\xf9\x05" + b"abcd" + b"\0" + one, b"\0" * 300), id="in-a-control"),
    ],
)
def test_a_store_in_a_gif_is_found_wherever_the_engine_finds_one(
    store: bytes, image: Callable[[bytes], bytes]
) -> None:
    """
    It misreads the length of two kinds of blocks, and goes on inside them.
    """
    data = image(gif_store(store))

    assert engine_finds(data)
    assert store in layout_of(data).stores


def test_a_store_behind_the_first_image_is_none(store: bytes) -> None:
    """
    Neither for the engine.
    """
    data = gif(image=GIF_IMAGE[:-1] + gif_store(store) + b";")

    assert layout_of(data).stores == ()
    assert not engine_finds(data)


def test_every_store_of_a_gif_is_found(store: bytes, verifier: Verifier) -> None:
    """
    The engine takes the first one and is silent about the other.
    """
    image = gif(gif_store(store), gif_store(store))

    assert layout_of(image).stores == (store, store)
    assert layout_of(image).embedding is None
    assert verifier.verify(image).state is ValidationState.INVALID


@pytest.mark.parametrize(
    "written",
    [XMP + bytes([1, *range(255, -1, -1), 0]), gif_store(XMP + bytes([1, *range(255, -1, -1)]))[14:]],
    ids=["as-adobe-does", "in-sub-blocks"],
)
def test_xmp_in_a_gif_is_found(written: bytes) -> None:
    """
    In both forms that there are.
    """
    assert layout_of(gif(b"!\xff\x0bXMP DataXMP" + written)).xmp == XMP


def test_a_gif_without_an_end_has_no_bytes_behind_it(store: bytes) -> None:
    """
    Then nothing is behind.
    """
    assert layout_of(gif(gif_store(store), image=GIF_IMAGE[:-1])).trailing_bytes is None
    assert layout_of(gif(gif_store(store), image=b"")).stores == (store,)


# --- SVG ------------------------------------------------------------------------------------------


def test_an_svg_is_described(store: bytes) -> None:
    """
    The span is that of the text, and of nothing else.
    """
    image = svg(svg_store(store) + XMP.decode() + '<?xpacket end="w"?>')

    found = layout_of(image)

    encoded = base64.b64encode(store)
    assert found.stores == (store,)
    assert found.embedding == Embedding(image.index(encoded), len(encoded))
    assert found.xmp == XMP
    assert engine_finds(image)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text, _: text, id="plain"),
        pytest.param(
            lambda text, _: text.replace(b"c2pa:", b"any:").replace(b":c2pa=", b":any="), id="another-prefix"
        ),
        pytest.param(lambda text, _: text.replace(b"<metadata>", b"<metadata id='a>'>"), id="attribute"),
        pytest.param(lambda text, _: b"\xef\xbb\xbf" + text, id="byte-order-mark"),
        pytest.param(lambda text, _: text.replace(b"</c2pa:manifest>", b"</c2pa:manifest >"), id="space"),
        pytest.param(lambda text, one: text.replace(one, b"<!-- x -->" + one), id="comment-before"),
        pytest.param(lambda text, one: text.replace(one, b"<g></g>" + one), id="child-before"),
        pytest.param(
            lambda text, _: text.replace(b"<metadata>", b'<g a="<!--"/><metadata>'), id="in-no-comment"
        ),
        pytest.param(
            lambda text, _: text.replace(b"xmlns:c2pa", b'a="<" xmlns:c2pa'), id="less-than-in-attribute"
        ),
    ],
)
def test_a_store_in_an_svg_is_found_wherever_the_engine_finds_one(
    store: bytes, change: Callable[[bytes, bytes], bytes]
) -> None:
    """
    However it is written.
    """
    image = change(svg(svg_store(store)), base64.b64encode(store))

    assert engine_finds(image)
    assert layout_of(image).store_found


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"<c2pa:manifest ", b"<c2pa:manifest a='<' ", "the tag around it cannot be read"),
        (b"</c2pa:manifest>", b"<script/></c2pa:manifest>", "it is not the only content of its element"),
        (b"</c2pa:manifest>", b"</c2pa:manifesto>", "it is not the only content of its element"),
        (b"</c2pa:manifest>", b"\n</c2pa:manifest>", "it is not base64, and nothing else"),
        (b"</c2pa:manifest>", b"&#32;</c2pa:manifest>", "it is not base64, and nothing else"),
        (b"</c2pa:manifest>", b"A</c2pa:manifest>", "it is not base64, and nothing else"),
        (b"</c2pa:manifest>", b"]]]]</c2pa:manifest>", "it is not base64, and nothing else"),
    ],
)
def test_more_than_the_text_of_a_store_is_a_fault(store: bytes, old: bytes, new: bytes, fault: str) -> None:
    """
    A data hash leaves that text out.
    """
    embedding = layout_of(svg(svg_store(store)).replace(old, new)).embedding

    assert embedding is not None
    assert embedding.fault == fault


def test_every_store_of_an_svg_is_found(store: bytes, verifier: Verifier) -> None:
    """
    One in a comment as well: who knows what takes it for markup.
    """
    image = svg(f"<!-- {svg_store(store)} -->" + svg_store(store))

    assert len(layout_of(image).stores) == 2
    assert verifier.verify(image).state is ValidationState.INVALID


def test_words_in_an_svg_that_the_engine_takes_for_none_are_absent(verifier: Verifier) -> None:
    """
    An element of that name with other content is no trace of credentials.
    """
    image = svg('<metadata><m:manifest xmlns:m="urn:ships">12 containers</m:manifest></metadata>')

    assert layout_of(image).store_found
    assert verifier.verify(image).state is ValidationState.ABSENT


def test_names_are_found_across_pieces(store: bytes) -> None:
    """
    The text is searched in pieces of 1 MiB.
    """
    for shift in range(-20, 4):
        head = len(svg("")) - len('<rect width="1" height="1"/></svg>')
        image = svg(" " * ((1 << 20) - head - len("<metadata>") + shift) + svg_store(store))
        assert layout_of(image).stores == (store,)
