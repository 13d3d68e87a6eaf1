"""
What is set aside: faults of the engine that are known, and what a recorder thought of a signer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest
from cryptography.x509.oid import ExtensionOID

from provenance import Verifier
from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    PURPOSE_TIME_STAMPING,
    Authority,
    CertificateOptions,
    Credential,
    IngredientSpec,
    ManifestSpec,
    TimeStampAuthority,
    azure_v1,
    azure_v2,
    designer,
    make_manifest,
    make_name,
    sign_image,
)
from provenance.authority.certificate import ROOT_FROM, ROOT_UNTIL
from provenance.manifest.manifest import Ingredient, Manifest, ManifestStore
from provenance.manifest.status import StatusKind, StatusSource, ValidationState, ValidationStatus
from provenance.trust.profile import ANY_PURPOSE, OCSP_SIGNING
from provenance.validation.claim_signature import SignatureResult
from provenance.verification.tolerance import separate_tolerated
from provenance.verification.verdict import VerificationResult
from tests.support import PNG, certificate, trust_in

INSIDE = datetime(2024, 6, 1, tzinfo=UTC)
OUTSIDE = datetime(2026, 1, 1, tzinfo=UTC)
NO_IDENTIFIERS = frozenset({ExtensionOID.SUBJECT_KEY_IDENTIFIER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER})
SELF_SIGNED = CertificateOptions(
    subject=make_name("Microsoft C2PA TimeStamping"),
    not_before=ROOT_FROM,
    not_after=ROOT_UNTIL,
    key_purposes=(PURPOSE_TIME_STAMPING,),
)


def judge(
    authority: Authority, spec: ManifestSpec, *, at: datetime | None = None, policy: str = "azure-openai"
) -> VerificationResult:
    """
    Judge an image by this manifest, with the authority believed.
    """
    verifier = Verifier(trust=trust_in(authority), policy=policy, at=at, self_test=False)
    return verifier.verify(sign_image(PNG, spec))


# --- a time-stamp that fails -----------------------------------------------------------------------

UNFIT = {
    "no identifiers": replace(SELF_SIGNED, omit=NO_IDENTIFIERS),
    "no purpose": replace(SELF_SIGNED, key_purposes=()),
    "another purpose": replace(SELF_SIGNED, key_purposes=(PURPOSE_MICROSOFT_CLAIM,)),
    "a purpose more": replace(SELF_SIGNED, key_purposes=(PURPOSE_TIME_STAMPING, OCSP_SIGNING)),
    "any purpose": replace(SELF_SIGNED, key_purposes=(ANY_PURPOSE,)),
    "an authority": replace(SELF_SIGNED, is_ca=True),
}


@pytest.mark.parametrize("options", UNFIT.values(), ids=UNFIT)
@pytest.mark.parametrize("make", [azure_v1, azure_v2])
def test_an_unfit_time_stamp_leaves_a_signer_that_is_valid_today_trusted(
    authority: Authority, make: Callable[..., ManifestSpec], options: CertificateOptions
) -> None:
    """
    As without any time-stamp: the engine blames the claim's signer in its words, but our validator does not.
    """
    stamper = TimeStampAuthority(Credential.self_signed(options))
    spec = make(authority, credential=authority.lasting_signer)

    found = judge(authority, replace(spec, time_stamper=stamper))
    without = judge(authority, replace(spec, time_stamper=None))

    assert (
        (found.state, found.accepted) == (without.state, without.accepted) == (ValidationState.TRUSTED, True)
    )
    assert found.active is not None
    assert found.active.signature.signed_at is None


@pytest.mark.parametrize(("at", "state"), [(INSIDE, "trusted"), (OUTSIDE, "valid"), (None, "valid")])
@pytest.mark.parametrize("make", [azure_v1, azure_v2])
def test_an_unfit_time_stamp_leaves_a_fixed_time_alone(
    authority: Authority, make: Callable[..., ManifestSpec], at: datetime | None, state: str
) -> None:
    """
    `--at` within the validity of an expired signer is answered as it is without any time-stamp.
    """
    stamper = TimeStampAuthority(Credential.self_signed(UNFIT["no identifiers"]))
    spec = make(authority)

    found = judge(authority, replace(spec, time_stamper=stamper), at=at)
    without = judge(authority, replace(spec, time_stamper=None), at=at)

    assert (found.state, without.state) == (state, state)


def test_what_was_set_aside_is_listed(authority: Authority) -> None:
    """
    It is the engine's fault, and it still has it.
    """
    stamper = TimeStampAuthority(Credential.self_signed(UNFIT["no identifiers"]))
    spec = replace(azure_v2(authority, credential=authority.lasting_signer), time_stamper=stamper)

    found = judge(authority, spec)

    assert found.active is not None
    assert ("signingCredential.invalid", "certificate params incorrect") in {
        (status.code, status.explanation) for status in found.active.tolerated
    }
    assert found.active.failures == ()


@pytest.mark.parametrize(
    ("signer", "stamp"),
    [
        (CertificateOptions(subject=make_name("S"), omit=NO_IDENTIFIERS), None),
        (CertificateOptions(subject=make_name("S"), omit=NO_IDENTIFIERS), UNFIT["no identifiers"]),
        (CertificateOptions(subject=make_name("S"), omit=NO_IDENTIFIERS), UNFIT["any purpose"]),
        (CertificateOptions(subject=make_name("S"), key_purposes=()), UNFIT["no purpose"]),
        (
            CertificateOptions(
                subject=make_name("S"), key_usages=frozenset({"digital_signature", "key_cert_sign"})
            ),
            UNFIT["no identifiers"],
        ),
    ],
)
def test_a_fault_of_the_claims_signer_is_never_set_aside(
    authority: Authority, signer: CertificateOptions, stamp: CertificateOptions | None
) -> None:
    """
    Whatever the time-stamp is like: a stranger's, or unfit in the very same way.
    """
    stampers = TimeStampAuthority(Credential.self_signed(stamp)) if stamp else Authority.create().time_stamper
    issued = authority.intermediate.issue(replace(signer, not_after=ROOT_UNTIL))

    found = judge(authority, replace(azure_v2(authority, credential=issued), time_stamper=stampers))

    assert found.state is ValidationState.VALID


URI = "self#jumbf=/c2pa/label/c2pa.signature"
BLAMED = ValidationStatus(
    "signingCredential.invalid", URI, "certificate params incorrect", StatusKind.FAILURE
)
DISTRUSTED = ValidationStatus(
    "timeStamp.untrusted", URI, "timestamp cert untrusted: X", StatusKind.INFORMATIONAL
)


@pytest.mark.parametrize(
    ("statuses", "set_aside"),
    [
        ((BLAMED, DISTRUSTED), True),
        # An ingredient that is reached twice is told of twice.
        ((BLAMED, DISTRUSTED, BLAMED, DISTRUSTED), True),
        ((BLAMED, BLAMED, DISTRUSTED), False),
        ((BLAMED,), False),
        ((BLAMED, DISTRUSTED._replace(explanation="could not parse timestamp data")), False),
        ((BLAMED, DISTRUSTED._replace(url="self#jumbf=/c2pa/other/c2pa.signature")), False),
        ((BLAMED._replace(explanation="certificate missing required EKU"), DISTRUSTED), False),
        ((BLAMED._replace(explanation="something new"), DISTRUSTED), False),
        ((BLAMED._replace(url=""), DISTRUSTED), False),
        ((BLAMED._replace(code="signingCredential.revoked"), DISTRUSTED), False),
    ],
)
def test_only_that_fault_is_set_aside(
    authority: Authority, statuses: tuple[ValidationStatus, ...], *, set_aside: bool
) -> None:
    """
    Where one word of it differs it is something else, and counts.
    """
    stamper = TimeStampAuthority(Credential.self_signed(UNFIT["no identifiers"]))
    spec = replace(azure_v2(authority, credential=authority.lasting_signer), time_stamper=stamper)
    active = judge(authority, spec).active
    assert active is not None
    ours = tuple(s for s in active.statuses if s.source is StatusSource.VALIDATOR)
    result = SignatureResult(active.signature, ours, failed_time_stampers=(certificate(stamper.credential),))

    found = separate_tolerated(Manifest("label", statuses=statuses), (), result, fixed_time=False)

    assert bool(found.tolerated) is set_aside


# --- what a recorder thought -----------------------------------------------------------------------

INNER = "urn:uuid:00000000-0000-4000-8000-00000000000a"


def over(
    authority: Authority, inner: ManifestSpec, *recorded: tuple[str, str], kind: str = "failure"
) -> ManifestSpec:
    """
    Describe a manifest over an ingredient about which this was recorded, each as code and explanation.
    """
    url = f"self#jumbf=/c2pa/{inner.label}/c2pa.signature"
    found: dict[str, list[dict[str, str]]] = {"success": [], "informational": [], "failure": []}
    found[kind] = [{"code": code, "url": url, "explanation": why} for code, why in recorded]
    ingredient = IngredientSpec(manifest=inner, recorded={"validationResults": {"activeManifest": found}})
    return replace(designer(authority, inner, claim_version=2), ingredients=(ingredient,))


@pytest.mark.parametrize(
    "recorded",
    [
        [("signingCredential.untrusted", "signing certificate untrusted")],
        [("signingCredential.invalid", "certificate missing required EKU")],
        [("signingCredential.untrusted", "untrusted"), ("signingCredential.expired", "certificate expired")],
        [("claimSignature.outsideValidity", "outside"), ("timeStamp.untrusted", "untrusted")],
    ],
)
@pytest.mark.parametrize("make", [azure_v1, azure_v2])
def test_what_a_recorder_thought_of_the_signer_does_not_outrank_us(
    authority: Authority, make: Callable[..., ManifestSpec], recorded: list[tuple[str, str]]
) -> None:
    """
    Another tool has another trust list and another clock; it is kept as information.
    """
    spec = over(authority, make(authority, label=INNER), *recorded)

    found = judge(authority, spec, policy="azure-openai-lineage")

    inner = found.readings[1]
    assert (found.accepted, inner.state) == (True, ValidationState.TRUSTED)
    assert {code for code, _ in recorded} <= {
        s.code
        for s in inner.statuses
        if s.source is StatusSource.RECORDED and s.kind is StatusKind.INFORMATIONAL
    }


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("assertion.dataHash.mismatch", ValidationState.INVALID),
        ("assertion.hashedURI.mismatch", ValidationState.INVALID),
        ("claimSignature.mismatch", ValidationState.INVALID),
        ("claim.malformed", ValidationState.INVALID),
        ("general.error", ValidationState.INVALID),
        ("signingCredential.revoked", ValidationState.VALID),
        ("signingCredential.ocsp.revoked", ValidationState.VALID),
        ("cawg.identity.well-formed", ValidationState.VALID),
    ],
)
def test_what_a_recorder_found_otherwise_does(
    authority: Authority, code: str, state: ValidationState
) -> None:
    """
    Hashes, signature and structure are no opinion; revocation and identities are not judged here.
    """
    found = judge(authority, over(authority, azure_v1(authority, label=INNER), (code, "")))

    assert found.readings[1].state is state


def test_a_recorder_does_not_lend_trust(authority: Authority) -> None:
    """
    An ingredient that we do not trust stays so, whatever was recorded.
    """
    stranger = Authority.create()
    inner = azure_v1(stranger, label=INNER)
    recorded = [("signingCredential.trusted", "trusted"), ("claimSignature.validated", "valid")]

    found = judge(authority, over(authority, inner, *recorded, kind="success"), policy="azure-openai-lineage")

    assert (found.accepted, found.readings[1].state) == (False, ValidationState.VALID)


@pytest.mark.parametrize(
    ("explanation", "matched", "state"),
    [
        ("soft binding assertion could not be decoded", True, ValidationState.TRUSTED),
        ("soft binding assertion could not be decoded", False, ValidationState.INVALID),
        ("claim could not be decoded", True, ValidationState.INVALID),
    ],
)
def test_a_known_fault_of_the_engine_that_was_recorded_is_set_aside(
    authority: Authority, explanation: str, *, matched: bool, state: ValidationState
) -> None:
    """
    The recorder's engine had the fault as well, and ours leaves out what was recorded already.
    """
    label = "urn:c2pa:00000000-0000-4000-8000-00000000000b"
    inner = azure_v2(authority, label=label)
    url = f"self#jumbf=/c2pa/{label}/c2pa.assertions/c2pa.soft-binding"
    failure = {"code": "claim.malformed", "url": url, "explanation": explanation}
    # A recorder that says the hash does not match is believed before one that says it does.
    mismatch = {"code": "assertion.hashedURI.mismatch", "url": url, "explanation": ""}
    found = {"success": [], "informational": [], "failure": [failure] if matched else [failure, mismatch]}
    ingredient = IngredientSpec(manifest=inner, recorded={"validationResults": {"activeManifest": found}})
    spec = replace(designer(authority, inner, claim_version=2), ingredients=(ingredient,))

    result = judge(authority, spec)

    assert result.readings[1].state is state


# --- more than one way to an ingredient ------------------------------------------------------------

LABELS = [f"urn:uuid:00000000-0000-4000-8000-0000000000{digits}" for digits in ("aa", "bb", "cc", "dd")]


def over_both(authority: Authority, stranger: Authority, order: tuple[int, ...]) -> ManifestSpec:
    """
    Describe a manifest over two others, one by a stranger, that are over one Azure OpenAI manifest.
    """
    azure = make_manifest(PNG, azure_v1(authority, label=LABELS[0]))
    between = [
        replace(designer(stranger, azure), label=LABELS[1]),
        replace(designer(authority, azure), label=LABELS[2]),
        azure_v1(authority, software_agent="Another", label=LABELS[3]),
    ]
    ingredients = tuple(IngredientSpec(manifest=between[index]) for index in order)
    return replace(designer(authority, azure), ingredients=ingredients)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_one_trusted_way_is_enough_in_every_order(authority: Authority, order: tuple[int, ...]) -> None:
    """
    Which way comes first in the file decides nothing.
    """
    found = judge(authority, over_both(authority, Authority.create(), order), policy="azure-openai-lineage")

    states = {reading.manifest.label: reading.state for reading in found.readings}
    azure = next(reading for reading in found.readings if reading.manifest.label == LABELS[0])
    assert found.accepted is True
    assert states[LABELS[0]] is ValidationState.TRUSTED
    assert states[LABELS[1]] is ValidationState.VALID
    assert azure.path[1] == LABELS[2]
    assert found.origin is not None
    assert found.origin.reading == azure


def test_a_way_through_a_stranger_alone_is_not_enough(authority: Authority) -> None:
    """
    Anybody can put a genuine manifest below one of their own.
    """
    spec = over_both(authority, Authority.create(), (0, 2))

    found = judge(authority, spec, policy="azure-openai-lineage")

    assert (found.accepted, found.origin) == (False, None)


def test_ways_are_searched_in_bounded_time() -> None:
    """
    Sixty-four manifests that all reference each other have more ways than can be counted.
    """
    labels = [f"m{number}" for number in range(64)]
    everyone = tuple(Ingredient("c2pa.ingredient", None, None, label) for label in labels)
    store = ManifestStore("m0", {label: Manifest(label, ingredients=everyone) for label in labels})

    ways = list(store.reached(through=set(labels)))

    assert len(ways) == len(labels)
    assert max(map(len, ways)) == 2


def test_a_longer_trusted_way_is_found() -> None:
    """
    The shortest way need not be the trusted one.
    """

    def over_labels(*labels: str) -> tuple[Ingredient, ...]:
        return tuple(Ingredient("c2pa.ingredient", None, None, label) for label in labels)

    store = ManifestStore(
        "a",
        {
            "a": Manifest("a", ingredients=over_labels("x", "b")),
            "b": Manifest("b", ingredients=over_labels("c")),
            "c": Manifest("c", ingredients=over_labels("z")),
            "x": Manifest("x", ingredients=over_labels("z")),
            "z": Manifest("z"),
        },
    )

    assert ("a", "b", "c", "z") in store.reached(through={"a", "b", "c", "z"})
    assert ("a", "x", "z") in store.reached()
    assert list(store.reached(through={"b"})) == []
