"""
A hash over boxes covers what it says, and whatever is shown lies in bytes that it covers.
"""

from __future__ import annotations

from collections.abc import Mapping

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.asset.asset import Asset
from provenance.asset.bmff import tree
from provenance.asset.layout import Layout
from provenance.asset.limits import Limits
from provenance.asset.scan import scan
from provenance.authority import Authority
from provenance.errors import AssetTooLargeError
from provenance.manifest.jumbf import MANIFEST, MANIFEST_STORE, Box
from provenance.manifest.status import StatusKind
from provenance.validation.engine import Anchors, Engine
from provenance.validation.hard_binding import binding
from provenance.validation.hard_binding.bmff_hash import bmff_hash_coverage
from provenance.validation.hard_binding.coverage import Coverage
from tests.asset.container_support import (
    EXCLUSIONS,
    FTYP,
    STORE_EXCLUSION,
    a_store,
    assertion_in,
    avif,
    box,
    full_box,
    layout_of,
    location_box,
    meta_box,
    sign_avif,
    store_box,
)
from tests.support import SHARED, codes

LIMITS = Limits()
MISMATCH = "assertion.bmffHash.mismatch"
MANDATORY = EXCLUSIONS[:3]


def coverage(data: bytes, assertion: Mapping[str, object], layout: Layout | None = None) -> Coverage:
    """
    Hold an assertion against bytes.
    """
    asset = Asset.from_bytes(data, LIMITS)
    return bmff_hash_coverage(asset, layout or scan(asset, LIMITS), assertion)


def covered(data: bytes) -> Coverage:
    """
    Hold the assertion that an image carries against it.
    """
    return coverage(data, assertion_in(layout_of(data).stores[0], "c2pa.hash.bmff.v2"))


def with_exclusions(*more: Mapping[str, object]) -> Mapping[str, object]:
    """
    Write an assertion that leaves out what it must, and more.
    """
    return {"exclusions": [*EXCLUSIONS, *more], "alg": "sha256", "hash": bytes(32)}


def engine_codes(data: bytes) -> list[str]:
    """
    Ask the engine which checks of the active manifest hold.
    """
    read = Engine().read(Asset.from_bytes(data, LIMITS), Anchors()).store
    return codes(read.manifests[read.active].statuses, StatusKind.SUCCESS)


@pytest.mark.parametrize("exclusions", [EXCLUSIONS, MANDATORY], ids=["locations-left-out", "locations-bound"])
def test_an_honest_image_is_covered_whole(
    authority: Authority, exclusions: tuple[Mapping[str, object], ...]
) -> None:
    """
    The engine agrees with the way these images are signed, so the tests below are about real ones.
    """
    signed = sign_avif(authority, exclusions)

    assert "assertion.bmffHash.match" in engine_codes(signed)
    assert covered(signed) == Coverage(0, (), beyond_end=True)


def test_locations_of_a_real_image_are_open() -> None:
    """
    It has three items and leaves their locations out, as files of its time do.
    """
    path = SHARED / "corpus" / "other-signer" / "test-certificate.avif"
    if not path.is_file():
        pytest.skip("the corpus of real images is not beside this repository")

    data = path.read_bytes()
    locations = next(box for box in tree(Asset.from_bytes(data, LIMITS)) if box.path == "/meta/iloc")

    assert covered(data) == Coverage(locations.length, (), beyond_end=True)


def test_a_picture_in_the_box_of_the_store_is_a_mismatch(authority: Authority) -> None:
    """
    The engine's hash still matches, and a viewer shows whatever was put there.
    """
    signed = sign_avif(authority)
    start = len(FTYP) + 200
    at = signed.rindex(b"iloc") - 4
    forged = signed[:at] + location_box((start, 64)) + signed[at + len(location_box((0, 0))) :]

    found = covered(forged)

    assert "assertion.bmffHash.match" in engine_codes(forged)
    assert found.faults == ((MISMATCH, "item 1 lies in bytes that the hash does not cover"),)


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize(
    ("extent", "explanation"),
    [
        pytest.param((0, 8), "lies in bytes that the hash does not cover", id="file-type"),
        pytest.param((len(FTYP) + 20, 1), "lies in bytes that the hash does not cover", id="store"),
        pytest.param((len(FTYP) - 9, 4_000_000), "does not lie within this file", id="past-the-end"),
        pytest.param((1 << 31, 1), "does not lie within this file", id="far-away"),
        pytest.param((0, 0), "lies in bytes that the hash does not cover", id="all-of-the-file"),
    ],
)
def test_an_item_in_the_wrong_place_is_a_mismatch(
    authority: Authority, version: int, extent: tuple[int, int], explanation: str
) -> None:
    """
    In every version of the box, and whether or not the hash covers it.
    """
    meta = meta_box(location_box(extent, version=version), (b"av01",))
    image = FTYP + store_box(a_store(authority)) + meta + box(b"mdat", bytes(64))

    for exclusions in (EXCLUSIONS, MANDATORY):
        found = coverage(image, {"exclusions": list(exclusions)})
        assert [text for _, text in found.faults] == [f"item 1 {explanation}"]


def test_an_item_may_lie_in_the_item_data_of_its_own_box(authority: Authority) -> None:
    """
    That is the second construction method; the offset counts from there.
    """
    data = box(b"idat", bytes(16))
    store = store_box(a_store(authority))
    inside, outside = (
        FTYP + store + meta_box(location_box((8, length), method=1), (b"av01",), data) for length in (8, 9)
    )

    assert coverage(inside, with_exclusions()).faults == ()
    assert coverage(outside, with_exclusions()).faults[0][0] == MISMATCH
    assert coverage(inside, with_exclusions({"xpath": "/meta/idat"})).faults[0][0] == MISMATCH


@pytest.mark.parametrize("change", [{"reference": 1}, {"method": 1}, {"method": 3}])
def test_an_item_outside_this_file_is_a_mismatch(authority: Authority, change: Mapping[str, int]) -> None:
    """
    In another file, in item data that there are none of, or by a method that does not exist.
    """
    meta = meta_box(location_box((0, 1), **change), (b"av01",))
    image = FTYP + store_box(a_store(authority)) + meta + box(b"mdat", bytes(64))

    assert coverage(image, with_exclusions()).faults == ((MISMATCH, "item 1 does not lie within this file"),)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((b"av01", b"Exif"), len(location_box((0, 0), (0, 0)))),
        ((b"av01", b"av01"), len(location_box((0, 0), (0, 0)))),
        ((b"grid", b"av01"), len(location_box((0, 0), (0, 0)))),
    ],
    ids=["metadata", "two-pictures", "tiles"],
)
def test_locations_of_several_items_have_to_be_bound(
    authority: Authority, kinds: tuple[bytes, ...], expected: int
) -> None:
    """
    Otherwise one could be shown in the place of another, metadata too, or tiles in another order.
    """
    assert covered(sign_avif(authority, kinds=kinds)).unbound_bytes == expected
    assert covered(sign_avif(authority, MANDATORY, kinds=kinds)).unbound_bytes == 0


@pytest.mark.parametrize(
    ("by", "length"), [(0, 34), (10, 54), (-100, 64)], ids=["ends-early", "begins-late", "elsewhere"]
)
def test_the_place_of_the_only_item_has_to_be_known(authority: Authority, by: int, length: int) -> None:
    """
    The engine's hash still matches, and a viewer shows less, or something else that is bound.
    """
    signed = sign_avif(authority)
    at = signed.rindex(b"iloc") - 4
    end = at + len(location_box((0, 0)))
    start = int.from_bytes(signed[end - 8 : end - 4], "big")
    moved = signed[:at] + location_box((start + by, length)) + signed[end:]

    assert "assertion.bmffHash.match" in engine_codes(moved)
    assert covered(moved) == Coverage(end - at, (), beyond_end=True)


def test_bytes_behind_the_picture_that_every_hash_leaves_out_are_open(authority: Authority) -> None:
    """
    Random access to the fragments of a movie belongs to no image; anything can hide there.
    """
    hidden = box(b"mfra", box(b"free", b"PK\3\4" * 100))
    signed = sign_avif(authority) + hidden

    assert "assertion.bmffHash.match" in engine_codes(signed)
    assert covered(signed).unbound_bytes == len(hidden)


@pytest.mark.parametrize(
    ("old", "new", "unbound"),
    [
        (b"avif\0\0\0\0avifmif1", b"mif1\0\0\0\0mif1avif", 0),
        (b"avif\0\0\0\0avifmif1", b"avif\0\0\0\0PK\3\4mif1", len(FTYP)),
        (b"avif\0\0\0\0avifmif1", b"avif\1\2\3\4avifmif1", len(FTYP)),
    ],
    ids=["other-brands", "no-brands", "no-version"],
)
def test_the_file_type_holds_brands_and_nothing_else(
    authority: Authority, old: bytes, new: bytes, unbound: int
) -> None:
    """
    No hash covers it; what it says must not matter.
    """
    signed = sign_avif(authority).replace(old, new)

    assert "assertion.bmffHash.match" in engine_codes(signed)
    assert covered(signed).unbound_bytes == unbound


def test_brands_are_few(authority: Authority) -> None:
    """
    More of them would be a place to hide something.
    """
    for count, unbound in ((32, 0), (33, 16 + 4 * 33)):
        image = avif(
            ftyp=box(b"ftyp", b"avif\0\0\0\0", b"avif" * count), inserted=store_box(a_store(authority))
        )
        assert coverage(image, with_exclusions()).unbound_bytes == unbound


def test_a_hash_that_does_not_bind_where_boxes_lie_binds_no_picture(authority: Authority) -> None:
    """
    Version 1: whoever makes the store longer has locations that are bound point at other bytes.
    """
    image = avif(inserted=store_box(a_store(authority)))
    asset = Asset.from_bytes(image, LIMITS)

    for label, unbound in (("c2pa.hash.bmff", None), ("c2pa.hash.bmff.v2", 0), ("c2pa.hash.bmff.v3", 0)):
        content = Box(b"cbor", cbor2.dumps(with_exclusions()))
        assertions = Box(
            b"jumb", b"", label="c2pa.assertions", children=(Box(b"jumb", b"", b"", label, (content,)),)
        )
        manifest = Box(b"jumb", b"", MANIFEST, "urn:sample", (assertions,))
        root = Box(b"jumb", b"", MANIFEST_STORE, "c2pa", (manifest,))
        assert binding.coverage(asset, scan(asset, LIMITS), root).unbound_bytes == unbound


HIDDEN = box(b"free", bytes(100))


@pytest.mark.parametrize(
    ("behind", "exclusion", "expected"),
    [
        pytest.param(HIDDEN, {"xpath": "/free"}, 108, id="free"),
        pytest.param(HIDDEN * 3, {"xpath": "/free"}, 324, id="every-one"),
        pytest.param(HIDDEN, {"xpath": "/free", "length": 108}, 108, id="length"),
        pytest.param(HIDDEN, {"xpath": "/free", "length": 107}, 0, id="another-length"),
        pytest.param(HIDDEN, {"xpath": "/free", "subset": [{"offset": 8, "length": 10}]}, 10, id="subset"),
        pytest.param(
            HIDDEN, {"xpath": "/free", "subset": [{"offset": 8, "length": 0}]}, 100, id="to-the-end"
        ),
        pytest.param(
            HIDDEN, {"xpath": "/free", "subset": [{"offset": 8, "length": 999}]}, 100, id="too-long"
        ),
        pytest.param(HIDDEN, {"xpath": "/free", "subset": [{"offset": 900, "length": 1}]}, 0, id="outside"),
        pytest.param(HIDDEN, {"xpath": "/free", "subset": []}, 0, id="empty-subset"),
        pytest.param(HIDDEN, {"xpath": "/free", "version": 9}, 108, id="version-of-a-box-without"),
        pytest.param(HIDDEN, {"xpath": "/free", "data": [{"offset": 4, "value": b"free"}]}, 108, id="data"),
        pytest.param(
            HIDDEN, {"xpath": "/free", "data": [{"offset": 4, "value": b"frog"}]}, 0, id="other-data"
        ),
        pytest.param(HIDDEN, {"xpath": "/skip"}, 0, id="no-such-box"),
        pytest.param(b"", {"xpath": "/mdat"}, 72, id="the-picture"),
        pytest.param(b"", {"xpath": "/meta/iprp"}, 76, id="nested"),
        pytest.param(b"", {"xpath": "/meta/pitm", "version": 0}, 14, id="version"),
        pytest.param(b"", {"xpath": "/meta/pitm", "version": 1}, 0, id="another-version"),
        pytest.param(b"", {"xpath": "/meta/pitm", "flags": b"\0\0\1"}, 0, id="other-flags"),
        pytest.param(b"", {"xpath": "/meta/pitm", "flags": b"\0\0\0", "exact": True}, 14, id="flags"),
        pytest.param(
            b"", {"xpath": "/meta/pitm", "flags": b"\0\0\1", "exact": False}, 14, id="as-the-engine"
        ),
        pytest.param(b"", {"xpath": "/uuid"}, 0, id="the-store-again"),
        pytest.param(box(b"uuid", bytes(16), b"hidden"), {"xpath": "/uuid"}, 30, id="another-uuid"),
        pytest.param(
            store_box(b"x", b"merkle"), {"xpath": "/none"}, len(store_box(b"x", b"merkle")), id="second-c2pa"
        ),
        pytest.param(
            box(
                b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", full_box(b"stco", bytes(20))))))
            ),
            {"xpath": "/moov/trak/mdia/minf/stbl/stco", "subset": [{"offset": 16, "length": 0}]},
            16 + len(location_box((0, 0))) + len(FTYP),
            id="chunk-offsets",
        ),
        pytest.param(box(b"mfra", bytes(8)), {"xpath": "/mfra/none"}, 16, id="movie-fragments"),
        pytest.param(FTYP, {"xpath": "/none"}, len(FTYP), id="brands-again"),
        pytest.param(
            box(b"mini"), {"xpath": "/none"}, len(FTYP) + len(location_box((0, 0))), id="choice-by-brand"
        ),
        pytest.param(box(b"mdat"), {"xpath": "/none"}, len(location_box((0, 0))), id="more-data"),
    ],
)
def test_what_is_left_out_is_counted(
    authority: Authority, behind: bytes, exclusion: Mapping[str, object], expected: int
) -> None:
    """
    But for what every such hash leaves out.
    """
    image = avif(inserted=store_box(a_store(authority)), behind=behind)

    found = coverage(image, with_exclusions(exclusion))

    assert found.unbound_bytes == expected


@pytest.mark.parametrize(
    "assertion",
    [
        {},
        {"exclusions": None},
        {"exclusions": "/uuid"},
        {"exclusions": {"xpath": "/uuid"}},
        {"exclusions": [1]},
        {"exclusions": [{}]},
        {"exclusions": [{"xpath": 1}]},
        {"exclusions": [{"xpath": "/trak[1]"}]},
        {"exclusions": [{"xpath": "/ftyp", "length": "32"}]},
        {"exclusions": [{"xpath": "/ftyp", "length": True}]},
        {"exclusions": [{"xpath": "/ftyp", "data": 1}]},
        {"exclusions": [{"xpath": "/ftyp", "data": [1]}]},
        {"exclusions": [{"xpath": "/ftyp", "data": [{"offset": -1, "value": b"x"}]}]},
        {"exclusions": [{"xpath": "/ftyp", "data": [{"offset": 0, "value": "x"}]}]},
        {"exclusions": [{"xpath": "/ftyp", "subset": [{"offset": 1}]}]},
        {"exclusions": [{"xpath": "/ftyp", "subset": [None]}]},
        {"exclusions": [{"xpath": "/meta", "flags": 1}]},
        {"exclusions": [{"xpath": "/meta", "flags": b"\0\0\0", "exact": 1}]},
        {"exclusions": list(EXCLUSIONS), "merkle": [{"localId": 1}]},
        {"exclusions": list(EXCLUSIONS), "merkle": []},
    ],
)
def test_what_is_not_understood_is_never_called_bound(
    authority: Authority, assertion: Mapping[str, object]
) -> None:
    """
    Every type in an assertion is an attacker's to choose; trees of hashes are not judged here.
    """
    found = coverage(avif(inserted=store_box(a_store(authority))), assertion)

    assert (found.unbound_bytes, found.faults) == (None, ())


@pytest.mark.parametrize(
    "locations",
    [
        full_box(b"iloc", b"\x44\x00\x00\x01"),
        full_box(b"iloc", b"\x34\x00", bytes(2)),
        full_box(b"iloc", b"\x44\x00", bytes(2), version=3),
        full_box(b"iloc", b"\x44\x00\xff\xff", bytes(14)),
        full_box(b"iloc"),
        box(b"iloc"),
    ],
)
def test_locations_that_cannot_be_read_are_never_called_bound(authority: Authority, locations: bytes) -> None:
    """
    Another reader may make something of them.
    """
    image = FTYP + store_box(a_store(authority)) + meta_box(locations, (b"av01",)) + box(b"mdat", bytes(64))

    assert coverage(image, with_exclusions()).unbound_bytes is None


def test_extents_that_take_no_bytes_are_judged_once(authority: Authority) -> None:
    """
    65,535 for each of 65,535 items would be four thousand million.
    """
    items = (b"\0\x01\0\0\xff\xff") * 20_000
    locations = full_box(b"iloc", b"\0\0", (20_000).to_bytes(2, "big"), items)
    image = FTYP + store_box(a_store(authority)) + meta_box(locations, (b"av01",)) + box(b"mdat", bytes(64))

    assert coverage(image, with_exclusions()).faults[0][0] == MISMATCH


def test_bounds_hold(authority: Authority) -> None:
    """
    The engine multiplies exclusions with boxes.
    """
    store = store_box(a_store(authority))
    image = avif(inserted=store)
    many = layout_of(image)
    extents = location_box(*[(len(FTYP) + len(store) + 8, 1)] * 60_000)
    twice = FTYP + store + meta_box(extents, (b"av01",), extents) + box(b"mdat", bytes(64))

    with pytest.raises(AssetTooLargeError, match="exclusions of a BMFF hash"):
        coverage(image, with_exclusions(*[{"xpath": "/free"}] * 64))
    with pytest.raises(AssetTooLargeError, match="exclusions of a BMFF hash"):
        coverage(image, with_exclusions({"xpath": "/free", "subset": [{"offset": 0, "length": 1}] * 64}))
    with pytest.raises(AssetTooLargeError, match="chunks beside a manifest store"):
        coverage(avif(inserted=store, behind=box(b"free") * 3000), with_exclusions(), many)
    with pytest.raises(AssetTooLargeError, match="item locations"):
        coverage(twice, with_exclusions())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary(max_size=8) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["xpath", "length", "data", "subset", "version", "flags", "exact"])
PATHS = st.sampled_from(["/meta", "/uuid", "/ftyp", "/meta/iloc", "/mdat"])


@given(
    exclusions=st.lists(
        st.dictionaries(KEYS, VALUES, max_size=4).flatmap(
            lambda entry: PATHS.map(lambda path: {"xpath": path, **entry})
        ),
        max_size=4,
    ),
    merkle=VALUES,
)
@settings(max_examples=200)
def test_hostile_assertions_raise_nothing(
    authority: Authority, exclusions: list[Mapping[str, object]], merkle: object
) -> None:
    """
    Whatever their types.
    """
    image = avif(inserted=store_box(bytes(40)))

    found = coverage(image, {"exclusions": [STORE_EXCLUSION, *exclusions], "merkle": merkle})

    assert found.unbound_bytes is None or found.unbound_bytes >= 0


@given(noise=st.binary(max_size=200), at=st.integers(0, 250))
@settings(max_examples=200)
def test_hostile_metadata_raises_nothing(noise: bytes, at: int) -> None:
    """
    Whatever stands in the boxes.
    """
    image = avif(inserted=store_box(bytes(40)))
    start = image.index(b"meta") + 4
    mutated = image[: start + at] + noise + image[start + at + len(noise) :]

    found = coverage(mutated, with_exclusions(), layout_of(image))

    assert found.unbound_bytes is None or found.unbound_bytes >= 0
