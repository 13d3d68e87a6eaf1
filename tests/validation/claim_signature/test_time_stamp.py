"""
Time-stamps beside a claim signature: which are believed, and what the others are worth.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    PURPOSE_TIME_STAMPING,
    SIGNED_AT,
    Authority,
    Credential,
    TimeStampAuthority,
    TokenOptions,
    azure_v1,
    azure_v2,
    wrap_token,
)
from provenance.trust.credential import read_credential
from provenance.trust.profile import TrustProfile
from tests.support import ca_options, leaf_options, signed_manifest
from tests.validation.claim_signature.support import (
    ALL_GOOD,
    BOTH_VERSIONS,
    CODE_SIGNING,
    HEADERS,
    LATER,
    WEAK_KEY,
    Describe,
    believe,
    check,
    counter_signed,
    explanation,
    failures,
    information,
    plain,
    signer,
    stamped,
    successes,
    with_header,
)


def stamper_below(issuer: Credential, **changes: object) -> TimeStampAuthority:
    """
    Make a time-stamper that differs from the ordinary one.
    """
    ordinary = signer(subject=leaf_options("Stamper").subject, key_purposes=(PURPOSE_TIME_STAMPING,))
    return TimeStampAuthority(issuer.issue(replace(ordinary, **changes)))  # type: ignore[arg-type]  # likewise


@dataclass(frozen=True, slots=True)
class Stamp:
    """
    A time-stamp under an expired signer, and what must be said of it.
    """

    why: str
    stamper: Callable[[Authority], TimeStampAuthority]
    code: str
    says: str
    options: TokenOptions | None = None
    at: datetime = SIGNED_AT


def _ordinary(authority: Authority) -> TimeStampAuthority:
    return authority.time_stamper


MISMATCH = "signature of the time-stamp does not hold"
NOT_ALONE = "key purpose is not time stamping alone, marked critical"
NO_PATH = "authority has no path to a pinned anchor"
STAMPS = {
    "self-made": Stamp(
        "anyone can run an authority",
        lambda _: Authority.create().time_stamper,
        "timeStamp.untrusted",
        NO_PATH,
    ),
    "impostor": Stamp(
        "names can be copied",
        lambda a: Authority.create(names=a.names).time_stamper,
        "timeStamp.untrusted",
        NO_PATH,
    ),
    "below-the-claim-root": Stamp(
        "the two lists are apart", lambda a: stamper_below(a.intermediate), "timeStamp.untrusted", NO_PATH
    ),
    "claim-signer": Stamp(
        "and so are the signers", lambda a: TimeStampAuthority(a.signer), "timeStamp.untrusted", NO_PATH
    ),
    "purpose-not-critical": Stamp(
        "RFC 3161, section 2.3",
        lambda a: stamper_below(a.time_stamp_root, key_purposes_critical=False),
        "timeStamp.untrusted",
        NOT_ALONE,
    ),
    "more-purposes": Stamp(
        "likewise",
        lambda a: stamper_below(a.time_stamp_root, key_purposes=(PURPOSE_TIME_STAMPING, CODE_SIGNING)),
        "timeStamp.untrusted",
        NOT_ALONE,
    ),
    "claim-purpose": Stamp(
        "a claim signer is no clock",
        lambda a: stamper_below(a.time_stamp_root, key_purposes=(PURPOSE_MICROSOFT_CLAIM,)),
        "timeStamp.untrusted",
        NOT_ALONE,
    ),
    "authority": Stamp(
        "an authority issues and does not stamp",
        lambda a: stamper_below(a.time_stamp_root, is_ca=True, key_usages=frozenset({"digital_signature"})),
        "timeStamp.untrusted",
        "signer is a certificate authority",
    ),
    "below-a-stamper": Stamp(
        "a stamper is no authority",
        lambda a: stamper_below(stamper_below(a.time_stamp_root).credential),
        "timeStamp.untrusted",
        "is not a certificate authority",
    ),
    "below-two-intermediates": Stamp(
        "the upper one allows none below it",
        lambda a: stamper_below(a.time_stamp_intermediate.issue(ca_options("Lower CA"))),
        "timeStamp.untrusted",
        "allows 0 intermediates, not 1",
    ),
    "weak-key": Stamp(
        "whoever computes it can choose the time",
        lambda a: TimeStampAuthority(
            a.time_stamp_root.issue(signer(key_purposes=(PURPOSE_TIME_STAMPING,)), WEAK_KEY)
        ),
        "timeStamp.untrusted",
        "public key is of a kind or size that is not allowed",
    ),
    "expired-when-it-stamped": Stamp(
        "its own validity counts at the time it states",
        lambda a: stamper_below(a.time_stamp_root, not_after=datetime(2024, 5, 1, tzinfo=UTC)),
        "timeStamp.outsideValidity",
        "authority was outside its validity",
    ),
    "not-yet-valid-when-it-stamped": Stamp(
        "likewise",
        lambda a: stamper_below(a.time_stamp_root, not_before=datetime(2024, 7, 1, tzinfo=UTC)),
        "timeStamp.outsideValidity",
        "authority was outside its validity",
    ),
    "flipped": Stamp(
        "not what was signed", _ordinary, "timeStamp.mismatch", MISMATCH, TokenOptions(flip_signature=True)
    ),
    "message-digest": Stamp(
        "likewise", _ordinary, "timeStamp.mismatch", MISMATCH, TokenOptions(message_digest=bytes(32))
    ),
    "no-signing-certificate": Stamp(
        "the signer has to say under which certificate",
        _ordinary,
        "timeStamp.mismatch",
        MISMATCH,
        TokenOptions(ess_version=0),
    ),
    "no-certificates": Stamp(
        "nobody can tell whose key it is",
        _ordinary,
        "timeStamp.malformed",
        "does not carry 1 to 8 certificates",
        TokenOptions(certificates=()),
    ),
    "sha-1-imprint": Stamp(
        "two claims could have one",
        _ordinary,
        "timeStamp.malformed",
        "is not accepted",
        TokenOptions(imprint_hash="sha1"),
    ),
}


@pytest.mark.parametrize("stamp", STAMPS.values(), ids=STAMPS)
@BOTH_VERSIONS
def test_a_time_stamp_that_is_not_trusted_counts_as_none(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, stamp: Stamp
) -> None:
    """
    Then an expired signer is expired, and nothing says when it signed.
    """
    manifest = stamped(
        signed_manifest(describe(authority)), stamp.stamper(authority), at=stamp.at, options=stamp.options
    )

    result = check(manifest, sample_trust)

    assert information(result) == [stamp.code], stamp.why
    assert stamp.says in explanation(result, stamp.code)
    assert successes(result) == ["claimSignature.validated"]
    assert failures(result) == ["signingCredential.expired"]
    assert result.signature.signed_at is None
    assert result.time_stamp_anchor is None


def test_a_bad_time_stamp_takes_nothing_from_a_signer_that_is_valid(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    It counts as none, so the time of asking decides.
    """
    manifest = stamped(signed_manifest(azure_v1(authority)), Authority.create().time_stamper)

    result = check(manifest, sample_trust, SIGNED_AT)

    assert successes(result) == ["claimSignature.validated", "signingCredential.trusted"]
    assert information(result) == ["timeStamp.untrusted"]


def test_with_no_time_stamp_anchors_no_time_stamp_counts(authority: Authority) -> None:
    """
    An empty list believes nobody.
    """
    result = check(azure_v1(authority), believe(authority.root, authority.intermediate))

    assert information(result) == ["timeStamp.untrusted"]
    assert failures(result) == ["signingCredential.expired"]


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
@BOTH_VERSIONS
def test_imprints_by_every_hash_allowed_are_believed(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, name: str
) -> None:
    """
    The authority chooses.
    """
    manifest = stamped(
        signed_manifest(describe(authority)), authority.time_stamper, options=TokenOptions(imprint_hash=name)
    )

    assert [status.code for status in check(manifest, sample_trust).statuses] == ALL_GOOD


@BOTH_VERSIONS
def test_the_wrapping_of_a_token_does_not_matter(
    authority: Authority, sample_trust: TrustProfile, describe: Describe
) -> None:
    """
    Version 1 carries whole responses and version 2 bare tokens, by custom.
    """
    manifest = signed_manifest(describe(authority))
    digest = hashlib.sha256(counter_signed(manifest, manifest.claim_version)).digest()
    token = authority.time_stamper.stamp(digest, SIGNED_AT)

    for form in (token, wrap_token(token)):
        assert [status.code for status in check(stamped(manifest, form), sample_trust).statuses] == ALL_GOOD


@BOTH_VERSIONS
def test_a_time_stamp_of_another_signature_is_a_mismatch(
    authority: Authority, sample_trust: TrustProfile, describe: Describe
) -> None:
    """
    A real time-stamp taken from an older image.
    """
    manifest = signed_manifest(describe(authority))
    other = stamped(
        signed_manifest(replace(describe(authority), instance_id="other")), authority.time_stamper
    )
    token = read_credential(other.signature).tokens[0]

    result = check(stamped(manifest, token), sample_trust)

    assert explanation(result, "timeStamp.mismatch") == "time-stamp is of another signature"
    assert failures(result) == ["signingCredential.expired"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_token_under_the_other_header_is_a_mismatch(
    authority: Authority, sample_trust: TrustProfile, version: int
) -> None:
    """
    The header says whether the claim or the signature is stamped.
    """
    manifest = signed_manifest(plain(authority.signer))
    digest = hashlib.sha256(counter_signed(manifest, 3 - version)).digest()
    token = authority.time_stamper.stamp(digest, SIGNED_AT)

    moved = with_header(manifest, HEADERS[version], {"tstTokens": [{"val": token}]})

    assert information(check(moved, sample_trust)) == ["timeStamp.mismatch"]


@pytest.mark.parametrize(
    ("older_good", "newer_good", "expected"),
    [
        pytest.param(True, True, [], id="both"),
        pytest.param(False, True, [], id="newer"),
        pytest.param(True, False, ["signingCredential.expired"], id="older"),
        pytest.param(False, False, ["signingCredential.expired"], id="neither"),
    ],
)
def test_the_newer_header_decides_alone(
    authority: Authority,
    sample_trust: TrustProfile,
    *,
    older_good: bool,
    newer_good: bool,
    expected: list[str],
) -> None:
    """
    A fall-back would let whoever spoils it choose the other.
    """
    manifest = signed_manifest(plain(authority.signer))
    for version, good in ((1, older_good), (2, newer_good)):
        digest = hashlib.sha256(counter_signed(manifest, version)).digest()
        token = authority.time_stamper.stamp(digest, SIGNED_AT, TokenOptions(flip_signature=not good))
        manifest = with_header(manifest, HEADERS[version], {"tstTokens": [{"val": token}]})

    assert failures(check(manifest, sample_trust)) == expected


def test_one_good_token_among_others_is_enough(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    They are tried in order, and what is wrong with the earlier ones is said.
    """
    manifest = stamped(
        signed_manifest(azure_v2(authority)),
        b"garbage",
        Authority.create().time_stamper,
        authority.time_stamper,
    )

    result = check(manifest, sample_trust)

    assert [status.code for status in result.statuses] == [
        "claimSignature.validated",
        "timeStamp.malformed",
        "timeStamp.untrusted",
        *ALL_GOOD[1:],
    ]
    assert result.signature.signed_at == SIGNED_AT


def test_the_first_good_token_is_the_last_one_read(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    A second result on the time would be one too many.
    """
    later = authority.time_stamper.stamp(bytes(32), LATER)
    manifest = stamped(signed_manifest(azure_v2(authority)), authority.time_stamper, later, b"garbage")

    result = check(manifest, sample_trust)

    assert [status.code for status in result.statuses] == ALL_GOOD


@pytest.mark.parametrize(
    "tokens",
    [
        pytest.param([b""] * 5, id="five"),
        pytest.param([bytes(65_537)], id="too-long"),
    ],
)
def test_tokens_beyond_the_bounds_make_the_signature_unreadable(
    authority: Authority, sample_trust: TrustProfile, tokens: list[bytes]
) -> None:
    """
    A bomb is refused whole.
    """
    result = check(stamped(signed_manifest(azure_v1(authority)), *tokens), sample_trust, SIGNED_AT)

    assert failures(result) == ["claimSignature.mismatch"]
    assert successes(result) == []
