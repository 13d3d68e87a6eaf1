"""
RFC 3161 time-stamps for any moment, made by an authority of one's own.

A token is the CMS message alone, as `sigTst2` carries it; a response wraps a token in a status, as
`sigTst` does. The moment is always given, never read from a clock.

Source: RFC 3161; RFC 5652, section 5; RFC 5035, section 3.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.authority.certificate import Credential, PrivateKey
from provenance.trust import cms

_HASHES = {
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_RSA_PSS = "1.2.840.113549.1.1.10"
_MAX_SALT = 222
_ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2"
_ED25519 = "1.3.101.112"
_POLICY = "1.3.6.1.4.1.4146.2.3"
_SHA256 = x509.ObjectIdentifier(_HASHES["sha256"])


@asn1.sequence
class _Algorithm:
    identifier: x509.ObjectIdentifier


@dataclass(frozen=True, slots=True, kw_only=True)
class PssParameters:
    """
    What a token says of RSA-PSS, whatever was done; the defaults are what was done.

    Attributes:
        hash_name: Hash of the message.

        mask_hash_name: Hash of the mask.

        salt_length: Bytes of salt; used as well, if they fit.

        trailer_field: 1, or something unheard of.

        mask_generation: Object identifier of the mask generation function.
    """

    hash_name: str = "sha256"
    mask_hash_name: str = "sha256"
    salt_length: int = 32
    trailer_field: int = 1
    mask_generation: str = "1.2.840.113549.1.1.8"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOptions:
    """
    How a token differs from an ordinary one; the defaults are an ordinary one.

    Attributes:
        imprint_hash: Algorithm the imprint claims to be made with; its digest is not computed here.

        certificates: Certificates to carry, in this order; None for the authority's own, in DER order.

        ess_version: Which signing-certificate attribute to write: 2, 1, or 0 for none.

        ess_certificate: Certificate that attribute names instead of the signer's.

        content: Bytes to sign in the place of a TSTInfo.

        message_digest: Digest the signed attributes state instead of the content's.

        flip_signature: Change one bit of the signature.

        pss: With an RSA key, sign with RSA-PSS and state these parameters; None for PKCS #1 v1.5.
    """

    serial_number: int = 1
    imprint_hash: str = "sha256"
    policy: str = _POLICY
    accuracy_s: int | None = 1
    nonce: int | None = None
    certificates: tuple[x509.Certificate, ...] | None = None
    ess_version: int = 2
    ess_certificate: x509.Certificate | None = None
    content: bytes | None = None
    message_digest: bytes | None = None
    flip_signature: bool = False
    pss: PssParameters | None = None


_ORDINARY = TokenOptions()


@dataclass(frozen=True, slots=True)
class TimeStampAuthority:
    """
    Puts a moment on a digest.

    Attributes:
        credential: Key and chain that sign the tokens; tokens carry the whole chain, root included.

        options: What its tokens look like unless a call says otherwise.
    """

    credential: Credential
    options: TokenOptions = _ORDINARY

    def stamp(self, imprint_digest: bytes, at: datetime, options: TokenOptions | None = None) -> bytes:
        """
        Make a TimeStampToken: a DER ContentInfo over *imprint_digest*.

        Args:
            imprint_digest: Digest of what is stamped.

            at: Moment to state; aware. Fractions of a second are kept.

            options: How to deviate from an ordinary token.
        """
        chosen = options or self.options
        content = chosen.content
        if content is None:
            content = asn1.encode_der(_tst_info(imprint_digest, at, chosen))
        certificates = chosen.certificates
        if certificates is None:
            certificates = tuple(sorted(self.credential.chain, key=_der))
        signed = cms.SignedData(
            version=3,
            digest_algorithms=asn1.SetOf([_tlv(asn1.encode_der(_Algorithm(identifier=_SHA256)))]),
            content_info=cms.EncapsulatedContentInfo(type=cms.OID_TST_INFO, content=content),
            certificates=[_tlv(_der(certificate)) for certificate in certificates] or None,
            crls=None,
            signer_infos=asn1.SetOf([self._signer_info(content, chosen)]),
        )
        return asn1.encode_der(cms.ContentInfo(type=cms.OID_SIGNED_DATA, content=signed))

    def respond(self, imprint_digest: bytes, at: datetime, options: TokenOptions | None = None) -> bytes:
        """
        Make a whole TimeStampResp, status granted; arguments as for `stamp`.
        """
        return wrap_token(self.stamp(imprint_digest, at, options))

    def _signer_info(self, content: bytes, options: TokenOptions) -> cms.SignerInfo:
        # DER orders a set by the encodings of its members.
        encoded = sorted(_signed_attributes(content, options, self.credential.certificate))
        attributes = [_tlv(attribute) for attribute in encoded]
        signature, algorithm = _sign(self.credential.private_key, cms.encode_set(attributes), options.pss)
        if options.flip_signature:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        certificate = self.credential.certificate
        return cms.SignerInfo(
            version=1,
            sid=cms.IssuerAndSerialNumber(
                issuer=_tlv(certificate.issuer.public_bytes()), serial_number=certificate.serial_number
            ),
            digest_algorithm=[_oid(_SHA256)],
            signed_attributes=attributes,
            signature_algorithm=algorithm,
            signature=signature,
            unsigned_attributes=None,
        )


def wrap_token(token: bytes, status: int = 0) -> bytes:
    """
    Wrap a TimeStampToken in a TimeStampResp; status 0 is granted.
    """
    return asn1.encode_der(cms.TimeStampResp(status=[_tlv(asn1.encode_der(status))], token=_tlv(token)))


def _tst_info(digest: bytes, at: datetime, options: TokenOptions) -> cms.TSTInfo:
    accuracy = None
    if options.accuracy_s is not None:
        accuracy = [_tlv(asn1.encode_der(options.accuracy_s))]
    return cms.TSTInfo(
        version=1,
        policy=x509.ObjectIdentifier(options.policy),
        message_imprint=cms.MessageImprint(
            hash_algorithm=[_oid(x509.ObjectIdentifier(_HASHES[options.imprint_hash]))], hashed_message=digest
        ),
        serial_number=options.serial_number,
        gen_time=asn1.GeneralizedTime(at),
        accuracy=accuracy,
        ordering=False,
        nonce=options.nonce,
        tsa=None,
        extensions=None,
    )


def _signed_attributes(content: bytes, options: TokenOptions, signer: x509.Certificate) -> list[bytes]:
    digest = options.message_digest
    if digest is None:
        digest = hashlib.sha256(content).digest()
    values: list[tuple[x509.ObjectIdentifier, object]] = [
        (cms.OID_CONTENT_TYPE, cms.OID_TST_INFO),
        (cms.OID_MESSAGE_DIGEST, digest),
    ]
    named = _der(options.ess_certificate or signer)
    if options.ess_version == 1:
        identifier = cms.ESSCertID(cert_hash=_sha1(named), issuer_serial=None)
        value = cms.SigningCertificate(certs=[identifier], policies=None)
        values.append((cms.OID_SIGNING_CERTIFICATE, value))
    elif options.ess_version > 1:
        cert_hash = hashlib.sha256(named).digest()
        identifier_v2 = cms.ESSCertIDv2(hash_algorithm=None, cert_hash=cert_hash, issuer_serial=None)
        value_v2 = cms.SigningCertificateV2(certs=[identifier_v2], policies=None)
        values.append((cms.OID_SIGNING_CERTIFICATE_V2, value_v2))
    return [
        asn1.encode_der(cms.Attribute(type=oid, values=asn1.SetOf([_tlv(asn1.encode_der(value))])))
        for oid, value in values
    ]


def _sign(key: PrivateKey, message: bytes, pss: PssParameters | None) -> tuple[bytes, list[asn1.TLV]]:
    if isinstance(key, rsa.RSAPrivateKey) and pss is not None:
        # A length that is stated but cannot be had is not used.
        salt = pss.salt_length if 0 <= pss.salt_length <= _MAX_SALT else _MAX_SALT
        chosen = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
        return key.sign(message, chosen, hashes.SHA256()), [_named(_RSA_PSS), _pss_parameters(pss)]
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256()), [_named(_RSA_ENCRYPTION)]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message), [_named(_ED25519)]
    return key.sign(message, ec.ECDSA(hashes.SHA256())), [_named(_ECDSA_WITH_SHA256)]


def _pss_parameters(pss: PssParameters) -> asn1.TLV:
    written = cms.RSASSAPSSParams(
        hash_algorithm=[_named(_HASHES[pss.hash_name])],
        mask_generation=cms.MaskGeneration(
            algorithm=x509.ObjectIdentifier(pss.mask_generation),
            hash_algorithm=[_named(_HASHES[pss.mask_hash_name])],
        ),
        salt_length=pss.salt_length,
        trailer_field=pss.trailer_field,
    )
    return _tlv(asn1.encode_der(written))


def _named(algorithm: str) -> asn1.TLV:
    return _oid(x509.ObjectIdentifier(algorithm))


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _tlv(der: bytes) -> asn1.TLV:
    return asn1.decode_der(asn1.TLV, der)


def _oid(identifier: x509.ObjectIdentifier) -> asn1.TLV:
    return _tlv(asn1.encode_der(identifier))
