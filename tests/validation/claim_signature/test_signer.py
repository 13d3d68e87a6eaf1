"""
The path from a signer to a pinned certificate, and its purpose, each case made on the spot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from cryptography import x509

from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    PURPOSE_TIME_STAMPING,
    SIGNED_AT,
    Authority,
    AuthorityNames,
    CertificateOptions,
    Credential,
    KeyType,
    Tampering,
    azure_2023,
    azure_v1,
    azure_v2,
)
from provenance.manifest.manifest import Signature
from provenance.manifest.status import StatusKind, StatusSource
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import ANY_PURPOSE, CLAIM_SIGNING, ClaimAnchor, Pin, TrustProfile
from provenance.validation.claim_signature import SignatureValidator
from tests.support import (
    ca_options,
    certificate,
    leaf_options,
    signed_manifest,
    tampered,
    trust_in,
    with_sha1,
)
from tests.validation.claim_signature.support import (
    ALL_GOOD,
    CODE_SIGNING,
    LATER,
    WEAK_KEY,
    Describe,
    believe,
    check,
    explanation,
    failures,
    information,
    plain,
    signer,
    successes,
    with_header,
)

EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0")


# --- an ordinary manifest -------------------------------------------------------------------------


@pytest.mark.parametrize("describe", [azure_2023, azure_v1, azure_v2])
def test_an_ordinary_manifest_is_trusted_after_its_signer_has_expired(
    authority: Authority, sample_trust: TrustProfile, describe: Describe
) -> None:
    """
    The time-stamp says that it was signed before.
    """
    result = check(describe(authority), sample_trust)

    assert [status.code for status in result.statuses] == ALL_GOOD
    assert result.signature == Signature(
        chain=tuple(certificate(item) for item in authority.signer.chain),
        anchor=sample_trust.claim_anchors[0].pin,
        signed_at=SIGNED_AT,
        time_stamp_anchor=sample_trust.time_stamp_anchors[0],
    )
    assert result.claim_anchor == certificate(authority.root)
    assert result.time_stamp_anchor == certificate(authority.time_stamp_root)


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

    result = check(spec, sample_trust, SIGNED_AT)

    assert failures(result) == ["signingCredential.expired"]
    assert explanation(result, "signingCredential.expired") == "outside validity: Sample Authority Signer"
    assert result.signature.signed_at == LATER


def test_an_expired_signer_is_reported_with_its_anchor(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    The path is known, so the engine can be given the same anchor and asked for its own result.
    """
    result = check(plain(authority.signer), sample_trust, LATER)

    assert result.claim_anchor == certificate(authority.root)


def test_nothing_is_kept_between_calls(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    One image's verdict must not depend on the last one's.
    """
    good = signed_manifest(azure_v1(authority))
    bad = signed_manifest(tampered(azure_v1(authority), Tampering(flip_signature=True)))
    validator = SignatureValidator(sample_trust)

    first = validator.check(good, LATER)
    validator.check(bad, LATER)

    assert validator.check(good, LATER) == first


# --- paths ----------------------------------------------------------------------------------------


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

    result = check(plain(credential), trust, case.at)

    assert tuple(failures(result)) == case.failures, case.why
    assert ("signingCredential.trusted" in successes(result)) is (not case.failures), case.why
    assert case.says in next((s.explanation for s in result.statuses if s.kind is StatusKind.FAILURE), "")


def test_an_impostor_of_microsoft_is_a_stranger_to_the_microsoft_profile() -> None:
    """
    It copies every name, and the time-stamp authority's too.
    """
    impostor = Authority.create(names=AuthorityNames.microsoft(), key_type=KeyType.RSA2048)

    result = check(azure_v1(impostor), MICROSOFT)

    assert successes(result) == ["claimSignature.validated"]
    assert failures(result) == ["signingCredential.untrusted"]
    assert information(result) == ["timeStamp.untrusted"]
    assert result.signature.chain[0].organization == "Microsoft Corporation"
    assert (result.signature.anchor, result.claim_anchor) == (None, None)


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

    result = check(with_header(signed_manifest(plain(authority.signer)), "x5chain", chain), sample_trust)

    assert failures(result) == ["signingCredential.untrusted"]


# --- real images ----------------------------------------------------------------------------------


def test_pins_of_other_certificates_are_not_tried(authority: Authority) -> None:
    """
    A pin that nothing matches is no anchor, whatever it is called.
    """
    trust = TrustProfile("p", (ClaimAnchor(Pin("0" * 64, "Sample Authority Root CA")),))

    assert failures(check(plain(authority.signer), trust, SIGNED_AT)) == ["signingCredential.untrusted"]
