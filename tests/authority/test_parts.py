"""
Certificates, time-stamps and images, as others see them: an independent judge of time-stamps among them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import rsa
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from provenance import authority as made
from provenance.authority import (
    SIGNED_AT,
    Authority,
    CertificateOptions,
    KeyType,
    TimeStampAuthority,
    TokenOptions,
    image,
    sign_image,
)
from provenance.trust import cms
from tests.authority.support import (
    BOTH_VERSIONS,
    DIGEST,
    PLAIN,
    PNG_AND_JPEG,
    Describe,
    Judged,
    other_name,
    readable_v2,
)

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
