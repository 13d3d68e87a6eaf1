"""
Whom to believe: what a profile refuses, how it is written and read, and what its digest depends on.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.authority import Authority, AuthorityNames, Credential
from provenance.errors import TrustError
from provenance.toml_table import MAX_FILE_BYTES
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import (
    ANY_PURPOSE,
    CLAIM_SIGNING,
    DOCUMENT_SIGNING,
    OCSP_SIGNING,
    TIME_STAMPING,
    ClaimAnchor,
    Pin,
    TrustProfile,
    anchors_from_pem,
    dump_trust_profile,
    load_trust_profile,
    read_pem_certificates,
)
from tests.support import ca_options, certificate, pin, trust_in

A, B, C, D = (letter * 64 for letter in "abcd")
SIMPLE = TrustProfile("simple", (ClaimAnchor(Pin(A, "a")),))


def written(tmp_path: Path, toml: str | bytes) -> Path:
    """
    Write a profile to a file.
    """
    path = tmp_path / "profile.toml"
    path.write_bytes(toml.encode() if isinstance(toml, str) else toml)
    return path


# --- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sha256",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * 63, id="too-short"),
        pytest.param("a" * 65, id="too-long"),
        pytest.param("A" * 64, id="upper-case"),
        pytest.param("g" * 64, id="not-hex"),
        pytest.param("a" * 64 + "\n", id="line-end"),
        pytest.param(" " + "a" * 63, id="space"),
        pytest.param("\u0661" * 64, id="digits-of-another-script"),
        pytest.param(":".join(["aa"] * 32), id="colons"),
    ],
)
def test_a_pin_is_a_sha256_and_nothing_else(sha256: str) -> None:
    """
    A pin that can never match would be trust that silently is not there.
    """
    with pytest.raises(TrustError, match=r"^pin 'name' is not a SHA-256 in 64 lower-case hex digits$"):
        Pin(sha256, "name")


def test_a_pin_carries_its_own_certificate_only(authority: Authority) -> None:
    """
    Otherwise the fingerprint would say one thing and the engine would be given another.
    """
    with pytest.raises(TrustError, match=r"^pin 'root': the certificate given has another SHA-256$"):
        Pin(A, "root", certificate(authority.root))


@pytest.mark.parametrize("purpose", [TIME_STAMPING, OCSP_SIGNING, ANY_PURPOSE])
def test_purposes_that_would_admit_anybody_are_refused(purpose: str) -> None:
    """
    Alone or beside a proper one.
    """
    with pytest.raises(TrustError, match=rf"^anchor 'a': {purpose} is no purpose of a claim signer$"):
        ClaimAnchor(Pin(A, "a"), key_purposes=(CLAIM_SIGNING, purpose))


@pytest.mark.parametrize(
    "purpose",
    ["", "1", "3.1", "1.", ".1", "1.2.03", "1.2 ", "1.2\n", "clientAuth", "1." + "1" * 127],
)
def test_a_purpose_is_a_dotted_oid(purpose: str) -> None:
    """
    A misspelt purpose would be one that nobody has.
    """
    with pytest.raises(TrustError, match="is not a dotted OID"):
        ClaimAnchor(Pin(A, "a"), key_purposes=(purpose,))


def test_an_anchor_without_a_purpose_is_refused() -> None:
    """
    No demand must be made by writing nothing.
    """
    with pytest.raises(TrustError, match=r"^anchor 'a' demands no key purpose$"):
        ClaimAnchor(Pin(A, "a"), key_purposes=())


def test_a_profile_without_a_claim_anchor_is_refused() -> None:
    """
    It would reject everything, and look as if it judged.
    """
    with pytest.raises(TrustError, match=r"^trust profile 'empty' has no claim anchor"):
        TrustProfile("empty", (), (Pin(A, "a"),))


@pytest.mark.parametrize("name", ["", ".hidden", "-dash", "a/b", "a b", "a\n", "\u00e9", "a" * 65])
def test_a_profile_has_a_plain_name(name: str) -> None:
    """
    Names go into reports, file names and commands.
    """
    with pytest.raises(TrustError, match=r"may hold letters, digits, '\.', '-' and '_' only$"):
        replace(SIMPLE, name=name)


def test_default_purposes_are_those_of_the_specification() -> None:
    """
    C2PA claim signing and document signing; e-mail protection, which the engine takes, is not.
    """
    assert ClaimAnchor(Pin(A, "a")).key_purposes == (CLAIM_SIGNING, DOCUMENT_SIGNING)


# --- files -------------------------------------------------------------------------------------------


def test_a_profile_is_read_from_toml(tmp_path: Path) -> None:
    """
    The form of the documentation; fingerprints as other tools print them are understood.
    """
    path = written(
        tmp_path,
        f"""
        name = "mine"
        [[claim_anchors]]
        name = "a"
        sha256 = "{":".join(["AA"] * 32)}"
        key_purposes = ["1.2.3"]
        [[claim_anchors.intermediates]]
        name = "b"
        sha256 = "{B}"
        [[claim_anchors]]
        name = "c"
        sha256 = "{C}"
        [[time_stamp_anchors]]
        name = "d"
        sha256 = "{D}"
        """,
    )

    assert load_trust_profile(path) == TrustProfile(
        "mine",
        (ClaimAnchor(Pin(A, "a"), (Pin(B, "b"),), ("1.2.3",)), ClaimAnchor(Pin(C, "c"))),
        (Pin(D, "d"),),
    )


def test_a_certificate_in_toml_needs_no_fingerprint(tmp_path: Path, authority: Authority) -> None:
    """
    It has one.
    """
    path = written(
        tmp_path, f'name = "mine"\n[[claim_anchors]]\nname = "root"\npem = """\n{authority.root.pem}"""\n'
    )

    assert load_trust_profile(path).claim_anchors[0].pin == pin(authority.root, "root", carried=True)


def test_a_written_profile_is_read_back_as_it_was(tmp_path: Path, authority: Authority) -> None:
    """
    With and without certificates, purposes and intermediates.
    """
    profile = TrustProfile(
        "round.trip_1-2",
        (
            ClaimAnchor(
                pin(authority.root, 'A "quoted" name', carried=True),
                (pin(authority.intermediate, "back\\slash"), Pin(B, "b")),
                ("1.2.3", "2.16.840.1"),
            ),
            ClaimAnchor(Pin(C, "c")),
        ),
        (pin(authority.time_stamp_root, "tab\tand\nline", carried=True), Pin(D, "d\u00e9")),
    )

    read = load_trust_profile(written(tmp_path, dump_trust_profile(profile)))

    assert read == profile
    assert read.digest == profile.digest


def test_the_microsoft_profile_is_read_back_as_it_was(tmp_path: Path) -> None:
    """
    Users start their own from it.
    """
    assert load_trust_profile(written(tmp_path, dump_trust_profile(MICROSOFT))) == MICROSOFT


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8))
def test_any_certificates_name_survives_being_written(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    """
    Names come out of certificates, which may hold any Unicode text.
    """
    profile = TrustProfile("p", (ClaimAnchor(Pin(A, name)),))

    read = load_trust_profile(written(tmp_path_factory.mktemp("names"), dump_trust_profile(profile)))

    assert read == profile


def test_a_name_beyond_the_basic_plane_survives_being_written(tmp_path: Path) -> None:
    """
    JSON escapes such characters as surrogates, which TOML forbids.
    """
    profile = TrustProfile("p", (ClaimAnchor(Pin(A, "\U0001f512 Root")),))

    assert load_trust_profile(written(tmp_path, dump_trust_profile(profile))) == profile


ANCHOR = f'name = "p"\n[[claim_anchors]]\nname = "a"\nsha256 = "{A}"\n'


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        pytest.param("", "'name' is missing or not text", id="empty"),
        pytest.param('name = "p"', "has no claim anchor", id="no-anchors"),
        pytest.param("name = ", "is not TOML", id="syntax"),
        pytest.param(ANCHOR.encode() + b'\nx = "\xff"', "is not TOML", id="not-utf-8"),
        pytest.param("anchors = 1\n" + ANCHOR, "has unknown keys: anchors", id="unknown-key"),
        pytest.param(
            ANCHOR + 'purposes = ["1.2"]',
            r"\[\[claim_anchors\]\] has unknown keys: purposes",
            id="misspelt-key",
        ),
        pytest.param(
            ANCHOR + f'[[time_stamp_anchors]]\nname = "d"\nsha256 = "{D}"\nkey_purposes = []',
            r"\[\[time_stamp_anchors\]\] has unknown keys: key_purposes",
            id="demands-on-time-stampers",
        ),
        pytest.param(
            ANCHOR + f'[[claim_anchors.intermediates]]\nname = "d"\nsha256 = "{D}"\nkey_purposes = []',
            r"\[\[intermediates\]\] has unknown keys: key_purposes",
            id="demands-on-intermediates",
        ),
        pytest.param(ANCHOR + "key_purposes = []", "demands no key purpose", id="no-purposes"),
        pytest.param(ANCHOR + "key_purposes = [1]", "not a list of text", id="purpose-is-a-number"),
        pytest.param(ANCHOR + 'key_purposes = "1.2"', "not a list of text", id="purposes-are-text"),
        pytest.param(ANCHOR + f'key_purposes = ["{ANY_PURPOSE}"]', "is no purpose", id="any-purpose"),
        pytest.param(ANCHOR + 'pem = "x"', "'a' holds no PEM certificate", id="pem-is-none"),
        pytest.param(ANCHOR.replace(A, "abc"), "is not a SHA-256", id="fingerprint-too-short"),
        pytest.param('name = "p"\n[[claim_anchors]]\nname = "a"', "'sha256' is missing", id="neither"),
        pytest.param('name = "p"\nclaim_anchors = 1', "is not a list of tables", id="anchors-are-a-number"),
        pytest.param('name = "p"\n[claim_anchors]\n', "is not a list of tables", id="anchors-are-a-table"),
        pytest.param("name = 1", "'name' is missing or not text", id="name-is-a-number"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, toml: str | bytes, message: str) -> None:
    """
    Nothing in it is passed over: what is not understood might have been a demand.
    """
    with pytest.raises(TrustError, match=message) as caught:
        load_trust_profile(written(tmp_path, toml))

    assert "trust profile 'profile.toml'" in str(caught.value)
    assert caught.value.hint.startswith("Correct the file")


def _pem_profile(pem: str, sha256: str | None = None) -> str:
    fingerprint = f'sha256 = "{sha256}"\n' if sha256 else ""
    return f'name = "p"\n[[claim_anchors]]\nname = "a"\n{fingerprint}pem = """\n{pem}"""\n'


def test_a_certificate_of_another_fingerprint_is_refused(tmp_path: Path, authority: Authority) -> None:
    """
    One of the two is wrong, and nobody can say which.
    """
    path = written(tmp_path, _pem_profile(authority.root.pem, A))

    with pytest.raises(
        TrustError,
        match=r"^trust profile 'profile\.toml': pin 'a': the certificate given has another SHA-256$",
    ):
        load_trust_profile(path)


def test_several_certificates_for_one_anchor_are_refused(tmp_path: Path, authority: Authority) -> None:
    """
    A chain pasted whole must not pin its first certificate by chance.
    """
    path = written(tmp_path, _pem_profile(authority.root.pem + authority.intermediate.pem))

    with pytest.raises(
        TrustError, match=r"^trust profile 'profile\.toml': anchor 'a': pem holds 2 certificates, not one$"
    ):
        load_trust_profile(path)


@pytest.mark.parametrize("use", ["in-a-profile", "in-a-file"])
def test_a_certificate_that_is_no_authority_is_refused(
    tmp_path: Path, authority: Authority, use: str
) -> None:
    """
    A signer's certificate pinned as an anchor is a misunderstanding.
    """
    pem = authority.signer.pem
    path = written(tmp_path, _pem_profile(pem) if use == "in-a-profile" else pem)
    read = load_trust_profile if use == "in-a-profile" else read_pem_certificates

    with pytest.raises(TrustError, match=r"'CN=Sample Authority Signer,.*' is not a certificate authority$"):
        read(path)


def test_all_authorities_of_a_pem_file_are_read_in_order(tmp_path: Path, authority: Authority) -> None:
    """
    Text between them is what tools write there.
    """
    other = authority.time_stamp_root.pem.replace("\n", "\r\n")
    pem = f"# roots\n{authority.root.pem}\nsubject=x\n{other}"

    read = read_pem_certificates(written(tmp_path, pem))

    assert read == (certificate(authority.root), certificate(authority.time_stamp_root))


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        pytest.param("", "holds no PEM certificate", id="empty"),
        pytest.param("-----BEGIN CERTIFICATE-----\nAAAA\n", "holds no PEM certificate", id="no-end"),
        pytest.param(
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "holds no PEM certificate",
            id="key",
        ),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "cannot be read", id="not-der"
        ),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----", "cannot be read", id="not-base64"
        ),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\n" + "A" * 40_000 + "\n-----END CERTIFICATE-----",
            "cannot be read",
            id="too-long",
        ),
    ],
)
def test_a_pem_file_without_a_readable_certificate_is_refused(tmp_path: Path, pem: str, message: str) -> None:
    """
    Silence would be an empty list of anchors.
    """
    with pytest.raises(TrustError, match=rf"^'profile\.toml' .*{message}"):
        read_pem_certificates(written(tmp_path, pem))


def test_one_bad_certificate_spoils_a_pem_file(tmp_path: Path, authority: Authority) -> None:
    """
    Half a list of anchors is not what the user asked for.
    """
    pem = authority.root.pem + authority.signer.pem

    with pytest.raises(TrustError, match="is not a certificate authority"):
        read_pem_certificates(written(tmp_path, pem))


@pytest.mark.parametrize("read", [load_trust_profile, read_pem_certificates])
def test_a_missing_or_oversize_file_is_an_error_of_trust(tmp_path: Path, read: object) -> None:
    """
    The caller catches one kind of error, whatever is wrong with the file.
    """
    assert callable(read)
    with pytest.raises(TrustError, match=r"^'absent' cannot be read"):
        read(tmp_path / "absent")
    with pytest.raises(TrustError, match=r"^'profile\.toml' is larger than 4,194,304 bytes$"):
        read(written(tmp_path, b"#" * (MAX_FILE_BYTES + 1)))


def test_certificates_at_hand_make_a_profile(authority: Authority) -> None:
    """
    Named after their common name.
    """
    profile = anchors_from_pem(
        "mine",
        (certificate(authority.root),),
        (certificate(authority.time_stamp_root),),
        key_purposes=("1.2.3",),
    )

    assert profile == TrustProfile(
        "mine",
        (ClaimAnchor(pin(authority.root, "Sample Authority Root CA", carried=True), (), ("1.2.3",)),),
        (pin(authority.time_stamp_root, "Sample Authority Time-Stamp Root CA", carried=True),),
    )


def test_a_certificate_without_a_common_name_is_called_by_its_subject(authority: Authority) -> None:
    """
    Some roots have none.
    """
    subject = type(authority.names.root)(list(authority.names.root)[:2])
    root = Credential.self_signed(replace(ca_options(), subject=subject))

    profile = anchors_from_pem("mine", (certificate(root),))

    assert profile.claim_anchors[0].pin.name == "O=Sample Authority,C=US"


def test_a_profile_of_no_certificates_is_refused() -> None:
    """
    As any other empty profile.
    """
    with pytest.raises(TrustError, match="has no claim anchor"):
        anchors_from_pem("mine", ())


# --- digest ------------------------------------------------------------------------------------------


FULL = TrustProfile(
    "full",
    (ClaimAnchor(Pin(A, "a"), (Pin(B, "b"), Pin(C, "c")), ("1.2.3", "1.2.4")), ClaimAnchor(Pin(B, "b"))),
    (Pin(C, "c"), Pin(D, "d")),
)


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(replace(FULL, name="other"), id="name"),
        pytest.param(replace(FULL, claim_anchors=FULL.claim_anchors[::-1]), id="order-of-claim-anchors"),
        pytest.param(replace(FULL, time_stamp_anchors=FULL.time_stamp_anchors[::-1]), id="order-of-stampers"),
        pytest.param(
            replace(
                FULL,
                claim_anchors=(
                    ClaimAnchor(Pin(A, "x"), (Pin(C, "y"), Pin(B, "z")), ("1.2.4", "1.2.3")),
                    FULL.claim_anchors[1],
                ),
            ),
            id="names-and-order-within-an-anchor",
        ),
    ],
)
def test_the_digest_does_not_depend_on_order_and_names(same: TrustProfile) -> None:
    """
    They decide nothing, so reports under either profile can be compared.
    """
    assert same.digest == FULL.digest


def _first(anchor: ClaimAnchor) -> TrustProfile:
    return replace(FULL, claim_anchors=(anchor, *FULL.claim_anchors[1:]))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(FULL, claim_anchors=FULL.claim_anchors[:1]), id="anchor-left-out"),
        pytest.param(replace(FULL, time_stamp_anchors=FULL.time_stamp_anchors[:1]), id="stamper-left-out"),
        pytest.param(replace(FULL, time_stamp_anchors=()), id="no-stampers"),
        pytest.param(_first(replace(FULL.claim_anchors[0], pin=Pin(D, "a"))), id="another-anchor"),
        pytest.param(_first(replace(FULL.claim_anchors[0], intermediates=())), id="any-intermediate"),
        pytest.param(
            _first(replace(FULL.claim_anchors[0], intermediates=(Pin(B, "b"),))), id="one-intermediate"
        ),
        pytest.param(_first(replace(FULL.claim_anchors[0], key_purposes=("1.2.3",))), id="one-purpose"),
        pytest.param(
            replace(
                FULL,
                claim_anchors=(
                    replace(FULL.claim_anchors[0], key_purposes=FULL.claim_anchors[1].key_purposes),
                    replace(FULL.claim_anchors[1], key_purposes=FULL.claim_anchors[0].key_purposes),
                ),
            ),
            id="purposes-exchanged",
        ),
    ],
)
def test_the_digest_depends_on_every_demand(other: TrustProfile) -> None:
    """
    Two profiles that judge differently must not look alike in a report.
    """
    assert other.digest != FULL.digest


def test_the_digest_depends_on_which_certificates_are_carried(authority: Authority) -> None:
    """
    A carried root is trusted where it is left out of the chain, and a pin alone is not.
    """
    carried = TrustProfile("p", (ClaimAnchor(pin(authority.root, carried=True)),))
    pinned = TrustProfile("p", (ClaimAnchor(pin(authority.root)),))

    assert carried.digest != pinned.digest


def test_claim_and_time_stamp_anchors_are_two_lists() -> None:
    """
    The same certificate in the other list is another demand.
    """
    one = TrustProfile("p", (ClaimAnchor(Pin(A, "a")),), (Pin(B, "b"),))
    other = TrustProfile("p", (ClaimAnchor(Pin(B, "b")),), (Pin(A, "a"),))

    assert one.digest != other.digest


def test_the_digest_of_the_microsoft_profile_is_this() -> None:
    """
    Reports name it: a change of it is a change of whom we believe, and belongs into the changelog.
    """
    assert MICROSOFT.digest == "c978d30d72bd200d21de468dbb8afeeee12d9f2c9f79e3874809743c51051c94"


# --- joined profiles ---------------------------------------------------------------------------------


def test_joined_profiles_believe_whom_either_believes() -> None:
    """
    Each anchor keeps its own demands, and nothing stands twice.
    """
    other = TrustProfile(
        "other", (ClaimAnchor(Pin(B, "b"), (), ("1.2.3",)), *SIMPLE.claim_anchors), (Pin(C, "c"),)
    )

    joined = SIMPLE | other

    assert joined == TrustProfile(
        "simple.other",
        (SIMPLE.claim_anchors[0], other.claim_anchors[0]),
        (Pin(C, "c"),),
        version=None,
        parts=(SIMPLE, other),
    )
    assert joined.parts == (SIMPLE, other)


def test_a_profile_joined_with_itself_believes_the_same() -> None:
    """
    Joining adds nobody who was there before.
    """
    joined = FULL | FULL

    assert (joined.claim_anchors, joined.time_stamp_anchors) == (FULL.claim_anchors, FULL.time_stamp_anchors)
    assert joined.digest == FULL.digest


def test_the_order_of_joining_changes_no_demand() -> None:
    """
    Or reports would differ by the order of options on a command line.
    """
    assert (SIMPLE | FULL).digest == (FULL | SIMPLE).digest


def test_a_joined_name_is_cut_to_what_a_name_may_be() -> None:
    """
    Profiles can be joined any number of times.
    """
    long = replace(SIMPLE, name="a" * 64)

    assert (long | long).name == "a" * 64


# --- Microsoft ---------------------------------------------------------------------------------------


def test_an_impostors_names_do_not_make_its_fingerprints() -> None:
    """
    The Microsoft profile holds no name that decides anything.
    """
    impostor = trust_in(Authority.create(names=AuthorityNames.microsoft()))
    pinned = {anchor.pin.sha256 for anchor in impostor.claim_anchors}

    assert pinned.isdisjoint(anchor.pin.sha256 for anchor in MICROSOFT.claim_anchors)


def test_the_microsoft_profile_carries_no_certificate() -> None:
    """
    They travel in the images; none is shipped.
    """
    pins = [*MICROSOFT.time_stamp_anchors]
    for anchor in MICROSOFT.claim_anchors:
        pins += [anchor.pin, *anchor.intermediates]

    assert [pin_.certificate for pin_ in pins] == [None] * 7


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("file", "pinned"),
    [
        ("microsoft-supply-chain-rsa-root-ca-2022.pem", MICROSOFT.claim_anchors[0].pin),
        ("microsoft-scd-claimants-rsa-ca.pem", MICROSOFT.claim_anchors[0].intermediates[0]),
        ("microsoft-c2pa-claims-al2-pca-2025.pem", MICROSOFT.claim_anchors[1].pin),
        ("microsoft-c2pa-al2-root-ca-2025.pem", MICROSOFT.time_stamp_anchors[2]),
        ("microsoft-public-rsa-timestamping-ca-2020.pem", MICROSOFT.time_stamp_anchors[3]),
    ],
)
def test_microsofts_fingerprints_are_those_of_its_certificates(
    real_certificates: Path, file: str, pinned: Pin
) -> None:
    """
    Read from the certificates themselves, name included.
    """
    (found,) = read_pem_certificates(real_certificates / file)

    assert (found.sha256, found.common_name) == (pinned.sha256, pinned.name)


@pytest.mark.corpus
@pytest.mark.parametrize("file", ["c2pa-trust-list-20260821.pem", "c2pa-tsa-trust-list-20260821.pem"])
def test_no_certificate_of_the_official_lists_is_pinned(real_certificates: Path, file: str) -> None:
    """
    Azure OpenAI's images are on none of them, which is why there is a profile.
    """
    listed = {found.sha256 for found in read_pem_certificates(real_certificates / file)}
    pinned = {anchor.pin.sha256 for anchor in MICROSOFT.claim_anchors}

    assert listed
    assert pinned.isdisjoint(listed)
