"""
Rows 4 and 12: the claim signer's root, intermediate and purpose; one whole chain, and no memory.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provenance import Limits, Verifier, to_dict
from provenance import authority as made
from provenance.asset.asset import Asset
from provenance.authority import Authority, CertificateOptions, Tampering, sign_image
from provenance.manifest.status import ValidationState
from provenance.trust.profile import ClaimAnchor, TrustProfile
from provenance.validation import engine
from provenance.validation.engine import Anchors, Engine
from tests.support import pin
from tests.validation.engine_faults.support import (
    PNG,
    ask_engine,
    failure_codes,
    finding_ids,
    options_for,
    with_trust,
)

FAR = datetime(2119, 1, 1, tzinfo=UTC)


# --- 4: the claim signer's root, intermediate and purpose -----------------------------------------


def test_row_4_an_anchor_for_time_stamps_is_none_for_claims(authority: Authority) -> None:
    """
    The engine keeps the two lists as one.
    """
    somebody = Authority.create("Somebody Else")
    signed = sign_image(PNG, made.azure_v1(authority))
    anchors = [{"trust_anchors": authority.root.pem, "trust_uri": "urn:x", "trust_kind": "tsa"}]
    only_time = TrustProfile(
        "only-time",
        (ClaimAnchor(pin(somebody.root), key_purposes=(made.PURPOSE_MICROSOFT_CLAIM,)),),
        (pin(authority.root), pin(authority.time_stamp_root)),
    )

    result = Verifier(trust=only_time, self_test=False).verify(signed)

    assert (
        "signingCredential.untrusted"
        not in ask_engine(signed, with_trust(authority, anchors=anchors)).failures
    )
    assert (result.state, result.accepted) == (ValidationState.VALID, False)
    assert result.readings[0].signature.anchor is None


@pytest.mark.parametrize(
    ("purposes", "engine_state"),
    [
        pytest.param(("1.3.6.1.5.5.7.3.8",), "Trusted", id="timeStamping"),
        pytest.param(("1.3.6.1.5.5.7.3.4",), "Trusted", id="emailProtection"),
        pytest.param(("1.3.6.1.5.5.7.3.9",), "Trusted", id="OCSPSigning"),
        pytest.param(("2.5.29.37.0",), "Invalid", id="any"),
        pytest.param(("1.3.6.1.5.5.7.3.36",), "Invalid", id="documentSigning"),
        pytest.param((made.PURPOSE_MICROSOFT_CLAIM, "1.3.6.1.5.5.7.3.8"), "Invalid", id="and-timeStamping"),
    ],
)
def test_row_4_a_signer_of_another_purpose_is_not_trusted(
    authority: Authority, verifier: Verifier, purposes: tuple[str, ...], engine_state: str
) -> None:
    """
    Microsoft's root and intermediate issue for more than claims.
    """
    signer = authority.issue_signer(key_purposes=purposes, not_after=FAR)
    signed = sign_image(PNG, made.azure_v1(authority, credential=signer))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == engine_state
    assert (result.state, finding_ids(result)) == (ValidationState.VALID, ["signing_credential"])
    assert "signingCredential.invalid" in failure_codes(result)


def test_row_4_another_intermediate_below_the_same_root_is_not_trusted(
    authority: Authority, verifier: Verifier
) -> None:
    """
    The root also signs for code and containers.
    """
    options = CertificateOptions(
        subject=made.make_name("Other CA"), is_ca=True, key_purposes=(), not_after=FAR
    )
    signer = authority.root.issue(options).issue(
        CertificateOptions(subject=authority.names.signer, not_after=FAR)
    )
    signed = sign_image(PNG, made.azure_v1(authority, credential=signer))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, failure_codes(result)) == (ValidationState.VALID, ["signingCredential.invalid"])


def test_row_4_copied_names_are_worth_nothing(authority: Authority, impostor: Authority) -> None:
    """
    Neither under the profile that names Microsoft's pins nor under any other.
    """
    signed = sign_image(PNG, made.azure_v1(impostor))

    result = Verifier(self_test=False).verify(signed)

    assert (result.state, result.accepted) == (ValidationState.VALID, False)
    assert result.readings[0].signature.chain[-1].common_name == "Microsoft Supply Chain RSA Root CA 2022"


def test_row_4_a_pinned_root_lying_in_a_foreign_chain_proves_nothing(
    authority: Authority, impostor: Authority, verifier: Verifier
) -> None:
    """
    Anyone can copy the certificate; it did not issue the rest of the chain.
    """
    borrowed = replace(impostor.signer, chain=(*impostor.signer.chain[:2], authority.root.certificate))

    result = verifier.verify(sign_image(PNG, made.azure_v1(impostor, credential=borrowed)))

    assert (result.state, result.readings[0].signature.anchor) == (ValidationState.VALID, None)


# --- 12: one whole chain, and no memory -----------------------------------------------------------


def test_row_12_a_chain_without_its_root_is_not_trusted_by_a_pin_alone(
    authority: Authority, verifier: Verifier
) -> None:
    """
    The pinned certificate is taken from the image; where it is missing there is nothing to compare.
    """
    short = replace(authority.signer, chain=authority.signer.chain[:-1])
    signed = sign_image(PNG, made.azure_v1(authority, credential=short))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.readings[0].signature.anchor) == (ValidationState.VALID, None)


def test_row_12_a_chain_without_its_root_is_trusted_below_a_certificate_at_hand(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    Whoever gives the root itself needs no copy of it in the image.
    """
    short = replace(authority.signer, chain=authority.signer.chain[:-1])
    believed = sample_trust.claim_anchors[0]
    anchor = ClaimAnchor(pin(authority.root, carried=True), believed.intermediates, believed.key_purposes)
    carried = TrustProfile("carried", (anchor,), sample_trust.time_stamp_anchors)

    result = Verifier(trust=carried, self_test=False).verify(
        sign_image(PNG, made.azure_v1(authority, credential=short))
    )

    assert (result.state, result.accepted) == (ValidationState.TRUSTED, True)


def test_row_12_two_chains_in_one_signature_are_refused(
    authority: Authority, impostor: Authority, verifier: Verifier
) -> None:
    """
    The engine takes one of them and says Trusted; another reader might take the other.
    """
    tampering = Tampering(edit_unprotected=lambda header: {**header, 33: list(impostor.signer.chain_der)})
    signed = sign_image(PNG, replace(made.azure_v1(authority), tampering=tampering))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.INVALID, False)
    assert "2 certificate chains" in result.findings[0].message


def test_row_12_no_verdict_depends_on_an_earlier_image(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    One image carries the root, the next one relies on it: the second must not profit from the first.
    """
    first = sign_image(PNG, made.azure_v1(authority))
    short = replace(authority.signer, chain=authority.signer.chain[:-1])
    second = sign_image(PNG, made.azure_v1(authority, credential=short))
    kept = Verifier(trust=sample_trust, self_test=False)

    in_turn = [json.dumps(to_dict(kept.verify(asset))) for asset in (first, second, first, second)]

    fresh = [
        json.dumps(to_dict(Verifier(trust=sample_trust, self_test=False).verify(asset)))
        for asset in (second, first)
    ]
    assert in_turn == [fresh[1], fresh[0], fresh[1], fresh[0]]
    assert json.loads(fresh[0])["state"] == "valid"


def test_row_12_contexts_are_kept_per_set_of_anchors_and_bounded(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A folder of images by a thousand authorities must not keep a thousand contexts.
    """
    monkeypatch.setattr(engine, "_MAX_CONTEXTS", 2)
    kept = Engine()
    signed = sign_image(PNG, made.azure_v1(authority))
    purposes = [("1.2.3",), ("1.2.3",), ("1.2.4",), ("1.2.5",)]

    sizes = []
    for purpose in purposes:
        with Asset.from_bytes(signed, Limits()) as asset:
            kept.read(asset, Anchors(key_purposes=purpose))
        sizes.append(len(kept._contexts))

    assert sizes == [1, 1, 2, 1]
