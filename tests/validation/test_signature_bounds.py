"""
What a claim signature and its time-stamps may cost, and what of RFC 9052, 3161 and 4056 holds for them.

How often keys are used is counted, not timed.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from provenance.authority import (
    PURPOSE_TIME_STAMPING,
    Authority,
    CertificateOptions,
    Credential,
    KeyType,
    ManifestSpec,
    PssParameters,
    Tampering,
    TimeStampAuthority,
    TokenOptions,
    azure_v1,
    azure_v2,
    make_name,
    time_stamp_imprint,
    wrap_token,
)
from provenance.authority.certificate import ROOT_FROM, ROOT_UNTIL, make_key
from provenance.errors import StructureError
from provenance.manifest.status import StatusKind
from provenance.trust import certification_path as path_module
from provenance.trust import cms
from provenance.trust import timestamp as timestamp_module
from provenance.trust.certificate import Certificate, is_affordable, is_issued_by, is_strong, load
from provenance.trust.certification_path import SignatureBudget, claim_path, time_stamp_path
from provenance.trust.credential import MAX_SIGNATURE_BYTES, MAX_TOKENS, read_credential
from provenance.trust.timestamp import MAX_CERTIFICATES
from provenance.validation.claim_signature import SignatureValidator
from tests.support import certificate, codes, pin, signed_manifest, tampered, trust_in

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = datetime(2024, 6, 1, tzinfo=UTC)
SAME_NAME = make_name("One Name For All")


@pytest.fixture(scope="module")
def rsa_stamper(authority: Authority) -> TimeStampAuthority:
    """
    Issue a time-stamp signer with an RSA key below the ordinary time-stamp authority.
    """
    options = CertificateOptions(
        subject=make_name("RSA Time-Stamping"),
        not_before=ROOT_FROM,
        not_after=ROOT_UNTIL,
        key_purposes=(PURPOSE_TIME_STAMPING,),
        key_type=KeyType.RSA2048,
    )
    return TimeStampAuthority(authority.time_stamp_intermediate.issue(options))


def informational(authority: Authority, spec: ManifestSpec) -> list[str]:
    """
    Name what our validator remarks about a manifest.
    """
    found = SignatureValidator(trust_in(authority)).check(signed_manifest(spec), NOW)
    return codes(found.statuses, StatusKind.INFORMATIONAL)


# --- RSA-PSS, granted with modifications ---------------------------------------------------------------


@pytest.mark.parametrize("salt_length", [0, 20, 32, 64])
def test_a_time_stamp_may_be_signed_with_rsa_pss(
    authority: Authority, rsa_stamper: TimeStampAuthority, salt_length: int
) -> None:
    """
    RFC 4056 allows any salt; with the hash's length being usual.
    """
    options = TokenOptions(pss=PssParameters(salt_length=salt_length))
    spec = replace(azure_v1(authority), time_stamper=rsa_stamper, token_options=options)

    found = SignatureValidator(trust_in(authority)).check(signed_manifest(spec), NOW)

    assert "timeStamp.trusted" in codes(found.statuses, StatusKind.SUCCESS)
    assert found.signature.signed_at == spec.signed_at


@pytest.mark.parametrize(
    ("pss", "code"),
    [
        (PssParameters(hash_name="sha1"), "timeStamp.malformed"),
        (PssParameters(mask_hash_name="sha1"), "timeStamp.malformed"),
        (PssParameters(hash_name="sha384"), "timeStamp.malformed"),
        (PssParameters(mask_hash_name="sha512"), "timeStamp.malformed"),
        (PssParameters(trailer_field=2), "timeStamp.malformed"),
        (PssParameters(salt_length=-1), "timeStamp.malformed"),
        (PssParameters(salt_length=65), "timeStamp.malformed"),
        (PssParameters(mask_generation="1.2.840.113549.1.1.9"), "timeStamp.malformed"),
    ],
)
def test_rsa_pss_parameters_that_mean_something_else_are_refused(
    authority: Authority, rsa_stamper: TimeStampAuthority, pss: PssParameters, code: str
) -> None:
    """
    The parameters stand outside of what is signed: only one reading of them may count.
    """
    spec = replace(azure_v1(authority), time_stamper=rsa_stamper, token_options=TokenOptions(pss=pss))

    assert informational(authority, spec) == [code]


def test_an_rsa_pss_signature_that_does_not_hold_is_none(
    authority: Authority, rsa_stamper: TimeStampAuthority
) -> None:
    """
    One bit decides, as with every other kind of signature.
    """
    options = TokenOptions(pss=PssParameters(), flip_signature=True)
    spec = replace(azure_v1(authority), time_stamper=rsa_stamper, token_options=options)

    assert informational(authority, spec) == ["timeStamp.mismatch"]


@pytest.mark.parametrize(("status", "trusted"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_response_granted_with_modifications_is_a_time_stamp(
    authority: Authority, status: int, *, trusted: bool
) -> None:
    """
    RFC 3161, section 2.4.2: granted (0) and grantedWithMods (1) come with a token that counts.
    """

    def with_status(header: dict[object, object]) -> object:
        entry = header["sigTst"]["tstTokens"][0]  # type: ignore[index] # what `sign_claim` wrote
        token = asn1.decode_der(cms.TimeStampResp, entry["val"]).token
        entry["val"] = wrap_token(asn1.encode_der(token), status)
        return header

    spec = tampered(azure_v1(authority), Tampering(edit_unprotected=with_status))

    found = SignatureValidator(trust_in(authority)).check(signed_manifest(spec), NOW)

    assert ("timeStamp.trusted" in codes(found.statuses, StatusKind.SUCCESS)) is trusted


# --- critical headers -----------------------------------------------------------------------------------


def critical(authority: Authority, labels: object, **further: object) -> bytes:
    """
    Sign a claim of version 2 whose protected header names critical headers.
    """

    def edit(header: dict[object, object]) -> object:
        edited: dict[object, object] = header | {2: labels} | dict(further)
        return edited

    return signed_manifest(tampered(azure_v2(authority), Tampering(edit_protected=edit))).signature


@pytest.mark.parametrize("labels", [[1], [33], [1, 33]])
def test_critical_headers_that_are_processed_are_no_fault(authority: Authority, labels: list[int]) -> None:
    """
    RFC 9052, section 3.1: a label in `crit` has to be understood, and these are.
    """
    assert read_credential(critical(authority, labels)).algorithm == -7


@pytest.mark.parametrize(
    "labels",
    [[4], ["b64"], [1, "unknown"], [99], ["x5chain"], [1.0], [True], [[1]], [], {}, "alg", 1, None],
)
def test_an_unknown_critical_header_fails_the_signature(authority: Authority, labels: object) -> None:
    """
    RFC 9052, section 3.1: whoever does not process a critical header must not accept the message.
    """
    signature = critical(authority, labels, unknown=1, b64=False)

    with pytest.raises(StructureError, match="critical"):
        read_credential(signature)


def test_critical_headers_that_nothing_protects_fail_the_signature(authority: Authority) -> None:
    """
    RFC 9052, section 3.1: `crit` stands in the protected header.
    """

    def edit(header: dict[object, object]) -> object:
        return {**header, 2: [1]}

    signature = signed_manifest(tampered(azure_v2(authority), Tampering(edit_unprotected=edit))).signature

    with pytest.raises(StructureError, match="critical"):
        read_credential(signature)


def test_a_claim_with_an_unknown_critical_header_is_not_validated(authority: Authority) -> None:
    """
    The signature itself would hold: it is over that header.
    """

    def edit(header: dict[object, object]) -> object:
        return {**header, 2: ["unknown"], "unknown": 1}

    manifest = signed_manifest(tampered(azure_v2(authority), Tampering(edit_protected=edit)))

    found = SignatureValidator(trust_in(authority)).check(manifest, NOW)

    assert codes(found.statuses, StatusKind.FAILURE) == ["claimSignature.mismatch"]
    assert codes(found.statuses, StatusKind.SUCCESS) == []


# --- how much is checked --------------------------------------------------------------------------------


class Counter:
    """
    Counts how often keys are used.
    """

    def __init__(self) -> None:
        self.count = 0


@pytest.fixture
def key_uses(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """
    Count the signatures of certificates and tokens that are checked.
    """
    counter = Counter()
    uncached = is_issued_by.__wrapped__
    verifies = timestamp_module._verifies

    def issued(*given: Certificate) -> bool:
        counter.count += 1
        return uncached(*given)

    def verified(*given: object) -> bool:
        counter.count += 1
        return verifies(*given)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(path_module, "is_issued_by", issued)
    monkeypatch.setattr(timestamp_module, "_verifies", verified)
    return counter


def crowded(authority: Authority, count: int) -> TimeStampAuthority:
    """
    Make a stamper below nobody, whose tokens carry the pinned root and certificates in that root's name.

    Each of them might have been issued by the root, and has to be tried.
    """
    impostor = Credential.self_signed(replace(ROOT, subject=authority.time_stamp_root.certificate.subject))
    leaves = [impostor.issue(replace(LEAF, subject=make_name(f"Leaf {n}"))) for n in range(count)]
    carried = (authority.time_stamp_root.certificate, *(leaf.certificate for leaf in leaves))
    return TimeStampAuthority(leaves[-1], TokenOptions(certificates=carried))


ROOT = CertificateOptions(
    subject=SAME_NAME, not_before=ROOT_FROM, not_after=ROOT_UNTIL, is_ca=True, key_purposes=()
)
LEAF = CertificateOptions(
    subject=SAME_NAME, not_before=ROOT_FROM, not_after=ROOT_UNTIL, key_purposes=(PURPOSE_TIME_STAMPING,)
)


def test_the_signatures_checked_for_the_time_stamps_of_a_claim_are_bounded(
    authority: Authority, key_uses: Counter
) -> None:
    """
    All certificates of all four tokens, each with every other, would be more than two hundred.
    """

    def four_times(header: dict[object, object]) -> object:
        header["sigTst"]["tstTokens"] *= MAX_TOKENS  # type: ignore[index] # what `sign_claim` wrote
        return header

    spec = replace(
        azure_v1(authority),
        time_stamper=crowded(authority, MAX_CERTIFICATES - 1),
        tampering=Tampering(edit_unprotected=four_times),
    )

    found = SignatureValidator(trust_in(authority)).check(signed_manifest(spec), NOW)

    remarks = codes(found.statuses, StatusKind.INFORMATIONAL)
    assert remarks[1:] == ["timeStamp.malformed"] * (MAX_TOKENS - 1)
    # Two for the chain of the claim signer.
    assert key_uses.count <= 8 + 2


def test_a_time_stamp_beyond_the_bound_is_remarked_and_counts_as_none(authority: Authority) -> None:
    """
    What was not checked is said, not guessed: an expired signer stays expired.
    """
    forged = crowded(authority, MAX_CERTIFICATES - 1)

    def behind_a_forged_one(header: dict[object, object]) -> object:
        protected = cbor2.dumps({1: authority.signer.cose_algorithm})
        first = forged.stamp(time_stamp_imprint(protected, b"another claim"), DAY)
        second = forged.stamp(time_stamp_imprint(protected, b""), DAY)
        tokens = header["sigTst"]["tstTokens"]  # type: ignore[index] # what `sign_claim` wrote
        tokens[:0] = [{"val": one} for one in (tokens[0]["val"], first, second)]
        return header

    spec = replace(
        azure_v1(authority), time_stamper=forged, tampering=Tampering(edit_unprotected=behind_a_forged_one)
    )

    found = SignatureValidator(trust_in(authority)).check(signed_manifest(spec), NOW)

    remarks = [s for s in found.statuses if s.kind is StatusKind.INFORMATIONAL]
    assert (remarks[-1].code, remarks[-1].explanation) == (
        "timeStamp.malformed",
        "takes more signature checks than are made",
    )
    assert codes(found.statuses, StatusKind.FAILURE) == ["signingCredential.expired"]
    assert found.signature.signed_at is None


def test_a_chain_in_microsofts_name_costs_one_check(authority: Authority, key_uses: Counter) -> None:
    """
    Whoever puts a pinned certificate above their own is found out at that link.
    """
    impostor = Credential.self_signed(replace(ROOT, subject=authority.root.certificate.subject))
    deep = impostor
    for number in range(5):
        deep = deep.issue(replace(ROOT, subject=make_name(f"CA {number}")))
    signer = deep.issue(CertificateOptions(subject=make_name("Signer")))
    chain = (*signer.chain[:-1], authority.root.certificate)

    found = claim_path(tuple(map(certificate, chain)), trust_in(authority).claim_anchors)

    assert (found, key_uses.count) == (None, 1)


def test_a_token_of_strangers_costs_the_check_of_its_own_signature(
    authority: Authority, key_uses: Counter
) -> None:
    """
    Where nothing is pinned there is nothing to lead to.
    """
    stranger = Authority.create()
    spec = replace(azure_v1(authority), time_stamper=stranger.time_stamper)

    found = SignatureValidator(trust_in(authority)).check(signed_manifest(spec), NOW)

    assert codes(found.statuses, StatusKind.INFORMATIONAL) == ["timeStamp.untrusted"]
    # Two for the chain of the claim signer, one for the token.
    assert key_uses.count == 3


def test_certificates_of_other_names_cost_nothing(authority: Authority, key_uses: Counter) -> None:
    """
    Only who is named as the issuer can have issued: nothing else is tried.
    """
    leaf = certificate(authority.time_stamper.credential)
    others = tuple(certificate(Credential.self_signed(ca)) for ca in map(_ca, range(MAX_CERTIFICATES)))
    pool = (*others, *(certificate(one) for one in authority.time_stamper.credential.chain[1:]))

    found = time_stamp_path(leaf, pool, (pin(authority.time_stamp_root),), SignatureBudget(2))

    assert found is not None
    assert key_uses.count == 2


def _ca(number: int) -> CertificateOptions:
    return CertificateOptions(subject=make_name(f"Other {number}"), is_ca=True, key_purposes=())


def test_a_claim_signature_is_bounded_in_size(authority: Authority) -> None:
    """
    Padding is not signed: half a megabyte of empty lists would become forty megabytes of memory.
    """

    def padded(header: dict[object, object]) -> object:
        return {**header, "pad": bytes(MAX_SIGNATURE_BYTES)}

    manifest = signed_manifest(tampered(azure_v1(authority), Tampering(edit_unprotected=padded)))

    found = SignatureValidator(trust_in(authority)).check(manifest, NOW)

    assert [(s.code, s.explanation) for s in found.statuses] == [
        ("claimSignature.mismatch", "claim signature is longer than 524,288 bytes")
    ]


# --- what a key may cost --------------------------------------------------------------------------------


def with_numbers(exponent: int, modulus: int) -> Certificate:
    """
    Certify an RSA public key that nobody needs to have the private one of.
    """
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    issuer = make_key()
    name = make_name("Dear Key")
    builder = x509.CertificateBuilder(name, name, key, 1, ROOT_FROM, ROOT_UNTIL)
    return certificate(builder.sign(issuer, hashes.SHA256()))


@pytest.mark.parametrize(
    ("exponent_bits", "bits", "affordable"),
    [
        (17, 4096, True),
        (17, 8192, True),
        (64, 2048, True),
        (65, 3072, False),
        (3071, 3072, False),
        (17, 8200, False),
    ],
)
def test_a_key_that_is_slow_on_purpose_is_not_used(
    exponent_bits: int, bits: int, *, affordable: bool
) -> None:
    """
    With an exponent as long as its modulus one check takes a hundred times as long as with 65537.
    """
    found = with_numbers((1 << exponent_bits - 1) + 1, (1 << bits - 1) + 1)

    assert (is_affordable(found), is_strong(found)) == (affordable, affordable)


class Asked:
    """
    Stands for a parsed certificate, and fails the test when its issuer's key is used.
    """

    def __init__(self, parsed: x509.Certificate) -> None:
        self.public_key = parsed.public_key
        self.signature_hash_algorithm = parsed.signature_hash_algorithm

    def verify_directly_issued_by(self, issuer: object) -> None:
        """
        Fail the test.
        """
        pytest.fail(f"the key of {issuer} was used")


def test_a_slow_key_is_not_asked_about_a_certificate() -> None:
    """
    Refused before the arithmetic, not after.
    """
    slow = with_numbers((1 << 3070) + 1, (1 << 3071) + 1)
    watched = replace(slow, x509=Asked(slow.x509))  # type: ignore[arg-type] # stands for one

    assert is_issued_by(watched, watched) is False


def test_a_slow_key_signs_no_claim(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The claim's signature is not checked with it either.
    """
    slow = with_numbers((1 << 3070) + 1, (1 << 3071) + 1)
    monkeypatch.setattr(padding, "PSS", lambda *_: pytest.fail("the key was used"))

    def edit(header: dict[object, object]) -> object:
        return {1: -37, 33: slow.der}

    manifest = signed_manifest(tampered(azure_v2(authority), Tampering(edit_protected=edit)))

    found = SignatureValidator(trust_in(authority)).check(manifest, NOW)

    assert "claimSignature.mismatch" in codes(found.statuses, StatusKind.FAILURE)


def test_a_message_is_cbor_as_it_was_written(authority: Authority) -> None:
    """
    The edits above change what is signed, so that only what they are about can fail.
    """
    protected, *_ = cbor2.loads(critical(authority, [1])).value

    assert cbor2.loads(protected)[2] == [1]


def test_a_name_that_is_too_long_is_no_accident(authority: Authority) -> None:
    """
    `cryptography` warns of it, and a process that turns warnings into errors must not fall over.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 65, _validate=False)])
        signer = authority.intermediate.issue(CertificateOptions(subject=subject))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(StructureError, match="certificate cannot be read"):
            load(signer.der)
