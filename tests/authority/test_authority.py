"""
What the authority makes, as others see it.

Those others are the raw engine, an independent judge of time-stamps, and the genuine images of the corpus.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import c2pa
import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import rsa
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from provenance import authority as made
from provenance.authority import (
    SIGNED_AT,
    AssertionSpec,
    Authority,
    AuthorityNames,
    CertificateOptions,
    Credential,
    IngredientReference,
    IngredientSpec,
    KeyType,
    ManifestSpec,
    Tampering,
    TimeStampAuthority,
    TokenOptions,
    box,
    image,
    sign_image,
)
from provenance.manifest import jumbf
from provenance.trust import cms

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "azure-openai"
DIGEST = hashlib.sha256(b"what is stamped").digest()
PLAIN = {
    "image/png": made.plain_png(40, 24, seed=1),
    "image/jpeg": made.plain_jpeg(40, 24, seed=1),
    "image/webp": made.plain_webp(),
}
PNG = PLAIN["image/png"]
MADE_UP = {"action": "c2pa.created", "softwareAgent": "Sample", "digitalSourceType": "http://example.invalid"}
PNG_AND_JPEG = pytest.mark.parametrize("media_type", ["image/png", "image/jpeg"])

Describe = Callable[[Authority], ManifestSpec]


def readable_v2(authority: Authority) -> ManifestSpec:
    """
    Describe a manifest of version 2 whose soft binding the engine can read.
    """
    return made.azure_v2(authority, soft_binding_unit="percent")


BOTH_VERSIONS = pytest.mark.parametrize(
    "describe", [pytest.param(made.azure_v1, id="v1"), pytest.param(readable_v2, id="v2")]
)


class Judged:
    """
    What the raw engine says about an image, given an authority's anchors.
    """

    def __init__(self, asset: bytes, authority: Authority) -> None:
        self.error = ""
        self.json: dict[str, object] = {}
        context = c2pa.Context.from_dict(engine_settings(authority))
        try:
            with c2pa.Reader("image/png", io.BytesIO(asset), context=context) as reader:
                self.json = json.loads(reader.json())
        except c2pa.C2paError as error:
            self.error = str(error)

    @property
    def state(self) -> object:
        """
        The engine's state; None after an error.
        """
        return self.json.get("validation_state")

    @property
    def failures(self) -> dict[str, str]:
        """
        Explanations by failure code, ingredients' included.
        """
        statuses = self.json.get("validation_status", [])
        assert isinstance(statuses, list)
        return {status["code"]: status["explanation"] for status in statuses}

    @property
    def successes(self) -> set[str]:
        """
        Success codes of the active manifest.
        """
        results = self.json["validation_results"]
        assert isinstance(results, dict)
        return {status["code"] for status in results["activeManifest"]["success"]}

    @property
    def ingredient_successes(self) -> set[str]:
        """
        Success codes of all ingredients.
        """
        results = self.json["validation_results"]
        assert isinstance(results, dict)
        deltas = results.get("ingredientDeltas", [])
        return {status["code"] for delta in deltas for status in delta["validationDeltas"]["success"]}


def engine_settings(authority: Authority) -> dict[str, object]:
    """
    Write the settings under which the engine trusts one authority and asks nobody.
    """
    anchors = [
        {"trust_anchors": authority.root.pem, "trust_uri": "urn:x", "trust_kind": "manifest"},
        {"trust_anchors": authority.time_stamp_root.pem, "trust_uri": "urn:y", "trust_kind": "tsa"},
    ]
    return {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
        "trust": {"anchors": anchors, "trust_config": made.PURPOSE_MICROSOFT_CLAIM},
    }


def tampered(spec: ManifestSpec, tampering: Tampering) -> ManifestSpec:
    """
    Spoil a description.
    """
    return replace(spec, tampering=tampering)


def store_of(png: bytes) -> bytes:
    """
    Return the manifest store of a PNG.
    """
    return dict(image.split_png(png))["caBX"][8:-4]


def shape(value: object) -> object:
    """
    Reduce a CBOR value to its types and its keys in order; equal members of a list count once.
    """
    if isinstance(value, cbor2.CBORTag):
        return ("tag", value.tag, [shape(item) for item in value.value])
    if isinstance(value, Mapping):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        members: list[object] = []
        for item in map(shape, value):
            if item not in members:
                members.append(item)
        return ("list", members)
    return type(value).__name__


@pytest.fixture(scope="module")
def authority() -> Authority:
    """
    Make the authority whose anchors are trusted.
    """
    return Authority.create()


@pytest.fixture(scope="module")
def impostor() -> Authority:
    """
    Make an authority that nobody trusts, under Microsoft's names.
    """
    return Authority.create(names=AuthorityNames.microsoft())


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


# --- manifests that must not be trusted -----------------------------------------------------------


@pytest.mark.parametrize(
    ("tampering", "code"),
    [
        pytest.param(Tampering(flip_signature=True), "claimSignature.mismatch", id="signature"),
        pytest.param(
            Tampering(edit_signed_claim=lambda claim: claim.replace(b"instanceID", b"instanceid")),
            None,
            id="claim-changed",
        ),
        pytest.param(
            Tampering(edit_manifest=made.without_signature),
            "claim signature box was not found",
            id="unsigned",
        ),
        pytest.param(
            Tampering(edit_manifest=made.with_claim_twice), "multiple claim boxes", id="claim-twice"
        ),
        pytest.param(
            Tampering(edit_protected=lambda _: 7),
            "could not generate a trusted time stamp",
            id="protected",
        ),
        pytest.param(
            Tampering(edit_protected=lambda _: b"\xff"),
            "could not generate a trusted time stamp",
            id="protected-bytes",
        ),
        pytest.param(
            Tampering(edit_unprotected=lambda _: "text"),
            "could not generate a trusted time stamp",
            id="unprotected",
        ),
        pytest.param(
            Tampering(
                edit_protected=lambda header: {1: header[1]},
                edit_unprotected=lambda header: {"sigTst": header.get("sigTst")},
            ),
            "could not find signing certificate chain",
            id="no-chain",
        ),
        pytest.param(
            Tampering(
                edit_protected=lambda header: header | {33: [b"one"]},
                edit_unprotected=lambda header: header | {"x5chain": [b"another"]},
            ),
            "",
            id="two-chains",
        ),
        pytest.param(Tampering(edit_signature=lambda encoded: encoded[:-100]), "", id="signature-cut"),
    ],
)
@BOTH_VERSIONS
def test_a_spoiled_manifest_is_refused(
    authority: Authority, describe: Describe, tampering: Tampering, code: str | None
) -> None:
    """
    By a failure of that code, or by an error that says so.
    """
    judged = Judged(sign_image(PNG, tampered(describe(authority), tampering)), authority)

    assert judged.state in {"Invalid", None}
    if code:
        assert code in judged.failures or code in judged.error


@BOTH_VERSIONS
def test_an_assertion_can_be_changed_after_it_was_hashed(authority: Authority, describe: Describe) -> None:
    """
    Both those written here and those given.
    """
    spec = describe(authority)
    given = AssertionSpec(label="org.example", content={"a": 1}, written={"a": 2})
    edit = Tampering(edit_assertions={spec.actions_label: lambda _: {"actions": [MADE_UP]}})

    for changed in (replace(spec, assertions=(*spec.assertions, given)), tampered(spec, edit)):
        judged = Judged(sign_image(PNG, changed), authority)

        assert judged.state == "Invalid"
        assert "assertion.hashedURI.mismatch" in judged.failures


@BOTH_VERSIONS
def test_an_assertion_can_be_missing(authority: Authority, describe: Describe) -> None:
    """
    The claim names it, the store does not hold it.
    """
    spec = describe(authority)
    missing = AssertionSpec(label="org.example", content=1, stored=False, created=True)

    judged = Judged(sign_image(PNG, replace(spec, assertions=(*spec.assertions, missing))), authority)

    assert judged.failures.keys() == {"assertion.missing"}


@BOTH_VERSIONS
def test_a_claim_can_be_changed_before_it_is_signed(authority: Authority, describe: Describe) -> None:
    """
    The signature holds, the content does not.
    """
    edit = Tampering(edit_claim=lambda claim: {**claim, "alg": "md5"})

    judged = Judged(sign_image(PNG, tampered(describe(authority), edit)), authority)

    assert judged.state == "Invalid"
    assert "claimSignature.mismatch" not in judged.failures


@BOTH_VERSIONS
def test_a_hard_binding_can_be_left_out(authority: Authority, describe: Describe) -> None:
    """
    Such a claim is bound to no image.
    """
    judged = Judged(sign_image(PNG, replace(describe(authority), binding="none")), authority)

    assert "claim missing hard binding" in judged.error


@PNG_AND_JPEG
@BOTH_VERSIONS
def test_a_changed_pixel_is_refused(authority: Authority, describe: Describe, media_type: str) -> None:
    """
    The hard binding covers the image data.
    """
    signed = bytearray(sign_image(PLAIN[media_type], describe(authority)))
    signed[-20] ^= 1

    judged = Judged(bytes(signed), authority)

    assert judged.failures.keys() <= {"assertion.boxesHash.mismatch", "assertion.dataHash.mismatch"}
    assert judged.state == "Invalid"


def test_a_claim_can_stand_in_its_signature(authority: Authority) -> None:
    """
    The engine lets it pass; others may not.
    """
    plain = made.make_manifest(PNG, made.azure_v1(authority))
    attached = made.make_manifest(PNG, tampered(made.azure_v1(authority), Tampering(attached_payload=True)))

    assert len(attached.superbox) > len(plain.superbox) + 500


def test_a_signature_is_padded_to_the_size_reserved(authority: Authority) -> None:
    """
    A size that cannot be reached is refused.
    """
    spec = replace(made.azure_v1(authority), reserved=9_000)

    manifest = made.make_manifest(PNG, spec)

    assert len(manifest.signature_content) == 9_000 + 8 + len(box.superbox(bytes(16), "c2pa.signature")) - 8
    assert Judged(sign_image(PNG, spec), authority).state == "Trusted"
    with pytest.raises(ValueError, match="cannot be padded to 100"):
        made.make_manifest(PNG, replace(spec, reserved=100))


def test_a_manifest_whose_size_never_settles_is_refused(authority: Authority) -> None:
    """
    Else a description that grows with every attempt would be written for ever.
    """
    sizes = iter(range(1_000))
    edit = Tampering(edit_signature=lambda encoded: encoded + bytes(next(sizes)))

    with pytest.raises(ValueError, match="does not settle"):
        sign_image(PNG, tampered(readable_v2(authority), edit))


# --- signers that must not be trusted -------------------------------------------------------------


def other_name() -> x509.Name:
    """
    Name somebody else.
    """
    return made.make_name("Somebody Else", "Elsewhere", "FR")


@pytest.mark.parametrize(
    ("choose", "expected"),
    [
        pytest.param(
            lambda authority: authority.issue_signer(key_purposes=("1.2.3.4",)),
            {"signingCredential.untrusted", "signingCredential.invalid"},
            id="purpose",
        ),
        pytest.param(
            lambda authority: authority.issue_signer(key_usages=frozenset({"key_encipherment"})),
            {"signingCredential.invalid"},
            id="usage",
        ),
        pytest.param(
            lambda authority: authority.signer.issue(CertificateOptions(subject=other_name())),
            {"signingCredential.untrusted"},
            id="issued-by-a-leaf",
        ),
        pytest.param(
            lambda authority: replace(authority.signer, chain=authority.signer.chain[:1]),
            {"signingCredential.untrusted"},
            id="leaf-alone",
        ),
        pytest.param(
            lambda authority: authority.issue_signer(not_before=datetime(2024, 7, 1, tzinfo=UTC)),
            {"signingCredential.untrusted", "signingCredential.expired"},
            id="stamped-too-early",
        ),
        pytest.param(
            lambda _: Credential.self_signed(CertificateOptions(subject=other_name())),
            {"signingCredential.untrusted"},
            id="self-signed",
        ),
        pytest.param(
            lambda authority: authority.intermediate.issue(
                CertificateOptions(
                    subject=other_name(),
                    extra=(
                        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),
                    ),
                )
            ),
            {"signingCredential.invalid"},
            id="unknown-critical-extension",
        ),
        pytest.param(
            lambda authority: authority.intermediate.issue(
                CertificateOptions(subject=other_name(), omit=frozenset({x509.AuthorityKeyIdentifier.oid}))
            ),
            {"signingCredential.invalid"},
            id="extension-left-out",
        ),
    ],
)
@BOTH_VERSIONS
def test_a_wrong_signer_is_not_trusted(
    authority: Authority,
    describe: Describe,
    choose: Callable[[Authority], Credential],
    expected: set[str],
) -> None:
    """
    The claim signature itself holds in every case.
    """
    spec = replace(describe(authority), credential=choose(authority))

    judged = Judged(sign_image(PNG, spec), authority)

    assert judged.state != "Trusted"
    assert judged.failures.keys() == expected
    assert "claimSignature.validated" in judged.successes


@BOTH_VERSIONS
def test_an_impostor_has_the_names_and_nothing_else(
    authority: Authority, impostor: Authority, describe: Describe
) -> None:
    """
    Names can be copied by anyone; only the fingerprint tells.
    """
    genuine = Authority.create(names=AuthorityNames.microsoft())

    judged = Judged(sign_image(PNG, describe(impostor)), genuine)

    assert [one.subject for one in impostor.signer.chain] == [one.subject for one in genuine.signer.chain]
    assert "signingCredential.untrusted" in judged.failures


def test_a_root_can_be_left_out_of_the_chain(authority: Authority) -> None:
    """
    The engine knows its anchors and does not miss it.
    """
    short = replace(authority.signer, chain=authority.signer.chain[:-1])

    judged = Judged(sign_image(PNG, made.azure_v1(authority, credential=short)), authority)

    assert judged.state == "Trusted"
    assert authority.root.der not in short.chain_der


@BOTH_VERSIONS
def test_an_expired_signer_needs_its_time_stamp(authority: Authority, describe: Describe) -> None:
    """
    None, and one that does not hold, come to the same.
    """
    spec = describe(authority)
    flipped = replace(spec, token_options=TokenOptions(flip_signature=True))

    for without in (replace(spec, time_stamper=None), flipped):
        assert "signingCredential.expired" in Judged(sign_image(PNG, without), authority).failures


def test_a_foreign_time_stamp_counts_in_claims_of_version_1_only(
    authority: Authority, impostor: Authority
) -> None:
    """
    A known weakness of the engine, which a verifier must make up for.
    """
    old = replace(made.azure_v1(authority), time_stamper=impostor.time_stamper)
    new = replace(readable_v2(authority), time_stamper=impostor.time_stamper)

    assert Judged(sign_image(PNG, old), authority).state == "Trusted"
    assert "signingCredential.expired" in Judged(sign_image(PNG, new), authority).failures


# --- certificates ---------------------------------------------------------------------------------


def test_a_chain_verifies_from_leaf_to_root(authority: Authority) -> None:
    """
    Leaf first, each issued by the next, the root by itself.
    """
    chain = authority.signer.chain

    for certificate, issuer in zip(chain, (*chain[1:], chain[-1]), strict=True):
        certificate.verify_directly_issued_by(issuer)
    assert chain[1:] == (authority.intermediate.certificate, authority.root.certificate)


def test_a_credential_is_given_in_every_encoding(authority: Authority) -> None:
    """
    Engines want PEM, pins want SHA-256.
    """
    root = authority.root

    assert hashlib.sha256(root.der).hexdigest() == root.sha256
    assert x509.load_pem_x509_certificate(root.pem.encode()) == root.certificate
    assert "PRIVATE" not in repr(root)
    assert "private_key" not in repr(root)


def test_a_root_can_be_cross_signed(authority: Authority, impostor: Authority) -> None:
    """
    One name and one key under two certificates, as DigiCert's root has.
    """
    options = CertificateOptions(subject=impostor.names.root, is_ca=True, key_purposes=())

    crossed = authority.root.issue(options, impostor.root.private_key)

    assert crossed.certificate.subject == impostor.root.certificate.subject
    assert crossed.sha256 != impostor.root.sha256
    impostor.intermediate.certificate.verify_directly_issued_by(crossed.certificate)


def test_a_certificate_says_what_it_is_told(authority: Authority) -> None:
    """
    Every option shows in the certificate.
    """
    options = CertificateOptions(
        subject=other_name(),
        is_ca=True,
        path_length=3,
        key_usages=frozenset({"crl_sign"}),
        key_purposes=("1.2.3.4", "1.2.3.5"),
        key_purposes_critical=False,
        key_type=KeyType.RSA2048,
        serial_number=77,
        omit=frozenset({x509.SubjectKeyIdentifier.oid}),
    )

    certificate = authority.root.issue(options).certificate

    assert isinstance(certificate.public_key(), rsa.RSAPublicKey)
    assert (certificate.subject, certificate.serial_number) == (other_name(), 77)
    said = {extension.oid: extension for extension in certificate.extensions}
    assert said[x509.BasicConstraints.oid].value == x509.BasicConstraints(ca=True, path_length=3)
    assert said[x509.ExtendedKeyUsage.oid].critical is False
    assert said[x509.KeyUsage.oid].value.crl_sign
    assert not said[x509.KeyUsage.oid].value.key_cert_sign
    assert x509.SubjectKeyIdentifier.oid not in said


def test_dates_are_fixed(authority: Authority) -> None:
    """
    What is made today must be judged alike in ten years.
    """
    assert authority.root.certificate.not_valid_before_utc == datetime(2020, 1, 1, tzinfo=UTC)
    assert authority.root.certificate.not_valid_after_utc == datetime(2120, 1, 1, tzinfo=UTC)
    assert authority.signer.certificate.not_valid_after_utc == datetime(2025, 1, 1, tzinfo=UTC)
    assert authority.lasting_signer.certificate.not_valid_after_utc.year == 2119


# --- time-stamps ----------------------------------------------------------------------------------


def verify_stamp(response: bytes, authority: Authority) -> TimeStampResponse:
    """
    Let the independent judge verify a response over DIGEST.
    """
    decoded = decode_timestamp_response(response)
    verifier = VerifierBuilder().add_root_certificate(authority.time_stamp_root.certificate).build()
    assert verifier.verify(decoded, DIGEST)
    return decoded


@pytest.mark.parametrize("key_type", [KeyType.RSA2048, KeyType.P256, KeyType.P384])
def test_a_time_stamp_satisfies_an_independent_judge(key_type: KeyType) -> None:
    """
    Without Ed25519, which that judge does not know in CMS.
    """
    authority = Authority.create(key_type=key_type)

    decoded = verify_stamp(authority.time_stamper.respond(DIGEST, SIGNED_AT), authority)

    assert decoded.tst_info.gen_time == SIGNED_AT
    assert decoded.tst_info.serial_number == 1


def test_a_bare_token_and_a_response_differ_by_the_wrapping(authority: Authority) -> None:
    """
    `sigTst2` holds the one, `sigTst` the other.
    """
    token = authority.time_stamper.stamp(DIGEST, SIGNED_AT)

    assert asn1.decode_der(cms.ContentInfo, token).type == cms.OID_SIGNED_DATA
    verify_stamp(made.wrap_token(token), authority)
    with pytest.raises(VerificationError, match="not GRANTED"):
        verify_stamp(made.wrap_token(token, status=2), authority)


@pytest.mark.parametrize(
    "options",
    [
        TokenOptions(ess_version=1),
        TokenOptions(ess_version=0),
        TokenOptions(accuracy_s=None),
        TokenOptions(nonce=5, serial_number=2**80),
    ],
    ids=["ess-v1", "no-ess", "no-accuracy", "nonce"],
)
def test_a_token_may_be_unusual(authority: Authority, options: TokenOptions) -> None:
    """
    The judge accepts these, so what rejects them must have its own reason.
    """
    decoded = verify_stamp(authority.time_stamper.respond(DIGEST, SIGNED_AT, options), authority)

    assert decoded.tst_info.nonce == options.nonce


@pytest.mark.parametrize(
    "options",
    [
        TokenOptions(flip_signature=True),
        TokenOptions(message_digest=bytes(32)),
        TokenOptions(certificates=()),
    ],
    ids=["signature", "message-digest", "no-certificates"],
)
def test_a_spoiled_token_is_refused(authority: Authority, options: TokenOptions) -> None:
    """
    By the judge as much as by us.
    """
    stamper = TimeStampAuthority(authority.time_stamper.credential, options)

    with pytest.raises(VerificationError):
        verify_stamp(stamper.respond(DIGEST, SIGNED_AT), authority)


def test_a_token_can_name_another_certificate_or_hash_or_content(authority: Authority) -> None:
    """
    Each of these stands in the token as told.
    """
    told = TokenOptions(
        ess_certificate=authority.root.certificate,
        imprint_hash="sha512",
        certificates=authority.time_stamper.credential.chain[:1],
    )

    token = authority.time_stamper.stamp(hashlib.sha512(b"").digest(), SIGNED_AT, told)
    odd = authority.time_stamper.stamp(DIGEST, SIGNED_AT, TokenOptions(content=b"no TSTInfo"))

    assert bytes.fromhex(authority.root.sha256) in token
    assert authority.time_stamp_root.der not in token
    assert asn1.decode_der(cms.ContentInfo, odd).content.content_info.content == b"no TSTInfo"


# --- images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [made.plain_png, made.plain_jpeg])
def test_plain_images_follow_from_their_arguments(make: Callable[[int, int, int], bytes]) -> None:
    """
    Samples must not differ between two runs, nor two samples be the same picture.
    """
    assert make(9, 17, 3) == make(9, 17, 3)
    assert make(9, 17, 3) != make(9, 17, 4)


def test_a_jpeg_carries_the_store_where_microsoft_puts_it(authority: Authority) -> None:
    """
    After SOI in version 1, after APP0 in version 2.
    """
    plain = PLAIN["image/jpeg"]

    old = image.split_jpeg(sign_image(plain, made.azure_v1(authority)))
    new = image.split_jpeg(sign_image(plain, readable_v2(authority)))

    assert [name for name, _ in old][:3] == ["SOI", "APP11", "APP0"]
    assert [name for name, _ in new][:3] == ["SOI", "APP0", "APP11"]


def test_segments_have_the_names_that_box_hashes_use() -> None:
    """
    Also those that plain images do not have.
    """
    markers = {0xC2: "SOF2", 0xCC: "DAC", 0xDD: "DRI", 0xFE: "COM", 0xED: "APP13"}
    segments = b"".join(image.jpeg_segment(marker, b"data") for marker in markers)

    names = [name for name, _ in image.split_jpeg(b"\xff\xd8" + segments + b"\xff\xda\x00\x02\x01\xff\xd9")]

    assert names == ["SOI", *markers.values(), "SOS", "EOI"]


@pytest.mark.parametrize("media_type", PLAIN)
def test_any_bytes_can_be_embedded_as_a_store(media_type: str, authority: Authority) -> None:
    """
    What hides there is for readers to find out.
    """
    embedded = made.embed_store(PLAIN[media_type], b"garbage, not a store")

    assert b"garbage, not a store" in embedded
    assert Judged(embedded, authority).state is None


@PNG_AND_JPEG
@BOTH_VERSIONS
def test_xmp_can_name_a_remote_manifest(authority: Authority, describe: Describe, media_type: str) -> None:
    """
    The engine would fetch it; beside an embedded manifest it does no harm.
    """
    xmp = made.remote_manifest_xmp("http://example.invalid/manifest.c2pa")
    remote = made.embed_xmp(PLAIN[media_type], xmp)

    assert "http://example.invalid/manifest.c2pa" in Judged(remote, authority).error
    assert Judged(sign_image(remote, describe(authority)), authority).state == "Trusted"


def test_xmp_needs_no_app0() -> None:
    """
    Not every JPEG is a JFIF file.
    """
    bare = b"\xff\xd8" + PLAIN["image/jpeg"][20:]

    assert made.embed_xmp(bare, "<x/>").startswith(b"\xff\xd8\xff\xe1")


def test_other_containers_are_refused() -> None:
    """
    Nothing is written into what is not understood.
    """
    with pytest.raises(ValueError, match="neither PNG, JPEG nor WebP"):
        made.embed_store(b"GIF89a", b"")
    with pytest.raises(ValueError, match="PNG and JPEG only"):
        made.embed_xmp(PLAIN["image/webp"], "")


def test_all_public_names_are_listed() -> None:
    """
    `from provenance.authority import ...` offers what the docstring promises.
    """
    assert sorted(made.__all__, key=str.lower) == sorted(set(made.__all__), key=str.lower)
    assert all(hasattr(made, name) for name in made.__all__)
