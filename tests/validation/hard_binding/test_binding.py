"""
Bytes that a hard binding leaves open: nobody may be told that they were signed.

Each attack is shown twice where the engine is fooled by it: the engine asked directly, and this library.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable
from dataclasses import replace

import cbor2
import pytest
from PIL import Image

from provenance import VerificationResult, Verifier
from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import Embedding, Layout
from provenance.authority import (
    Authority,
    ManifestSpec,
    Tampering,
    azure_v1,
    azure_v2,
    plain_jpeg,
    plain_png,
    sign_image,
)
from provenance.authority.image import jpeg_segment
from provenance.authority.splicing import splice_store
from provenance.manifest.jumbf import MANIFEST, MANIFEST_STORE, UPDATE_MANIFEST, Box
from provenance.manifest.status import StatusKind, is_about_signer
from provenance.trust.profile import TrustProfile
from provenance.validation.engine import Anchors, Engine
from provenance.validation.hard_binding.binding import coverage
from provenance.validation.hard_binding.coverage import Coverage

PNG = plain_png(40, 24, seed=1)
JPEG = plain_jpeg(40, 24, seed=1)
OTHER_TABLES = jpeg_segment(0xDB, b"\x00" + b"\x20" * 64)
OTHER_FRAME = jpeg_segment(0xC0, struct.pack(">BHHB", 8, 8, 16, 1) + b"\x01\x11\x00")

Edit = Callable[[dict[str, object]], object]


@pytest.fixture
def verifier(sample_trust: TrustProfile) -> Verifier:
    """
    Believe the authority that signs here.
    """
    return Verifier(trust=sample_trust, self_test=False)


def engine_matches(data: bytes) -> bool:
    """
    Return whether the engine calls signature and binding good, and finds no other fault than who signed.
    """
    with Asset.from_bytes(data, Limits()) as asset:
        store = Engine().read(asset, Anchors()).store
    found = store.manifests[store.active].statuses
    good = {status.code for status in found if status.kind is StatusKind.SUCCESS}
    bad = {s.code for s in found if s.kind is StatusKind.FAILURE and not is_about_signer(s.code)}
    bound = any(code.endswith("Hash.match") for code in good)
    # It stumbles over Microsoft's soft binding, which these images have as genuine ones do.
    return bound and "claimSignature.validated" in good and bad <= {"claim.malformed"}


def findings(result: VerificationResult) -> list[str]:
    """
    Name what the image lacks.
    """
    return [check.id for check in result.findings]


def bound_by(spec: ManifestSpec, edit: Edit) -> ManifestSpec:
    """
    Make the hard binding say something else, and sign that.
    """
    return replace(spec, tampering=Tampering(edit_binding=edit))


# --- the store as it lies in the container --------------------------------------------------------


def test_a_picture_between_two_pieces_of_the_store_is_never_taken_for_the_signed_one(
    authority: Authority, verifier: Verifier
) -> None:
    """
    The engine adds up the lengths of the pieces: a genuine picture, cropped, reads as whole.
    """
    signed = sign_image(JPEG, azure_v2(authority))
    spliced = splice_store(signed, OTHER_TABLES + OTHER_FRAME)

    result = verifier.verify(spliced)

    assert engine_matches(spliced)
    assert Image.open(io.BytesIO(signed)).size == (40, 24)
    assert Image.open(io.BytesIO(spliced)).size == (16, 8)
    assert verifier.verify(signed).accepted
    assert (str(result.state), result.accepted) == ("invalid", False)


@pytest.mark.parametrize(
    "after", [b"\xff\xfe\x00\x04ab", b"\xff\xff", b"abc"], ids=["comment", "fill", "stray"]
)
def test_whatever_lies_between_two_segments_of_the_store_is_a_fault(
    authority: Authority, verifier: Verifier, after: bytes
) -> None:
    """
    Also where nothing is hidden behind them.
    """
    spliced = splice_store(sign_image(JPEG, azure_v2(authority)), after)

    assert str(verifier.verify(spliced).state) == "invalid"


@pytest.mark.parametrize(("second", "fault"), [(2, None), (3, "numbered"), (9, "numbered")])
def test_the_segments_of_a_store_are_numbered_one_after_the_other(
    authority: Authority, verifier: Verifier, second: int, fault: str | None
) -> None:
    """
    Genuine stores begin with 0 or 1 and rise by one.
    """
    spec = replace(azure_v2(authority), reserved=80_000)
    signed = sign_image(JPEG, spec)
    changed = signed.replace(b"JP\x02\x11\x00\x00\x00\x02", b"JP\x02\x11\x00\x00\x00" + bytes([second]))

    result = verifier.verify(changed)

    assert (str(result.state) == "trusted") == (fault is None)
    assert [s.explanation for s in result.store_failures if "numbered" in s.explanation] == (
        ["the segments of the manifest store are not numbered one after the other"] if fault else []
    )


def test_the_checksum_of_the_stores_chunk_has_to_be_right(authority: Authority, verifier: Verifier) -> None:
    """
    No hash covers it and the engine does not compute it: four bytes for whoever wants them.
    """
    signed = bytearray(sign_image(PNG, azure_v2(authority)))
    at = signed.index(b"caBX")
    length = int.from_bytes(signed[at - 4 : at])
    signed[at + 4 + length] ^= 1

    result = verifier.verify(bytes(signed))

    assert engine_matches(bytes(signed))
    assert (str(result.state), result.accepted) == ("invalid", False)


# --- data hash ------------------------------------------------------------------------------------


def the_store(content: dict[str, object]) -> tuple[int, int]:
    """
    Read where the only exclusion begins, and how long it is.
    """
    match content:
        case {"exclusions": [{"start": int(start), "length": int(length)}]}:
            return start, length
    pytest.fail("not one exclusion")


def further_exclusion(content: dict[str, object]) -> object:
    """
    Leave the pixels open as well, and let the hash be right.
    """
    start, length = the_store(content)
    further = {"start": start + length, "length": 40}
    return {**content, "exclusions": [{"start": start, "length": length}, further]}


def wider_exclusion(content: dict[str, object]) -> object:
    """
    Begin where the store does and end behind it.
    """
    start, length = the_store(content)
    return {**content, "exclusions": [{"start": start, "length": length + 40}]}


def earlier_exclusion(content: dict[str, object]) -> object:
    """
    Begin before the store and end where it does.
    """
    start, length = the_store(content)
    return {**content, "exclusions": [{"start": start - 8, "length": length + 8}]}


def rehashed(edit: Edit, hashed: bytes) -> Edit:
    """
    Change the exclusions, and state the hash of what they leave.
    """

    def edited(content: dict[str, object]) -> object:
        changed = edit(content)
        assert isinstance(changed, dict)
        return {**changed, "hash": hashlib.sha256(hashed).digest()}

    return edited


@pytest.mark.parametrize("image", [PNG, JPEG], ids=["png", "jpeg"])
def test_a_second_exclusion_leaves_bytes_open(authority: Authority, verifier: Verifier, image: bytes) -> None:
    """
    The engine only mentions it, and whoever finds such an image can put other pixels there.
    """
    cut = 33 if image is PNG else 20
    edit = rehashed(further_exclusion, image[:cut] + image[cut + 40 :])

    signed = sign_image(image, bound_by(azure_v2(authority), edit))
    result = verifier.verify(signed)

    assert engine_matches(signed)
    assert (str(result.state), findings(result)) == ("trusted", ["unbound_bytes"])
    assert result.facts.unbound_bytes == 40


@pytest.mark.parametrize(
    ("edit", "hashed"),
    [
        (wider_exclusion, PNG[:33] + PNG[73:]),
        (earlier_exclusion, PNG[:25] + PNG[33:]),
    ],
    ids=["ends-later", "begins-earlier"],
)
def test_an_exclusion_that_is_not_the_store_is_no_binding(
    authority: Authority, verifier: Verifier, edit: Edit, hashed: bytes
) -> None:
    """
    Whatever lies beside the store is then in the same hole.
    """
    signed = sign_image(PNG, bound_by(azure_v2(authority), rehashed(edit, hashed)))

    assert (str(verifier.verify(signed).state), verifier.verify(signed).accepted) == ("invalid", False)


@pytest.mark.parametrize("image", [PNG, JPEG], ids=["png", "jpeg"])
@pytest.mark.parametrize("trailer", [b"x", b"\xff\xd8 a second picture \xff\xd9", bytes(5000)])
def test_bytes_after_the_end_that_a_data_hash_covers_are_bound(
    authority: Authority, verifier: Verifier, image: bytes, trailer: bytes
) -> None:
    """
    Phones write trailers, gain maps and further pictures before they sign. Afterwards nothing may be added.
    """
    signed = sign_image(image + trailer, azure_v2(authority))

    result, longer = verifier.verify(signed), verifier.verify(signed + b"x")

    assert (result.accepted, result.facts.trailing_bytes, result.facts.unbound_bytes) == (
        True,
        len(trailer),
        0,
    )
    assert (str(longer.state), longer.accepted) == ("invalid", False)


# --- hash over boxes ------------------------------------------------------------------------------


def ends_early(content: dict[str, object]) -> object:
    """
    Name no box behind the store.
    """
    boxes = content["boxes"]
    assert isinstance(boxes, list)
    return {**content, "boxes": boxes[: 1 + [box["names"] for box in boxes].index(["C2PA"])]}


def excluded(content: dict[str, object]) -> object:
    """
    Name the pixels and leave them out all the same.
    """
    return {**content, "boxes": [_excluded(box) for box in content["boxes"]]}  # type: ignore[attr-defined] # a list


def _excluded(box: dict[str, object]) -> dict[str, object]:
    return {**box, "excluded": True} if box["names"] in (["IDAT"], ["SOS"]) else box


@pytest.mark.parametrize("image", [PNG, JPEG], ids=["png", "jpeg"])
@pytest.mark.parametrize("edit", [ends_early, excluded])
def test_boxes_that_the_list_leaves_out_are_open(
    authority: Authority, verifier: Verifier, image: bytes, edit: Edit
) -> None:
    """
    The engine asks of a list only that what it names is there, in order, and unchanged.
    """
    signed = sign_image(image, bound_by(azure_v1(authority), edit))

    result = verifier.verify(signed)

    assert engine_matches(signed)
    assert (str(result.state), findings(result)) == ("trusted", ["unbound_bytes"])
    assert (result.facts.unbound_bytes or 0) > 30


def test_what_a_scan_goes_on_with_after_two_0xff_is_open(authority: Authority, verifier: Verifier) -> None:
    """
    A decoder reads on; the engine has stopped, so a whole archive can be put there afterwards.
    """
    signed = sign_image(JPEG, azure_v1(authority))
    longer = signed[:-2] + b"\xff\xff\x00PK\x03\x04" + bytes(1000) + signed[-2:]

    result = verifier.verify(longer)

    assert engine_matches(longer)
    assert (str(result.state), findings(result)) == ("trusted", ["unbound_bytes"])
    assert result.facts.unbound_bytes == 1007


# --- the rules by themselves ----------------------------------------------------------------------

STORE = Embedding(100, 50)


def assertion(label: str, content: object) -> Box:
    """
    Make an assertion.
    """
    return Box(b"jumb", b"", bytes(16), label, (Box(b"cbor", cbor2.dumps(content)),))


def manifest(label: str, *assertions: Box, uuid: bytes = MANIFEST) -> Box:
    """
    Make a manifest of nothing but assertions.
    """
    return Box(b"jumb", b"", uuid, label, (Box(b"jumb", b"", bytes(16), "c2pa.assertions", assertions),))


def covered(*manifests: Box, embedding: Embedding | None = STORE) -> Coverage:
    """
    Hold the last manifest's binding against a file of 1,000 bytes.
    """
    with Asset.from_bytes(b"\x89PNG\r\n\x1a\n" + bytes(992), Limits()) as asset:
        root = Box(b"jumb", b"", MANIFEST_STORE, "c2pa", manifests)
        return coverage(asset, Layout(stores=(b"",), embedding=embedding), root)


def data_hash(*spans: object) -> Box:
    """
    Make a data hash of (start, length) exclusions, or of whatever is given for one.
    """
    exclusions = [
        {"start": span[0], "length": span[1]} if isinstance(span, tuple) else span for span in spans
    ]
    return assertion("c2pa.hash.data", {"exclusions": exclusions, "hash": b""})


def parent(label: str, relationship: str = "parentOf") -> Box:
    """
    Make an ingredient that refers to a manifest.
    """
    reference = {"url": f"self#jumbf=/c2pa/{label}", "hash": b""}
    return assertion("c2pa.ingredient.v3", {"relationship": relationship, "activeManifest": reference})


@pytest.mark.parametrize(
    ("spans", "unbound"),
    [
        (((100, 50),), 0),
        (((0, 10), (100, 50)), 10),
        (((100, 50), (150, 20), (900, 10)), 30),
        (((100, 50), (990, 2**62)), 10),
        (((100, 50), (2**62, 5)), 0),
    ],
)
def test_bytes_of_further_exclusions_are_counted(spans: tuple[object, ...], unbound: int) -> None:
    """
    As far as the file goes, before, behind and after the store.
    """
    assert covered(manifest("m", data_hash(*spans))) == Coverage(unbound, beyond_end=len(spans) == 1)


@pytest.mark.parametrize(
    ("spans", "unbound"),
    [
        (((100, 50),), 0),
        (((90, 4), (100, 50)), 0),
        (((90, 5), (100, 50)), 5),
        (((89, 4), (100, 50)), 4),
        (((80, 4), (90, 4), (100, 50)), 4),
    ],
)
def test_the_field_that_states_the_size_of_the_store_may_be_left_out(
    spans: tuple[object, ...], unbound: int
) -> None:
    """
    In a TIFF file it lies elsewhere; another number in it would make the store another span.
    """
    embedding = STORE._replace(size_field=(90, 4))

    found = covered(manifest("m", data_hash(*spans)), embedding=embedding)

    assert found == Coverage(unbound, beyond_end=not unbound)


@pytest.mark.parametrize(
    "spans",
    [
        ((100, 50), (0, 10)),
        ((100, 50), (120, 10)),
        ((100, 50), (100, 50)),
        ((100, -1),),
        ((-1, 50),),
        (("100", 50),),
        ((100.0, 50),),
        ((True, 50),),
        (None,),
        ([100, 50],),
        ((100, 50), {}),
    ],
    ids=repr,
)
def test_exclusions_out_of_order_or_of_other_types_are_malformed(spans: tuple[object, ...]) -> None:
    """
    Two readers could each take them for something else.
    """
    (fault,) = covered(manifest("m", data_hash(*spans))).faults

    assert fault[0] == "assertion.dataHash.malformed"


@pytest.mark.parametrize("spans", [(), ((99, 50),), ((100, 49),), ((100, 51),), ((0, 1000),), ((0, 0),)])
def test_a_data_hash_has_to_leave_out_the_store_and_no_more(spans: tuple[object, ...]) -> None:
    """
    To the byte.
    """
    (fault,) = covered(manifest("m", data_hash(*spans))).faults

    assert fault[0] == "assertion.dataHash.mismatch"


@pytest.mark.parametrize(
    "manifests",
    [
        (),
        (manifest("m"),),
        (manifest("m", data_hash((100, 50)), data_hash((100, 50))),),
        (manifest("m", data_hash((100, 50)), assertion("c2pa.hash.boxes", {"boxes": []})),),
        (manifest("m", assertion("c2pa.hash.data", [])),),
        (manifest("m", assertion("c2pa.hash.collection.data", {})),),
        (manifest("m", Box(b"jumb", b"", bytes(16), "c2pa.hash.data", (Box(b"cbor", b"\xff"),))),),
        (manifest("m", data_hash((100, 50))), manifest("u", uuid=UPDATE_MANIFEST)),
        (manifest("u", parent("u"), uuid=UPDATE_MANIFEST),),
        (
            manifest("m", data_hash((100, 50))),
            manifest("u", parent("m", "componentOf"), uuid=UPDATE_MANIFEST),
        ),
        (
            manifest("m", data_hash((100, 50))),
            manifest("u", parent("m"), parent("m"), uuid=UPDATE_MANIFEST),
        ),
    ],
    ids=range(11),
)
def test_where_no_single_binding_can_be_told_nothing_is_known(manifests: tuple[Box, ...]) -> None:
    """
    And what is not known is never called bound.
    """
    assert covered(*manifests) == Coverage()


def test_an_update_inherits_the_binding_of_what_it_updates() -> None:
    """
    The store is longer by then, and the exclusion as it was.
    """
    updated = covered(
        manifest("m", data_hash((100, 20))),
        manifest("u", parent("m"), uuid=UPDATE_MANIFEST),
        manifest("v", parent("u"), uuid=UPDATE_MANIFEST),
    )
    elsewhere = covered(manifest("m", data_hash((99, 20))), manifest("u", parent("m"), uuid=UPDATE_MANIFEST))

    assert updated == Coverage(0, beyond_end=True)
    assert [code for code, _ in elsewhere.faults] == ["assertion.dataHash.mismatch"]


def test_a_fault_of_the_embedding_comes_with_whatever_is_bound() -> None:
    """
    A store in pieces is none, however right its exclusion is.
    """
    found = covered(manifest("m", data_hash((100, 50))), embedding=STORE._replace(fault="in pieces"))

    assert found.faults == (("general.error", "in pieces"),)
