"""
Paths from a signer to a pinned anchor: which are found, and what forbids them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    PURPOSE_TIME_STAMPING,
    SIGNED_AT,
    Authority,
    CertificateOptions,
    Credential,
    make_name,
)
from provenance.trust.certificate import Certificate
from provenance.trust.certification_path import (
    CertificationPath,
    SignatureBudget,
    claim_path,
    claim_signer_faults,
    path_faults,
    time_stamp_path,
    time_stamp_signer_faults,
)
from provenance.trust.profile import ANY_PURPOSE, OCSP_SIGNING, ClaimAnchor, Pin
from tests.support import ca_options, certificate, leaf_options, pin

EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"


def chain(credential: Credential) -> tuple[Certificate, ...]:
    """
    Read a whole chain, leaf first.
    """
    return tuple(certificate(item) for item in credential.chain)


def anchored(*pins: Pin) -> tuple[ClaimAnchor, ...]:
    """
    Make claim anchors without further demands.
    """
    return tuple(ClaimAnchor(pin_) for pin_ in pins)


def find_path(
    signer: Certificate, pool: tuple[Certificate, ...], anchors: tuple[Pin, ...]
) -> CertificationPath | None:
    """
    Find a path with checks of signatures to spare.
    """
    return time_stamp_path(signer, pool, anchors, SignatureBudget(256))


def found(credential: Credential) -> CertificationPath:
    """
    Make a path of a whole chain, its last certificate pinned.
    """
    return CertificationPath(chain(credential), Pin(certificate(credential.chain[-1]).sha256, "pinned"))


def test_a_chain_leads_to_the_pinned_certificate_it_carries(authority: Authority) -> None:
    """
    The pinned certificate travels in the image, and its fingerprint recognises it.
    """
    pinned = pin(authority.root)

    path = claim_path(chain(authority.signer), anchored(pinned))

    assert path == CertificationPath(chain(authority.signer), pinned)


def test_what_stands_above_the_anchor_is_left_out(authority: Authority) -> None:
    """
    Nothing above a pinned certificate has anything to say.
    """
    pinned = pin(authority.intermediate)

    path = claim_path(chain(authority.signer), anchored(pinned))

    assert path == CertificationPath(chain(authority.signer)[:2], pinned)


def test_a_chain_without_its_root_leads_nowhere_by_a_fingerprint_alone(authority: Authority) -> None:
    """
    A fingerprint holds no key to check a signature with.
    """
    assert claim_path(chain(authority.signer)[:2], anchored(pin(authority.root))) is None


def test_a_chain_without_its_root_leads_to_the_certificate_the_profile_carries(authority: Authority) -> None:
    """
    With the certificate there is a key.
    """
    pinned = pin(authority.root, carried=True)

    path = claim_path(chain(authority.signer)[:2], anchored(pinned))

    assert path == CertificationPath(chain(authority.signer), pinned)


def test_a_signer_straight_below_a_carried_anchor_has_a_path(authority: Authority) -> None:
    """
    Nothing but the signer's own certificate need travel.
    """
    leaf = authority.root.issue(leaf_options())
    pinned = pin(authority.root, carried=True)

    assert claim_path(chain(leaf)[:1], anchored(pinned)) == CertificationPath(chain(leaf), pinned)


def test_no_path_leads_to_a_carried_anchor_that_issued_nothing_here(authority: Authority) -> None:
    """
    The second of two carried anchors is tried too, and neither by its name.
    """
    strangers = [pin(Credential.self_signed(ca_options(name)), carried=True) for name in ("A", "B")]
    pinned = pin(authority.root, carried=True)

    assert claim_path(chain(authority.signer)[:2], anchored(*strangers)) is None
    assert claim_path(chain(authority.signer)[:2], anchored(*strangers, pinned)) == CertificationPath(
        chain(authority.signer), pinned
    )


@pytest.mark.parametrize(
    "order",
    [
        pytest.param((2, 1, 0), id="reversed"),
        pytest.param((2, 0, 1), id="root-first"),
        pytest.param((0, 2, 1), id="root-in-the-middle"),
        pytest.param((0, 2), id="intermediate-left-out"),
        pytest.param((0, 0, 1, 2), id="signer-twice"),
        pytest.param((0, 1, 1, 2), id="intermediate-twice"),
        pytest.param((0,), id="signer-alone"),
        pytest.param((), id="nothing"),
    ],
)
def test_a_chain_is_followed_in_the_order_it_was_stored(authority: Authority, order: tuple[int, ...]) -> None:
    """
    Only one reading of a chain is right, so nothing is sorted, skipped or repaired.
    """
    whole = chain(authority.signer)

    assert claim_path(tuple(whole[index] for index in order), anchored(pin(authority.root))) is None


def test_a_root_that_stands_twice_changes_nothing(authority: Authority) -> None:
    """
    The path has ended by then.
    """
    whole = chain(authority.signer)

    path = claim_path((*whole, whole[-1]), anchored(pin(authority.root)))

    assert path == CertificationPath(whole, pin(authority.root))


def test_a_pinned_root_in_a_chain_it_did_not_issue_proves_nothing(authority: Authority) -> None:
    """
    The fingerprint is public, and so is the certificate: anyone can put it into a chain.
    """
    stranger = Credential.self_signed(ca_options("Stranger")).issue(leaf_options())

    assert claim_path((*chain(stranger), certificate(authority.root)), anchored(pin(authority.root))) is None


def test_a_pinned_signer_is_not_its_own_anchor(authority: Authority) -> None:
    """
    Pins are for authorities; a signer's certificate says nothing about who stands above it.
    """
    pins = anchored(pin(authority.signer), pin(authority.signer, carried=True))

    assert claim_path(chain(authority.signer)[:1], pins) is None


def test_either_form_of_a_cross_signed_anchor_ends_the_path(authority: Authority) -> None:
    """
    Same name, same key, two certificates: each is pinned by its own fingerprint.
    """
    crossed = Credential.self_signed(ca_options("Elder Root")).issue(
        replace(ca_options(), subject=authority.names.root), authority.root.private_key
    )
    signer = chain(authority.signer)[:2]
    both = anchored(pin(authority.root, "self-signed"), pin(crossed, "cross-signed"))

    by_self_signed = claim_path((*signer, certificate(authority.root)), both)
    by_crossed = claim_path((*signer, certificate(crossed)), both)

    assert by_self_signed is not None
    assert by_self_signed.anchor.name == "self-signed"
    assert by_crossed is not None
    assert by_crossed.anchor.name == "cross-signed"


def test_the_certificates_outside_their_validity_are_named(authority: Authority) -> None:
    """
    Leaf first, at the time that is asked for.
    """
    path = found(authority.signer)

    assert list(path.expired(SIGNED_AT)) == []
    assert list(path.expired(datetime(2026, 1, 1, tzinfo=UTC))) == [certificate(authority.signer)]
    assert list(path.expired(datetime(2019, 1, 1, tzinfo=UTC))) == list(path.certificates)


# --- time-stamps ---------------------------------------------------------------------------------


def stamper_chain(authority: Authority) -> tuple[Certificate, ...]:
    """
    Read the chain of an authority's time-stamper.
    """
    return chain(authority.time_stamper.credential)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 1), (2, 1, 1, 2, 0, 0)])
def test_the_order_of_a_tokens_certificates_does_not_matter(
    authority: Authority, order: tuple[int, ...]
) -> None:
    """
    They are a set, and nobody signs it.
    """
    whole = stamper_chain(authority)
    pinned = pin(authority.time_stamp_root)

    path = find_path(whole[0], tuple(whole[index] for index in order), (pinned,))

    assert path == CertificationPath(whole, pinned)


def test_strangers_among_a_tokens_certificates_do_not_matter(authority: Authority) -> None:
    """
    Anyone can add some.
    """
    whole = stamper_chain(authority)
    strangers = chain(Authority.create(names=authority.names).time_stamper.credential)

    path = find_path(whole[0], (*strangers, *whole), (pin(authority.time_stamp_root),))

    assert path == CertificationPath(whole, pin(authority.time_stamp_root))


@pytest.mark.parametrize("left_out", [1, 2])
def test_a_token_that_leaves_out_an_issuer_has_no_path(authority: Authority, left_out: int) -> None:
    """
    What is neither carried nor in the profile cannot be checked.
    """
    whole = stamper_chain(authority)
    pool = whole[:left_out] + whole[left_out + 1 :]

    assert find_path(whole[0], pool, (pin(authority.time_stamp_root),)) is None


def test_a_token_may_leave_out_the_root_the_profile_carries(authority: Authority) -> None:
    """
    As many authorities do.
    """
    whole = stamper_chain(authority)
    pinned = pin(authority.time_stamp_root, carried=True)

    assert find_path(whole[0], whole[:2], (pinned,)) == CertificationPath(whole, pinned)


def test_the_shortest_way_is_taken(authority: Authority) -> None:
    """
    A pinned intermediate ends the path below the pinned root.
    """
    whole = stamper_chain(authority)
    pins = (pin(authority.time_stamp_root), pin(authority.time_stamp_intermediate))

    path = find_path(whole[0], whole, pins)

    assert path == CertificationPath(whole[:2], pins[1])


def test_a_way_through_a_cross_signed_issuer_is_found(authority: Authority) -> None:
    """
    The intermediate at hand has two issuers' certificates, and only one leads to a pinned anchor.
    """
    elder = Credential.self_signed(ca_options("Elder Root"))
    crossed = elder.issue(
        replace(ca_options(), subject=authority.names.time_stamp_root), authority.time_stamp_root.private_key
    )
    whole = stamper_chain(authority)

    path = find_path(whole[0], (*whole, *chain(crossed)), (pin(elder),))

    assert path == CertificationPath((*whole[:2], *chain(crossed)), pin(elder))


def _tower(height: int) -> Credential:
    credential = Credential.self_signed(ca_options("Root"))
    for storey in range(height - 2):
        credential = credential.issue(ca_options(f"Storey {storey}"))
    return credential.issue(leaf_options())


def test_a_path_of_eight_certificates_is_found() -> None:
    """
    The bound itself is allowed.
    """
    tower = chain(_tower(8))

    assert find_path(tower[0], tower, (Pin(tower[-1].sha256, "root"),)) is not None


@pytest.mark.parametrize("carried", [False, True], ids=["in-the-token", "in-the-profile"])
def test_a_path_of_nine_certificates_is_not(*, carried: bool) -> None:
    """
    The bound holds wherever the anchor comes from.
    """
    tower = chain(_tower(9))
    pinned = Pin(tower[-1].sha256, "root", tower[-1] if carried else None)

    assert find_path(tower[0], tower[: -1 if carried else None], (pinned,)) is None


def test_authorities_that_certify_each_other_in_a_circle_do_not_hold_the_search() -> None:
    """
    Sixteen certificates, each issued by every other, have more ways through them than can be tried.
    """
    first = Credential.self_signed(ca_options("Circle"))
    pool = [first, *(first.issue(ca_options("Circle"), first.private_key) for _ in range(15))]
    signer = first.issue(leaf_options())

    pinned = (Pin("0" * 64, "elsewhere"),)

    assert find_path(certificate(signer), tuple(map(certificate, pool)), pinned) is None


# --- what forbids a path ----------------------------------------------------------------------------


def below_root(options: CertificateOptions) -> Credential:
    """
    Issue a signer below an intermediate of these options.
    """
    root = Credential.self_signed(ca_options("Root"))
    return root.issue(options).issue(leaf_options())


def test_nothing_forbids_an_ordinary_path(authority: Authority) -> None:
    """
    What every case below spoils in one place.
    """
    assert list(path_faults(found(authority.signer))) == []
    assert list(path_faults(found(authority.time_stamper.credential))) == []


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        pytest.param(
            leaf_options("Leaf"),
            ["issuer 'Leaf' is not a certificate authority", "issuer 'Leaf' may not sign certificates"],
            id="issuer-is-a-leaf",
        ),
        pytest.param(
            replace(leaf_options("Leaf"), key_usages=frozenset({"key_cert_sign"})),
            ["issuer 'Leaf' is not a certificate authority"],
            id="key-usage-does-not-make-an-authority",
        ),
        pytest.param(
            replace(ca_options("CA"), key_usages=frozenset({"crl_sign", "digital_signature"})),
            ["issuer 'CA' may not sign certificates"],
            id="authority-without-key-cert-sign",
        ),
    ],
)
def test_an_issuer_must_be_an_authority_that_may_sign_certificates(
    options: CertificateOptions, faults: list[str]
) -> None:
    """
    Without this, whoever has a signer's certificate could issue others.
    """
    assert list(path_faults(found(below_root(options)))) == faults


@pytest.mark.parametrize(
    ("lengths", "faults"),
    [
        pytest.param((None, None, None), [], id="no-limit"),
        pytest.param((2, 1, 0), [], id="just-enough"),
        pytest.param((None, None, 0), [], id="none-below-the-lowest"),
        pytest.param((None, 0, None), ["issuer 'CA 1' allows 0 intermediates, not 1"], id="middle"),
        pytest.param((1, None, None), ["issuer 'CA 0' allows 1 intermediates, not 2"], id="top"),
        pytest.param(
            (0, 0, 0),
            ["issuer 'CA 1' allows 0 intermediates, not 1", "issuer 'CA 0' allows 0 intermediates, not 2"],
            id="two",
        ),
    ],
)
def test_an_issuer_may_have_only_so_many_below_it(lengths: tuple[int | None, ...], faults: list[str]) -> None:
    """
    RFC 5280, section 4.2.1.9: intermediates are counted, the signer is not; the anchor's counts too.
    """
    credential = Credential.self_signed(ca_options("CA 0", lengths[0]))
    for index, length in enumerate(lengths[1:], start=1):
        credential = credential.issue(ca_options(f"CA {index}", length))

    assert list(path_faults(found(credential.issue(leaf_options())))) == faults


CLAIMS = replace(leaf_options(), key_purposes=(PURPOSE_MICROSOFT_CLAIM,))
FORBIDDEN = "key purposes of time stamping, OCSP signing or any purpose forbid signing claims"


def _missing(*purposes: str) -> str:
    return f"key purposes {sorted(purposes)} hold none of ['{PURPOSE_MICROSOFT_CLAIM}']"


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        pytest.param(CLAIMS, [], id="ordinary"),
        pytest.param(
            replace(CLAIMS, key_purposes=(PURPOSE_MICROSOFT_CLAIM, CODE_SIGNING)), [], id="one-more-purpose"
        ),
        pytest.param(replace(CLAIMS, key_purposes_critical=False), [], id="purpose-not-critical"),
        pytest.param(replace(CLAIMS, key_purposes=()), [_missing()], id="no-purpose"),
        pytest.param(
            replace(CLAIMS, key_purposes=(EMAIL_PROTECTION,)),
            [_missing(EMAIL_PROTECTION)],
            id="email-protection",
        ),
        pytest.param(
            replace(CLAIMS, key_purposes=(PURPOSE_TIME_STAMPING,)),
            [FORBIDDEN, _missing(PURPOSE_TIME_STAMPING)],
            id="time-stamping",
        ),
        pytest.param(
            replace(CLAIMS, key_purposes=(ANY_PURPOSE,)), [FORBIDDEN, _missing(ANY_PURPOSE)], id="any-purpose"
        ),
        pytest.param(
            replace(CLAIMS, key_purposes=(PURPOSE_MICROSOFT_CLAIM, ANY_PURPOSE)),
            [FORBIDDEN],
            id="and-any-purpose",
        ),
        pytest.param(
            replace(CLAIMS, key_purposes=(PURPOSE_MICROSOFT_CLAIM, PURPOSE_TIME_STAMPING)),
            [FORBIDDEN],
            id="and-time-stamping",
        ),
        pytest.param(
            replace(CLAIMS, key_purposes=(PURPOSE_MICROSOFT_CLAIM, OCSP_SIGNING)), [FORBIDDEN], id="and-ocsp"
        ),
        pytest.param(
            replace(CLAIMS, key_usages=frozenset({"content_commitment"})),
            ["key usage does not allow digital signatures"],
            id="no-digital-signature",
        ),
        pytest.param(
            replace(ca_options(), key_purposes=(PURPOSE_MICROSOFT_CLAIM,)),
            ["signer is a certificate authority", "key usage does not allow digital signatures"],
            id="authority",
        ),
    ],
)
def test_a_claim_signer_needs_the_purpose_and_may_have_no_dangerous_one(
    authority: Authority, options: CertificateOptions, faults: list[str]
) -> None:
    """
    The anchor signs for many purposes; only the leaf's own says that it signs claims.
    """
    path = found(authority.root.issue(options))
    anchor = ClaimAnchor(path.anchor, key_purposes=(PURPOSE_MICROSOFT_CLAIM,))

    assert list(claim_signer_faults(path, anchor)) == faults


def test_a_signer_with_a_weak_key_is_refused(authority: Authority) -> None:
    """
    Whoever can compute its key can sign in its name.
    """
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    path = found(authority.root.issue(CLAIMS, weak))
    anchor = ClaimAnchor(path.anchor, key_purposes=(PURPOSE_MICROSOFT_CLAIM,))

    assert list(claim_signer_faults(path, anchor)) == ["public key is of a kind or size that is not allowed"]


@pytest.mark.parametrize(
    ("purposes", "faults"),
    [
        pytest.param((PURPOSE_MICROSOFT_CLAIM,), [], id="that-purpose"),
        pytest.param((ANY_PURPOSE,), [], id="any-purpose"),
        pytest.param((CODE_SIGNING, PURPOSE_MICROSOFT_CLAIM), [], id="several"),
        pytest.param((CODE_SIGNING,), ["issuer 'CA' may not issue for this key purpose"], id="another"),
        pytest.param(
            (PURPOSE_TIME_STAMPING,), ["issuer 'CA' may not issue for this key purpose"], id="stamps"
        ),
    ],
)
def test_an_issuer_with_purposes_of_its_own_passes_on_no_others(
    purposes: tuple[str, ...], faults: list[str]
) -> None:
    """
    An authority for code signing must not make claim signers.
    """
    path = found(below_root(replace(ca_options("CA"), key_purposes=purposes)))
    anchor = ClaimAnchor(path.anchor, key_purposes=(PURPOSE_MICROSOFT_CLAIM,))

    assert list(claim_signer_faults(path, anchor)) == faults


def test_an_issuer_for_one_accepted_purpose_passes_on_no_other_accepted_purpose() -> None:
    """
    What the issuer allows and what the signer is used for must be the same purpose, not two of a list.
    """
    path = found(below_root(replace(ca_options("CA"), key_purposes=(CODE_SIGNING,))))
    anchor = ClaimAnchor(path.anchor, key_purposes=(PURPOSE_MICROSOFT_CLAIM, CODE_SIGNING))

    assert list(claim_signer_faults(path, anchor)) == ["issuer 'CA' may not issue for this key purpose"]


def test_the_signers_issuer_must_be_an_allowed_intermediate(authority: Authority) -> None:
    """
    The root also signs code and containers, so the intermediate matters.
    """
    path = found(authority.signer)
    purposes = (PURPOSE_MICROSOFT_CLAIM,)
    allowed = ClaimAnchor(path.anchor, (Pin("0" * 64, "other"), pin(authority.intermediate)), purposes)
    others = ClaimAnchor(path.anchor, (pin(authority.root), pin(authority.signer)), purposes)

    assert list(claim_signer_faults(path, allowed)) == []
    assert list(claim_signer_faults(path, others)) == [
        "issuer 'Sample Authority Claim CA' is not one of the allowed intermediates"
    ]


def test_a_signer_straight_below_the_root_is_below_no_allowed_intermediate(authority: Authority) -> None:
    """
    Leaving the intermediate out must not leave the demand out.
    """
    path = found(authority.root.issue(CLAIMS))
    anchor = ClaimAnchor(path.anchor, (pin(authority.intermediate),), (PURPOSE_MICROSOFT_CLAIM,))

    assert list(claim_signer_faults(path, anchor)) == [
        "issuer 'Sample Authority Root CA' is not one of the allowed intermediates"
    ]


STAMPS = CertificateOptions(subject=make_name("Stamper"), key_purposes=(PURPOSE_TIME_STAMPING,))
NOT_ALONE = "key purpose is not time stamping alone, marked critical"


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        pytest.param(STAMPS, [], id="ordinary"),
        pytest.param(replace(STAMPS, key_purposes_critical=False), [NOT_ALONE], id="not-critical"),
        pytest.param(
            replace(STAMPS, key_purposes=(PURPOSE_TIME_STAMPING, CODE_SIGNING)), [NOT_ALONE], id="not-alone"
        ),
        pytest.param(replace(STAMPS, key_purposes=(ANY_PURPOSE,)), [NOT_ALONE], id="any-purpose"),
        pytest.param(replace(STAMPS, key_purposes=()), [NOT_ALONE], id="no-purpose"),
        pytest.param(CLAIMS, [NOT_ALONE], id="claim-signer"),
        pytest.param(
            replace(STAMPS, key_usages=frozenset({"key_agreement"})),
            ["key usage does not allow digital signatures"],
            id="no-digital-signature",
        ),
        pytest.param(
            replace(STAMPS, is_ca=True, key_usages=frozenset({"digital_signature"})),
            ["signer is a certificate authority"],
            id="authority",
        ),
    ],
)
def test_a_time_stamper_makes_time_stamps_and_nothing_else(
    authority: Authority, options: CertificateOptions, faults: list[str]
) -> None:
    """
    RFC 3161, section 2.3: that one purpose, alone and critical.
    """
    path = found(authority.time_stamp_root.issue(options))

    assert list(time_stamp_signer_faults(path)) == faults


@pytest.mark.parametrize(
    ("purposes", "faults"),
    [
        pytest.param((PURPOSE_TIME_STAMPING,), [], id="that-purpose"),
        pytest.param((ANY_PURPOSE,), [], id="any-purpose"),
        pytest.param((CODE_SIGNING,), ["issuer 'CA' may not issue for time stamping"], id="another"),
    ],
)
def test_an_issuer_must_be_allowed_to_issue_for_time_stamping(
    purposes: tuple[str, ...], faults: list[str]
) -> None:
    """
    Purposes of an authority bound those of what it issues.
    """
    root = Credential.self_signed(ca_options("Root"))
    stamper = root.issue(replace(ca_options("CA"), key_purposes=purposes)).issue(STAMPS)

    assert list(time_stamp_signer_faults(found(stamper))) == faults
