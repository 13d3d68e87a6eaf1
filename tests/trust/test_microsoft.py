"""
The built-in profile: its version and evidence, whom it newly believes, and whom it misses.

That is an authority for claims below a root that is none, and signers that call themselves Microsoft.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from provenance import Verifier, to_dict
from provenance.audit import Audit, Summary
from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    Authority,
    AuthorityNames,
    CertificateOptions,
    Credential,
    ManifestSpec,
    Tampering,
    azure_v1,
    azure_v2,
    make_name,
    sign_image,
)
from provenance.cli import main
from provenance.errors import TrustError
from provenance.manifest.status import ValidationState
from provenance.policy.requirement import Outcome
from provenance.trust.certificate import is_issued_by
from provenance.trust.certification_path import claim_path, path_faults
from provenance.trust.microsoft import MICROSOFT, is_named_microsoft, known_as_of
from provenance.trust.profile import (
    CLAIM_SIGNING,
    DOCUMENT_SIGNING,
    ClaimAnchor,
    Pin,
    TrustProfile,
    dump_trust_profile,
    load_trust_profile,
    read_pem_certificates,
)
from provenance.verification.report import schema, trust_to_dict
from provenance.verification.verdict import VerificationResult
from tests.support import PNG, ca_options, certificate, pin, tampered, trust_in

DAY = datetime(2024, 6, 1, tzinfo=UTC)
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"


# --- version and evidence ------------------------------------------------------------------------------


def test_every_pin_of_the_microsoft_profile_says_why_and_when() -> None:
    """
    Whoever reviews it can follow each pin to what shows it.
    """
    pins = [*MICROSOFT.time_stamp_anchors]
    for anchor in MICROSOFT.claim_anchors:
        pins += [anchor.pin, *anchor.intermediates]

    assert (MICROSOFT.version, MICROSOFT.date) == (2, date(2026, 11, 28))
    assert all(one.evidence for one in pins)
    assert {one.pinned for one in pins} == {date(2026, 11, 22), date(2026, 11, 28)}
    assert MICROSOFT.date == max(one.pinned for one in pins if one.pinned is not None)


@pytest.mark.corpus
def test_the_new_pins_are_what_the_evidence_says(real_certificates: Path) -> None:
    """
    Who issued them was checked, not read off their names.
    """
    claims, root, stamps, stamp_root = (
        read_pem_certificates(real_certificates / f"microsoft-{name}.pem")[0]
        for name in (
            "c2pa-claims-al2-pca-2025",
            "c2pa-al2-root-ca-2025",
            "public-rsa-timestamping-ca-2020",
            "identity-verification-root-ca-2020",
        )
    )

    assert is_issued_by(claims, root)
    assert (claims.path_length, claims.key_purposes) == (1, frozenset({CLAIM_SIGNING, DOCUMENT_SIGNING}))
    assert frozenset(MICROSOFT.claim_anchors[1].key_purposes) == claims.key_purposes
    assert is_issued_by(stamps, stamp_root)
    assert root.sha256 not in {anchor.pin.sha256 for anchor in MICROSOFT.claim_anchors}


def test_version_evidence_and_days_survive_being_written(tmp_path: Path) -> None:
    """
    Users start their own profile from the built-in one.
    """
    file = tmp_path / "copy.toml"
    file.write_text(dump_trust_profile(MICROSOFT), "utf-8")

    read = load_trust_profile(file)

    assert (read.version, read.date, read.digest) == (2, date(2026, 11, 28), MICROSOFT.digest)
    assert [(one.evidence, one.pinned) for one in read.time_stamp_anchors] == [
        (one.evidence, one.pinned) for one in MICROSOFT.time_stamp_anchors
    ]
    assert [(one.pin.evidence, one.pin.pinned) for one in read.claim_anchors] == [
        (one.pin.evidence, one.pin.pinned) for one in MICROSOFT.claim_anchors
    ]


ANCHOR = f'[[claim_anchors]]\nname = "a"\nsha256 = "{"a" * 64}"\n'


def written(tmp_path: Path, text: str) -> TrustProfile:
    """
    Read a profile out of text.
    """
    file = tmp_path / "profile.toml"
    file.write_text(text, "utf-8")
    return load_trust_profile(file)


def test_a_profile_without_a_version_is_version_1(tmp_path: Path) -> None:
    """
    Profiles that were written before there were versions go on working.
    """
    found = written(tmp_path, f'name = "p"\n{ANCHOR}')

    assert (found.version, found.date, str(found)) == (1, None, "p 1")
    assert (found.claim_anchors[0].pin.evidence, found.claim_anchors[0].pin.pinned) == ("", None)


@pytest.mark.parametrize(
    ("head", "pinned", "why"),
    [
        ("version = 0", "", "version must be 1 or more"),
        ('version = "2"', "", "'version' is missing or not a whole number"),
        ("version = true", "", "'version' is missing or not a whole number"),
        ('date = "2026-11-28"', "", "'date' is not a day"),
        ("date = 2026-11-28T00:00:00Z", "", "'date' is not a day"),
        ("", "pinned = 20261128", "'pinned' is not a day"),
        ("", "evidence = 1", "'evidence' is missing or not text"),
    ],
)
def test_a_version_or_day_that_is_none_is_refused(tmp_path: Path, head: str, pinned: str, why: str) -> None:
    """
    What is misspelt must not be dropped.
    """
    with pytest.raises(TrustError, match=why):
        written(tmp_path, f'name = "p"\n{head}\n{ANCHOR}{pinned}\n')


def test_the_digest_is_of_what_decides_alone() -> None:
    """
    Version, day and evidence change nobody's verdict.
    """
    old = TrustProfile("p", (ClaimAnchor(Pin("a" * 64, "a")),))
    new = TrustProfile(
        "p",
        (ClaimAnchor(Pin("a" * 64, "a", evidence="seen", pinned=date(2026, 1, 1))),),
        version=7,
        date=date(2026, 1, 2),
    )

    assert new.digest == old.digest
    assert new.claim_anchors == old.claim_anchors


def test_reports_name_the_version_and_the_parts_of_a_joined_profile() -> None:
    """
    A joined profile has no version of its own.
    """
    other = TrustProfile("other", (ClaimAnchor(Pin("b" * 64, "b")),), version=3)

    joined = MICROSOFT | other | other

    assert str(joined) == "microsoft 2 + other 3 + other 3"
    assert trust_to_dict(MICROSOFT) == {
        "name": "microsoft",
        "version": 2,
        "date": "2026-11-28",
        "digest": MICROSOFT.digest,
        "joined": [],
    }
    assert trust_to_dict(MICROSOFT | other) == {
        "name": "microsoft.other",
        "version": None,
        "date": None,
        "digest": (MICROSOFT | other).digest,
        "joined": [
            {"name": "microsoft", "version": 2, "date": "2026-11-28"},
            {"name": "other", "version": 3, "date": None},
        ],
    }
    assert "# joins microsoft 2 (2026-11-28)" in dump_trust_profile(joined)
    assert "trust" in schema()["$defs"]


def test_the_command_shows_version_evidence_and_day() -> None:
    """
    As text and as JSON.
    """
    text = CliRunner().invoke(main, ["trust", "show", "microsoft"]).output
    told = json.loads(CliRunner().invoke(main, ["trust", "show", "microsoft", "--format", "json"]).output)

    assert "microsoft version 2" in text
    assert "2026-11-28" in text
    assert "FLUX in Azure" in text
    assert (told["version"], told["date"]) == (2, "2026-11-28")
    assert told["claim_anchors"][1]["pinned"] == "2026-11-28"
    assert "conformance tool" in told["claim_anchors"][1]["evidence"]


# --- an authority for claims below a root for time-stamps ------------------------------------------------


@pytest.fixture(scope="module")
def claims_authority(authority: Authority) -> Credential:
    """
    Issue, below the root of the time-stamps, an authority for claims like "Claims AL2 PCA 2025".
    """
    options = replace(ca_options("Claims PCA", path_length=1), key_purposes=(CLAIM_SIGNING, DOCUMENT_SIGNING))
    return authority.time_stamp_root.issue(options)


def signer_below(issuer: Credential, *purposes: str) -> Credential:
    """
    Issue a claim signer that is valid for a long time.
    """
    return issuer.issue(
        CertificateOptions(
            subject=make_name("Signer"),
            not_after=datetime(2119, 1, 1, tzinfo=UTC),
            key_purposes=purposes or (CLAIM_SIGNING,),
        )
    )


def believing(authority: Authority, claims: Credential) -> TrustProfile:
    """
    Believe it for claims, and its root for time-stamps only, as the built-in profile does.
    """
    anchor = ClaimAnchor(pin(claims, "Claims PCA"), key_purposes=MICROSOFT.claim_anchors[1].key_purposes)
    return TrustProfile("sample", (anchor,), (pin(authority.time_stamp_root, "Root"),))


def judged(authority: Authority, claims: Credential, signer: Credential) -> VerificationResult:
    """
    Judge an image of the newest kind by this signer.
    """
    image = sign_image(PNG, azure_v2(authority, credential=signer))
    return Verifier(trust=believing(authority, claims), self_test=False).verify(image)


@pytest.mark.parametrize(
    "purposes", [(CLAIM_SIGNING,), (DOCUMENT_SIGNING,), (CLAIM_SIGNING, DOCUMENT_SIGNING)]
)
@pytest.mark.parametrize("between", [0, 1])
def test_a_signer_below_the_claims_authority_is_trusted(
    authority: Authority, claims_authority: Credential, between: int, purposes: tuple[str, ...]
) -> None:
    """
    With either key purpose, directly below it or below one authority more; engine and validator agree.
    """
    issuer = claims_authority.issue(ca_options("Issuing CA", path_length=0)) if between else claims_authority

    found = judged(authority, claims_authority, signer_below(issuer, *purposes))

    assert (found.state, found.accepted) == (ValidationState.TRUSTED, True)
    assert found.active is not None
    assert found.active.signature.anchor == pin(claims_authority, "Claims PCA")


def test_a_second_authority_below_the_claims_authority_is_one_too_many(
    authority: Authority, claims_authority: Credential
) -> None:
    """
    Its path length is 1.
    """
    deep = claims_authority.issue(ca_options("One")).issue(ca_options("Two"))

    found = judged(authority, claims_authority, signer_below(deep))

    assert found.state is ValidationState.VALID
    assert "allows 1 intermediates, not 2" in str([status.explanation for status in found.active.failures])  # type: ignore[union-attr] # there is one


@pytest.mark.parametrize("purpose", [PURPOSE_MICROSOFT_CLAIM, EMAIL_PROTECTION])
def test_a_signer_below_the_claims_authority_needs_its_key_purposes(
    authority: Authority, claims_authority: Credential, purpose: str
) -> None:
    """
    That of the older authority does not count below the newer one.
    """
    found = judged(authority, claims_authority, signer_below(claims_authority, purpose))

    assert found.state is ValidationState.VALID


def test_the_root_of_the_time_stamps_ends_no_claims_path(
    authority: Authority, claims_authority: Credential
) -> None:
    """
    Another authority that the root issued is nobody: it is believed about time only.
    """
    sister = authority.time_stamp_root.issue(ca_options("Sister PCA", path_length=1))
    signer = signer_below(sister)
    chain = tuple(certificate(one) for one in signer.chain)

    found = judged(authority, claims_authority, signer)

    assert found.state is ValidationState.VALID
    assert found.active is not None
    assert found.active.signature.anchor is None
    assert claim_path(chain, believing(authority, claims_authority).claim_anchors) is None


def test_the_path_through_the_claims_authority_needs_no_root(
    authority: Authority, claims_authority: Credential
) -> None:
    """
    Whether the root travels in the chain makes no difference.
    """
    signer = signer_below(claims_authority)
    without_root = replace(signer, chain=signer.chain[:2])

    path = claim_path(
        tuple(certificate(one) for one in without_root.chain),
        believing(authority, claims_authority).claim_anchors,
    )

    assert path is not None
    assert list(path_faults(path)) == []
    assert judged(authority, claims_authority, without_root).state is ValidationState.TRUSTED


# --- signers that call themselves Microsoft ---------------------------------------------------------------


@pytest.fixture(scope="module")
def impostor() -> Authority:
    """
    Copy the names of Microsoft's certificates.
    """
    return Authority.create(names=AuthorityNames.microsoft())


def known_authority(result: VerificationResult) -> list[tuple[Outcome, str]]:
    """
    Find what was found about the name.
    """
    return [(check.outcome, check.message) for check in result.checks if check.id == "known_authority"]


def verdict(spec: ManifestSpec, trust: TrustProfile = MICROSOFT) -> VerificationResult:
    """
    Judge an image by this manifest.
    """
    return Verifier(trust=trust, self_test=False).verify(sign_image(PNG, spec))


WORDS = (
    "the signer calls itself Microsoft, and is not below any Microsoft authority that this version knows "
    "(of 2026-11-28): a forgery, or newer than this profile; update"
)


@pytest.mark.parametrize("make", [azure_v1, azure_v2])
def test_an_unknown_microsoft_gets_a_finding_of_its_own(
    impostor: Authority, make: Callable[[Authority], ManifestSpec]
) -> None:
    """
    A forgery or a change of authority: nobody can tell yet, and both have to be noticed.
    """
    found = verdict(make(impostor))

    assert known_authority(found) == [(Outcome.FAIL, WORDS)]
    assert {"signing_credential", "known_authority"} <= {finding.id for finding in found.findings}
    assert found.state is ValidationState.VALID


def test_it_is_found_where_the_microsoft_profile_is_joined(impostor: Authority, authority: Authority) -> None:
    """
    With the day of the part that pins Microsoft, in either order.
    """
    other = replace(trust_in(authority), date=date(2030, 1, 1))

    for trust in (MICROSOFT | other, other | MICROSOFT):
        assert known_authority(verdict(azure_v1(impostor), trust)) == [(Outcome.FAIL, WORDS)]


def test_it_is_not_asked_where_nothing_of_microsofts_is_pinned(
    impostor: Authority, sample_trust: TrustProfile
) -> None:
    """
    A profile that never knew Microsoft cannot be out of date about it.
    """
    assert known_authority(verdict(azure_v1(impostor), sample_trust)) == []


def test_it_is_not_asked_of_signers_that_lead_to_a_pin(impostor: Authority) -> None:
    """
    Whoever pins a simulator of that name knows it.
    """
    found = verdict(azure_v1(impostor), MICROSOFT | trust_in(impostor))

    assert (found.state, known_authority(found)) == (ValidationState.TRUSTED, [])


def test_it_is_not_asked_of_signers_of_other_names(authority: Authority) -> None:
    """
    They are unknown, and that is said already.
    """
    assert known_authority(verdict(azure_v1(authority))) == []


def test_a_changed_image_of_an_unknown_microsoft_is_noticed_as_well(impostor: Authority) -> None:
    """
    The name is told from the chain, whatever else does not hold.
    """
    found = verdict(tampered(azure_v1(impostor), Tampering(flip_signature=True)))

    assert found.state is ValidationState.INVALID
    assert known_authority(found) == [(Outcome.FAIL, WORDS)]


@pytest.mark.corpus
def test_a_genuine_image_does_not_get_it(corpus: Path) -> None:
    """
    Its chain leads to a pin.
    """
    for file in sorted((corpus / "azure-openai").iterdir()):
        assert known_authority(Verifier(self_test=False).verify(file)) == []


def test_a_profile_that_does_not_say_its_day_is_quoted_so(impostor: Authority) -> None:
    """
    A user's own copy may have lost it.
    """
    found = known_authority(verdict(azure_v1(impostor), replace(MICROSOFT, name="copy", date=None)))

    assert "(of a day that the trust profile does not say)" in found[0][1]
    assert known_as_of(replace(MICROSOFT, date=None)) is None


def named(*attributes: tuple[x509.ObjectIdentifier, str, _ASN1Type | None]) -> x509.Name:
    """
    Make a name of these attributes, each in the string type given.
    """
    return x509.Name([x509.NameAttribute(oid, text, kind) for oid, text, kind in attributes])


@pytest.mark.parametrize(
    ("subject", "microsoft"),
    [
        (named((NameOID.ORGANIZATION_NAME, "Microsoft Corporation", None)), True),
        (named((NameOID.COMMON_NAME, "microsoft", None)), True),
        (named((NameOID.COMMON_NAME, "MICROSOFT C2PA", _ASN1Type.PrintableString)), True),
        (named((NameOID.COMMON_NAME, "New Microsoft CA", _ASN1Type.BMPString)), True),
        (named((NameOID.COMMON_NAME, "Micro Soft", None)), False),
        (named((NameOID.COMMON_NAME, "\u202e", None)), False),
    ],
)
def test_a_name_is_read_from_leaf_and_issuers_alike(
    authority: Authority, subject: x509.Name, *, microsoft: bool
) -> None:
    """
    Also where only the leaf travels and names its issuer.
    """
    below = authority.root.issue(replace(ca_options(), subject=subject)).issue(
        CertificateOptions(subject=make_name("Leaf"))
    )
    own = authority.intermediate.issue(CertificateOptions(subject=subject))

    assert is_named_microsoft([certificate(one) for one in own.chain]) is microsoft
    assert is_named_microsoft([certificate(one) for one in below.chain]) is microsoft
    assert is_named_microsoft([certificate(below)]) is microsoft


def test_the_finding_is_seen_in_command_report_and_audit(impostor: Authority, tmp_path: Path) -> None:
    """
    In words at the terminal, by its id for programs, and counted over a folder.
    """
    file = tmp_path / "image.png"
    file.write_bytes(sign_image(PNG, azure_v1(impostor)))

    shown = CliRunner().invoke(main, ["verify", str(file)])
    report = to_dict(Verifier(self_test=False).verify(file))
    audited = [record.reasons for record in Audit(jobs=1).run([tmp_path], Summary())]

    assert shown.exit_code == 1
    assert "not below any Microsoft authority that this version knows (of 2026-11-28)" in shown.output
    assert "see whether a newer version of this program knows the authority" in shown.output
    assert [one["message"] for one in report["findings"] if one["check"] == "known_authority"] == [WORDS]
    assert audited == [("signing_credential", "known_authority")]
