"""
Images that the authority signs, as the raw engine and genuine images of the corpus see them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import cbor2
import pytest

from provenance import authority as made
from provenance.authority import (
    AssertionSpec,
    Authority,
    IngredientReference,
    IngredientSpec,
    KeyType,
    Tampering,
    box,
    image,
    sign_image,
)
from provenance.manifest import jumbf
from tests.authority.support import (
    BOTH_VERSIONS,
    CORPUS,
    PLAIN,
    PNG,
    PNG_AND_JPEG,
    Describe,
    Judged,
    readable_v2,
    shape,
    store_of,
    tampered,
)

# --- images that must be trusted ------------------------------------------------------------------


@PNG_AND_JPEG
@pytest.mark.parametrize(
    ("describe", "match"),
    [
        pytest.param(made.azure_v1, "assertion.boxesHash.match", id="v1"),
        pytest.param(made.azure_2023, "assertion.boxesHash.match", id="2023"),
        pytest.param(readable_v2, "assertion.dataHash.match", id="v2"),
        pytest.param(
            lambda authority: made.azure_v2(authority, soft_binding_unit=None),
            "assertion.dataHash.match",
            id="v2-without-watermark",
        ),
        pytest.param(
            lambda authority: replace(made.azure_v1(authority), binding="data"),
            "assertion.dataHash.match",
            id="v1-data",
        ),
        pytest.param(
            lambda authority: replace(readable_v2(authority), binding="boxes"),
            "assertion.boxesHash.match",
            id="v2-boxes",
        ),
    ],
)
def test_an_image_is_trusted(authority: Authority, describe: Describe, match: str, media_type: str) -> None:
    """
    The signer has expired, so this also shows that the time-stamp holds.
    """
    judged = Judged(sign_image(PLAIN[media_type], describe(authority)), authority)

    assert (judged.state, judged.failures, judged.error) == ("Trusted", {}, "")
    assert {match, "timeStamp.validated", "timeStamp.trusted"} <= judged.successes


@pytest.mark.parametrize("title", [None, "a", "ab", "abc"])
def test_a_webp_is_trusted_whatever_the_size_of_its_store(authority: Authority, title: str | None) -> None:
    """
    A chunk of odd size is followed by a byte that the data hash covers.
    """
    signed = sign_image(PLAIN["image/webp"], replace(readable_v2(authority), title=title))

    assert Judged(signed, authority).state == "Trusted"


def test_box_hashes_are_refused_for_webp(authority: Authority) -> None:
    """
    The names of WebP's boxes are not known here.
    """
    with pytest.raises(ValueError, match="no box hashes for webp"):
        sign_image(PLAIN["image/webp"], made.azure_v1(authority))


@pytest.mark.parametrize("key_type", KeyType)
@BOTH_VERSIONS
def test_every_kind_of_key_signs(key_type: KeyType, describe: Describe) -> None:
    """
    Certificates, claims and time-stamps, each with every algorithm.
    """
    authority = Authority.create(key_type=key_type)

    judged = Judged(sign_image(PNG, describe(authority)), authority)

    assert (judged.state, judged.failures) == ("Trusted", {})


@PNG_AND_JPEG
@BOTH_VERSIONS
def test_a_store_above_64_kib_is_trusted(authority: Authority, describe: Describe, media_type: str) -> None:
    """
    In a JPEG it takes several segments.
    """
    spec = describe(authority)
    large = AssertionSpec(label="org.example.large", content={"text": "x" * 200_000})

    signed = sign_image(PLAIN[media_type], replace(spec, assertions=(*spec.assertions, large)))

    assert Judged(signed, authority).state == "Trusted"
    if media_type == "image/jpeg":
        assert [name for name, _ in image.split_jpeg(signed)].count("APP11") == 4


@PNG_AND_JPEG
@BOTH_VERSIONS
def test_an_image_can_be_signed_again(authority: Authority, describe: Describe, media_type: str) -> None:
    """
    A store that is there is replaced, not joined by another.
    """
    once = sign_image(PLAIN[media_type], made.azure_v1(authority, label="urn:uuid:first"))

    judged = Judged(sign_image(once, describe(authority)), authority)

    assert judged.state == "Trusted"
    assert len(judged.json["manifests"]) == 1  # type: ignore[arg-type] # JSON of the engine


def test_bytes_behind_the_image_stay_there(authority: Authority) -> None:
    """
    Box hashes do not cover them, which a verifier must notice.
    """
    for plain in (PNG, PLAIN["image/jpeg"]):
        signed = sign_image(plain + b"behind", made.azure_v1(authority))

        assert signed.endswith(b"behind")
        assert Judged(signed, authority).state == "Trusted"


def test_a_signer_without_a_time_stamp_is_trusted_while_it_is_valid(authority: Authority) -> None:
    """
    The lasting signer needs no time-stamp.
    """
    spec = made.azure_v1(authority, credential=authority.lasting_signer)

    judged = Judged(sign_image(PNG, replace(spec, time_stamper=None)), authority)

    assert judged.state == "Trusted"
    assert "timeStamp.validated" not in judged.successes


@pytest.mark.parametrize("form", ["sigTst", "sigTst2"])
@BOTH_VERSIONS
def test_either_form_of_time_stamp_goes_with_either_claim(
    authority: Authority, describe: Describe, form: Literal["sigTst", "sigTst2"]
) -> None:
    """
    The form settles what is stamped, not the version of the claim.
    """
    judged = Judged(sign_image(PNG, replace(describe(authority), time_stamp_form=form)), authority)

    assert judged.state == "Trusted"
    assert "timeStamp.validated" in judged.successes


def test_further_assertions_are_hashed_in_any_form(authority: Authority) -> None:
    """
    CBOR, JSON, and CBOR written by hand; a repeated label is numbered.
    """
    spec = made.azure_v1(authority)
    further = (
        AssertionSpec(label="org.example", content={"a": [1, 2]}),
        AssertionSpec(label="org.example", content=cbor2.dumps({"b": 1}), form="raw"),
        AssertionSpec(label="org.example.json", content={"c": 1}, form="json"),
    )

    signed = sign_image(PNG, replace(spec, assertions=further))

    assert Judged(signed, authority).state == "Trusted"
    assert b"c2pa.assertions/org.example__1" in signed
    assert b'{"c": 1}' in signed


def test_an_assertion_can_be_stored_that_the_claim_does_not_name(authority: Authority) -> None:
    """
    The engine refuses to read such a manifest at all.
    """
    unnamed = AssertionSpec(label="org.example", content=1, referenced=False)

    judged = Judged(sign_image(PNG, replace(made.azure_v1(authority), assertions=(unnamed,))), authority)

    assert judged.error.startswith("AssertionNotFound")


# --- genuine images -------------------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the project")
@pytest.mark.parametrize(
    ("genuine", "describe"),
    [
        pytest.param("dalle-claim-v1-20240725-848f54.png", made.azure_v1, id="v1"),
        pytest.param(
            "dalle-claim-v1-20250516-b27caf.png",
            lambda authority: made.azure_v1(authority, description=None),
            id="v1-without-description",
        ),
        pytest.param("dalle-claim-v1-20231017-a965a5.png", made.azure_2023, id="2023"),
        pytest.param("imagegen-claim-v2-20260817-d4f91a.png", made.azure_v2, id="v2"),
        pytest.param("ingredient-claim-v2-2026080118-d596df.png", made.azure_v2, id="v2-in-an-ingredient"),
    ],
)
def test_manifests_have_the_shape_of_genuine_ones(
    authority: Authority, genuine: str, describe: Describe
) -> None:
    """
    Boxes, labels, types, keys and the order of all of them are Microsoft's.
    """
    theirs = jumbf.walk(store_of((CORPUS / genuine).read_bytes())).children[0]
    ours = jumbf.walk(store_of(sign_image(PNG, describe(authority)))).children[0]

    for their_box, our_box in zip(theirs.children, ours.children, strict=True):
        assert (our_box.uuid, our_box.label) == (their_box.uuid, their_box.label)
        assert [part.label for part in our_box.children] == [part.label for part in their_box.children]
        for their_part, our_part in zip(leaves(their_box), leaves(our_box), strict=True):
            assert shape(cbor2.loads(our_part)) == shape(cbor2.loads(their_part))


def leaves(part: jumbf.Box) -> list[bytes]:
    """
    List the CBOR below a box.
    """
    if part.type == b"cbor":
        return [part.payload]
    return [leaf for child in part.children for leaf in leaves(child)]


def test_microsofts_soft_binding_is_refused_by_the_engine(authority: Authority) -> None:
    """
    A fault of the engine that every genuine image of version 2 meets; this fails once it is mended.
    """
    judged = Judged(sign_image(PNG, made.azure_v2(authority)), authority)

    assert judged.state == "Invalid"
    assert judged.failures == {"claim.malformed": "soft binding assertion could not be decoded"}
    assert {"signingCredential.trusted", "assertion.dataHash.match"} <= judged.successes


def test_a_watermark_without_soft_binding_is_refused(authority: Authority) -> None:
    """
    The engine wants the one with the other, so both are left out together.
    """
    judged = Judged(sign_image(PNG, replace(made.azure_v2(authority), assertions=())), authority)

    assert judged.failures.keys() == {"assertion.action.softBindingMissing"}


def test_fields_of_the_created_action_can_be_chosen(authority: Authority) -> None:
    """
    Policies are tested with every combination of them.
    """
    spec = made.azure_v1(
        authority,
        software_agent="Azure OpenAI ImageGen",
        description="AI Generated Image",
        digital_source_type=None,
        when="2024-06-01T12:00:01Z",
    )

    assert spec.actions == (
        {
            "action": "c2pa.created",
            "softwareAgent": "Azure OpenAI ImageGen",
            "when": "2024-06-01T12:00:01Z",
            "description": "AI Generated Image",
        },
    )


# --- ingredients ----------------------------------------------------------------------------------


@pytest.mark.parametrize("claim_version", [1, 2])
@BOTH_VERSIONS
def test_an_ingredient_is_validated(
    authority: Authority, describe: Describe, claim_version: Literal[1, 2]
) -> None:
    """
    Either version may hold either.
    """
    spec = made.designer(authority, describe(authority), claim_version=claim_version)

    judged = Judged(sign_image(PNG, spec), authority)

    assert (judged.state, judged.failures) == ("Trusted", {})
    assert {"ingredient.manifest.validated", "signingCredential.trusted"} <= judged.ingredient_successes


def test_ingredients_nest_and_a_finished_manifest_can_be_one(authority: Authority) -> None:
    """
    Every manifest on the way down is put into the store once, before those that need it.
    """
    inner = made.make_manifest(PNG, made.azure_v1(authority))
    middle = made.designer(authority, inner, label="urn:uuid:middle")
    spec = made.designer(authority, middle)
    both = replace(spec, ingredients=(*spec.ingredients, IngredientSpec(manifest=inner, title="again")))

    signed = sign_image(PNG, both)

    assert Judged(signed, authority).state == "Trusted"
    labels = [manifest.label for manifest in made.split_store(store_of(signed))]
    assert labels == [inner.label, "urn:uuid:middle", spec.label]


@BOTH_VERSIONS
def test_an_action_can_refer_to_an_ingredient(authority: Authority, describe: Describe) -> None:
    """
    The engine demands it of an opened parent.
    """
    opened = {"action": "c2pa.opened", "parameters": {"ingredients": [IngredientReference()]}}
    parent = IngredientSpec(
        manifest=made.azure_v1(authority, label="urn:uuid:parent"),
        image=PLAIN["image/jpeg"],
        relationship="parentOf",
    )

    spec = replace(describe(authority), ingredients=(parent,), actions=(opened,), assertions=())
    judged = Judged(sign_image(PNG, spec), authority)

    assert (judged.state, judged.failures) == ("Trusted", {})


def test_an_ingredient_without_a_manifest_is_possible(authority: Authority) -> None:
    """
    Most pictures that go into another one have none.
    """
    spec = replace(made.azure_v1(authority), ingredients=(IngredientSpec(manifest=None, title="photo"),))

    assert Judged(sign_image(PNG, spec), authority).state == "Trusted"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sha256": bytes(32)}, "ingredient.manifest.mismatch"),
        ({"stored": False}, "ingredient.manifest.missing"),
    ],
)
@BOTH_VERSIONS
def test_an_ingredient_can_be_wrong(
    authority: Authority, describe: Describe, change: dict[str, object], code: str
) -> None:
    """
    Another hash than the manifest's, or no such manifest.
    """
    inner = IngredientSpec(manifest=made.azure_v1(authority, label="urn:uuid:inner"))
    spec = replace(describe(authority), ingredients=(replace(inner, **change),))  # type: ignore[arg-type] # by name

    judged = Judged(sign_image(PNG, spec), authority)

    assert judged.state == "Invalid"
    assert code in judged.failures


def test_a_failure_recorded_in_an_ingredient_hides_it_from_the_engine(authority: Authority) -> None:
    """
    The trap that a verifier must not fall into can be set.
    """
    inner = tampered(made.azure_v1(authority, label="urn:uuid:inner"), Tampering(flip_signature=True))
    status = {"code": "claimSignature.mismatch", "url": "self#jumbf=/c2pa/urn:uuid:inner/c2pa.signature"}
    recorded = {"activeManifest": {"success": [], "informational": [], "failure": [status]}}
    unrecorded = made.designer(authority, inner, claim_version=2)
    ingredient = IngredientSpec(manifest=inner, recorded={"validationResults": recorded})

    open_failure = Judged(sign_image(PNG, unrecorded), authority)
    hidden_failure = Judged(sign_image(PNG, replace(unrecorded, ingredients=(ingredient,))), authority)

    assert open_failure.failures.keys() == {"claimSignature.mismatch"}
    assert (hidden_failure.state, hidden_failure.failures) == ("Trusted", {})


def test_a_manifest_can_lie_in_the_store_unreferenced(authority: Authority, impostor: Authority) -> None:
    """
    Once under a label of its own, once under that of the active manifest.
    """
    for label in ("urn:uuid:orphan", made.azure_v1(authority).label):
        orphan = made.make_manifest(PNG, made.azure_v1(authority, label=label))

        signed = sign_image(PNG, readable_v2(authority), unreferenced=(orphan, orphan))

        assert Judged(signed, authority).state == "Trusted"
        assert [one.label for one in made.split_store(store_of(signed))].count(label) == 2


def test_manifests_of_one_store_can_be_put_into_another(authority: Authority) -> None:
    """
    So a genuine manifest becomes an ingredient or an orphan in a test.
    """
    donor = store_of(sign_image(PNG, made.azure_v1(authority)))
    (taken,) = made.split_store(donor)

    assert made.build_store(taken) == donor
    assert (
        Judged(sign_image(PNG, made.designer(authority, taken, claim_version=2)), authority).state
        == "Trusted"
    )


@pytest.mark.parametrize("size", [0, 7, 0xFFFF])
def test_a_store_that_is_not_made_of_boxes_is_not_split(size: int) -> None:
    """
    A box that runs out of the one around it, or ends before it began.
    """
    broken = box.box(b"jumb", size.to_bytes(4, "big") + b"jumd")

    with pytest.raises(ValueError, match="does not fit"):
        made.split_store(broken)
