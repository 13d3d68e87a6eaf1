"""
The second opinion: claim signature, path, purpose and time-stamp, each case made on the spot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding, rsa, utils
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import scan
from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    PURPOSE_TIME_STAMPING,
    SIGNED_AT,
    Authority,
    AuthorityNames,
    CertificateOptions,
    Credential,
    KeyType,
    ManifestSpec,
    Tampering,
    TimeStampAuthority,
    TokenOptions,
    azure_2023,
    azure_v1,
    azure_v2,
    make_key,
    wrap_token,
)
from provenance.manifest.jumbf import SignedManifest, signed_manifests
from provenance.manifest.manifest import Signature
from provenance.manifest.status import StatusKind, StatusSource
from provenance.trust.certificate import load
from provenance.trust.credential import read_credential
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import ANY_PURPOSE, CLAIM_SIGNING, ClaimAnchor, Pin, TrustProfile
from provenance.validation.claim_signature import Opinion, Validator
from tests.support import (
    SHARED,
    ca_options,
    certificate,
    changed,
    codes,
    corpus_files,
    leaf_options,
    pin,
    signed_manifest,
    tampered,
    trust_in,
    with_sha1,
)

LATER = datetime(2026, 1, 1, tzinfo=UTC)
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0")
ALL_GOOD = [
    "claimSignature.validated",
    "timeStamp.validated",
    "timeStamp.trusted",
    "signingCredential.trusted",
]
BOTH_VERSIONS = pytest.mark.parametrize("describe", [azure_v1, azure_v2])
Describe = Callable[[Authority], ManifestSpec]


def check(manifest: ManifestSpec | SignedManifest, trust: TrustProfile, at: datetime = LATER) -> Opinion:
    """
    Ask for an opinion; by default on a day when the ordinary signer has expired.
    """
    found = signed_manifest(manifest) if isinstance(manifest, ManifestSpec) else manifest
    return Validator(trust).check(found, at)


def plain(credential: Credential) -> ManifestSpec:
    """
    Describe the smallest manifest this credential can sign, without a time-stamp.
    """
    return ManifestSpec(credential=credential, binding="none")


def successes(opinion: Opinion) -> list[str]:
    """
    Name what holds.
    """
    return codes(opinion.statuses, StatusKind.SUCCESS)


def failures(opinion: Opinion) -> list[str]:
    """
    Name what does not.
    """
    return codes(opinion.statuses, StatusKind.FAILURE)


def information(opinion: Opinion) -> list[str]:
    """
    Name what is said beside.
    """
    return codes(opinion.statuses, StatusKind.INFORMATIONAL)


def explanation(opinion: Opinion, code: str) -> str:
    """
    Return the words beside a code that stands once.
    """
    (found,) = [status.explanation for status in opinion.statuses if status.code == code]
    return found


def believe(
    root: Credential,
    *intermediates: Credential,
    purposes: tuple[str, ...] = (PURPOSE_MICROSOFT_CLAIM,),
    carried: bool = False,
    name: str = "made",
) -> TrustProfile:
    """
    Believe one root.
    """
    anchor = ClaimAnchor(pin(root, carried=carried), tuple(pin(item) for item in intermediates), purposes)
    return TrustProfile(name, (anchor,))


# --- an ordinary manifest ----------------------------------------------------------------------------


@pytest.mark.parametrize("describe", [azure_2023, azure_v1, azure_v2])
def test_an_ordinary_manifest_is_trusted_after_its_signer_has_expired(
    authority: Authority, sample_trust: TrustProfile, describe: Describe
) -> None:
    """
    The time-stamp says that it was signed before.
    """
    opinion = check(describe(authority), sample_trust)

    assert [status.code for status in opinion.statuses] == ALL_GOOD
    assert opinion.signature == Signature(
        chain=tuple(certificate(item) for item in authority.signer.chain),
        anchor=sample_trust.claim_anchors[0].pin,
        signed_at=SIGNED_AT,
        time_stamp_anchor=sample_trust.time_stamp_anchors[0],
    )
    assert opinion.claim_anchor == certificate(authority.root)
    assert opinion.time_stamp_anchor == certificate(authority.time_stamp_root)


def test_statuses_name_the_claim_signature_and_the_validator(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    They stand in one list with the engine's, and have to be told apart.
    """
    spec = replace(azure_v1(authority), label="urn:uuid:1")

    statuses = check(spec, sample_trust).statuses

    assert {status.url for status in statuses} == {"self#jumbf=/c2pa/urn:uuid:1/c2pa.signature"}
    assert {status.source for status in statuses} == {StatusSource.VALIDATOR}


def test_without_a_time_stamp_the_time_given_counts(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    And nothing says when it was signed.
    """
    spec = plain(authority.signer)

    within, after = check(spec, sample_trust, SIGNED_AT), check(spec, sample_trust, LATER)

    assert successes(within) == ["claimSignature.validated", "signingCredential.trusted"]
    assert failures(within) == []
    assert successes(after) == ["claimSignature.validated"]
    assert failures(after) == ["signingCredential.expired"]
    assert within.signature.signed_at is None
    assert within.time_stamp_anchor is None


def test_a_time_stamp_outside_the_signers_validity_is_no_help(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    Though the signer is valid on the day of asking: it is the signing that counts.
    """
    spec = replace(azure_v1(authority), signed_at=LATER)

    opinion = check(spec, sample_trust, SIGNED_AT)

    assert failures(opinion) == ["signingCredential.expired"]
    assert explanation(opinion, "signingCredential.expired") == "outside validity: Sample Authority Signer"
    assert opinion.signature.signed_at == LATER


def test_an_expired_signer_is_reported_with_its_anchor(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    The path is known, so the engine can be given the same anchor and asked for its own opinion.
    """
    opinion = check(plain(authority.signer), sample_trust, LATER)

    assert opinion.claim_anchor == certificate(authority.root)


def test_nothing_is_kept_between_calls(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    One image's verdict must not depend on the last one's.
    """
    good = signed_manifest(azure_v1(authority))
    bad = signed_manifest(tampered(azure_v1(authority), Tampering(flip_signature=True)))
    validator = Validator(sample_trust)

    first = validator.check(good, LATER)
    validator.check(bad, LATER)

    assert validator.check(good, LATER) == first


# --- paths ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """
    A chain, whom to believe, and what must come out.

    Attributes:
        why: Why it must.

        make: Makes the signer and the trust profile.

        failures: Codes of all failures; none means trusted.

        says: What the explanation of the first failure holds.

        at: When it is asked; by default while the ordinary signer is valid.
    """

    why: str
    make: Callable[[Authority], tuple[Credential, TrustProfile]]
    failures: tuple[str, ...] = ()
    says: str = ""
    at: datetime = SIGNED_AT


INVALID = ("signingCredential.invalid",)
UNTRUSTED = ("signingCredential.untrusted",)
EXPIRED = ("signingCredential.expired",)
NO_ANCHOR = "chain does not lead to a pinned anchor"


def signer(**changes: object) -> CertificateOptions:
    """
    Describe a signer that differs from the ordinary one.
    """
    return replace(leaf_options(), **changes)  # type: ignore[arg-type]  # the names are checked when it runs


def below(authority: Authority, options: CertificateOptions) -> tuple[Credential, TrustProfile]:
    """
    Issue a signer where the ordinary one was issued.
    """
    return authority.intermediate.issue(options), trust_in(authority)


def via(authority: Authority, **changes: object) -> tuple[Credential, TrustProfile]:
    """
    Issue an ordinary signer below an intermediate that differs from the ordinary one, and is allowed.
    """
    options = replace(ca_options("Another CA", 0), **changes)  # type: ignore[arg-type]  # likewise
    issuer = authority.root.issue(options)
    return issuer.issue(leaf_options()), believe(authority.root, issuer)


def carrying(credential: Credential, *order: int) -> Credential:
    """
    Carry the certificates of a chain in another order, or fewer.
    """
    return replace(credential, chain=tuple(credential.chain[index] for index in order))


def _issued_by_a_signer(authority: Authority) -> tuple[Credential, TrustProfile]:
    credential = authority.signer.issue(leaf_options("Stowaway"))
    return credential, believe(authority.root)


def _below_two_intermediates(authority: Authority) -> tuple[Credential, TrustProfile]:
    lower = authority.intermediate.issue(ca_options("Lower CA"))
    return lower.issue(leaf_options()), believe(authority.root, lower)


def _foreign_root_pinned(authority: Authority) -> tuple[Credential, TrustProfile]:
    stranger = Credential.self_signed(ca_options("Stranger")).issue(leaf_options())
    return replace(stranger, chain=(*stranger.chain, authority.root.certificate)), trust_in(authority)


def _foreign_root_for_own(authority: Authority) -> tuple[Credential, TrustProfile]:
    stranger = Credential.self_signed(ca_options("Stranger")).issue(leaf_options())
    return replace(stranger, chain=(stranger.certificate, authority.root.certificate)), trust_in(authority)


def _impostor(authority: Authority) -> tuple[Credential, TrustProfile]:
    impostor = Authority.create(names=authority.names)
    return impostor.signer, trust_in(authority)


def _impostor_with_the_pinned_root(authority: Authority) -> tuple[Credential, TrustProfile]:
    impostor = Authority.create(names=authority.names).signer
    return replace(impostor, chain=(*impostor.chain[:2], authority.root.certificate)), trust_in(authority)


def _weak_issuer(authority: Authority) -> tuple[Credential, TrustProfile]:
    issuer = authority.root.issue(ca_options("Weak CA"), WEAK_KEY)
    return issuer.issue(leaf_options()), believe(authority.root, issuer)


def _sha1(authority: Authority) -> tuple[Credential, TrustProfile]:
    issuer = Credential.self_signed(replace(ca_options("RSA Root"), key_type=KeyType.RSA2048))
    return with_sha1(issuer, issuer.issue(leaf_options())), believe(issuer)


def _cross_signed(authority: Authority, *, pinned: str) -> tuple[Credential, TrustProfile]:
    elder = Credential.self_signed(ca_options("Elder Root"))
    crossed = elder.issue(replace(ca_options(), subject=authority.names.root), authority.root.private_key)
    credential = replace(authority.signer, chain=(*authority.signer.chain[:2], *crossed.chain))
    anchors = {"elder": elder, "crossed": crossed, "own": authority.root}
    return credential, believe(anchors[pinned], authority.intermediate)


WEAK_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
CASES = {
    "ordinary": Case("the case that every other one spoils", lambda a: below(a, signer())),
    "issued-by-a-signer": Case(
        "a signer is no authority",
        _issued_by_a_signer,
        INVALID,
        "'Sample Authority Signer' is not a certificate",
    ),
    "below-two-intermediates": Case(
        "the upper one allows none below it",
        _below_two_intermediates,
        INVALID,
        "issuer 'Sample Authority Claim CA' allows 0 intermediates, not 1",
    ),
    "intermediate-expired-when-signed": Case(
        "every certificate of the path has to be valid",
        lambda a: via(a, not_after=datetime(2024, 3, 1, tzinfo=UTC)),
        EXPIRED,
        "outside validity: Another CA",
    ),
    "intermediate-not-yet-valid": Case(
        "as one that has expired",
        lambda a: via(a, not_before=datetime(2024, 9, 1, tzinfo=UTC)),
        EXPIRED,
        "outside validity: Another CA",
    ),
    "signer-expired": Case("it may not sign any more", lambda a: below(a, signer()), EXPIRED, at=LATER),
    "signer-not-yet-valid": Case(
        "it may not sign yet",
        lambda a: below(a, signer()),
        EXPIRED,
        "outside validity: Sample Signer",
        at=datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC),
    ),
    "signer-valid-from-this-second": Case(
        "both ends are inside", lambda a: below(a, signer()), at=datetime(2024, 1, 1, tzinfo=UTC)
    ),
    "wrong-purpose-and-expired": Case(
        "neither fault hides the other",
        lambda a: below(a, signer(key_purposes=(CODE_SIGNING,))),
        ("signingCredential.invalid", "signingCredential.expired"),
        "hold none of",
        at=LATER,
    ),
    "code-signing": Case(
        "another purpose", lambda a: below(a, signer(key_purposes=(CODE_SIGNING,))), INVALID, "hold none of"
    ),
    "time-stamping-only": Case(
        "a time-stamper must not sign claims",
        lambda a: below(a, signer(key_purposes=(PURPOSE_TIME_STAMPING,))),
        INVALID,
        "time stamping, OCSP signing or any purpose",
    ),
    "email-protection-only": Case(
        "the engine accepts it always",
        lambda a: below(a, signer(key_purposes=(EMAIL_PROTECTION,))),
        INVALID,
        "hold none of",
    ),
    "claim-signing-of-the-specification": Case(
        "Microsoft's anchor demands Microsoft's own purpose",
        lambda a: below(a, signer(key_purposes=(CLAIM_SIGNING,))),
        INVALID,
        "hold none of",
    ),
    "any-purpose": Case(
        "it would admit everybody",
        lambda a: below(a, signer(key_purposes=(ANY_PURPOSE, PURPOSE_MICROSOFT_CLAIM))),
        INVALID,
        "any purpose",
    ),
    "no-purpose": Case(
        "none is no leave", lambda a: below(a, signer(key_purposes=())), INVALID, "hold none of"
    ),
    "no-digital-signature": Case(
        "its key is for something else",
        lambda a: below(a, signer(key_usages=frozenset({"key_encipherment"}))),
        INVALID,
        "key usage does not allow digital signatures",
    ),
    "no-key-usage": Case(
        "C2PA demands the extension",
        lambda a: below(a, signer(omit=frozenset({x509.KeyUsage.oid}))),
        INVALID,
        "key usage does not allow digital signatures",
    ),
    "signer-is-an-authority": Case(
        "an authority signs certificates and no claims",
        lambda a: below(a, signer(is_ca=True, key_usages=frozenset({"digital_signature", "key_cert_sign"}))),
        INVALID,
        "signer is a certificate authority",
    ),
    "issuer-without-key-cert-sign": Case(
        "it may not issue",
        lambda a: via(a, key_usages=frozenset({"crl_sign"})),
        INVALID,
        "issuer 'Another CA' may not sign certificates",
    ),
    "issuer-for-other-purposes": Case(
        "it may not issue for this one",
        lambda a: via(a, key_purposes=(CODE_SIGNING,)),
        INVALID,
        "issuer 'Another CA' may not issue for this key purpose",
    ),
    "issuer-for-any-purpose": Case("it may issue for all", lambda a: via(a, key_purposes=(ANY_PURPOSE,))),
    "signer-with-unknown-critical-extension": Case(
        "a rule that is not understood",
        lambda a: below(a, signer(extra=((UNKNOWN, True),))),
        INVALID,
        "has rules that are not understood: 1.3.6.1.4.1.99999.1",
    ),
    "signer-with-unknown-extension": Case(
        "a remark that is not understood", lambda a: below(a, signer(extra=((UNKNOWN, False),)))
    ),
    "issuer-with-unknown-critical-extension": Case(
        "wherever on the path",
        lambda a: via(a, extra=((UNKNOWN, True),)),
        INVALID,
        "certificate 'Another CA' has rules that are not understood",
    ),
    "issuer-with-name-constraints": Case(
        "they are not processed, so they cannot be kept",
        lambda a: via(a, extra=((x509.NameConstraints([x509.DNSName("a.example")], None), True),)),
        INVALID,
        "has rules that are not understood: 2.5.29.30",
    ),
    "weak-signer": Case(
        "its key can be computed",
        lambda a: (a.intermediate.issue(signer(), WEAK_KEY), trust_in(a)),
        INVALID,
        "public key is of a kind or size that is not allowed",
    ),
    "weak-issuer": Case("whoever computes its key may issue", _weak_issuer, UNTRUSTED, NO_ANCHOR),
    "sha-1": Case("such signatures have been forged", _sha1, UNTRUSTED, NO_ANCHOR),
    "pinned-root-that-issued-nothing": Case(
        "anyone can put a certificate into a chain", _foreign_root_pinned, UNTRUSTED, NO_ANCHOR
    ),
    "pinned-root-instead-of-the-issuer": Case(
        "nor does it help in the issuer's place", _foreign_root_for_own, UNTRUSTED, NO_ANCHOR
    ),
    "impostor": Case("names can be copied", _impostor, UNTRUSTED, NO_ANCHOR),
    "impostor-with-the-pinned-root": Case(
        "names and the real root do not make a path", _impostor_with_the_pinned_root, UNTRUSTED, NO_ANCHOR
    ),
    "pinned-root-first": Case(
        "the signer comes first",
        lambda a: (carrying(a.signer, 2, 0, 1), trust_in(a)),
        ("claimSignature.mismatch", *UNTRUSTED),
        "claim signature does not hold",
    ),
    "reversed": Case(
        "likewise",
        lambda a: (carrying(a.signer, 2, 1, 0), trust_in(a)),
        ("claimSignature.mismatch", *UNTRUSTED),
        "claim signature does not hold",
    ),
    "root-left-out": Case(
        "a fingerprint holds no key", lambda a: (carrying(a.signer, 0, 1), trust_in(a)), UNTRUSTED, NO_ANCHOR
    ),
    "root-left-out-but-carried-by-the-profile": Case(
        "with the certificate there is a key",
        lambda a: (carrying(a.signer, 0, 1), believe(a.root, a.intermediate, carried=True)),
    ),
    "intermediate-left-out": Case(
        "one link is missing", lambda a: (carrying(a.signer, 0, 2), trust_in(a)), UNTRUSTED, NO_ANCHOR
    ),
    "intermediate-left-out-and-root-carried": Case(
        "one link is missing still",
        lambda a: (carrying(a.signer, 0), believe(a.root, a.intermediate, carried=True)),
        UNTRUSTED,
        NO_ANCHOR,
    ),
    "intermediate-not-allowed": Case(
        "the root signs other things as well",
        lambda a: (via(a)[0], trust_in(a)),
        INVALID,
        "issuer 'Another CA' is not one of the allowed intermediates",
    ),
    "signer-straight-below-the-root": Case(
        "leaving the intermediate out does not leave the demand out",
        lambda a: (a.root.issue(leaf_options()), trust_in(a)),
        INVALID,
        "issuer 'Sample Authority Root CA' is not one of the allowed intermediates",
    ),
    "signer-twice": Case(
        "it did not issue itself",
        lambda a: (carrying(a.signer, 0, 0, 1, 2), trust_in(a)),
        UNTRUSTED,
        NO_ANCHOR,
    ),
    "intermediate-twice": Case(
        "likewise", lambda a: (carrying(a.signer, 0, 1, 1, 2), trust_in(a)), UNTRUSTED, NO_ANCHOR
    ),
    "root-twice": Case("the path has ended by then", lambda a: (carrying(a.signer, 0, 1, 2, 2), trust_in(a))),
    "pinned-signer": Case(
        "pins are for authorities",
        lambda a: (carrying(a.signer, 0), believe(a.signer)),
        UNTRUSTED,
        NO_ANCHOR,
    ),
    "pinned-and-carried-signer": Case(
        "likewise", lambda a: (a.signer, believe(a.signer, carried=True)), UNTRUSTED, NO_ANCHOR
    ),
    "root-signs-claims-itself": Case(
        "an authority is no signer",
        lambda a: (a.root, believe(a.root, carried=True)),
        INVALID,
        "signer is a certificate authority",
    ),
    "cross-signed-root-and-elder-pinned": Case(
        "the longer way counts as well", lambda a: _cross_signed(a, pinned="elder")
    ),
    "cross-signed-root-pinned": Case("the cross-signed form", lambda a: _cross_signed(a, pinned="crossed")),
    "cross-signed-root-and-own-form-pinned": Case(
        "the pinned form is not carried",
        lambda a: _cross_signed(a, pinned="own"),
        UNTRUSTED,
        NO_ANCHOR,
    ),
    "time-stamp-root": Case(
        "the two lists are apart",
        lambda a: (a.time_stamp_intermediate.issue(leaf_options()), trust_in(a)),
        UNTRUSTED,
        NO_ANCHOR,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_signer_is_trusted_exactly_where_its_path_deserves_it(authority: Authority, case: Case) -> None:
    """
    One way of going wrong after the other; each says why.
    """
    credential, trust = case.make(authority)

    opinion = check(plain(credential), trust, case.at)

    assert tuple(failures(opinion)) == case.failures, case.why
    assert ("signingCredential.trusted" in successes(opinion)) is (not case.failures), case.why
    assert case.says in next((s.explanation for s in opinion.statuses if s.kind is StatusKind.FAILURE), "")


def test_an_impostor_of_microsoft_is_a_stranger_to_the_microsoft_profile() -> None:
    """
    It copies every name, and the time-stamp authority's too.
    """
    impostor = Authority.create(names=AuthorityNames.microsoft(), key_type=KeyType.RSA2048)

    opinion = check(azure_v1(impostor), MICROSOFT)

    assert successes(opinion) == ["claimSignature.validated"]
    assert failures(opinion) == ["signingCredential.untrusted"]
    assert information(opinion) == ["timeStamp.untrusted"]
    assert opinion.signature.chain[0].organization == "Microsoft Corporation"
    assert (opinion.signature.anchor, opinion.claim_anchor) == (None, None)


def test_a_certificate_by_an_unknown_algorithm_is_a_failure(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    The chain is an attacker's to choose, and `check` promises never to raise.
    """
    der = authority.signer.der.replace(
        bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d04037f")
    )
    chain = [der, *authority.signer.chain_der[1:]]

    opinion = check(_with_header(signed_manifest(plain(authority.signer)), "x5chain", chain), sample_trust)

    assert failures(opinion) == ["signingCredential.untrusted"]


def _with_header(manifest: SignedManifest, key: object, value: object) -> SignedManifest:
    protected, unprotected, payload, signature = cbor2.loads(manifest.signature).value
    parts = [protected, {**unprotected, key: value}, payload, signature]
    return changed(manifest, signature=cbor2.dumps(cbor2.CBORTag(18, parts)))


# --- joined profiles ------------------------------------------------------------------------------------


def _joined(authority: Authority) -> TrustProfile:
    return believe(authority.root, authority.intermediate) | believe(authority.root, purposes=(CODE_SIGNING,))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("purpose", [PURPOSE_MICROSOFT_CLAIM, CODE_SIGNING])
def test_joined_profiles_that_pin_one_root_believe_whom_either_believes(
    authority: Authority, purpose: str, *, reverse: bool
) -> None:
    """
    Each anchor keeps its own demands, in whatever order they were joined.
    """
    one, other = (
        believe(authority.root, authority.intermediate),
        believe(authority.root, purposes=(CODE_SIGNING,)),
    )
    credential = authority.issue_signer(key_purposes=(purpose,))

    opinion = check(plain(credential), other | one if reverse else one | other, SIGNED_AT)

    assert failures(opinion) == []


def test_joined_profiles_do_not_lend_each_other_their_demands(authority: Authority) -> None:
    """
    One demands the intermediate and Microsoft's purpose, the other only code signing: half of each is none.
    """
    other_intermediate = authority.root.issue(ca_options("Another CA"))

    opinion = check(plain(other_intermediate.issue(leaf_options())), _joined(authority), SIGNED_AT)

    assert failures(opinion) == ["signingCredential.invalid"]


@pytest.mark.parametrize("purpose", [PURPOSE_MICROSOFT_CLAIM, CODE_SIGNING])
def test_joined_profiles_that_pin_different_heights_believe_whom_either_believes(
    authority: Authority, purpose: str
) -> None:
    """
    One pins the root, the other the intermediate for another purpose; joining takes nobody's trust away.
    """
    root = believe(authority.root, authority.intermediate)
    intermediate = believe(authority.intermediate, purposes=(CODE_SIGNING,))
    credential = authority.issue_signer(key_purposes=(purpose,))

    opinion = check(plain(credential), root | intermediate, SIGNED_AT)

    assert failures(opinion) == []


# --- time-stamps ----------------------------------------------------------------------------------------

HEADERS = {1: "sigTst", 2: "sigTst2"}


def counter_signed(manifest: SignedManifest, version: int) -> bytes:
    """
    Write what a time-stamp of this version is about, as RFC 9052 and C2PA have it.
    """
    protected, _, _, signature = cbor2.loads(manifest.signature).value
    content = manifest.claim if version == 1 else cbor2.dumps(signature)
    return cbor2.dumps(["CounterSignature", protected, b"", content])


def stamped(
    manifest: SignedManifest,
    *stampers: TimeStampAuthority | bytes,
    at: datetime = SIGNED_AT,
    options: TokenOptions | None = None,
) -> SignedManifest:
    """
    Put tokens, finished or to be made, into the header that fits the claim's version.
    """
    message = counter_signed(manifest, manifest.claim_version)
    digest = hashlib.new(options.imprint_hash if options else "sha256", message).digest()
    tokens = [item if isinstance(item, bytes) else item.stamp(digest, at, options) for item in stampers]
    value = {"tstTokens": [{"val": token} for token in tokens]}
    return _with_header(manifest, HEADERS[manifest.claim_version], value)


def stamper_below(issuer: Credential, **changes: object) -> TimeStampAuthority:
    """
    Make a time-stamper that differs from the ordinary one.
    """
    ordinary = signer(subject=leaf_options("Stamper").subject, key_purposes=(PURPOSE_TIME_STAMPING,))
    return TimeStampAuthority(issuer.issue(replace(ordinary, **changes)))  # type: ignore[arg-type]  # likewise


@dataclass(frozen=True, slots=True)
class Stamp:
    """
    A time-stamp under an expired signer, and what must be said of it.
    """

    why: str
    stamper: Callable[[Authority], TimeStampAuthority]
    code: str
    says: str
    options: TokenOptions | None = None
    at: datetime = SIGNED_AT


def _ordinary(authority: Authority) -> TimeStampAuthority:
    return authority.time_stamper


MISMATCH = "signature of the time-stamp does not hold"
NOT_ALONE = "key purpose is not time stamping alone, marked critical"
NO_PATH = "authority has no path to a pinned anchor"
STAMPS = {
    "self-made": Stamp(
        "anyone can run an authority",
        lambda _: Authority.create().time_stamper,
        "timeStamp.untrusted",
        NO_PATH,
    ),
    "impostor": Stamp(
        "names can be copied",
        lambda a: Authority.create(names=a.names).time_stamper,
        "timeStamp.untrusted",
        NO_PATH,
    ),
    "below-the-claim-root": Stamp(
        "the two lists are apart", lambda a: stamper_below(a.intermediate), "timeStamp.untrusted", NO_PATH
    ),
    "claim-signer": Stamp(
        "and so are the signers", lambda a: TimeStampAuthority(a.signer), "timeStamp.untrusted", NO_PATH
    ),
    "purpose-not-critical": Stamp(
        "RFC 3161, section 2.3",
        lambda a: stamper_below(a.time_stamp_root, key_purposes_critical=False),
        "timeStamp.untrusted",
        NOT_ALONE,
    ),
    "more-purposes": Stamp(
        "likewise",
        lambda a: stamper_below(a.time_stamp_root, key_purposes=(PURPOSE_TIME_STAMPING, CODE_SIGNING)),
        "timeStamp.untrusted",
        NOT_ALONE,
    ),
    "claim-purpose": Stamp(
        "a claim signer is no clock",
        lambda a: stamper_below(a.time_stamp_root, key_purposes=(PURPOSE_MICROSOFT_CLAIM,)),
        "timeStamp.untrusted",
        NOT_ALONE,
    ),
    "authority": Stamp(
        "an authority issues and does not stamp",
        lambda a: stamper_below(a.time_stamp_root, is_ca=True, key_usages=frozenset({"digital_signature"})),
        "timeStamp.untrusted",
        "signer is a certificate authority",
    ),
    "below-a-stamper": Stamp(
        "a stamper is no authority",
        lambda a: stamper_below(stamper_below(a.time_stamp_root).credential),
        "timeStamp.untrusted",
        "is not a certificate authority",
    ),
    "below-two-intermediates": Stamp(
        "the upper one allows none below it",
        lambda a: stamper_below(a.time_stamp_intermediate.issue(ca_options("Lower CA"))),
        "timeStamp.untrusted",
        "allows 0 intermediates, not 1",
    ),
    "weak-key": Stamp(
        "whoever computes it can choose the time",
        lambda a: TimeStampAuthority(
            a.time_stamp_root.issue(signer(key_purposes=(PURPOSE_TIME_STAMPING,)), WEAK_KEY)
        ),
        "timeStamp.untrusted",
        "public key is of a kind or size that is not allowed",
    ),
    "expired-when-it-stamped": Stamp(
        "its own validity counts at the time it states",
        lambda a: stamper_below(a.time_stamp_root, not_after=datetime(2024, 5, 1, tzinfo=UTC)),
        "timeStamp.outsideValidity",
        "authority was outside its validity",
    ),
    "not-yet-valid-when-it-stamped": Stamp(
        "likewise",
        lambda a: stamper_below(a.time_stamp_root, not_before=datetime(2024, 7, 1, tzinfo=UTC)),
        "timeStamp.outsideValidity",
        "authority was outside its validity",
    ),
    "flipped": Stamp(
        "not what was signed", _ordinary, "timeStamp.mismatch", MISMATCH, TokenOptions(flip_signature=True)
    ),
    "message-digest": Stamp(
        "likewise", _ordinary, "timeStamp.mismatch", MISMATCH, TokenOptions(message_digest=bytes(32))
    ),
    "no-signing-certificate": Stamp(
        "the signer has to say under which certificate",
        _ordinary,
        "timeStamp.mismatch",
        MISMATCH,
        TokenOptions(ess_version=0),
    ),
    "no-certificates": Stamp(
        "nobody can tell whose key it is",
        _ordinary,
        "timeStamp.malformed",
        "does not carry 1 to 8 certificates",
        TokenOptions(certificates=()),
    ),
    "sha-1-imprint": Stamp(
        "two claims could have one",
        _ordinary,
        "timeStamp.malformed",
        "is not accepted",
        TokenOptions(imprint_hash="sha1"),
    ),
}


@pytest.mark.parametrize("stamp", STAMPS.values(), ids=STAMPS)
@BOTH_VERSIONS
def test_a_time_stamp_that_is_not_trusted_counts_as_none(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, stamp: Stamp
) -> None:
    """
    Then an expired signer is expired, and nothing says when it signed.
    """
    manifest = stamped(
        signed_manifest(describe(authority)), stamp.stamper(authority), at=stamp.at, options=stamp.options
    )

    opinion = check(manifest, sample_trust)

    assert information(opinion) == [stamp.code], stamp.why
    assert stamp.says in explanation(opinion, stamp.code)
    assert successes(opinion) == ["claimSignature.validated"]
    assert failures(opinion) == ["signingCredential.expired"]
    assert opinion.signature.signed_at is None
    assert opinion.time_stamp_anchor is None


def test_a_bad_time_stamp_takes_nothing_from_a_signer_that_is_valid(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    It counts as none, so the time of asking decides.
    """
    manifest = stamped(signed_manifest(azure_v1(authority)), Authority.create().time_stamper)

    opinion = check(manifest, sample_trust, SIGNED_AT)

    assert successes(opinion) == ["claimSignature.validated", "signingCredential.trusted"]
    assert information(opinion) == ["timeStamp.untrusted"]


def test_with_no_time_stamp_anchors_no_time_stamp_counts(authority: Authority) -> None:
    """
    An empty list believes nobody.
    """
    opinion = check(azure_v1(authority), believe(authority.root, authority.intermediate))

    assert information(opinion) == ["timeStamp.untrusted"]
    assert failures(opinion) == ["signingCredential.expired"]


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
@BOTH_VERSIONS
def test_imprints_by_every_hash_allowed_are_believed(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, name: str
) -> None:
    """
    The authority chooses.
    """
    manifest = stamped(
        signed_manifest(describe(authority)), authority.time_stamper, options=TokenOptions(imprint_hash=name)
    )

    assert [status.code for status in check(manifest, sample_trust).statuses] == ALL_GOOD


@BOTH_VERSIONS
def test_the_wrapping_of_a_token_does_not_matter(
    authority: Authority, sample_trust: TrustProfile, describe: Describe
) -> None:
    """
    Version 1 carries whole responses and version 2 bare tokens, by custom.
    """
    manifest = signed_manifest(describe(authority))
    digest = hashlib.sha256(counter_signed(manifest, manifest.claim_version)).digest()
    token = authority.time_stamper.stamp(digest, SIGNED_AT)

    for form in (token, wrap_token(token)):
        assert [status.code for status in check(stamped(manifest, form), sample_trust).statuses] == ALL_GOOD


@BOTH_VERSIONS
def test_a_time_stamp_of_another_signature_is_a_mismatch(
    authority: Authority, sample_trust: TrustProfile, describe: Describe
) -> None:
    """
    A real time-stamp taken from an older image.
    """
    manifest = signed_manifest(describe(authority))
    other = stamped(
        signed_manifest(replace(describe(authority), instance_id="other")), authority.time_stamper
    )
    token = read_credential(other.signature).tokens[0]

    opinion = check(stamped(manifest, token), sample_trust)

    assert explanation(opinion, "timeStamp.mismatch") == "time-stamp is of another signature"
    assert failures(opinion) == ["signingCredential.expired"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_token_under_the_other_header_is_a_mismatch(
    authority: Authority, sample_trust: TrustProfile, version: int
) -> None:
    """
    The header says whether the claim or the signature is stamped.
    """
    manifest = signed_manifest(plain(authority.signer))
    digest = hashlib.sha256(counter_signed(manifest, 3 - version)).digest()
    token = authority.time_stamper.stamp(digest, SIGNED_AT)

    moved = _with_header(manifest, HEADERS[version], {"tstTokens": [{"val": token}]})

    assert information(check(moved, sample_trust)) == ["timeStamp.mismatch"]


@pytest.mark.parametrize(
    ("older_good", "newer_good", "expected"),
    [
        pytest.param(True, True, [], id="both"),
        pytest.param(False, True, [], id="newer"),
        pytest.param(True, False, ["signingCredential.expired"], id="older"),
        pytest.param(False, False, ["signingCredential.expired"], id="neither"),
    ],
)
def test_the_newer_header_decides_alone(
    authority: Authority,
    sample_trust: TrustProfile,
    *,
    older_good: bool,
    newer_good: bool,
    expected: list[str],
) -> None:
    """
    A fall-back would let whoever spoils it choose the other.
    """
    manifest = signed_manifest(plain(authority.signer))
    for version, good in ((1, older_good), (2, newer_good)):
        digest = hashlib.sha256(counter_signed(manifest, version)).digest()
        token = authority.time_stamper.stamp(digest, SIGNED_AT, TokenOptions(flip_signature=not good))
        manifest = _with_header(manifest, HEADERS[version], {"tstTokens": [{"val": token}]})

    assert failures(check(manifest, sample_trust)) == expected


def test_one_good_token_among_others_is_enough(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    They are tried in order, and what is wrong with the earlier ones is said.
    """
    manifest = stamped(
        signed_manifest(azure_v2(authority)),
        b"garbage",
        Authority.create().time_stamper,
        authority.time_stamper,
    )

    opinion = check(manifest, sample_trust)

    assert [status.code for status in opinion.statuses] == [
        "claimSignature.validated",
        "timeStamp.malformed",
        "timeStamp.untrusted",
        *ALL_GOOD[1:],
    ]
    assert opinion.signature.signed_at == SIGNED_AT


def test_the_first_good_token_is_the_last_one_read(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    A second opinion on the time would be one too many.
    """
    later = authority.time_stamper.stamp(bytes(32), LATER)
    manifest = stamped(signed_manifest(azure_v2(authority)), authority.time_stamper, later, b"garbage")

    opinion = check(manifest, sample_trust)

    assert [status.code for status in opinion.statuses] == ALL_GOOD


@pytest.mark.parametrize(
    "tokens",
    [
        pytest.param([b""] * 5, id="five"),
        pytest.param([bytes(65_537)], id="too-long"),
    ],
)
def test_tokens_beyond_the_bounds_make_the_signature_unreadable(
    authority: Authority, sample_trust: TrustProfile, tokens: list[bytes]
) -> None:
    """
    A bomb is refused whole.
    """
    opinion = check(stamped(signed_manifest(azure_v1(authority)), *tokens), sample_trust, SIGNED_AT)

    assert failures(opinion) == ["claimSignature.mismatch"]
    assert successes(opinion) == []


# --- claim signatures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "validated"),
    [
        pytest.param(Tampering(), True, id="nothing"),
        pytest.param(Tampering(flip_signature=True), False, id="signature"),
        pytest.param(Tampering(edit_signed_claim=lambda claim: claim + b"\0"), False, id="claim"),
    ],
)
@BOTH_VERSIONS
def test_a_claim_signature_holds_for_the_claim_it_was_made_for(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, spoil: Tampering, *, validated: bool
) -> None:
    """
    And for no other byte.
    """
    opinion = check(tampered(describe(authority), spoil), sample_trust)

    assert ("claimSignature.validated" in successes(opinion)) is validated
    assert ("claimSignature.mismatch" in failures(opinion)) is (not validated)


def test_who_signed_is_told_of_a_signature_that_does_not_hold(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    The chain is shown; that it did not sign this is said beside.
    """
    opinion = check(tampered(azure_v1(authority), Tampering(flip_signature=True)), sample_trust)

    assert failures(opinion) == ["claimSignature.mismatch"]
    assert opinion.signature.chain[0] == certificate(authority.signer)


Sign = Callable[[bytes], bytes]


def _pss(key: rsa.RSAPrivateKey, digest: hashes.HashAlgorithm, salt: int | None = None) -> Sign:
    length = digest.digest_size if salt is None else salt
    return lambda message: key.sign(message, padding.PSS(padding.MGF1(digest), length), digest)


def _ecdsa(key: ec.EllipticCurvePrivateKey, digest: hashes.HashAlgorithm) -> Sign:
    def sign(message: bytes) -> bytes:
        half = (key.curve.key_size + 7) // 8
        numbers = utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
        return b"".join(number.to_bytes(half) for number in numbers)

    return sign


RSA = rsa.generate_private_key(65537, 2048)
P256, P384, P521 = (ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))
ED25519 = make_key(KeyType.ED25519)
ED448 = ed448.Ed448PrivateKey.generate()
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey


def _eddsa(message: bytes) -> bytes:
    assert not isinstance(ED25519, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return ED25519.sign(message)


def by_hand(authority: Authority, key: object, algorithm: object, sign: Sign) -> SignedManifest:
    """
    Sign a claim without the library's own signing, as RFC 9052, section 4.4, has it.
    """
    leaf = authority.intermediate.issue(leaf_options(), key)  # type: ignore[arg-type]  # of more kinds than it makes
    claim = cbor2.dumps({"alg": "sha256"})
    protected = cbor2.dumps({1: algorithm, 33: list(leaf.chain_der)})
    signature = sign(cbor2.dumps(["Signature1", protected, b"", claim]))
    message = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, signature]))
    return SignedManifest("urn:uuid:1", claim, 2, message)


ALGORITHMS = [
    pytest.param(RSA, -37, _pss(RSA, hashes.SHA256()), id="PS256"),
    pytest.param(RSA, -38, _pss(RSA, hashes.SHA384()), id="PS384"),
    pytest.param(RSA, -39, _pss(RSA, hashes.SHA512()), id="PS512"),
    pytest.param(P256, -7, _ecdsa(P256, hashes.SHA256()), id="ES256"),
    pytest.param(P384, -35, _ecdsa(P384, hashes.SHA384()), id="ES384"),
    pytest.param(P521, -36, _ecdsa(P521, hashes.SHA512()), id="ES512"),
    pytest.param(ED25519, -8, _eddsa, id="EdDSA"),
]


@pytest.mark.parametrize(("key", "algorithm", "sign"), ALGORITHMS)
def test_every_algorithm_that_c2pa_allows_is_verified(
    authority: Authority, sample_trust: TrustProfile, key: object, algorithm: int, sign: Sign
) -> None:
    """
    Made by hand, so that signer and verifier cannot share a mistake.
    """
    opinion = check(by_hand(authority, key, algorithm, sign), sample_trust, SIGNED_AT)

    assert [status.code for status in opinion.statuses] == [
        "claimSignature.validated",
        "signingCredential.trusted",
    ]


@pytest.mark.parametrize("position", [0, 31, -1])
@pytest.mark.parametrize(("key", "algorithm", "sign"), ALGORITHMS)
def test_a_flipped_bit_is_found_under_every_algorithm(
    authority: Authority,
    sample_trust: TrustProfile,
    key: object,
    algorithm: int,
    sign: Sign,
    *,
    position: int,
) -> None:
    """
    At either end and between.
    """

    def flipped(message: bytes) -> bytes:
        signature = bytearray(sign(message))
        signature[position] ^= 1
        return bytes(signature)

    opinion = check(by_hand(authority, key, algorithm, flipped), sample_trust, SIGNED_AT)

    assert failures(opinion) == ["claimSignature.mismatch"]
    assert successes(opinion) == ["signingCredential.trusted"]


@pytest.mark.parametrize(
    ("key", "algorithm", "sign"),
    [
        pytest.param(RSA, -7, _pss(RSA, hashes.SHA256()), id="rsa-said-to-be-ecdsa"),
        pytest.param(RSA, -8, _pss(RSA, hashes.SHA256()), id="rsa-said-to-be-eddsa"),
        pytest.param(RSA, -38, _pss(RSA, hashes.SHA256()), id="rsa-over-another-hash"),
        pytest.param(RSA, -37, _pss(RSA, hashes.SHA256(), 20), id="rsa-with-a-shorter-salt"),
        pytest.param(RSA, -37, lambda m: RSA.sign(m, padding.PKCS1v15(), hashes.SHA256()), id="rsa-pkcs-1"),
        pytest.param(
            RSA, -257, lambda m: RSA.sign(m, padding.PKCS1v15(), hashes.SHA256()), id="rsa-pkcs-1-by-its-name"
        ),
        pytest.param(P256, -37, _ecdsa(P256, hashes.SHA256()), id="ecdsa-said-to-be-rsa"),
        pytest.param(P256, -8, _ecdsa(P256, hashes.SHA256()), id="ecdsa-said-to-be-eddsa"),
        pytest.param(P256, -35, _ecdsa(P256, hashes.SHA256()), id="ecdsa-over-another-hash"),
        pytest.param(P256, -7, lambda m: P256.sign(m, ec.ECDSA(hashes.SHA256())), id="ecdsa-as-der"),
        pytest.param(P256, -7, lambda m: _ecdsa(P256, hashes.SHA256())(m) + b"\0", id="ecdsa-too-long"),
        pytest.param(P256, -7, lambda m: _ecdsa(P256, hashes.SHA256())(m)[:-1], id="ecdsa-too-short"),
        pytest.param(P256, -7, lambda _: b"", id="ecdsa-empty"),
        pytest.param(P256, -7, lambda _: bytes(64), id="ecdsa-nought"),
        pytest.param(P384, -7, _ecdsa(P256, hashes.SHA256()), id="ecdsa-of-another-curve"),
        pytest.param(ED25519, -7, _eddsa, id="eddsa-said-to-be-ecdsa"),
        pytest.param(ED25519, -8, lambda m: _eddsa(m)[:-1], id="eddsa-too-short"),
        pytest.param(ED448, -8, ED448.sign, id="ed448"),
        pytest.param(P256, -47, _ecdsa(P256, hashes.SHA256()), id="secp256k1-by-its-name"),
        pytest.param(P256, 0, _ecdsa(P256, hashes.SHA256()), id="reserved"),
        pytest.param(P256, 2**63, _ecdsa(P256, hashes.SHA256()), id="unheard-of"),
    ],
)
def test_an_algorithm_that_does_not_fit_is_a_mismatch(
    authority: Authority, sample_trust: TrustProfile, key: object, algorithm: int, sign: Sign
) -> None:
    """
    Key, algorithm and form of the signature have to agree.
    """
    opinion = check(by_hand(authority, key, algorithm, sign), sample_trust, SIGNED_AT)

    assert failures(opinion) == ["claimSignature.mismatch"]


def _spoilt(edit: Callable[[list[object]], object]) -> Tampering:
    def edited(encoded: bytes) -> bytes:
        message = cbor2.loads(encoded)
        return cbor2.dumps(cbor2.CBORTag(18, edit(list(message.value))))

    return Tampering(edit_signature=edited)


def _header(key: object, value: object) -> Tampering:
    return Tampering(edit_unprotected=lambda header: {**header, key: value})


HOSTILE = {
    "empty": Tampering(edit_signature=lambda _: b""),
    "number": Tampering(edit_signature=lambda _: b"\x01"),
    "other-tag": Tampering(edit_signature=lambda encoded: b"\xd1" + encoded[1:]),
    "trailing-bytes": Tampering(edit_signature=lambda encoded: encoded + b"\0"),
    "cut-off": Tampering(edit_signature=lambda encoded: encoded[:-1]),
    "depth-bomb": Tampering(edit_signature=lambda _: b"\xd2\x84" + b"\x81" * 100_000),
    "indefinite": Tampering(edit_signature=lambda encoded: b"\xd2\x9f" + encoded[2:] + b"\xff"),
    "no-list": _spoilt(lambda _: {}),
    "three-parts": _spoilt(lambda parts: parts[:3]),
    "protected-map": _spoilt(lambda parts: [{}, *parts[1:]]),
    "protected-not-cbor": _spoilt(lambda parts: [b"\xff", *parts[1:]]),
    "protected-list": _spoilt(lambda parts: [b"\x80", *parts[1:]]),
    "unprotected-list": _spoilt(lambda parts: [parts[0], [], *parts[2:]]),
    "payload": Tampering(attached_payload=True),
    "signature-text": _spoilt(lambda parts: [*parts[:3], "text"]),
    "no-algorithm": Tampering(edit_protected=lambda _: {}),
    "algorithm-text": Tampering(edit_protected=lambda _: {1: "ES256"}),
    "algorithm-true": Tampering(edit_protected=lambda _: {1: True}),
    "two-chains": _header(33, b"x"),
    "no-chain": Tampering(edit_unprotected=lambda _: {}),
    "nine-certificates": Tampering(edit_unprotected=lambda header: {"x5chain": header["x5chain"] * 3}),  # type: ignore[operator]  # a list
    "chain-map": _header("x5chain", {}),
    "chain-text": _header("x5chain", "text"),
    "certificate-number": _header("x5chain", [1]),
    "certificate-garbage": _header("x5chain", [b"x"]),
    "stamp-number": _header("sigTst", 1),
    "stamp-without-tokens": _header("sigTst", {}),
    "newer-stamp-number": _header("sigTst2", 1),
    "tokens-map": _header("sigTst", {"tstTokens": {}}),
    "token-bytes": _header("sigTst", {"tstTokens": [b"x"]}),
    "token-value-text": _header("sigTst", {"tstTokens": [{"val": "x"}]}),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_a_signature_that_cannot_be_read_is_a_failure_and_no_exception(
    authority: Authority, sample_trust: TrustProfile, spoil: Tampering
) -> None:
    """
    Hostile bytes inside a store are a verdict; nothing is said about who signed.
    """
    opinion = check(tampered(azure_v1(authority), spoil), sample_trust, SIGNED_AT)

    assert [status.code for status in opinion.statuses] == ["claimSignature.mismatch"]
    assert failures(opinion) == ["claimSignature.mismatch"]
    assert opinion.signature == Signature()
    assert (opinion.claim_anchor, opinion.time_stamp_anchor) == (None, None)


# --- mutations --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(authority: Authority) -> tuple[SignedManifest, ...]:
    """
    Sign as Microsoft does, in either version.
    """
    return signed_manifest(azure_v1(authority)), signed_manifest(azure_v2(authority))


def _is_trusted(opinion: Opinion) -> bool:
    return {"claimSignature.validated", "signingCredential.trusted"} <= set(successes(opinion))


@settings(max_examples=600)
@given(version=st.sampled_from([1, 2]), position=st.integers(0, 8_191), bits=st.integers(1, 255))
def test_a_flipped_byte_of_a_signature_that_stays_trusted_changes_nothing_that_is_told(
    sample_trust: TrustProfile, real: tuple[SignedManifest, ...], version: int, position: int, bits: int
) -> None:
    """
    Not every byte is signed: padding, text keys of headers nobody reads and parts of a token are not.

    So a flip may go unnoticed; but then protected header, signature, time, anchors and whose key signed
    are what they were. The signer has expired, so that the time-stamp is needed as well.
    """
    manifest = real[version - 1]
    mutated = bytearray(manifest.signature)
    mutated[position % len(mutated)] ^= bits

    opinion = check(changed(manifest, signature=bytes(mutated)), sample_trust)

    if _is_trusted(opinion):
        assert _told(changed(manifest, signature=bytes(mutated)), opinion) == _told(
            manifest, check(manifest, sample_trust)
        )


def _told(manifest: SignedManifest, opinion: Opinion) -> tuple[object, ...]:
    credential = read_credential(manifest.signature)
    return (
        credential.protected,
        credential.signature,
        (opinion.signature.anchor, opinion.signature.signed_at, opinion.signature.time_stamp_anchor),
        opinion.claim_anchor,
        opinion.time_stamp_anchor,
        [found.x509.tbs_certificate_bytes for found in opinion.signature.chain],
    )


@pytest.mark.parametrize("version", [1, 2])
def test_no_flipped_byte_of_what_is_signed_stays_validated(
    sample_trust: TrustProfile, real: tuple[SignedManifest, ...], version: int
) -> None:
    """
    Every single byte of the protected header and of the signature, one bit each.
    """
    manifest = real[version - 1]
    credential = read_credential(manifest.signature)
    still_validated = []

    for part in (credential.protected, credential.signature):
        start = manifest.signature.index(part)
        for position in range(start, start + len(part)):
            mutated = bytearray(manifest.signature)
            mutated[position] ^= 1 << position % 8
            opinion = check(changed(manifest, signature=bytes(mutated)), sample_trust)
            if "claimSignature.validated" in successes(opinion):
                still_validated.append(position)

    assert still_validated == []


@settings(max_examples=200)
@given(version=st.sampled_from([1, 2]), position=st.integers(0, 2_047), bits=st.integers(1, 255))
def test_no_flipped_byte_of_a_claim_stays_validated(
    sample_trust: TrustProfile, real: tuple[SignedManifest, ...], version: int, position: int, bits: int
) -> None:
    """
    All of it is signed.
    """
    manifest = real[version - 1]
    mutated = bytearray(manifest.claim)
    mutated[position % len(mutated)] ^= bits

    opinion = check(changed(manifest, claim=bytes(mutated)), sample_trust)

    assert "claimSignature.mismatch" in failures(opinion)


@settings(max_examples=200)
@given(st.binary(max_size=200), st.binary(max_size=50))
def test_any_bytes_are_a_failure(sample_trust: TrustProfile, signature: bytes, claim: bytes) -> None:
    """
    Never an exception, and never a success.
    """
    opinion = check(SignedManifest("urn:uuid:1", claim, 1, signature), sample_trust)

    assert failures(opinion) == ["claimSignature.mismatch"]
    assert successes(opinion) == []


# --- real images -------------------------------------------------------------------------------------------


# Where the corpus is missing, one case is left for the fixture to skip, which says what is missing.
GENUINE = [entry.name for entry in corpus_files("azure-openai/")] or ["none"]


def _real_manifests(name: str) -> Iterator[SignedManifest]:
    with Asset.from_path(SHARED / "corpus" / name, Limits()) as asset:
        for store in scan(asset, Limits()).stores:
            for found in signed_manifests(store, max_manifests=64).values():
                assert found is not None
                yield found


@pytest.mark.corpus
@pytest.mark.parametrize("name", GENUINE)
def test_every_manifest_of_a_genuine_image_is_trusted(corpus: object, name: str) -> None:
    """
    Signed 2023 to 2026, asked about on a day when every signer has expired.
    """
    opinions = [check(found, MICROSOFT, datetime(2100, 1, 1, tzinfo=UTC)) for found in _real_manifests(name)]

    assert opinions
    for opinion in opinions:
        assert [status.code for status in opinion.statuses] == ALL_GOOD
        assert opinion.signature.signed_at is not None
        assert opinion.claim_anchor == load(opinion.signature.chain[-1].der)


@pytest.mark.corpus
@pytest.mark.parametrize("name", GENUINE)
def test_a_genuine_image_is_a_stranger_to_another_profile(
    corpus: object, sample_trust: TrustProfile, name: str
) -> None:
    """
    What is trusted follows from the profile and from nothing else.
    """
    for found in _real_manifests(name):
        opinion = check(found, sample_trust)

        assert successes(opinion) == ["claimSignature.validated"]
        assert failures(opinion) == ["signingCredential.untrusted"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", GENUINE)
def test_a_genuine_image_with_a_self_made_time_stamp_has_expired(corpus: object, name: str) -> None:
    """
    The engine alone trusts it: in claims of version 1 it never checks the authority's chain.
    """
    evil = Authority.create(names=AuthorityNames.microsoft()).time_stamper

    for found in _real_manifests(name):
        opinion = check(stamped(found, evil), MICROSOFT, datetime(2100, 1, 1, tzinfo=UTC))

        assert successes(opinion) == ["claimSignature.validated"]
        assert failures(opinion) == ["signingCredential.expired"]
        assert information(opinion) == ["timeStamp.untrusted"]


def test_pins_of_other_certificates_are_not_tried(authority: Authority) -> None:
    """
    A pin that nothing matches is no anchor, whatever it is called.
    """
    trust = TrustProfile("p", (ClaimAnchor(Pin("0" * 64, "Sample Authority Root CA")),))

    assert failures(check(plain(authority.signer), trust, SIGNED_AT)) == ["signingCredential.untrusted"]
