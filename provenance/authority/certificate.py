"""
Certificates of every kind, good and bad, and the private keys below them.

The issuer of a certificate may be anything, also a leaf: whoever checks paths needs chains that no
honest authority would issue. Keys live in memory only.

Source: RFC 5280; C2PA 2.4, "X.509 Certificates".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

PURPOSE_MICROSOFT_CLAIM = "1.3.6.1.4.1.311.76.59.1.9"
PURPOSE_TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING.dotted_string

ROOT_FROM = datetime(2020, 1, 1, tzinfo=UTC)
ROOT_UNTIL = datetime(2120, 1, 1, tzinfo=UTC)
LEAF_FROM = datetime(2024, 1, 1, tzinfo=UTC)
LEAF_UNTIL = datetime(2025, 1, 1, tzinfo=UTC)

_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


class KeyType(Enum):
    """
    The kinds of keys a certificate can hold; P256 is by far the quickest to make.
    """

    RSA2048 = "rsa2048"
    RSA3072 = "rsa3072"
    P256 = "p256"
    P384 = "p384"
    ED25519 = "ed25519"


def make_key(key_type: KeyType = KeyType.P256) -> PrivateKey:
    """
    Make a new private key.
    """
    if key_type is KeyType.RSA2048:
        return rsa.generate_private_key(65537, 2048)
    if key_type is KeyType.RSA3072:
        return rsa.generate_private_key(65537, 3072)
    if key_type is KeyType.P256:
        return ec.generate_private_key(ec.SECP256R1())
    if key_type is KeyType.P384:
        return ec.generate_private_key(ec.SECP384R1())
    return ed25519.Ed25519PrivateKey.generate()


def make_name(common_name: str, organization: str | None = None, country: str | None = None) -> x509.Name:
    """
    Make a distinguished name, in the order country, organization, common name.
    """
    parts = (
        (NameOID.COUNTRY_NAME, country),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value is not None])


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateOptions:
    """
    What a certificate shall say, sensible or not.

    Only what `cryptography` refuses to write cannot be made: a path length without being an
    authority, or dates that run backwards.

    Attributes:
        subject: Name of the holder; anyone's name can be copied.

        key_usages: Names as in `cryptography.x509.KeyUsage`; None for what suits *is_ca*.

        key_purposes: Extended key usages as dotted object identifiers; empty for no such extension.

        key_type: Kind of the new key, if no key is given when issuing.

        omit: Object identifiers of extensions to leave out of those normally written.

        extra: Further extensions, each with its critical flag.
    """

    subject: x509.Name
    not_before: datetime = LEAF_FROM
    not_after: datetime = LEAF_UNTIL
    is_ca: bool = False
    path_length: int | None = None
    key_usages: frozenset[str] | None = None
    key_purposes: tuple[str, ...] = (PURPOSE_MICROSOFT_CLAIM,)
    key_purposes_critical: bool = True
    key_type: KeyType = KeyType.P256
    serial_number: int | None = None
    omit: frozenset[x509.ObjectIdentifier] = frozenset()
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = ()

    def usages(self) -> frozenset[str]:
        """
        Return the key usages to write.
        """
        if self.key_usages is not None:
            return self.key_usages
        if self.is_ca:
            return frozenset({"key_cert_sign", "crl_sign"})
        return frozenset({"digital_signature", "content_commitment"})


@dataclass(frozen=True, slots=True)
class Credential:
    """
    A certificate with its private key and the certificates above it.

    Attributes:
        certificate: The certificate.

        private_key: The key that fits it.

        chain: Certificates leaf first, the root included; a claim signature carries exactly these.
    """

    certificate: x509.Certificate
    private_key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @classmethod
    def self_signed(cls, options: CertificateOptions, key: PrivateKey | None = None) -> Credential:
        """
        Make a certificate signed with its own key, such as a root.
        """
        own_key = key or make_key(options.key_type)
        certificate = _build(options, own_key, options.subject, own_key)
        return cls(certificate, own_key, (certificate,))

    def issue(self, options: CertificateOptions, key: PrivateKey | None = None) -> Credential:
        """
        Issue a certificate, whether or not this one may.

        Args:
            options: What the new certificate shall say.

            key: Key to certify, for instance another root's to cross-sign it; a new one if None.

        Returns:
            The new credential; its chain is the new certificate and then this credential's chain.
        """
        new_key = key or make_key(options.key_type)
        certificate = _build(options, new_key, self.certificate.subject, self.private_key)
        return Credential(certificate, new_key, (certificate, *self.chain))

    @property
    def der(self) -> bytes:
        """
        The certificate as DER.
        """
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        """
        The certificate as PEM.
        """
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def sha256(self) -> str:
        """
        SHA-256 of the DER, in lower-case hexadecimal.
        """
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def chain_der(self) -> tuple[bytes, ...]:
        """
        The chain as DER, leaf first.
        """
        return tuple(certificate.public_bytes(Encoding.DER) for certificate in self.chain)

    @property
    def cose_algorithm(self) -> int:
        """
        The COSE algorithm that fits the key: PS256, ES256, ES384 or EdDSA.
        """
        key = self.private_key
        if isinstance(key, rsa.RSAPrivateKey):
            return -37
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return -8
        return -7 if key.curve.key_size == _P256_BITS else -35

    def sign_cose(self, message: bytes) -> bytes:
        """
        Sign as COSE does: PSS padding for RSA, the bare numbers r and s for elliptic curves.
        """
        key = self.private_key
        if isinstance(key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            return key.sign(message, pss, hashes.SHA256())
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(message)
        size = (key.curve.key_size + 7) // 8
        numbers = utils.decode_dss_signature(key.sign(message, ec.ECDSA(_curve_hash(key))))
        return b"".join(number.to_bytes(size, "big") for number in numbers)


_P256_BITS = 256


def _curve_hash(key: ec.EllipticCurvePrivateKey) -> hashes.HashAlgorithm:
    return hashes.SHA256() if key.curve.key_size == _P256_BITS else hashes.SHA384()


def _build(
    options: CertificateOptions, key: PrivateKey, issuer: x509.Name, issuer_key: PrivateKey
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(options.subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(options.serial_number or x509.random_serial_number())
        .not_valid_before(options.not_before)
        .not_valid_after(options.not_after)
    )
    for extension, critical in (*_extensions(options, key, issuer_key), *options.extra):
        if extension.oid not in options.omit:
            builder = builder.add_extension(extension, critical)
    if isinstance(issuer_key, ed25519.Ed25519PrivateKey):
        return builder.sign(issuer_key, None)
    return builder.sign(issuer_key, hashes.SHA256())


def _extensions(
    options: CertificateOptions, key: PrivateKey, issuer_key: PrivateKey
) -> list[tuple[x509.ExtensionType, bool]]:
    usages = options.usages()
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(options.is_ca, options.path_length), True),
        (x509.KeyUsage(*(usage in usages for usage in _KEY_USAGES)), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
    ]
    if options.key_purposes:
        purposes = x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in options.key_purposes])
        extensions.append((purposes, options.key_purposes_critical))
    return extensions
