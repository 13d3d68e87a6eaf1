"""
The shapes of RFC 3161 time-stamps and of the CMS messages that carry them, as DER.

Only shapes: `timestamp` says what a token proves, `authority` makes tokens. Certificates are declared
as a SEQUENCE OF under the tag [0] instead of a SET OF: the encoding is the same, but DigiCert's
tokens hold that (unsigned) set in another order than DER demands, and a strict SET would refuse them.

Source: RFC 5652 (CMS), RFC 3161 (time-stamp protocol), RFC 5035 (ESS certificate identifiers).
"""

from __future__ import annotations

from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1

OID_SIGNED_DATA = x509.ObjectIdentifier("1.2.840.113549.1.7.2")
OID_TST_INFO = x509.ObjectIdentifier("1.2.840.113549.1.9.16.1.4")
OID_CONTENT_TYPE = x509.ObjectIdentifier("1.2.840.113549.1.9.3")
OID_MESSAGE_DIGEST = x509.ObjectIdentifier("1.2.840.113549.1.9.4")
OID_SIGNING_CERTIFICATE = x509.ObjectIdentifier("1.2.840.113549.1.9.16.2.12")
OID_SIGNING_CERTIFICATE_V2 = x509.ObjectIdentifier("1.2.840.113549.1.9.16.2.47")


@asn1.sequence
class IssuerAndSerialNumber:
    """
    RFC 5652, section 10.2.4.
    """

    issuer: asn1.TLV
    serial_number: int


@asn1.sequence
class Attribute:
    """
    RFC 5652, section 5.3.
    """

    type: x509.ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class SignerInfo:
    """
    RFC 5652, section 5.3; RFC 3161 makes the signed attributes obligatory.
    """

    version: int
    sid: IssuerAndSerialNumber | Annotated[bytes, asn1.Implicit(0)]
    digest_algorithm: list[asn1.TLV]
    signed_attributes: Annotated[list[asn1.TLV], asn1.Implicit(0)]
    signature_algorithm: list[asn1.TLV]
    signature: bytes
    unsigned_attributes: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class EncapsulatedContentInfo:
    """
    RFC 5652, section 5.2, with the content present.
    """

    type: x509.ObjectIdentifier
    content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class SignedData:
    """
    RFC 5652, section 5.1.
    """

    version: int
    digest_algorithms: asn1.SetOf[asn1.TLV]
    content_info: EncapsulatedContentInfo
    certificates: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    crls: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    signer_infos: asn1.SetOf[SignerInfo]


@asn1.sequence
class ContentInfo:
    """
    RFC 5652, section 3; a TimeStampToken is one.
    """

    type: x509.ObjectIdentifier
    content: Annotated[SignedData, asn1.Explicit(0)]


@asn1.sequence
class TimeStampResp:
    """
    RFC 3161, section 2.4.2, with the token present; the status is a number, then more about it.
    """

    status: list[asn1.TLV]
    token: asn1.TLV


@asn1.sequence
class MessageImprint:
    """
    RFC 3161, section 2.4.1.
    """

    hash_algorithm: list[asn1.TLV]
    hashed_message: bytes


@asn1.sequence
class TSTInfo:
    """
    RFC 3161, section 2.4.2: what the authority signs.
    """

    version: int
    policy: x509.ObjectIdentifier
    message_imprint: MessageImprint
    serial_number: int
    gen_time: asn1.GeneralizedTime
    accuracy: list[asn1.TLV] | None
    ordering: Annotated[bool, asn1.Default(value=False)]
    nonce: int | None
    tsa: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class MaskGeneration:
    """
    RFC 4055, section 2.2: a mask generation function over a hash.
    """

    algorithm: x509.ObjectIdentifier
    hash_algorithm: list[asn1.TLV]


@asn1.sequence
class RSASSAPSSParams:
    """
    RFC 4055, section 3.1: how RSA-PSS was applied.
    """

    hash_algorithm: Annotated[list[asn1.TLV] | None, asn1.Explicit(0)]
    mask_generation: Annotated[MaskGeneration | None, asn1.Explicit(1)]
    salt_length: Annotated[int, asn1.Explicit(2), asn1.Default(20)]
    trailer_field: Annotated[int, asn1.Explicit(3), asn1.Default(1)]


@asn1.sequence
class ESSCertID:
    """
    RFC 2634, section 5.4.1: a certificate by its SHA-1.
    """

    cert_hash: bytes
    issuer_serial: list[asn1.TLV] | None


@asn1.sequence
class ESSCertIDv2:
    """
    RFC 5035, section 4: a certificate by a hash of its DER, SHA-256 unless named.
    """

    hash_algorithm: list[asn1.TLV] | None
    cert_hash: bytes
    issuer_serial: list[asn1.TLV] | None


@asn1.sequence
class SigningCertificate:
    """
    RFC 2634, section 5.4: the signer's certificate first.
    """

    certs: list[ESSCertID]
    policies: list[asn1.TLV] | None


@asn1.sequence
class SigningCertificateV2:
    """
    RFC 5035, section 3: the signer's certificate first.
    """

    certs: list[ESSCertIDv2]
    policies: list[asn1.TLV] | None


def algorithm(identifier: list[asn1.TLV]) -> x509.ObjectIdentifier:
    """
    Read which algorithm an AlgorithmIdentifier names.

    Raises:
        ValueError: If it is empty or does not start with an object identifier.
    """
    if not 1 <= len(identifier) <= 2:  # noqa: PLR2004 - algorithm and parameters
        raise ValueError("an algorithm identifier holds one or two values")
    oid: x509.ObjectIdentifier = identifier[0].parse(x509.ObjectIdentifier)
    return oid


def encode_set(items: list[asn1.TLV]) -> bytes:
    """
    Encode values as a SET, in the order given.

    A signature over attributes covers them with the tag of a SET, though they are stored under [0].

    Source:
        RFC 5652, section 5.4.
    """
    content = b"".join(asn1.encode_der(item) for item in items)
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - X.690, section 8.1.3: the short form of a length
        return bytes([0x31, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([0x31, 0x80 | len(length)]) + length + content
