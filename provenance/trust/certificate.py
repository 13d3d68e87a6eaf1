"""
X.509 certificates as found in images: parsed once, with the facts that judging a path needs.

Nothing is checked here: an attacker chooses these bytes. Equal bytes give the same object, and what
one certificate says about another (did its key sign it?) is remembered, because both depend on the
bytes alone; a folder of images shows the same issuers thousands of times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID

from provenance.errors import StructureError

MAX_CERTIFICATE_BYTES = 16_384
_CACHED = 512
_EXPLICIT_0 = 0xA0
_WEAK_HASHES = frozenset({"md5", "sha1"})
_MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 8192
# RSA with a public exponent as long as its modulus costs a hundred times what it costs with 65537.
_MAX_RSA_EXPONENT_BITS = 64
_UNREADABLE = (
    ValueError,
    TypeError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    UnsupportedAlgorithm,
    UserWarning,  # where the process turned warnings into errors
)
_UNDERSTOOD = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
    x509.CertificatePolicies,
)


@asn1.sequence
class _SignedCertificate:
    """
    RFC 5280, section 4.1.
    """

    body: list[asn1.TLV]
    algorithm: list[asn1.TLV]
    signature: asn1.BitString


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """
    A certificate and what it says of itself.

    Attributes:
        der: The certificate, byte for byte.

        sha256: SHA-256 of the DER, lower-case hex; what a pin names.

        subject: Subject, RFC 4514 text; hostile.

        organization: Subject's organization, or None; hostile.

        common_name: Subject's common name, or None; hostile.

        serial_number: Serial number.

        not_before: Start of validity, UTC, inclusive.

        not_after: End of validity, UTC, inclusive.

        is_ca: Basic constraints say it is a certificate authority.

        path_length: Most intermediates allowed below it, or None for any number.

        signs_certificates: Key usage is present and holds keyCertSign.

        signs_data: Key usage is present and holds digitalSignature.

        identifies_issuer: The authority key identifier extension is present.

        key_purposes: Extended key usage as dotted OIDs; None when the extension is absent.

        purposes_critical: The extended key usage extension is critical.

        not_understood: Critical extensions this library does not process, and name constraints, as
            dotted OIDs.

        issuer_name: The issuer's name, DER; hostile.

        subject_name: The subject's name, DER; hostile.

        x509: The parsed certificate.
    """

    der: bytes
    sha256: str
    subject: str
    organization: str | None
    common_name: str | None
    serial_number: int
    not_before: datetime
    not_after: datetime
    is_ca: bool
    path_length: int | None
    signs_certificates: bool
    signs_data: bool
    identifies_issuer: bool
    key_purposes: frozenset[str] | None
    purposes_critical: bool
    not_understood: tuple[str, ...]
    issuer_name: bytes
    subject_name: bytes
    x509: x509.Certificate

    def __reduce__(self) -> tuple[Callable[[bytes], Certificate], tuple[bytes]]:
        # Verdicts travel between processes; the parsed certificate cannot, its bytes can.
        return load, (self.der,)

    def is_valid_at(self, time: datetime) -> bool:
        """
        Return whether *time* (aware) lies within the validity, both ends included.
        """
        return self.not_before <= time <= self.not_after


@lru_cache(maxsize=_CACHED)
def load(der: bytes) -> Certificate:
    """
    Parse one certificate.

    Args:
        der: DER, at most 16,384 bytes.

    Raises:
        StructureError: If it is too long, not a certificate, or has unreadable parts.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise StructureError("certificate is too long")
    try:
        return _facts(der, x509.load_der_x509_certificate(der))
    except _UNREADABLE as error:
        raise StructureError(f"certificate cannot be read: {error}") from error


def _facts(der: bytes, parsed: x509.Certificate) -> Certificate:
    extensions = {type(item.value): item for item in parsed.extensions}
    basic = extensions.get(x509.BasicConstraints)
    usage = extensions.get(x509.KeyUsage)
    purposes = extensions.get(x509.ExtendedKeyUsage)
    issuer_name, subject_name = _names(der)
    return Certificate(
        der=der,
        sha256=hashlib.sha256(der).hexdigest(),
        subject=parsed.subject.rfc4514_string(),
        organization=_first(parsed.subject, NameOID.ORGANIZATION_NAME),
        common_name=_first(parsed.subject, NameOID.COMMON_NAME),
        serial_number=parsed.serial_number,
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        is_ca=bool(basic and basic.value.ca),
        path_length=basic.value.path_length if basic else None,
        signs_certificates=bool(usage and usage.value.key_cert_sign),
        signs_data=bool(usage and usage.value.digital_signature),
        identifies_issuer=x509.AuthorityKeyIdentifier in extensions,
        key_purposes=frozenset(oid.dotted_string for oid in purposes.value) if purposes else None,
        purposes_critical=bool(purposes and purposes.critical),
        not_understood=tuple(
            item.oid.dotted_string
            for item in parsed.extensions
            if isinstance(item.value, x509.NameConstraints)
            or (item.critical and not isinstance(item.value, _UNDERSTOOD))
        ),
        issuer_name=issuer_name,
        subject_name=subject_name,
        x509=parsed,
    )


def _names(der: bytes) -> tuple[bytes, bytes]:
    # As bytes: `cryptography` warns of long names, which are for an attacker to choose.
    fields = asn1.decode_der(_SignedCertificate, der).body
    versioned = asn1.encode_der(fields[0])[0] == _EXPLICIT_0
    issuer, _, subject = fields[3:6] if versioned else fields[2:5]
    return asn1.encode_der(issuer), asn1.encode_der(subject)


def _first(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if values else None


@lru_cache(maxsize=_CACHED)
def is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    """
    Return whether the issuer's name stands in the certificate and its key signed it.

    Returns:
        False as well for signatures over MD5 or SHA-1, and for keys that `is_strong` refuses.
    """
    if not is_strong(issuer):
        return False
    try:
        digest = certificate.x509.signature_hash_algorithm
        if digest is not None and digest.name in _WEAK_HASHES:
            return False
        certificate.x509.verify_directly_issued_by(issuer.x509)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_strong(certificate: Certificate) -> bool:
    """
    Return whether the public key is of a kind and size that C2PA allows, and affordable.

    Those are RSA of 2,048 bits or more, P-256, P-384, P-521 and EdDSA.

    Source:
        C2PA 2.4, "Digital signatures".
    """
    if not is_affordable(certificate):
        return False
    try:
        key = certificate.x509.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _MIN_RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1)
    return isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)


def is_affordable(certificate: Certificate) -> bool:
    """
    Return whether a signature can be checked with the public key at a cost that is bounded.

    Returns:
        False for RSA of more than 8,192 bits or with an exponent of more than 64, and for a key that
        cannot be read. Genuine keys have 4,096 bits at most, and the exponent 65537.
    """
    try:
        key = certificate.x509.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    if not isinstance(key, rsa.RSAPublicKey):
        return True
    exponent_bits = key.public_numbers().e.bit_length()
    return key.key_size <= _MAX_RSA_BITS and exponent_bits <= _MAX_RSA_EXPONENT_BITS
