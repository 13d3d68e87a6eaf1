"""
What is read off one certificate, and when one is said to have issued another.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    PURPOSE_TIME_STAMPING,
    Authority,
    AuthorityNames,
    Credential,
    KeyType,
    make_key,
)
from provenance.errors import StructureError
from provenance.trust.certificate import MAX_CERTIFICATE_BYTES, Certificate, is_issued_by, is_strong, load
from tests.support import ca_options, certificate, leaf_options, with_sha1

WEAK_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
UNKNOWN = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
NAME_CONSTRAINTS = x509.NameConstraints([x509.DNSName("example.org")], None)


def test_the_facts_of_a_signer_are_those_it_was_issued_with(authority: Authority) -> None:
    """
    Everything that judging a path needs is read once.
    """
    found = certificate(authority.signer)

    assert found.der == authority.signer.der
    assert found.sha256 == authority.signer.sha256
    assert found.subject == "CN=Sample Authority Signer,O=Sample Authority,C=US"
    assert found.organization == "Sample Authority"
    assert found.common_name == "Sample Authority Signer"
    assert found.serial_number == authority.signer.certificate.serial_number
    assert found.not_before == datetime(2024, 1, 1, tzinfo=UTC)
    assert found.not_after == datetime(2025, 1, 1, tzinfo=UTC)
    assert (found.is_ca, found.path_length) == (False, None)
    assert (found.signs_certificates, found.signs_data) == (False, True)
    assert found.key_purposes == frozenset({PURPOSE_MICROSOFT_CLAIM})
    assert found.purposes_critical is True
    assert found.not_understood == ()


def test_the_facts_of_an_authority_are_those_it_was_issued_with(authority: Authority) -> None:
    """
    No extended key usage is something else than an empty one.
    """
    found = certificate(authority.intermediate)

    assert (found.is_ca, found.path_length) == (True, 0)
    assert (found.signs_certificates, found.signs_data) == (True, False)
    assert found.key_purposes is None
    assert found.purposes_critical is False


def test_what_is_left_out_is_not_taken_for_granted(authority: Authority) -> None:
    """
    Without basic constraints it is no authority, and without key usage it may sign nothing.
    """
    bare = replace(
        ca_options(),
        omit=frozenset({x509.BasicConstraints.oid, x509.KeyUsage.oid}),
        subject=x509.Name([]),
    )

    found = certificate(authority.root.issue(bare))

    assert (found.is_ca, found.path_length) == (False, None)
    assert (found.signs_certificates, found.signs_data) == (False, False)
    assert (found.subject, found.organization, found.common_name) == ("", None, None)


def test_key_purposes_that_are_not_critical_are_told_apart(authority: Authority) -> None:
    """
    Time-stampers have to mark theirs critical.
    """
    options = replace(leaf_options(), key_purposes=(PURPOSE_TIME_STAMPING,), key_purposes_critical=False)

    found = certificate(authority.root.issue(options))

    assert (found.key_purposes, found.purposes_critical) == (frozenset({PURPOSE_TIME_STAMPING}), False)


@pytest.mark.parametrize(
    ("extension", "critical", "not_understood"),
    [
        pytest.param(
            x509.UnrecognizedExtension(UNKNOWN, b"\5\0"), True, (UNKNOWN.dotted_string,), id="unknown"
        ),
        pytest.param(x509.UnrecognizedExtension(UNKNOWN, b"\5\0"), False, (), id="unknown-not-critical"),
        pytest.param(NAME_CONSTRAINTS, True, ("2.5.29.30",), id="name-constraints"),
        pytest.param(NAME_CONSTRAINTS, False, ("2.5.29.30",), id="name-constraints-not-critical"),
        pytest.param(x509.InhibitAnyPolicy(0), True, ("2.5.29.54",), id="known-but-not-processed"),
        pytest.param(x509.SubjectAlternativeName([x509.DNSName("a")]), True, (), id="alternative-name"),
    ],
)
def test_rules_this_library_does_not_process_are_named(
    authority: Authority, extension: x509.ExtensionType, *, critical: bool, not_understood: tuple[str, ...]
) -> None:
    """
    Who marks an extension critical demands that nobody goes on without understanding it.
    """
    options = replace(leaf_options(), extra=((extension, critical),))

    assert certificate(authority.root.issue(options)).not_understood == not_understood


def test_validity_includes_both_ends(authority: Authority) -> None:
    """
    RFC 5280, section 4.1.2.5: the dates themselves are inside.
    """
    found = certificate(authority.signer)
    second = timedelta(seconds=1)

    inside = [found.not_before, found.not_after]
    outside = [found.not_before - second, found.not_after + second]

    assert [found.is_valid_at(time) for time in inside] == [True, True]
    assert [found.is_valid_at(time) for time in outside] == [False, False]


def test_equal_bytes_give_the_same_object(authority: Authority) -> None:
    """
    A folder of images shows the same issuers thousands of times.
    """
    assert load(authority.root.der) is load(bytes(bytearray(authority.root.der)))


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x30\x00", id="empty-sequence"),
        pytest.param(b"-----BEGIN CERTIFICATE-----", id="pem"),
        pytest.param(b"\x30" * 64, id="garbage"),
    ],
)
def test_what_is_no_certificate_is_a_structure_error(der: bytes) -> None:
    """
    The bytes are an attacker's to choose.
    """
    with pytest.raises(StructureError, match=r"^certificate cannot be read: "):
        load(der)


def test_bytes_after_a_certificate_are_a_structure_error(authority: Authority) -> None:
    """
    They would change the fingerprint and nothing else.
    """
    with pytest.raises(StructureError, match=r"^certificate cannot be read: "):
        load(authority.root.der + b"\0")


def test_a_certificate_may_be_as_long_as_the_bound(authority: Authority) -> None:
    """
    The bound is on the DER, itself allowed.
    """
    longest = _padded_to(authority, MAX_CERTIFICATE_BYTES)

    assert load(longest).common_name == "Sample Signer"


def test_a_certificate_longer_than_the_bound_is_not_parsed(authority: Authority) -> None:
    """
    Parsing is what the bound is there to save.
    """
    with pytest.raises(StructureError, match=r"^certificate is too long$"):
        load(_padded_to(authority, MAX_CERTIFICATE_BYTES + 1))


def _padded_to(authority: Authority, size: int) -> bytes:
    # ECDSA signatures vary in length by a few bytes, so the padding is found by trying.
    padding = size - 700
    while True:
        extension = x509.UnrecognizedExtension(UNKNOWN, bytes(padding))
        der = authority.root.issue(replace(leaf_options(), extra=((extension, False),))).der
        if len(der) == size:
            return der
        padding += size - len(der)


def test_a_version_that_x509_does_not_have_is_a_structure_error(authority: Authority) -> None:
    """
    Version 3 is written as 2, and there is none after it.
    """
    version_3 = bytes.fromhex("a003020102")

    with pytest.raises(StructureError, match=r"^certificate cannot be read: "):
        load(authority.root.der.replace(version_3, version_3[:-1] + b"\x06"))


def test_an_extension_that_stands_twice_is_a_structure_error(authority: Authority) -> None:
    """
    Two readers could each take another one of the two.
    """
    twice = _with_extensions_twice(authority)

    with pytest.raises(StructureError, match=r"^certificate cannot be read: "):
        load(twice)


def _with_extensions_twice(authority: Authority) -> bytes:
    # Two unknown extensions, the second renamed to the first: `cryptography` writes none twice.
    other = x509.ObjectIdentifier("1.3.6.1.4.1.99999.2")
    extra = tuple((x509.UnrecognizedExtension(oid, b"\5\0"), False) for oid in (UNKNOWN, other))
    der = authority.root.issue(replace(leaf_options(), extra=extra)).der
    names = [bytes.fromhex("060a2b06010401868d1f01")[2:], bytes.fromhex("060a2b06010401868d1f02")[2:]]
    assert names[1] in der
    return der.replace(names[1], names[0])


def test_an_extension_that_cannot_be_read_is_a_structure_error(authority: Authority) -> None:
    """
    Reading goes into every extension at once, so nothing fails later on.
    """
    broken = x509.UnrecognizedExtension(x509.ExtendedKeyUsage.oid, b"\xff\xff")
    options = replace(leaf_options(), key_purposes=(), extra=((broken, False),))

    with pytest.raises(StructureError, match=r"^certificate cannot be read: "):
        certificate(authority.root.issue(options))


@settings(max_examples=300)
@given(position=st.integers(0, 1_023), bits=st.integers(1, 255))
def test_a_spoilt_certificate_is_read_or_a_structure_error(
    authority: Authority, position: int, bits: int
) -> None:
    """
    Nothing but `StructureError` comes out, and what is read has other bytes, so no pin fits it.
    """
    mutated = bytearray(authority.signer.der)
    mutated[position % len(mutated)] ^= bits

    try:
        found = load(bytes(mutated))
    except StructureError:
        return

    assert found.sha256 != authority.signer.sha256
    assert isinstance(is_strong(found), bool)
    assert isinstance(is_issued_by(found, certificate(authority.intermediate)), bool)


@pytest.mark.parametrize("key_type", [*KeyType])
def test_an_issuer_of_every_kind_of_key_is_recognised(key_type: KeyType) -> None:
    """
    The kinds that C2PA allows.
    """
    issuer = Credential.self_signed(replace(ca_options(), key_type=key_type))
    issued = issuer.issue(leaf_options())

    assert is_issued_by(certificate(issued), certificate(issuer)) is True
    assert is_issued_by(certificate(issuer), certificate(issuer)) is True
    assert is_issued_by(certificate(issuer), certificate(issued)) is False


def test_an_issuer_of_the_same_name_and_another_key_is_a_stranger(authority: Authority) -> None:
    """
    Anyone can copy a name.
    """
    impostor = Authority.create(names=authority.names)

    assert is_issued_by(certificate(authority.signer), certificate(impostor.intermediate)) is False


def test_an_issuer_of_the_same_key_and_another_name_is_a_stranger(authority: Authority) -> None:
    """
    A path joins names and keys; the key under another name is another authority.
    """
    renamed = Credential.self_signed(ca_options("Renamed"), authority.intermediate.private_key)

    assert is_issued_by(certificate(authority.signer), certificate(renamed)) is False


def test_a_cross_signed_issuer_is_as_good_as_the_other(authority: Authority) -> None:
    """
    Same name and same key: both have issued the certificate, as with DigiCert's root.
    """
    other_root = Credential.self_signed(ca_options("Other Root"))
    crossed = other_root.issue(
        replace(ca_options(), subject=authority.names.intermediate), authority.intermediate.private_key
    )

    assert is_issued_by(certificate(authority.signer), certificate(crossed)) is True


def test_a_signature_over_sha1_is_none() -> None:
    """
    Collisions over SHA-1 have been sold as certificates before.
    """
    issuer = Credential.self_signed(replace(ca_options(), key_type=KeyType.RSA2048))
    issued = issuer.issue(leaf_options())
    weak = with_sha1(issuer, issued)

    assert weak.certificate.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSA_WITH_SHA1
    assert is_issued_by(certificate(issued), certificate(issuer)) is True
    assert is_issued_by(certificate(weak), certificate(issuer)) is False


@pytest.mark.parametrize(
    ("key", "strong"),
    [
        pytest.param(WEAK_KEY, False, id="rsa-1024"),
        pytest.param(make_key(KeyType.RSA2048), True, id="rsa-2048"),
        pytest.param(make_key(KeyType.P256), True, id="p-256"),
        pytest.param(make_key(KeyType.P384), True, id="p-384"),
        pytest.param(ec.generate_private_key(ec.SECP521R1()), True, id="p-521"),
        pytest.param(ec.generate_private_key(ec.SECP256K1()), False, id="secp256k1"),
        pytest.param(ec.generate_private_key(ec.SECP224R1()), False, id="p-224"),
        pytest.param(make_key(KeyType.ED25519), True, id="ed25519"),
        pytest.param(ed448.Ed448PrivateKey.generate(), True, id="ed448"),
        pytest.param(dsa.generate_private_key(2048), False, id="dsa"),
    ],
)
def test_only_keys_that_c2pa_allows_are_strong(
    authority: Authority, key: CertificateIssuerPrivateKeyTypes, *, strong: bool
) -> None:
    """
    Kind and size both count, and a weak issuer has issued nothing.
    """
    assert is_strong(_certified(authority, key)) is strong


def _certified(authority: Authority, key: CertificateIssuerPrivateKeyTypes) -> Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(authority.names.signer)
        .issuer_name(authority.root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2025, 1, 1, tzinfo=UTC))
    )
    digest = authority.root.certificate.signature_hash_algorithm
    signed = builder.sign(authority.root.private_key, digest)  # type: ignore[arg-type]  # of P-256 keys: SHA-256
    return load(signed.public_bytes(Encoding.DER))


def test_what_a_weak_key_has_issued_counts_as_not_issued() -> None:
    """
    A key that can be broken makes its owner anybody.
    """
    weak = Credential.self_signed(ca_options(), WEAK_KEY)
    issued = weak.issue(leaf_options())

    assert is_issued_by(certificate(issued), certificate(weak)) is False


def test_a_key_of_an_unknown_kind_is_not_strong(authority: Authority) -> None:
    """
    The certificate can be read though its key cannot.
    """
    ec_public_key = bytes.fromhex("06072a8648ce3d0201")
    unknown = load(authority.signer.der.replace(ec_public_key, ec_public_key[:-1] + b"\x7f"))

    assert is_strong(unknown) is False
    assert is_issued_by(unknown, certificate(authority.intermediate)) is False


def test_a_certificate_by_an_unknown_algorithm_was_issued_by_nobody(authority: Authority) -> None:
    """
    A signature that cannot be checked does not hold, and that is an answer.
    """
    ecdsa_with_sha256 = bytes.fromhex("06082a8648ce3d040302")
    unknown = load(authority.signer.der.replace(ecdsa_with_sha256, ecdsa_with_sha256[:-1] + b"\x7f"))

    assert is_issued_by(unknown, certificate(authority.intermediate)) is False


def test_names_of_another_organization_are_read_as_they_stand() -> None:
    """
    What a certificate calls itself is shown, and nothing follows from it.
    """
    impostor = Authority.create(names=AuthorityNames.microsoft())

    assert certificate(impostor.signer).organization == "Microsoft Corporation"
    assert certificate(impostor.root).common_name == "Microsoft Supply Chain RSA Root CA 2022"
