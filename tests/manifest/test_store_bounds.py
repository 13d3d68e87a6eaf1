"""
What a manifest store may hold before the engine sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cbor2
import pytest

from provenance import AssetTooLargeError, Limits, UnsupportedAssetError, ValidationState, Verifier
from provenance import authority as made
from provenance.authority import AssertionSpec, Authority, IngredientSpec, ManifestSpec, Tampering, box
from provenance.manifest.jumbf import COMPRESSED_MANIFEST, MANIFEST_STORE
from provenance.trust.profile import TrustProfile
from provenance.validation.engine import Engine

PNG = made.plain_png(16, 16, seed=1)


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Fail where the engine is asked.
    """

    def read(*_: object) -> None:
        pytest.fail("the engine was handed what is over a bound")

    monkeypatch.setattr(Engine, "read", read)


@pytest.fixture
def spec(authority: Authority) -> ManifestSpec:
    """
    Describe an ordinary manifest.
    """
    return made.azure_v1(authority)


def with_assertions(spec: ManifestSpec, *contents: object, **how: bool) -> bytes:
    """
    Sign an image with further assertions; bytes are written as they are.
    """
    further = tuple(
        AssertionSpec(
            label=f"org.example.n{number}",
            content=content,
            form="raw" if isinstance(content, bytes) else "cbor",
            **how,
        )
        for number, content in enumerate(contents)
    )
    return made.sign_image(PNG, replace(spec, assertions=spec.assertions + further))


def verifier(trust: TrustProfile, **limits: int) -> Verifier:
    """
    Judge within other limits.
    """
    return Verifier(trust=trust, limits=Limits(**limits), self_test=False)


CASES: Mapping[str, tuple[str, str]] = {
    "stored": ("max_assertions", "assertions"),
    "missing": ("max_assertions", "references to assertions"),
    "values": ("max_values", "CBOR values"),
    "bytes": ("max_structured_bytes", "bytes of CBOR and JSON in the manifest store"),
    "ingredients": ("max_ingredients", "ingredients"),
    "boxes": ("max_boxes", "boxes"),
}


def over(spec: ManifestSpec, case: str, many: int) -> bytes:
    """
    Sign an image that holds at least *many* of something.
    """
    if case == "stored":
        return with_assertions(spec, *range(many))
    if case == "missing":
        return with_assertions(spec, *range(many), stored=False)
    if case == "values":
        return with_assertions(spec, cbor2.dumps([[]] * many))
    if case == "bytes":
        return with_assertions(spec, "x" * many)
    if case == "ingredients":
        further = tuple(IngredientSpec(manifest=None, title=str(number)) for number in range(many))
        return made.sign_image(PNG, replace(spec, ingredients=further))
    return with_assertions(spec, *range(many // 2))


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("case", CASES)
def test_more_than_allowed_is_an_error_before_the_engine_is_asked(
    spec: ManifestSpec, sample_trust: TrustProfile, case: str
) -> None:
    """
    It compares each with each, and allocates what a length says.
    """
    limit, unit = CASES[case]
    image = over(spec, case, 400)

    with pytest.raises(AssetTooLargeError) as caught:
        verifier(sample_trust, **{limit: 300}).verify(image)

    assert (caught.value.unit, caught.value.limit) == (unit, 300)
    assert caught.value.size > 300


@pytest.mark.parametrize("case", CASES)
def test_as_many_as_allowed_are_judged(spec: ManifestSpec, sample_trust: TrustProfile, case: str) -> None:
    """
    A bound is not a rule: what is within it is the engine's to judge.
    """
    result = verifier(sample_trust).verify(over(spec, case, 20))

    assert result.state in (ValidationState.TRUSTED, ValidationState.INVALID)
    assert (result.state is ValidationState.INVALID) == (case == "missing")


LIES = {
    "text": b"\x7a\x80\x00\x00\x00abc",
    "bytes": b"\x5b\x40\x00\x00\x00\x00\x00\x00\x00abc",
    "array": b"\x9a\x80\x00\x00\x00\x00",
    "map": b"\xba\x80\x00\x00\x00\x00",
    "inside": b"\x82\x01\x7a\x80\x00\x00\x00",
    "chunk": b"\x7f\x7a\x80\x00\x00\x00\xff",
    "tagged": b"\xc0\x7a\x80\x00\x00\x00",
    "no end": b"\x9f\x01",
    "no value": b"",
    "deep": b"\x81" * 100 + b"\x00",
    "deep tags": b"\xc6" * 100 + b"\x00",
    "reserved": b"\x1c",
}


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("lie", [name for name in LIES if name != "no value"])
@pytest.mark.parametrize("place", ["assertion", "claim", "signature", "header"])
def test_cbor_that_promises_more_than_there_is_makes_the_image_invalid(
    spec: ManifestSpec, sample_trust: TrustProfile, lie: str, place: str
) -> None:
    """
    The engine allocates 2 GB for a text that says it is so long, in an image of 6 kB.
    """
    tampering = Tampering(
        edit_signed_claim=(lambda _: LIES[lie]) if place == "claim" else None,
        edit_signature=(lambda _: LIES[lie]) if place == "signature" else None,
        edit_protected=(lambda _: LIES[lie]) if place == "header" else None,
    )
    contents = (LIES[lie],) if place == "assertion" else ()

    result = verifier(sample_trust).verify(with_assertions(replace(spec, tampering=tampering), *contents))

    assert (result.state, result.accepted) == (ValidationState.INVALID, False)


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("tag", [None, 18])
def test_what_a_protected_header_holds_is_counted_whether_or_not_a_tag_says_what_it_is(
    spec: ManifestSpec, sample_trust: TrustProfile, tag: int | None
) -> None:
    """
    It is CBOR in a byte string; a COSE_Sign1 may be tagged as such.
    """
    parts: list[object] = [cbor2.dumps([[]] * 400), {}, None, b""]
    written = cbor2.dumps(parts if tag is None else cbor2.CBORTag(tag, parts))
    many = replace(spec, tampering=Tampering(edit_signature=lambda _: written))

    with pytest.raises(AssetTooLargeError, match="CBOR values"):
        verifier(sample_trust, max_values=300).verify(made.sign_image(PNG, many))


@pytest.mark.parametrize(
    "content",
    [
        b"\x9f\x01\xff",
        b"\xbf\x61a\x7f\x61b\xff\xff",
        b"\xc0\x741985-04-12T23:20:50Z",
        cbor2.dumps({1: 2, -1: [None, 1.5, b""]}),
        b"\xa2\x61a\x01\x61a\x02",
        b"\xd9\x03\xe7\x80",
    ],
    ids=["indefinite array", "indefinite map", "time", "integer keys", "repeated key", "unknown tag"],
)
def test_cbor_of_many_hands_is_let_through(
    spec: ManifestSpec, sample_trust: TrustProfile, content: bytes
) -> None:
    """
    155 genuine stores hold indefinite lengths, 33 a tag.
    """
    assert verifier(sample_trust).verify(with_assertions(spec, content)).state is ValidationState.TRUSTED


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("uuid", [COMPRESSED_MANIFEST, bytes(16)], ids=["manifest", "any box"])
def test_a_compressed_manifest_is_not_handed_on(sample_trust: TrustProfile, uuid: bytes) -> None:
    """
    Nobody can tell what is in it before it is decompressed. No genuine image seen so far holds one.
    """
    manifest = box.superbox(uuid, "urn:uuid:x", box.box(b"brob", b"any bytes"))
    store = box.superbox(MANIFEST_STORE, "c2pa", manifest)

    with pytest.raises(UnsupportedAssetError, match="compressed manifest"):
        verifier(sample_trust).verify(made.embed_store(PNG, store))
