"""
Time-stamp tokens: what they say, when their signature holds, and what is refused.

An independent implementation judges the same tokens, good and bad.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from provenance.authority import (
    PURPOSE_TIME_STAMPING,
    SIGNED_AT,
    Authority,
    Credential,
    KeyType,
    TimeStampAuthority,
    TokenOptions,
    wrap_token,
)
from provenance.errors import StructureError
from provenance.trust import cms
from provenance.trust.timestamp import MAX_CERTIFICATES, TimeStamp, read_time_stamp
from tests.support import ca_options, certificate, leaf_options

MESSAGE = b"what is stamped"
DIGEST = hashlib.sha256(MESSAGE).digest()
STAMPS = replace(leaf_options("Stamper"), key_purposes=(PURPOSE_TIME_STAMPING,))
OID_SHA256 = "2.16.840.1.101.3.4.2.1"

Infos = list[cms.SignerInfo]


def token_of(authority: Authority, options: TokenOptions | None = None, digest: bytes = DIGEST) -> bytes:
    """
    Stamp the message.
    """
    return authority.time_stamper.stamp(digest, SIGNED_AT, options)


def rebuilt(token: bytes, edit: Callable[[cms.SignedData], cms.SignedData]) -> bytes:
    """
    Change the message a token is, without signing it anew.
    """
    content = asn1.decode_der(cms.ContentInfo, token)
    return asn1.encode_der(replace(content, content=edit(content.content)))


def with_signer(token: bytes, edit: Callable[[cms.SignerInfo], cms.SignerInfo]) -> bytes:
    """
    Change what a token says about its signer.
    """
    return rebuilt(token, lambda s: replace(s, signer_infos=asn1.SetOf([edit(s.signer_infos.as_list()[0])])))


def signed_by(credential: Credential, attributes: list[asn1.TLV]) -> bytes:
    """
    Sign attributes with a P-256 key.
    """
    assert isinstance(credential.private_key, ec.EllipticCurvePrivateKey)
    return credential.private_key.sign(cms.encode_set(attributes), ec.ECDSA(hashes.SHA256()))


def with_attributes(authority: Authority, edit: Callable[[list[asn1.TLV]], list[asn1.TLV]]) -> bytes:
    """
    Change the signed attributes of a token and sign it anew.
    """

    def edited(info: cms.SignerInfo) -> cms.SignerInfo:
        attributes = edit(list(info.signed_attributes))
        signature = signed_by(authority.time_stamper.credential, attributes)
        return replace(info, signed_attributes=attributes, signature=signature)

    return with_signer(token_of(authority), edited)


def tlv(value: object) -> asn1.TLV:
    """
    Encode a value as one that stands anywhere.
    """
    return asn1.decode_der(asn1.TLV, asn1.encode_der(value))


def attribute(oid: x509.ObjectIdentifier, *values: object) -> asn1.TLV:
    """
    Write an attribute.
    """
    return tlv(cms.Attribute(type=oid, values=asn1.SetOf([tlv(value) for value in values])))


def without(attributes: list[asn1.TLV], oid: x509.ObjectIdentifier) -> list[asn1.TLV]:
    """
    Leave out an attribute.
    """
    return [item for item in attributes if item.parse(cms.Attribute).type != oid]


def identifier(dotted: str) -> list[asn1.TLV]:
    """
    Write an AlgorithmIdentifier without parameters.
    """
    return [tlv(x509.ObjectIdentifier(dotted))]


def judged(response: bytes, authority: Authority, digest: bytes = DIGEST) -> bool:
    """
    Ask the independent implementation.
    """
    verifier = VerifierBuilder().add_root_certificate(authority.time_stamp_root.certificate).build()
    try:
        return verifier.verify(decode_timestamp_response(response), digest)
    except VerificationError:
        return False


# --- good tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [bytes, wrap_token], ids=["token", "response"])
def test_a_time_stamp_is_taken_apart(authority: Authority, wrap: Callable[[bytes], bytes]) -> None:
    """
    As version 2 of claims carries it, and as version 1 does.
    """
    found = read_time_stamp(wrap(token_of(authority)))

    stamper = authority.time_stamper.credential
    assert found == TimeStamp(
        gen_time=SIGNED_AT,
        hash_name="sha256",
        imprint=DIGEST,
        signer=certificate(stamper),
        certificates=found.certificates,
        signature_holds=True,
    )
    assert set(found.certificates) == {certificate(item) for item in stamper.chain}


def test_fractions_of_a_second_and_other_centuries_are_read(authority: Authority) -> None:
    """
    Some authorities state milliseconds.
    """
    times = [datetime(2024, 6, 1, 12, 0, 0, 250_000, UTC), datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)]

    found = [read_time_stamp(authority.time_stamper.stamp(DIGEST, time)).gen_time for time in times]

    assert found == times


@pytest.mark.parametrize("key_type", [*KeyType])
def test_signatures_of_every_kind_of_key_hold(key_type: KeyType) -> None:
    """
    DigiCert's are RSA, with the digest named beside and not in the algorithm.
    """
    authority = Authority.create(key_type=key_type)

    assert read_time_stamp(token_of(authority)).signature_holds is True
    assert read_time_stamp(token_of(authority, TokenOptions(flip_signature=True))).signature_holds is False


@pytest.mark.parametrize(
    ("oid", "digest"),
    [
        ("1.2.840.113549.1.1.11", hashes.SHA256()),
        ("1.2.840.113549.1.1.12", hashes.SHA384()),
        ("1.2.840.113549.1.1.13", hashes.SHA512()),
    ],
)
def test_rsa_signatures_that_name_their_digest_hold(oid: str, digest: hashes.HashAlgorithm) -> None:
    """
    The digest of the signature need not be that of the content.
    """
    authority = Authority.create(key_type=KeyType.RSA2048)
    key = authority.time_stamper.credential.private_key
    assert isinstance(key, rsa.RSAPrivateKey)

    def signed(info: cms.SignerInfo) -> cms.SignerInfo:
        signature = key.sign(cms.encode_set(info.signed_attributes), padding.PKCS1v15(), digest)
        return replace(info, signature_algorithm=identifier(oid), signature=signature)

    assert read_time_stamp(with_signer(token_of(authority), signed)).signature_holds is True


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_imprints_by_every_hash_allowed_are_compared(authority: Authority, name: str) -> None:
    """
    The token names the hash, and covers one message only.
    """
    token = token_of(authority, TokenOptions(imprint_hash=name), hashlib.new(name, MESSAGE).digest())

    found = read_time_stamp(token)

    assert (found.hash_name, found.signature_holds) == (name, True)
    assert found.covers(MESSAGE) is True
    assert found.covers(MESSAGE + b" ") is False


def test_an_imprint_of_another_length_covers_nothing(authority: Authority) -> None:
    """
    A digest cut short is another digest.
    """
    assert read_time_stamp(token_of(authority, digest=DIGEST[:31])).covers(MESSAGE) is False
    assert read_time_stamp(token_of(authority, digest=b"")).covers(MESSAGE) is False


@pytest.mark.parametrize("version", [1, 2])
def test_either_form_of_the_signing_certificate_attribute_holds(authority: Authority, version: int) -> None:
    """
    Older authorities name their certificate by its SHA-1.
    """
    assert read_time_stamp(token_of(authority, TokenOptions(ess_version=version))).signature_holds is True


@pytest.mark.parametrize("oid", [OID_SHA256, "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"])
def test_the_signing_certificate_may_be_named_by_every_hash_allowed(authority: Authority, oid: str) -> None:
    """
    SHA-256 where none is said.
    """
    digest = {OID_SHA256: "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}[
        oid
    ]
    named = hashlib.new(digest, authority.time_stamper.credential.der).digest()
    value = cms.ESSCertIDv2(hash_algorithm=identifier(oid), cert_hash=named, issuer_serial=None)

    token = with_attributes(authority, lambda found: _naming(found, value))

    assert read_time_stamp(token).signature_holds is True


def _naming(attributes: list[asn1.TLV], *values: cms.ESSCertIDv2) -> list[asn1.TLV]:
    signing = cms.SigningCertificateV2(certs=list(values), policies=None)
    return [
        *without(attributes, cms.OID_SIGNING_CERTIFICATE_V2),
        attribute(cms.OID_SIGNING_CERTIFICATE_V2, signing),
    ]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_the_certificates_does_not_matter(authority: Authority, *, reverse: bool) -> None:
    """
    DigiCert's tokens hold that set in another order than DER demands, and nobody signs it.
    """
    chain = authority.time_stamper.credential.chain
    options = TokenOptions(certificates=chain[::-1] if reverse else chain)

    found = read_time_stamp(token_of(authority, options))

    assert found.signature_holds is True
    assert [item.x509 for item in found.certificates] == list(options.certificates or ())


def test_the_signer_may_be_named_by_its_key_identifier(authority: Authority) -> None:
    """
    CMS allows either; certificates without one are passed over.
    """
    bare = authority.time_stamp_root.issue(
        replace(STAMPS, omit=frozenset({x509.SubjectKeyIdentifier.oid}))
    ).certificate
    stamper = authority.time_stamper.credential
    extension = stamper.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    token = token_of(authority, TokenOptions(certificates=(bare, *stamper.chain)))

    found = read_time_stamp(with_signer(token, lambda info: replace(info, sid=extension.value.digest)))

    assert found.signer == certificate(stamper)
    assert found.signature_holds is True


def test_as_many_certificates_as_allowed_are_read(authority: Authority) -> None:
    """
    The bound itself is allowed.
    """
    leaf = authority.time_stamper.credential.certificate

    found = read_time_stamp(token_of(authority, TokenOptions(certificates=(leaf,) * MAX_CERTIFICATES)))

    assert len(found.certificates) == MAX_CERTIFICATES


# --- signatures that do not hold -------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(TokenOptions(flip_signature=True), id="signature-flipped"),
        pytest.param(TokenOptions(message_digest=bytes(32)), id="message-digest-of-other-content"),
        pytest.param(TokenOptions(message_digest=b""), id="message-digest-empty"),
        pytest.param(TokenOptions(ess_version=0), id="signing-certificate-missing"),
    ],
)
def test_a_token_spoilt_within_its_signature_does_not_hold(
    authority: Authority, options: TokenOptions
) -> None:
    """
    It is still read: what it says is shown, and believed by nobody.
    """
    found = read_time_stamp(token_of(authority, options))

    assert (found.signature_holds, found.gen_time, found.imprint) == (False, SIGNED_AT, DIGEST)


@pytest.mark.parametrize("version", [1, 2])
def test_a_token_that_names_another_signing_certificate_does_not_hold(
    authority: Authority, version: int
) -> None:
    """
    One key may have several certificates, and the signer says under which it signed.
    """
    options = TokenOptions(ess_version=version, ess_certificate=authority.time_stamp_intermediate.certificate)

    assert read_time_stamp(token_of(authority, options)).signature_holds is False


def test_a_certificate_for_the_same_key_and_serial_number_does_not_hold(authority: Authority) -> None:
    """
    Names and numbers can be copied into another certificate; its hash, which is signed, cannot.
    """
    stamper = authority.time_stamper.credential
    twin = authority.time_stamp_intermediate.issue(
        replace(STAMPS, serial_number=stamper.certificate.serial_number, key_purposes=()), stamper.private_key
    )

    found = read_time_stamp(token_of(authority, TokenOptions(certificates=(twin.certificate,))))

    assert found.signer == certificate(twin)
    assert found.signature_holds is False


def _named(digest: bytes) -> cms.ESSCertIDv2:
    return cms.ESSCertIDv2(hash_algorithm=None, cert_hash=digest, issuer_serial=None)


Edit = Callable[[list[asn1.TLV]], list[asn1.TLV]]


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda found: without(found, cms.OID_CONTENT_TYPE), id="content-type-missing"),
        pytest.param(
            lambda found: [
                *without(found, cms.OID_CONTENT_TYPE),
                attribute(cms.OID_CONTENT_TYPE, cms.OID_SIGNED_DATA),
            ],
            id="content-type-another",
        ),
        pytest.param(
            lambda found: [
                *without(found, cms.OID_CONTENT_TYPE),
                attribute(cms.OID_CONTENT_TYPE, cms.OID_TST_INFO, cms.OID_SIGNED_DATA),
            ],
            id="content-type-and-another",
        ),
        pytest.param(lambda found: without(found, cms.OID_MESSAGE_DIGEST), id="message-digest-missing"),
        pytest.param(
            lambda found: [*without(found, cms.OID_MESSAGE_DIGEST), attribute(cms.OID_MESSAGE_DIGEST)],
            id="message-digest-without-value",
        ),
        pytest.param(_naming, id="signing-certificate-names-none"),
        pytest.param(lambda found: _naming(found, _named(b"")), id="signing-certificate-names-nothing"),
        pytest.param(
            lambda found: [
                *without(found, cms.OID_SIGNING_CERTIFICATE_V2),
                attribute(cms.OID_SIGNING_CERTIFICATE, cms.SigningCertificate(certs=[], policies=None)),
            ],
            id="old-signing-certificate-names-none",
        ),
    ],
)
def test_a_token_without_the_attributes_it_needs_does_not_hold(authority: Authority, edit: Edit) -> None:
    """
    Though its signature over what is there is good.
    """
    assert read_time_stamp(with_attributes(authority, edit)).signature_holds is False


def test_a_newer_attribute_is_not_made_up_for_by_the_older(authority: Authority) -> None:
    """
    Both may stand there; the stronger one decides.
    """
    der = authority.time_stamper.credential.der
    older = cms.SigningCertificate(
        certs=[
            cms.ESSCertID(cert_hash=hashlib.sha1(der, usedforsecurity=False).digest(), issuer_serial=None)
        ],
        policies=None,
    )

    token = with_attributes(
        authority,
        lambda found: [*_naming(found, _named(bytes(32))), attribute(cms.OID_SIGNING_CERTIFICATE, older)],
    )

    assert read_time_stamp(token).signature_holds is False


def test_only_the_first_certificate_named_is_the_signers(authority: Authority) -> None:
    """
    RFC 5035, section 3: the others are those above it.
    """
    own = _named(hashlib.sha256(authority.time_stamper.credential.der).digest())
    other = _named(bytes(32))

    first = with_attributes(authority, lambda found: _naming(found, own, other))
    second = with_attributes(authority, lambda found: _naming(found, other, own))

    assert read_time_stamp(first).signature_holds is True
    assert read_time_stamp(second).signature_holds is False


@pytest.mark.parametrize(
    "oid",
    [
        pytest.param("1.2.840.113549.1.1.11", id="rsa"),
        pytest.param("1.3.101.112", id="ed25519"),
        pytest.param("1.2.840.10045.4.1", id="ecdsa-over-sha1"),
        pytest.param("1.2.840.10045.4.3.3", id="ecdsa-over-another-hash"),
        pytest.param("1.2.3", id="unknown"),
    ],
)
def test_an_algorithm_that_does_not_fit_does_not_hold(authority: Authority, oid: str) -> None:
    """
    The key's kind and the algorithm's have to agree, and the hash has to be an allowed one.
    """
    token = with_signer(token_of(authority), lambda info: replace(info, signature_algorithm=identifier(oid)))

    assert read_time_stamp(token).signature_holds is False


def test_a_key_of_another_kind_does_not_hold(authority: Authority) -> None:
    """
    Ed448 is no key of any time-stamper seen.
    """
    twin = _with_key(authority, ed448.Ed448PrivateKey.generate())

    assert read_time_stamp(token_of(authority, TokenOptions(certificates=(twin,)))).signature_holds is False


def _with_key(authority: Authority, key: ed448.Ed448PrivateKey) -> x509.Certificate:
    issuer = authority.time_stamp_intermediate
    return (
        x509.CertificateBuilder()
        .subject_name(STAMPS.subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(authority.time_stamper.credential.certificate.serial_number)
        .not_valid_before(STAMPS.not_before)
        .not_valid_after(STAMPS.not_after)
        .sign(issuer.private_key, hashes.SHA256())
    )


# --- tokens that are refused ------------------------------------------------------------------------


def refused(token: bytes, why: str) -> None:
    """
    Demand that a token is refused, and for this reason.
    """
    with pytest.raises(StructureError, match=why):
        read_time_stamp(token)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x30\x00", id="empty-sequence"),
        pytest.param(b"\x30\x80\x00\x00", id="indefinite-length"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff", id="length-is-a-lie"),
        pytest.param(b"\x30" * 3_000, id="garbage"),
        pytest.param(b"\x30\x82" * 20_000, id="deep"),
    ],
)
def test_what_is_not_der_is_refused(token: bytes) -> None:
    """
    The bytes are an attacker's to choose.
    """
    refused(token, "^time-stamp token cannot be read: ")


def test_a_token_that_is_cut_off_is_refused(authority: Authority) -> None:
    """
    At whatever byte.
    """
    token = token_of(authority)

    for length in range(0, len(token), 13):
        refused(token[:length], "^time-stamp token cannot be read: ")


def test_bytes_after_a_token_are_refused(authority: Authority) -> None:
    """
    DER is one value.
    """
    refused(token_of(authority) + b"\0", "^time-stamp token cannot be read: ")


@pytest.mark.parametrize("status", [0, 1])
def test_a_response_is_granted_with_or_without_modifications(authority: Authority, status: int) -> None:
    """
    What was modified stands in the token, and that it stamps this signature is checked there.
    """
    token = token_of(authority)

    assert read_time_stamp(wrap_token(token, status)) == read_time_stamp(token)


@pytest.mark.parametrize("status", [2, 3, 4, 5, -1, 256])
def test_a_response_that_was_not_granted_is_refused(authority: Authority, status: int) -> None:
    """
    Rejection, waiting and revocation are no time-stamps, whatever token is enclosed.
    """
    refused(wrap_token(token_of(authority), status), "^time-stamp was not granted$")


def test_a_response_within_a_response_is_refused(authority: Authority) -> None:
    """
    One wrapping is what version 1 has.
    """
    refused(wrap_token(wrap_token(token_of(authority))), "^time-stamp token cannot be read: ")


def test_content_of_another_type_is_refused(authority: Authority) -> None:
    """
    A signed message about anything else must not pass for a time-stamp.
    """
    token = rebuilt(
        token_of(authority),
        lambda signed: replace(signed, content_info=replace(signed.content_info, type=cms.OID_SIGNED_DATA)),
    )

    refused(token, "^token is not a signed time-stamp$")


def test_a_message_of_another_type_is_refused(authority: Authority) -> None:
    """
    The same content under "data" is no signed message.
    """
    content = asn1.decode_der(cms.ContentInfo, token_of(authority))
    token = asn1.encode_der(replace(content, type=x509.ObjectIdentifier("1.2.840.113549.1.7.1")))

    refused(token, "^token is not a signed time-stamp$")


def test_signed_content_that_is_no_time_stamp_is_refused(authority: Authority) -> None:
    """
    Though its signature is good.
    """
    refused(token_of(authority, TokenOptions(content=b"\x30\x00")), "^time-stamp token cannot be read: ")


@pytest.mark.parametrize("count", [0, 2])
def test_a_token_has_exactly_one_signer(authority: Authority, count: int) -> None:
    """
    RFC 3161, section 2.4.2; two readers could each look at another one.
    """
    other = Authority.create().time_stamper.stamp(DIGEST, SIGNED_AT)
    infos = asn1.decode_der(cms.ContentInfo, other).content.signer_infos.as_list()

    def signers(found: cms.SignedData) -> cms.SignedData:
        both: Infos = sorted([*found.signer_infos.as_list(), *infos], key=asn1.encode_der)
        return replace(found, signer_infos=asn1.SetOf(both[:count]))

    refused(rebuilt(token_of(authority), signers), f"^time-stamp token has {count} signers, not one$")


@pytest.mark.parametrize(
    "certificates",
    [
        pytest.param((), id="none"),
        pytest.param((0,) * 17, id="seventeen"),
    ],
)
def test_a_token_with_too_few_or_too_many_certificates_is_refused(
    authority: Authority, certificates: tuple[int, ...]
) -> None:
    """
    Without any nobody can tell whose key it is.
    """
    chain = authority.time_stamper.credential.chain
    options = TokenOptions(certificates=tuple(chain[index] for index in certificates))

    refused(token_of(authority, options), "does not carry 1 to 8 certificates")


def test_a_token_without_its_signers_certificate_is_refused(authority: Authority) -> None:
    """
    Those above it are not enough, and neither is one of another number or issuer.
    """
    stamper = authority.time_stamper.credential
    other_number = authority.time_stamp_intermediate.issue(STAMPS, stamper.private_key)
    other_issuer = authority.time_stamp_root.issue(
        replace(STAMPS, serial_number=stamper.certificate.serial_number), stamper.private_key
    )
    others = (other_number.certificate, other_issuer.certificate, *stamper.chain[1:])

    refused(token_of(authority, TokenOptions(certificates=others)), "does not carry its signer's certificate")


def test_a_key_identifier_that_no_certificate_has_is_refused(authority: Authority) -> None:
    """
    Likewise.
    """
    token = with_signer(token_of(authority), lambda info: replace(info, sid=b"\1" * 20))

    refused(token, "does not carry its signer's certificate")


def test_a_certificate_that_cannot_be_read_is_refused(authority: Authority) -> None:
    """
    Such as one of the older kinds that CMS allows beside X.509.
    """
    token = rebuilt(
        token_of(authority),
        lambda signed: replace(signed, certificates=[tlv(1), *(signed.certificates or [])]),
    )

    refused(token, "^certificate cannot be read: ")


def test_a_hash_that_is_not_allowed_is_refused(authority: Authority) -> None:
    """
    Two messages with one SHA-1 have been made.
    """
    digest = hashlib.sha1(MESSAGE, usedforsecurity=False).digest()
    stamped = token_of(authority, TokenOptions(imprint_hash="sha1"), digest)
    signed = with_signer(
        token_of(authority), lambda info: replace(info, digest_algorithm=identifier("1.3.14.3.2.26"))
    )

    refused(stamped, r"^hash algorithm 1\.3\.14\.3\.2\.26 is not accepted$")
    refused(signed, r"^hash algorithm 1\.3\.14\.3\.2\.26 is not accepted$")


def test_a_signing_certificate_by_a_hash_that_is_not_allowed_is_refused(authority: Authority) -> None:
    """
    The newer attribute is there to leave SHA-1 behind.
    """
    value = replace(_named(bytes(20)), hash_algorithm=identifier("1.3.14.3.2.26"))

    refused(with_attributes(authority, lambda found: _naming(found, value)), "is not accepted")


@pytest.mark.parametrize("length", [0, 3])
def test_an_algorithm_of_another_shape_is_refused(authority: Authority, length: int) -> None:
    """
    It is an identifier and at most one parameter.
    """
    shape = (identifier(OID_SHA256) * 3)[:length]

    refused(
        with_signer(token_of(authority), lambda info: replace(info, digest_algorithm=shape)),
        "an algorithm identifier holds one or two values",
    )


def test_a_signed_attribute_that_stands_twice_is_refused(authority: Authority) -> None:
    """
    Two readers could each take another one of the two.
    """
    twice = with_attributes(authority, lambda found: [*found, attribute(cms.OID_MESSAGE_DIGEST, bytes(32))])

    refused(twice, "^a signed attribute stands twice$")


def test_an_attribute_of_another_type_is_refused(authority: Authority) -> None:
    """
    A message digest is bytes.
    """
    token = with_attributes(
        authority,
        lambda found: [*without(found, cms.OID_MESSAGE_DIGEST), attribute(cms.OID_MESSAGE_DIGEST, 1)],
    )

    refused(token, "^time-stamp token cannot be read: ")


@settings(max_examples=300)
@given(st.binary(max_size=256))
def test_any_bytes_are_refused(data: bytes) -> None:
    """
    Nothing but `StructureError` comes out.
    """
    with pytest.raises(StructureError):
        read_time_stamp(data)


@pytest.fixture(scope="module")
def tokens(authority: Authority) -> tuple[bytes, ...]:
    """
    Make a token and a response.
    """
    return token_of(authority), wrap_token(token_of(authority))


@settings(max_examples=500)
@given(form=st.sampled_from([0, 1]), position=st.integers(0, 4_095), bits=st.integers(1, 255))
def test_no_flipped_byte_changes_what_a_token_that_holds_says(
    authority: Authority, tokens: tuple[bytes, ...], form: int, position: int, bits: int
) -> None:
    """
    Time, imprint and signer are signed; flips elsewhere may go unnoticed, and change nothing.
    """
    mutated = bytearray(tokens[form])
    mutated[position % len(mutated)] ^= bits

    try:
        found = read_time_stamp(bytes(mutated))
    except StructureError:
        return

    unchanged = (found.gen_time, found.imprint, found.hash_name, found.signer) == (
        SIGNED_AT,
        DIGEST,
        "sha256",
        certificate(authority.time_stamper.credential),
    )
    assert unchanged or not found.signature_holds


# --- the independent judge --------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", [KeyType.RSA2048, KeyType.P256, KeyType.P384])
@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_an_independent_judge_agrees_on_good_tokens(key_type: KeyType, name: str) -> None:
    """
    Without Ed25519, which it does not know in CMS.
    """
    authority = Authority.create(key_type=key_type)
    digest = hashlib.new(name, MESSAGE).digest()
    response = authority.time_stamper.respond(digest, SIGNED_AT, TokenOptions(imprint_hash=name))

    found = read_time_stamp(response)

    assert judged(response, authority, digest) is True
    assert (found.signature_holds, found.covers(MESSAGE)) == (True, True)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(TokenOptions(flip_signature=True), id="signature-flipped"),
        pytest.param(TokenOptions(message_digest=bytes(32)), id="message-digest-of-other-content"),
    ],
)
def test_an_independent_judge_agrees_on_bad_tokens(authority: Authority, options: TokenOptions) -> None:
    """
    Neither believes them.
    """
    response = authority.time_stamper.respond(DIGEST, SIGNED_AT, options)

    assert judged(response, authority) is False
    assert read_time_stamp(response).signature_holds is False


def test_an_independent_judge_agrees_on_another_imprint(authority: Authority) -> None:
    """
    A good token about something else.
    """
    response = authority.time_stamper.respond(hashlib.sha256(b"other").digest(), SIGNED_AT)

    assert judged(response, authority) is False
    assert read_time_stamp(response).covers(MESSAGE) is False


def test_an_independent_judge_agrees_on_a_stranger(authority: Authority) -> None:
    """
    Its signature holds, which says nothing about whose it is: the path is judged elsewhere.
    """
    stranger = Credential.self_signed(ca_options("Stranger")).issue(STAMPS)
    response = TimeStampAuthority(stranger).respond(DIGEST, SIGNED_AT)

    assert judged(response, authority) is False
    assert read_time_stamp(response).signature_holds is True
