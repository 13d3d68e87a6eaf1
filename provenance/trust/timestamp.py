"""
What an RFC 3161 time-stamp token says, and whether its own signature holds.

A token proves nothing until the path of its signer has been judged as well: anybody can run an
authority of their own. That is the validator's business, with the certificates given here.

Source: RFC 3161, section 2.4.2; RFC 5652, section 5.4; RFC 5816.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from provenance.errors import StructureError
from provenance.trust import cms
from provenance.trust.certificate import Certificate, is_affordable, load

Value = TypeVar("Value")

MAX_CERTIFICATES = 8
# granted, grantedWithMods
_GRANTED = (0, 1)
_Hash = type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]
_HASHES: dict[str, _Hash] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256,
    "2.16.840.1.101.3.4.2.2": hashes.SHA384,
    "2.16.840.1.101.3.4.2.3": hashes.SHA512,
}
_RSA_PKCS1: dict[str, _Hash | None] = {
    "1.2.840.113549.1.1.1": None,
    "1.2.840.113549.1.1.11": hashes.SHA256,
    "1.2.840.113549.1.1.12": hashes.SHA384,
    "1.2.840.113549.1.1.13": hashes.SHA512,
}
_ECDSA: dict[str, _Hash] = {
    "1.2.840.10045.4.3.2": hashes.SHA256,
    "1.2.840.10045.4.3.3": hashes.SHA384,
    "1.2.840.10045.4.3.4": hashes.SHA512,
}
_RSA_PSS = "1.2.840.113549.1.1.10"
_MGF1 = "1.2.840.113549.1.1.8"
_MAX_SALT_BYTES = 64
_ED25519 = "1.3.101.112"


class TimeStamp(NamedTuple):
    """
    A time-stamp token taken apart.

    Attributes:
        gen_time: Time the token states, aware UTC.

        hash_name: Hash of the message imprint: "sha256", "sha384" or "sha512".

        imprint: The message imprint.

        signer: Certificate of the authority's signer, found by the identifier the signature covers.

        certificates: All certificates the token carries, 1 to 8, in no order; unsigned.

        signature_holds: The token's signature covers this time and imprint, and verifies with the
            signer's key.
    """

    gen_time: datetime
    hash_name: str
    imprint: bytes
    signer: Certificate
    certificates: tuple[Certificate, ...]
    signature_holds: bool

    def covers(self, message: bytes) -> bool:
        """
        Return whether the imprint is that of *message*.
        """
        return hashlib.new(self.hash_name, message).digest() == self.imprint


def read_time_stamp(token: bytes) -> TimeStamp:
    """
    Parse a time-stamp and check its own signature.

    Args:
        token: A TimeStampToken, or a whole TimeStampResp, as claims of version 1 carry it; DER.

    Raises:
        StructureError: If it is not DER of that shape, was not granted, has other than one signer,
            or does not carry its signer's certificate.

    Source:
        RFC 3161, section 2.4.2: a token is granted as asked for, or with modifications.
    """
    try:
        signed = _signed_data(token)
        info = asn1.decode_der(cms.TSTInfo, signed.content_info.content)
        signers = signed.signer_infos.as_list()
        if len(signers) != 1:
            raise StructureError(f"time-stamp token has {len(signers)} signers, not one")
        certificates = _certificates(signed)
        signer = _signer(signers[0].sid, certificates)
        return TimeStamp(
            gen_time=info.gen_time.as_datetime(),
            hash_name=_hash(info.message_imprint.hash_algorithm).name,
            imprint=info.message_imprint.hashed_message,
            signer=signer,
            certificates=certificates,
            signature_holds=_signature_holds(signers[0], signed.content_info, signer),
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise StructureError(f"time-stamp token cannot be read: {error}") from error


def _signed_data(token: bytes) -> cms.SignedData:
    content = _content_info(token)
    if content.type != cms.OID_SIGNED_DATA or content.content.content_info.type != cms.OID_TST_INFO:
        raise StructureError("token is not a signed time-stamp")
    return content.content


def _content_info(token: bytes) -> cms.ContentInfo:
    try:
        return asn1.decode_der(cms.ContentInfo, token)
    except ValueError:
        response = asn1.decode_der(cms.TimeStampResp, token)
    if not response.status or response.status[0].parse(int) not in _GRANTED:
        raise StructureError("time-stamp was not granted")
    content: cms.ContentInfo = response.token.parse(cms.ContentInfo)
    return content


def _certificates(signed: cms.SignedData) -> tuple[Certificate, ...]:
    encoded = signed.certificates or []
    if not 1 <= len(encoded) <= MAX_CERTIFICATES:
        raise StructureError(f"time-stamp token does not carry 1 to {MAX_CERTIFICATES} certificates")
    return tuple(load(asn1.encode_der(item)) for item in encoded)


def _signer(sid: cms.IssuerAndSerialNumber | bytes, certificates: tuple[Certificate, ...]) -> Certificate:
    for certificate in certificates:
        if isinstance(sid, bytes):
            if _key_identifier(certificate) == sid:
                return certificate
        elif certificate.serial_number == sid.serial_number and (
            certificate.x509.issuer.public_bytes() == asn1.encode_der(sid.issuer)
        ):
            return certificate
    raise StructureError("time-stamp token does not carry its signer's certificate")


def _key_identifier(certificate: Certificate) -> bytes | None:
    try:
        return certificate.x509.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None


def _hash(identifier: list[asn1.TLV]) -> hashes.HashAlgorithm:
    name = cms.algorithm(identifier).dotted_string
    if name not in _HASHES:
        raise StructureError(f"hash algorithm {name} is not accepted")
    return _HASHES[name]()


def _signature_holds(
    signer: cms.SignerInfo, content: cms.EncapsulatedContentInfo, certificate: Certificate
) -> bool:
    attributes = _attributes(signer.signed_attributes)
    digest = _hash(signer.digest_algorithm)
    if _single(attributes, cms.OID_CONTENT_TYPE, x509.ObjectIdentifier) != content.type:
        return False
    computed = hashlib.new(digest.name, content.content).digest()
    if _single(attributes, cms.OID_MESSAGE_DIGEST, bytes) != computed:
        return False
    return _names(attributes, certificate) and _verifies(signer, digest, certificate)


def _attributes(encoded: list[asn1.TLV]) -> dict[x509.ObjectIdentifier, cms.Attribute]:
    attributes: dict[x509.ObjectIdentifier, cms.Attribute] = {}
    for item in encoded:
        attribute = item.parse(cms.Attribute)
        if attribute.type in attributes:
            raise StructureError("a signed attribute stands twice")
        attributes[attribute.type] = attribute
    return attributes


def _single(
    attributes: dict[x509.ObjectIdentifier, cms.Attribute], oid: x509.ObjectIdentifier, shape: type[Value]
) -> Value | None:
    attribute = attributes.get(oid)
    values = attribute.values.as_list() if attribute else []
    if len(values) != 1:
        return None
    value: Value = values[0].parse(shape)
    return value


def _names(attributes: dict[x509.ObjectIdentifier, cms.Attribute], certificate: Certificate) -> bool:
    newer = _single(attributes, cms.OID_SIGNING_CERTIFICATE_V2, cms.SigningCertificateV2)
    if newer is not None:
        first = newer.certs[0] if newer.certs else None
        if first is None:
            return False
        digest = _hash(first.hash_algorithm) if first.hash_algorithm else hashes.SHA256()
        return hashlib.new(digest.name, certificate.der).digest() == first.cert_hash
    older = _single(attributes, cms.OID_SIGNING_CERTIFICATE, cms.SigningCertificate)
    # RFC 2634 fixes SHA-1 here; the signature over this attribute does not rest on it.
    expected = hashlib.sha1(certificate.der, usedforsecurity=False).digest()
    return older is not None and bool(older.certs) and older.certs[0].cert_hash == expected


def _verifies(signer: cms.SignerInfo, digest: hashes.HashAlgorithm, certificate: Certificate) -> bool:
    if not is_affordable(certificate):
        return False
    name = cms.algorithm(signer.signature_algorithm).dotted_string
    message = cms.encode_set(signer.signed_attributes)
    key = certificate.x509.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey) and name in _RSA_PKCS1:
            chosen = _RSA_PKCS1[name]
            key.verify(signer.signature, message, padding.PKCS1v15(), chosen() if chosen else digest)
        elif isinstance(key, rsa.RSAPublicKey) and name == _RSA_PSS:
            key.verify(signer.signature, message, _pss(signer.signature_algorithm, digest), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and name in _ECDSA:
            key.verify(signer.signature, message, ec.ECDSA(_ECDSA[name]()))
        elif isinstance(key, ed25519.Ed25519PublicKey) and name == _ED25519:
            key.verify(signer.signature, message)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _pss(identifier: list[asn1.TLV], digest: hashes.HashAlgorithm) -> padding.PSS:
    # RFC 4056, section 3: the parameters are there, and name the hash that the digest was made with.
    if len(identifier) == 1:
        raise StructureError("RSA-PSS signature without parameters")
    chosen = identifier[1].parse(cms.RSASSAPSSParams)
    hashed, mask = chosen.hash_algorithm, chosen.mask_generation
    if hashed is None or mask is None or mask.algorithm.dotted_string != _MGF1:
        raise StructureError("RSA-PSS signature over SHA-1, or with another mask than MGF1")
    if any(_hash(one).name != digest.name for one in (hashed, mask.hash_algorithm)):
        raise StructureError("RSA-PSS signature with other hashes than that of the digest")
    if not 0 <= chosen.salt_length <= _MAX_SALT_BYTES or chosen.trailer_field != 1:
        raise StructureError("RSA-PSS signature with a salt or a trailer that is not allowed")
    return padding.PSS(padding.MGF1(digest), chosen.salt_length)
