"""
Manifests and signers that must not be trusted, as the raw engine judges them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509

from provenance import authority as made
from provenance.authority import (
    AssertionSpec,
    Authority,
    AuthorityNames,
    CertificateOptions,
    Credential,
    Tampering,
    TokenOptions,
    box,
    sign_image,
)
from tests.authority.support import (
    BOTH_VERSIONS,
    MADE_UP,
    PLAIN,
    PNG,
    PNG_AND_JPEG,
    Describe,
    Judged,
    other_name,
    readable_v2,
    tampered,
)

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
