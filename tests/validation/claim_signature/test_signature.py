"""
The claim signature itself: what it holds for, by which algorithm, and what happens to damaged ones.
"""

from __future__ import annotations

from collections.abc import Callable

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding, rsa, utils
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.authority import SIGNED_AT, Authority, KeyType, Tampering, azure_v1, azure_v2, make_key
from provenance.manifest.jumbf import SignedManifest
from provenance.manifest.manifest import Signature
from provenance.trust.credential import read_credential
from provenance.trust.profile import TrustProfile
from provenance.validation.claim_signature import SignatureResult
from tests.support import certificate, changed, leaf_options, signed_manifest, tampered
from tests.validation.claim_signature.support import BOTH_VERSIONS, Describe, check, failures, successes

# --- claim signatures -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "validated"),
    [
        pytest.param(Tampering(), True, id="nothing"),
        pytest.param(Tampering(flip_signature=True), False, id="signature"),
        pytest.param(Tampering(edit_signed_claim=lambda claim: claim + b"\0"), False, id="claim"),
    ],
)
@BOTH_VERSIONS
def test_a_claim_signature_holds_for_the_claim_it_was_made_for(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, spoil: Tampering, *, validated: bool
) -> None:
    """
    And for no other byte.
    """
    result = check(tampered(describe(authority), spoil), sample_trust)

    assert ("claimSignature.validated" in successes(result)) is validated
    assert ("claimSignature.mismatch" in failures(result)) is (not validated)


def test_who_signed_is_told_of_a_signature_that_does_not_hold(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    The chain is shown; that it did not sign this is said beside.
    """
    result = check(tampered(azure_v1(authority), Tampering(flip_signature=True)), sample_trust)

    assert failures(result) == ["claimSignature.mismatch"]
    assert result.signature.chain[0] == certificate(authority.signer)


Sign = Callable[[bytes], bytes]


def _pss(key: rsa.RSAPrivateKey, digest: hashes.HashAlgorithm, salt: int | None = None) -> Sign:
    length = digest.digest_size if salt is None else salt
    return lambda message: key.sign(message, padding.PSS(padding.MGF1(digest), length), digest)


def _ecdsa(key: ec.EllipticCurvePrivateKey, digest: hashes.HashAlgorithm) -> Sign:
    def sign(message: bytes) -> bytes:
        half = (key.curve.key_size + 7) // 8
        numbers = utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
        return b"".join(number.to_bytes(half) for number in numbers)

    return sign


RSA = rsa.generate_private_key(65537, 2048)
P256, P384, P521 = (ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))
ED25519 = make_key(KeyType.ED25519)
ED448 = ed448.Ed448PrivateKey.generate()


def _eddsa(message: bytes) -> bytes:
    assert not isinstance(ED25519, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return ED25519.sign(message)


def by_hand(authority: Authority, key: object, algorithm: object, sign: Sign) -> SignedManifest:
    """
    Sign a claim without the library's own signing, as RFC 9052, section 4.4, has it.
    """
    leaf = authority.intermediate.issue(leaf_options(), key)  # type: ignore[arg-type]  # of more kinds than it makes
    claim = cbor2.dumps({"alg": "sha256"})
    protected = cbor2.dumps({1: algorithm, 33: list(leaf.chain_der)})
    signature = sign(cbor2.dumps(["Signature1", protected, b"", claim]))
    message = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, signature]))
    return SignedManifest("urn:uuid:1", claim, 2, message)


ALGORITHMS = [
    pytest.param(RSA, -37, _pss(RSA, hashes.SHA256()), id="PS256"),
    pytest.param(RSA, -38, _pss(RSA, hashes.SHA384()), id="PS384"),
    pytest.param(RSA, -39, _pss(RSA, hashes.SHA512()), id="PS512"),
    pytest.param(P256, -7, _ecdsa(P256, hashes.SHA256()), id="ES256"),
    pytest.param(P384, -35, _ecdsa(P384, hashes.SHA384()), id="ES384"),
    pytest.param(P521, -36, _ecdsa(P521, hashes.SHA512()), id="ES512"),
    pytest.param(ED25519, -8, _eddsa, id="EdDSA"),
]


@pytest.mark.parametrize(("key", "algorithm", "sign"), ALGORITHMS)
def test_every_algorithm_that_c2pa_allows_is_verified(
    authority: Authority, sample_trust: TrustProfile, key: object, algorithm: int, sign: Sign
) -> None:
    """
    Made by hand, so that signer and verifier cannot share a mistake.
    """
    result = check(by_hand(authority, key, algorithm, sign), sample_trust, SIGNED_AT)

    assert [status.code for status in result.statuses] == [
        "claimSignature.validated",
        "signingCredential.trusted",
    ]


@pytest.mark.parametrize("position", [0, 31, -1])
@pytest.mark.parametrize(("key", "algorithm", "sign"), ALGORITHMS)
def test_a_flipped_bit_is_found_under_every_algorithm(
    authority: Authority,
    sample_trust: TrustProfile,
    key: object,
    algorithm: int,
    sign: Sign,
    *,
    position: int,
) -> None:
    """
    At either end and between.
    """

    def flipped(message: bytes) -> bytes:
        signature = bytearray(sign(message))
        signature[position] ^= 1
        return bytes(signature)

    result = check(by_hand(authority, key, algorithm, flipped), sample_trust, SIGNED_AT)

    assert failures(result) == ["claimSignature.mismatch"]
    assert successes(result) == ["signingCredential.trusted"]


@pytest.mark.parametrize(
    ("key", "algorithm", "sign"),
    [
        pytest.param(RSA, -7, _pss(RSA, hashes.SHA256()), id="rsa-said-to-be-ecdsa"),
        pytest.param(RSA, -8, _pss(RSA, hashes.SHA256()), id="rsa-said-to-be-eddsa"),
        pytest.param(RSA, -38, _pss(RSA, hashes.SHA256()), id="rsa-over-another-hash"),
        pytest.param(RSA, -37, _pss(RSA, hashes.SHA256(), 20), id="rsa-with-a-shorter-salt"),
        pytest.param(RSA, -37, lambda m: RSA.sign(m, padding.PKCS1v15(), hashes.SHA256()), id="rsa-pkcs-1"),
        pytest.param(
            RSA, -257, lambda m: RSA.sign(m, padding.PKCS1v15(), hashes.SHA256()), id="rsa-pkcs-1-by-its-name"
        ),
        pytest.param(P256, -37, _ecdsa(P256, hashes.SHA256()), id="ecdsa-said-to-be-rsa"),
        pytest.param(P256, -8, _ecdsa(P256, hashes.SHA256()), id="ecdsa-said-to-be-eddsa"),
        pytest.param(P256, -35, _ecdsa(P256, hashes.SHA256()), id="ecdsa-over-another-hash"),
        pytest.param(P256, -7, lambda m: P256.sign(m, ec.ECDSA(hashes.SHA256())), id="ecdsa-as-der"),
        pytest.param(P256, -7, lambda m: _ecdsa(P256, hashes.SHA256())(m) + b"\0", id="ecdsa-too-long"),
        pytest.param(P256, -7, lambda m: _ecdsa(P256, hashes.SHA256())(m)[:-1], id="ecdsa-too-short"),
        pytest.param(P256, -7, lambda _: b"", id="ecdsa-empty"),
        pytest.param(P256, -7, lambda _: bytes(64), id="ecdsa-nought"),
        pytest.param(P384, -7, _ecdsa(P256, hashes.SHA256()), id="ecdsa-of-another-curve"),
        pytest.param(ED25519, -7, _eddsa, id="eddsa-said-to-be-ecdsa"),
        pytest.param(ED25519, -8, lambda m: _eddsa(m)[:-1], id="eddsa-too-short"),
        pytest.param(ED448, -8, ED448.sign, id="ed448"),
        pytest.param(P256, -47, _ecdsa(P256, hashes.SHA256()), id="secp256k1-by-its-name"),
        pytest.param(P256, 0, _ecdsa(P256, hashes.SHA256()), id="reserved"),
        pytest.param(P256, 2**63, _ecdsa(P256, hashes.SHA256()), id="unheard-of"),
    ],
)
def test_an_algorithm_that_does_not_fit_is_a_mismatch(
    authority: Authority, sample_trust: TrustProfile, key: object, algorithm: int, sign: Sign
) -> None:
    """
    Key, algorithm and form of the signature have to agree.
    """
    result = check(by_hand(authority, key, algorithm, sign), sample_trust, SIGNED_AT)

    assert failures(result) == ["claimSignature.mismatch"]


def _spoilt(edit: Callable[[list[object]], object]) -> Tampering:
    def edited(encoded: bytes) -> bytes:
        message = cbor2.loads(encoded)
        return cbor2.dumps(cbor2.CBORTag(18, edit(list(message.value))))

    return Tampering(edit_signature=edited)


def _header(key: object, value: object) -> Tampering:
    return Tampering(edit_unprotected=lambda header: {**header, key: value})


HOSTILE = {
    "empty": Tampering(edit_signature=lambda _: b""),
    "number": Tampering(edit_signature=lambda _: b"\x01"),
    "other-tag": Tampering(edit_signature=lambda encoded: b"\xd1" + encoded[1:]),
    "trailing-bytes": Tampering(edit_signature=lambda encoded: encoded + b"\0"),
    "cut-off": Tampering(edit_signature=lambda encoded: encoded[:-1]),
    "depth-bomb": Tampering(edit_signature=lambda _: b"\xd2\x84" + b"\x81" * 100_000),
    "indefinite": Tampering(edit_signature=lambda encoded: b"\xd2\x9f" + encoded[2:] + b"\xff"),
    "no-list": _spoilt(lambda _: {}),
    "three-parts": _spoilt(lambda parts: parts[:3]),
    "protected-map": _spoilt(lambda parts: [{}, *parts[1:]]),
    "protected-not-cbor": _spoilt(lambda parts: [b"\xff", *parts[1:]]),
    "protected-list": _spoilt(lambda parts: [b"\x80", *parts[1:]]),
    "unprotected-list": _spoilt(lambda parts: [parts[0], [], *parts[2:]]),
    "payload": Tampering(attached_payload=True),
    "signature-text": _spoilt(lambda parts: [*parts[:3], "text"]),
    "no-algorithm": Tampering(edit_protected=lambda _: {}),
    "algorithm-text": Tampering(edit_protected=lambda _: {1: "ES256"}),
    "algorithm-true": Tampering(edit_protected=lambda _: {1: True}),
    "two-chains": _header(33, b"x"),
    "no-chain": Tampering(edit_unprotected=lambda _: {}),
    "nine-certificates": Tampering(edit_unprotected=lambda header: {"x5chain": header["x5chain"] * 3}),  # type: ignore[operator]  # a list
    "chain-map": _header("x5chain", {}),
    "chain-text": _header("x5chain", "text"),
    "certificate-number": _header("x5chain", [1]),
    "certificate-garbage": _header("x5chain", [b"x"]),
    "stamp-number": _header("sigTst", 1),
    "stamp-without-tokens": _header("sigTst", {}),
    "newer-stamp-number": _header("sigTst2", 1),
    "tokens-map": _header("sigTst", {"tstTokens": {}}),
    "token-bytes": _header("sigTst", {"tstTokens": [b"x"]}),
    "token-value-text": _header("sigTst", {"tstTokens": [{"val": "x"}]}),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_a_signature_that_cannot_be_read_is_a_failure_and_no_exception(
    authority: Authority, sample_trust: TrustProfile, spoil: Tampering
) -> None:
    """
    Hostile bytes inside a store are a verdict; nothing is said about who signed.
    """
    result = check(tampered(azure_v1(authority), spoil), sample_trust, SIGNED_AT)

    assert [status.code for status in result.statuses] == ["claimSignature.mismatch"]
    assert failures(result) == ["claimSignature.mismatch"]
    assert result.signature == Signature()
    assert (result.claim_anchor, result.time_stamp_anchor) == (None, None)


# --- mutations ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(authority: Authority) -> tuple[SignedManifest, ...]:
    """
    Sign as Microsoft does, in either version.
    """
    return signed_manifest(azure_v1(authority)), signed_manifest(azure_v2(authority))


def _is_trusted(result: SignatureResult) -> bool:
    return {"claimSignature.validated", "signingCredential.trusted"} <= set(successes(result))


@settings(max_examples=600)
@given(version=st.sampled_from([1, 2]), position=st.integers(0, 8_191), bits=st.integers(1, 255))
def test_a_flipped_byte_of_a_signature_that_stays_trusted_changes_nothing_that_is_told(
    sample_trust: TrustProfile, real: tuple[SignedManifest, ...], version: int, position: int, bits: int
) -> None:
    """
    Not every byte is signed: padding, text keys of headers nobody reads and parts of a token are not.

    So a flip may go unnoticed; but then protected header, signature, time, anchors and whose key signed
    are what they were. The signer has expired, so that the time-stamp is needed as well.
    """
    manifest = real[version - 1]
    mutated = bytearray(manifest.signature)
    mutated[position % len(mutated)] ^= bits

    result = check(changed(manifest, signature=bytes(mutated)), sample_trust)

    if _is_trusted(result):
        assert _told(changed(manifest, signature=bytes(mutated)), result) == _told(
            manifest, check(manifest, sample_trust)
        )


def _told(manifest: SignedManifest, result: SignatureResult) -> tuple[object, ...]:
    credential = read_credential(manifest.signature)
    return (
        credential.protected,
        credential.signature,
        (result.signature.anchor, result.signature.signed_at, result.signature.time_stamp_anchor),
        result.claim_anchor,
        result.time_stamp_anchor,
        [found.x509.tbs_certificate_bytes for found in result.signature.chain],
    )


@pytest.mark.parametrize("version", [1, 2])
def test_no_flipped_byte_of_what_is_signed_stays_validated(
    sample_trust: TrustProfile, real: tuple[SignedManifest, ...], version: int
) -> None:
    """
    Every single byte of the protected header and of the signature, one bit each.
    """
    manifest = real[version - 1]
    credential = read_credential(manifest.signature)
    still_validated = []

    for part in (credential.protected, credential.signature):
        start = manifest.signature.index(part)
        for position in range(start, start + len(part)):
            mutated = bytearray(manifest.signature)
            mutated[position] ^= 1 << position % 8
            result = check(changed(manifest, signature=bytes(mutated)), sample_trust)
            if "claimSignature.validated" in successes(result):
                still_validated.append(position)

    assert still_validated == []


@settings(max_examples=200)
@given(version=st.sampled_from([1, 2]), position=st.integers(0, 2_047), bits=st.integers(1, 255))
def test_no_flipped_byte_of_a_claim_stays_validated(
    sample_trust: TrustProfile, real: tuple[SignedManifest, ...], version: int, position: int, bits: int
) -> None:
    """
    All of it is signed.
    """
    manifest = real[version - 1]
    mutated = bytearray(manifest.claim)
    mutated[position % len(mutated)] ^= bits

    result = check(changed(manifest, claim=bytes(mutated)), sample_trust)

    assert "claimSignature.mismatch" in failures(result)


@settings(max_examples=200)
@given(st.binary(max_size=200), st.binary(max_size=50))
def test_any_bytes_are_a_failure(sample_trust: TrustProfile, signature: bytes, claim: bytes) -> None:
    """
    Never an exception, and never a success.
    """
    result = check(SignedManifest("urn:uuid:1", claim, 1, signature), sample_trust)

    assert failures(result) == ["claimSignature.mismatch"]
    assert successes(result) == []
