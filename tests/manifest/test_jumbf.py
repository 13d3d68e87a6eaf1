"""
The boxes of a manifest store, as honest and as hostile writers put them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import scan
from provenance.authority import (
    Authority,
    Tampering,
    azure_v1,
    azure_v2,
    build_store,
    designer,
    make_manifest,
    split_store,
    with_claim_twice,
    without_signature,
)
from provenance.authority.box import ASSERTION_STORE, CBOR, box, superbox
from provenance.errors import StructureError
from provenance.manifest import jumbf
from provenance.manifest.jumbf import (
    CLAIM,
    CLAIM_SIGNATURE,
    COMPRESSED_MANIFEST,
    MANIFEST,
    MANIFEST_STORE,
    UPDATE_MANIFEST,
    SignedManifest,
    TooManyManifestsError,
    signed_manifests,
    walk,
)
from tests.support import PNG, SHARED, corpus_files, tampered

LABEL = "urn:uuid:1"


def claim(content: bytes = b"\xa0", label: str = "c2pa.claim", kind: bytes = b"cbor") -> bytes:
    """
    Write a claim.
    """
    return superbox(CLAIM, label, box(kind, content))


def signature(content: bytes = b"\x80", kind: bytes = b"cbor") -> bytes:
    """
    Write a claim signature.
    """
    return superbox(CLAIM_SIGNATURE, "c2pa.signature", box(kind, content))


def manifest(*children: bytes, label: str = LABEL, uuid: bytes = MANIFEST) -> bytes:
    """
    Write a manifest; by default with an empty claim and an empty signature.
    """
    return superbox(uuid, label, *(children or (claim(), signature())))


def store(*manifests: bytes) -> bytes:
    """
    Write a manifest store.
    """
    return superbox(MANIFEST_STORE, "c2pa", *manifests)


def read(data: bytes, max_manifests: int = 64) -> dict[str, SignedManifest | None]:
    """
    Read a store under a bound that the tests at hand do not reach.
    """
    return signed_manifests(data, max_manifests=max_manifests)


@pytest.fixture(scope="module")
def made(authority: Authority) -> dict[str, bytes]:
    """
    Make stores of the kinds Microsoft writes.
    """
    specs = {
        "v1": azure_v1(authority),
        "v2": azure_v2(authority),
        "ingredient": designer(authority, azure_v1(authority)),
    }
    return {name: build_store(make_manifest(PNG, spec)) for name, spec in specs.items()}


@pytest.mark.parametrize(("kind", "version"), [("v1", 1), ("v2", 2)])
def test_claim_and_signature_are_handed_out_as_stored(
    made: dict[str, bytes], kind: str, version: int
) -> None:
    """
    The signature covers the claim's very bytes, so nothing may be encoded anew.
    """
    (found,) = read(made[kind]).values()

    assert found is not None
    assert found.claim_version == version
    assert found.claim in made[kind]
    assert found.signature in made[kind]
    assert cbor2.loads(found.claim)["alg"] == "sha256"
    assert cbor2.loads(found.signature).tag == 18


def test_the_active_manifest_is_the_last(authority: Authority, made: dict[str, bytes]) -> None:
    """
    The order of the store decides which manifest speaks for the asset.
    """
    labels = list(read(made["ingredient"]))

    assert labels == [azure_v1(authority).label, designer(authority, azure_v1(authority)).label]


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(store(manifest(label="urn:uuid:2")), id="another-store"),
        pytest.param(box(b"free", b""), id="padding"),
        pytest.param(b"\xff" * 9, id="no-box"),
        pytest.param(b"\0", id="one-byte"),
    ],
)
def test_a_store_with_anything_behind_it_is_refused(behind: bytes) -> None:
    """
    Two readers could each take another one of two stores, and no signature covers what follows one.
    """
    with pytest.raises(StructureError):
        read(store(manifest()) + behind)


def test_a_box_keeps_its_payload_and_its_children() -> None:
    """
    Everything in the tree is as stored.
    """
    root = walk(store(manifest(claim(b"\xa1\x01\x02"))))

    assert (root.uuid, root.label, root.payload) == (MANIFEST_STORE, "c2pa", b"")
    assert root.children[0].label == LABEL
    assert root.children[0].children[0].children == (jumbf.Box(b"cbor", b"\xa1\x01\x02"),)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(box(b"cbor", b""), id="no-superbox"),
        pytest.param(manifest(), id="manifest-outside-a-store"),
        pytest.param(superbox(CBOR, "c2pa"), id="other-content-type"),
    ],
)
def test_what_is_no_manifest_store_is_refused(data: bytes) -> None:
    """
    Only the content type makes a store; its label is decoration.
    """
    with pytest.raises(StructureError, match=r"^not one C2PA manifest store$"):
        walk(data)


def _long(payload: bytes, length: int, kind: bytes = b"free") -> bytes:
    return struct.pack(">I4s", length, kind) + payload


def _extra_long(payload: bytes, length: int, kind: bytes = b"free") -> bytes:
    return struct.pack(">I4sQ", 1, kind, length) + payload


@pytest.mark.parametrize(
    ("last", "payload"),
    [
        pytest.param(_long(b"abc", 0), b"abc", id="zero-reaches-to-the-end"),
        pytest.param(_extra_long(b"abc", 19), b"abc", id="extra-long"),
        pytest.param(_extra_long(b"", 16), b"", id="extra-long-and-empty"),
        pytest.param(_long(b"", 8), b"", id="empty"),
    ],
)
def test_lengths_are_read_as_the_standard_has_them(last: bytes, payload: bytes) -> None:
    """
    0 means "to the end" and 1 means "the length follows in eight bytes".
    """
    assert walk(store(last)).children == (jumbf.Box(b"free", payload),)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(_long(b"abc", 12), id="one-byte-too-long"),
        pytest.param(_long(b"abc", 0x7FFFFFFF), id="far-too-long"),
        pytest.param(_long(b"abc", 0xFFFFFFFF), id="minus-one"),
        pytest.param(_long(b"abc", 0x80000000), id="smallest-negative"),
        pytest.param(_long(b"", 2), id="shorter-than-half-a-header"),
        pytest.param(_long(b"", 7), id="shorter-than-its-header"),
        pytest.param(_extra_long(b"abc", 20), id="extra-long-by-one-byte"),
        pytest.param(_extra_long(b"abc", 2**64 - 1), id="extra-long-minus-one"),
        pytest.param(_extra_long(b"abc", 2**63), id="extra-long-negative"),
        pytest.param(_extra_long(b"", 15), id="extra-long-shorter-than-its-header"),
        pytest.param(_extra_long(b"", 0), id="extra-long-zero"),
        pytest.param(_extra_long(b"", 16)[:12], id="extra-long-cut-off"),
        pytest.param(b"\0\0\0\0fre", id="header-cut-off"),
        pytest.param(b"\0", id="one-byte"),
    ],
)
def test_a_box_that_does_not_fit_is_refused(last: bytes) -> None:
    """
    A length must never lead out of the box around it, nor backwards.
    """
    with pytest.raises(StructureError, match=r"does not fit into the one around it"):
        walk(store(last))


def _bomb(boxes: int) -> bytes:
    return store(box(b"free", b"") * boxes)


def test_as_many_boxes_as_allowed_are_read() -> None:
    """
    The bound counts the store's own superbox, and is itself allowed.
    """
    assert len(walk(_bomb(16_383)).children) == 16_383


@pytest.mark.parametrize("boxes", [16_384, 1_000_000])
def test_one_box_too_many_stops_the_reading(monkeypatch: pytest.MonkeyPatch, boxes: int) -> None:
    """
    The work is bounded by the limit and not by the size of the bomb.
    """
    headers = _counting(monkeypatch)

    with pytest.raises(StructureError, match=r"^too many boxes, or boxes too deep$"):
        walk(_bomb(boxes))

    assert len(headers) <= 16_386


def _counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    original = jumbf._header

    def counted(data: memoryview, position: int) -> tuple[bytes, int, int]:
        seen.append(position)
        return original(data, position)

    monkeypatch.setattr(jumbf, "_header", counted)
    return seen


def _nested(levels: int) -> bytes:
    data = b""
    for _ in range(levels):
        data = superbox(CBOR, "x", data)
    return store(data)


def test_as_many_levels_as_allowed_are_read() -> None:
    """
    Eight levels below the store, more than any specification needs.
    """
    box_, levels = walk(_nested(8)), 0
    while box_.children:
        box_, levels = box_.children[0], levels + 1

    assert levels == 8


@pytest.mark.parametrize("levels", [9, 3_000])
def test_one_level_too_many_stops_the_reading(monkeypatch: pytest.MonkeyPatch, levels: int) -> None:
    """
    Depth is bounded by counting, not by the interpreter's stack.
    """
    headers = _counting(monkeypatch)

    with pytest.raises(StructureError, match=r"^too many boxes, or boxes too deep$"):
        walk(_nested(levels))

    assert len(headers) <= 20


def _described(body: bytes) -> bytes:
    return box(b"jumb", box(b"jumd", body) + claim() + signature())


@pytest.mark.parametrize(
    ("superbox_", "message"),
    [
        pytest.param(box(b"jumb", b""), "does not fit", id="empty-superbox"),
        pytest.param(box(b"jumb", claim()), "superbox without a description box", id="no-description"),
        pytest.param(_described(MANIFEST), "superbox without a description box", id="description-too-short"),
        pytest.param(_described(MANIFEST + b"\x03ab"), "label without an end", id="label-without-an-end"),
        pytest.param(_described(MANIFEST + b"\x03"), "label without an end", id="no-label-at-all"),
        pytest.param(_described(MANIFEST + b"\x03\xff\0"), "label is not UTF-8", id="label-not-utf-8"),
        pytest.param(
            _described(MANIFEST + b"\x03\xed\xa0\x80\0"), "label is not UTF-8", id="label-surrogate"
        ),
        pytest.param(_described(MANIFEST + b"\x03\0"), "label '' is empty or stands twice", id="label-empty"),
        pytest.param(_described(MANIFEST + b"\x01ab\0"), "label '' is empty", id="not-labelled"),
        pytest.param(_described(MANIFEST + b"\x02ab\0"), "label '' is empty", id="not-requestable"),
    ],
)
def test_a_damaged_description_makes_the_store_unreadable(superbox_: bytes, message: str) -> None:
    """
    Without type and label nobody can say which manifest it is.
    """
    with pytest.raises(StructureError, match=message):
        read(store(superbox_))


def test_a_label_that_stands_twice_is_refused() -> None:
    """
    Two readers could each take another one of the two for the active manifest.
    """
    with pytest.raises(StructureError, match=rf"label '{LABEL}' is empty or stands twice"):
        read(store(manifest(), manifest(label="urn:uuid:2"), manifest()))


def test_labels_differ_by_their_bytes() -> None:
    """
    Neither case nor Unicode form is folded: a URI names bytes.
    """
    labels = ["urn:uuid:a", "urn:uuid:A", "urn:uuid:\u00e9", "urn:uuid:e\u0301"]

    assert list(read(store(*(manifest(label=label) for label in labels)))) == labels


def test_an_update_manifest_is_read_like_any_other() -> None:
    """
    It is signed the same way.
    """
    assert read(store(manifest(uuid=UPDATE_MANIFEST))) == read(store(manifest()))


@pytest.mark.parametrize(
    "unreadable",
    [
        pytest.param(manifest(uuid=COMPRESSED_MANIFEST), id="compressed"),
        pytest.param(manifest(uuid=CBOR), id="other-content-type"),
        pytest.param(manifest(superbox(ASSERTION_STORE, "c2pa.assertions")), id="neither"),
        pytest.param(manifest(claim()), id="no-signature"),
        pytest.param(manifest(signature()), id="no-claim"),
        pytest.param(manifest(claim(), claim(b"\xa1\x01\x01"), signature()), id="two-claims"),
        pytest.param(
            manifest(claim(), claim(label="c2pa.claim.v2"), signature()), id="claims-of-both-versions"
        ),
        pytest.param(manifest(claim(), signature(), signature(b"\xa0")), id="two-signatures"),
        pytest.param(manifest(claim(label="c2pa.claim.v3"), signature()), id="claim-of-the-future"),
        pytest.param(manifest(claim(label="c2pa.claim__1"), signature()), id="claim-counted-on"),
        pytest.param(manifest(claim(kind=b"json"), signature()), id="claim-is-not-cbor"),
        pytest.param(manifest(claim(), signature(kind=b"bidb")), id="signature-is-not-cbor"),
        pytest.param(manifest(superbox(CLAIM, "c2pa.claim"), signature()), id="claim-without-content"),
        pytest.param(
            manifest(
                superbox(CLAIM, "c2pa.claim", box(b"cbor", b"\xa0"), box(b"cbor", b"\xa0")), signature()
            ),
            id="claim-with-two-contents",
        ),
    ],
)
def test_a_manifest_that_can_be_read_in_two_ways_or_none_has_no_claim(unreadable: bytes) -> None:
    """
    It keeps its place and its label, so that the manifest before it does not become the active one.
    """
    found = read(store(manifest(label="urn:uuid:0"), unreadable))

    assert list(found) == ["urn:uuid:0", LABEL]
    assert found["urn:uuid:0"] is not None
    assert found[LABEL] is None


@pytest.mark.parametrize("spoil", [without_signature, with_claim_twice])
def test_real_manifests_spoilt_the_same_way_have_no_claim(
    authority: Authority, spoil: Callable[[list[bytes]], list[bytes]]
) -> None:
    """
    The rule holds with assertions and all around it.
    """
    spec = tampered(azure_v1(authority), Tampering(edit_manifest=spoil))

    assert list(read(build_store(make_manifest(PNG, spec))).values()) == [None]


def test_boxes_that_are_no_superboxes_are_no_manifests() -> None:
    """
    Padding may stand between manifests.
    """
    assert list(read(store(box(b"free", b"123"), manifest()))) == [LABEL]


def _numbered(count: int) -> bytes:
    return store(*(manifest(label=f"urn:uuid:{index}") for index in range(count)))


def test_as_many_manifests_as_allowed_are_read() -> None:
    """
    The bound itself is allowed.
    """
    assert len(read(_numbered(3), max_manifests=3)) == 3


def test_one_manifest_too_many_is_an_error_of_its_own() -> None:
    """
    It is a matter of the caller's bounds and not of the image, so it must be told apart.
    """
    with pytest.raises(TooManyManifestsError) as caught:
        read(_numbered(4), max_manifests=3)

    assert caught.value.count == 4


def test_an_empty_store_holds_no_manifests() -> None:
    """
    Whether that is an error is not for the boxes to say.
    """
    assert read(store()) == {}


def _only_structure_errors(data: bytes) -> None:
    try:
        for label, found in read(data).items():
            assert label
            assert found is None or found.label == label
    except StructureError:
        return


@given(st.binary(max_size=512))
@example(b"\0\0\0\1jumb" + b"\xff" * 8)
def test_any_bytes_are_a_store_or_a_structure_error(data: bytes) -> None:
    """
    Whatever stands in an image, nothing but `StructureError` may come out.
    """
    _only_structure_errors(data)


@settings(max_examples=400)
@given(st.data())
def test_a_spoilt_store_is_read_or_a_structure_error(made: dict[str, bytes], data: st.DataObject) -> None:
    """
    Mutations of real structure reach deeper than arbitrary bytes.
    """
    original = made[data.draw(st.sampled_from(sorted(made)))]
    _only_structure_errors(_mutated(original, data))


def _mutated(original: bytes, data: st.DataObject) -> bytes:
    mutated = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(mutated) - 1, 0)))
        piece = data.draw(
            st.sampled_from([b"\0", b"\xff", b"\0\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff", b"jumb"])
        )
        kind = data.draw(st.sampled_from(["overwrite", "insert", "delete", "cut"]))
        if kind == "overwrite":
            mutated[at : at + len(piece)] = piece
        elif kind == "insert":
            mutated[at:at] = piece
        elif kind == "delete":
            del mutated[at : at + len(piece)]
        else:
            del mutated[at:]
    return bytes(mutated)


def _real_stores() -> Iterator[bytes]:
    for entry in corpus_files("azure-openai/"):
        with Asset.from_path(SHARED / "corpus" / entry.name, Limits()) as asset:
            yield from scan(asset, Limits()).stores


@pytest.mark.corpus
def test_spoilt_stores_of_real_images_are_read_or_a_structure_error(corpus: object) -> None:
    """
    Microsoft's stores hold what ours do not: other salts, paddings and boxes.
    """
    stores = list(_real_stores())

    @settings(max_examples=200)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        _only_structure_errors(_mutated(data.draw(st.sampled_from(stores)), data))

    check()


def test_a_manifest_box_split_off_is_read_alone(made: dict[str, bytes]) -> None:
    """
    What a manifest says does not depend on which others stand beside it.
    """
    both = read(made["ingredient"])
    alone = [read(store(manifest_.superbox)) for manifest_ in split_store(made["ingredient"])]

    assert alone == [{label: found} for label, found in both.items()]
