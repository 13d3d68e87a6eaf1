"""
The entry to the library: sources, time, threads, processes, and the self-test.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from provenance import (
    MICROSOFT,
    AllOf,
    Asset,
    AssetTooLargeError,
    EngineError,
    Limits,
    PolicyError,
    TrustError,
    UnsupportedAssetError,
    ValidationState,
    VerificationResult,
    Verifier,
    builtin_policies,
    to_dict,
    verify,
)
from provenance import authority as made
from provenance.asset.asset import AssetSource
from provenance.authority import Authority, ManifestSpec, sign_image
from provenance.trust.profile import TrustProfile, dump_trust_profile
from provenance.verification import self_test

PNG = made.plain_png(24, 16, seed=1)
JPEG = made.plain_jpeg(24, 16, seed=1)
INSIDE = datetime(2024, 7, 1, tzinfo=UTC)
BEFORE = datetime(2023, 7, 1, tzinfo=UTC)
AFTER = datetime(2025, 7, 1, tzinfo=UTC)
BOTH_VERSIONS = pytest.mark.parametrize("describe", [made.azure_v1, made.azure_v2], ids=["v1", "v2"])

Describe = Callable[..., ManifestSpec]


@pytest.fixture(scope="session")
def verifier(sample_trust: TrustProfile) -> Verifier:
    """
    Verify under the default policy, without self-test.
    """
    return Verifier(trust=sample_trust, self_test=False)


@pytest.fixture(scope="session")
def mixed(authority: Authority) -> dict[str, bytes]:
    """
    Make images of every state and container.
    """
    stranger = Authority.create("Somebody Else")
    v1, v2 = made.azure_v1(authority), made.azure_v2(authority)
    changed = bytearray(sign_image(JPEG, v1))
    changed[-8] ^= 1
    unstamped = replace(made.azure_v1(authority, credential=authority.lasting_signer), time_stamper=None)
    return {
        "plain.png": PNG,
        "plain.webp": made.plain_webp(),
        "v1.png": sign_image(PNG, v1),
        "v1.jpg": sign_image(JPEG, v1),
        "v2.png": sign_image(PNG, v2),
        "v2.webp": sign_image(made.plain_webp(), v2),
        "2023.jpg": sign_image(JPEG, made.azure_2023(authority)),
        "designer.png": sign_image(PNG, made.designer(authority, v1)),
        "unstamped.png": sign_image(PNG, unstamped),
        "stranger.png": sign_image(PNG, made.azure_v1(stranger)),
        "changed.jpg": bytes(changed),
        "trailing.png": sign_image(PNG, v1) + b"x",
        "damaged.png": made.embed_store(PNG, b"not a store"),
    }


def report(result: VerificationResult) -> str:
    """
    Write a verdict as the bytes of its report.
    """
    return json.dumps(to_dict(result))


def unstamped(authority: Authority, describe: Describe, *, lasting: bool = False) -> bytes:
    """
    Sign without a time-stamp, by the signer of 2024 or by the one that lasts.
    """
    credential = authority.lasting_signer if lasting else authority.signer
    return sign_image(PNG, replace(describe(authority, credential=credential), time_stamper=None))


# --- sources --------------------------------------------------------------------------------------


def sources(data: bytes, path: Path) -> Iterator[AssetSource | Asset]:
    """
    Return the same bytes in every form there is.
    """
    path.write_bytes(data)
    yield path
    yield str(path)
    yield data
    yield bytearray(data)
    yield memoryview(data)
    yield io.BytesIO(data)


def test_every_kind_of_source_gives_the_same_report(
    mixed: Mapping[str, bytes], verifier: Verifier, tmp_path: Path
) -> None:
    """
    The bytes are judged, and nothing about where they came from.
    """
    for name, data in mixed.items():
        reports = {report(verifier.verify(source)) for source in sources(data, tmp_path / name)}
        with path_of(data, tmp_path / name).open("rb") as stream:
            reports.add(report(verifier.verify(stream)))
        with Asset.from_bytes(data, Limits()) as asset:
            reports.add(report(verifier.verify(asset)))
            reports.add(report(verifier.verify(asset)))

        assert len(reports) == 1


def path_of(data: bytes, path: Path) -> Path:
    """
    Write a file.
    """
    path.write_bytes(data)
    return path


def test_a_name_says_nothing(mixed: Mapping[str, bytes], verifier: Verifier, tmp_path: Path) -> None:
    """
    Neither its suffix nor its case.
    """
    reports = {
        report(verifier.verify(path_of(mixed["v1.png"], tmp_path / name)))
        for name in ("a.png", "a.jpg", "a.txt", "a", "A.SVG")
    }

    assert len(reports) == 1


def test_an_asset_that_was_given_stays_open(
    mixed: Mapping[str, bytes], verifier: Verifier, tmp_path: Path
) -> None:
    """
    Whoever opened it closes it.
    """
    with Asset.from_path(path_of(mixed["v1.png"], tmp_path / "a.png"), Limits()) as asset:
        verifier.verify(asset)

        assert asset.read_at(0, 4) == b"\x89PNG"


def test_what_is_no_image_is_an_error(verifier: Verifier) -> None:
    """
    And what is no source at all is a programming error.
    """
    with pytest.raises(UnsupportedAssetError):
        verifier.verify(b"%PDF-1.7")
    with pytest.raises(TypeError, match="expected a path"):
        verifier.verify(7)  # type: ignore[arg-type] # the point


def test_one_call_does_for_one_image(
    mixed: Mapping[str, bytes], sample_trust: TrustProfile, tmp_path: Path
) -> None:
    """
    With the same arguments as the class, and the self-test.
    """
    trust_file = tmp_path / "trust.toml"
    trust_file.write_text(dump_trust_profile(sample_trust), encoding="utf-8")

    by_profile = verify(mixed["v1.png"], trust=sample_trust, policy="azure-openai-lineage", at=INSIDE)
    by_file = verify(mixed["v1.png"], trust=trust_file)

    assert (by_profile.accepted, by_profile.policy.name) == (True, "azure-openai-lineage")
    assert (by_file.accepted, by_file.trust.digest) == (True, sample_trust.digest)
    assert verify(mixed["v1.png"]).state is ValidationState.VALID
    with pytest.raises(AssetTooLargeError):
        verify(mixed["v1.png"], limits=Limits(max_bytes=10))


# --- configuration --------------------------------------------------------------------------------


def test_the_defaults_are_microsofts_anchors_and_the_default_policy() -> None:
    """
    Nothing is read and nothing is judged by making a verifier.
    """
    plain = Verifier()

    assert (plain.trust, plain.policy, plain.limits) == (
        MICROSOFT,
        builtin_policies()["azure-openai"],
        Limits(),
    )


def test_a_policy_is_given_by_name_by_file_or_as_a_value(
    mixed: Mapping[str, bytes], sample_trust: TrustProfile, tmp_path: Path
) -> None:
    """
    The report names it.
    """
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\nversion = 7\nany_of = ["azure-openai"]', encoding="utf-8")
    both = AllOf("both", tuple(builtin_policies().values()))

    policies = [
        Verifier(policy=policy, trust=sample_trust, self_test=False).verify(mixed["v1.png"]).policy
        for policy in ("azure-openai-lineage", path, str(path), both)
    ]

    assert [(policy.name, policy.version) for policy in policies] == [
        ("azure-openai-lineage", 1),
        ("own", 7),
        ("own", 7),
        ("both", 1),
    ]


def test_a_configuration_that_cannot_be_read_is_refused_at_once(tmp_path: Path) -> None:
    """
    Before the first image.
    """
    with pytest.raises(PolicyError):
        Verifier(policy="nope")
    with pytest.raises(TrustError):
        Verifier(trust=tmp_path / "nope.toml")
    with pytest.raises(ValueError, match="time zone"):
        Verifier(at=datetime(2024, 1, 1))  # noqa: DTZ001 - the point


# --- the time that counts -------------------------------------------------------------------------


@BOTH_VERSIONS
@pytest.mark.parametrize(
    ("at", "state"),
    [(INSIDE, "trusted"), (BEFORE, "valid"), (AFTER, "valid"), (None, "valid")],
    ids=["inside", "before", "after", "now"],
)
def test_a_fixed_time_answers_for_an_expired_signer_without_time_stamp(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, at: datetime | None, state: str
) -> None:
    """
    Inside its validity it is trusted, outside not, and today it has expired.
    """
    result = Verifier(trust=sample_trust, at=at, self_test=False).verify(unstamped(authority, describe))

    assert (result.state, result.accepted) == (state, state == "trusted")
    assert result.readings[0].signature.signed_at is None


@BOTH_VERSIONS
@pytest.mark.parametrize(
    ("at", "state"),
    [(INSIDE, "trusted"), (BEFORE, "valid"), (datetime(2119, 6, 1, tzinfo=UTC), "valid"), (None, "trusted")],
    ids=["inside", "before", "after", "now"],
)
def test_a_fixed_time_answers_for_a_signer_that_is_valid_today(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, at: datetime | None, state: str
) -> None:
    """
    The engine knows today only; the time asked about decides.
    """
    signed = unstamped(authority, describe, lasting=True)

    assert Verifier(trust=sample_trust, at=at, self_test=False).verify(signed).state == state


@BOTH_VERSIONS
@pytest.mark.parametrize("at", [BEFORE, INSIDE, AFTER, datetime(2500, 1, 1, tzinfo=UTC), None])
def test_a_trusted_time_stamp_makes_the_time_irrelevant(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, at: datetime | None
) -> None:
    """
    The same report whatever time is asked about.
    """
    signed = sign_image(PNG, describe(authority))
    now = Verifier(trust=sample_trust, self_test=False).verify(signed)

    then = Verifier(trust=sample_trust, at=at, self_test=False).verify(signed)

    assert (then.state, report(then)) == (ValidationState.TRUSTED, report(now))


@BOTH_VERSIONS
@pytest.mark.parametrize(
    "options",
    [
        {"key_purposes": ("1.3.6.1.5.5.7.3.4",)},
        {"key_usages": frozenset({"key_encipherment"})},
    ],
    ids=["purpose", "usage"],
)
def test_a_fixed_time_excuses_nothing_but_the_time(
    authority: Authority, sample_trust: TrustProfile, describe: Describe, options: dict[str, object]
) -> None:
    """
    A signer of the wrong purpose was of the wrong purpose then, too.
    """
    signer = authority.issue_signer(**options)  # type: ignore[arg-type] # by name
    signed = sign_image(PNG, replace(describe(authority, credential=signer), time_stamper=None))

    result = Verifier(trust=sample_trust, at=INSIDE, self_test=False).verify(signed)

    assert (result.state, result.accepted) == (ValidationState.VALID, False)


@BOTH_VERSIONS
def test_a_fixed_time_makes_no_stranger_trusted(sample_trust: TrustProfile, describe: Describe) -> None:
    """
    Nor any change of the picture good.
    """
    stranger = Authority.create("Somebody Else")
    at = Verifier(trust=sample_trust, at=INSIDE, self_test=False)

    assert at.verify(unstamped(stranger, describe)).state is ValidationState.VALID


def test_a_fixed_time_shows_what_it_set_aside(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    The engine's failures by its own clock stay visible.
    """
    result = Verifier(trust=sample_trust, at=INSIDE, self_test=False).verify(
        unstamped(authority, made.azure_v1)
    )

    assert {status.code for status in result.readings[0].tolerated} == {
        "signingCredential.expired",
        "signingCredential.untrusted",
    }
    assert result.readings[0].failures == ()


def test_a_fixed_time_may_have_any_zone(authority: Authority, sample_trust: TrustProfile) -> None:
    """
    It is a moment.
    """
    signed = unstamped(authority, made.azure_v1)
    local = INSIDE.astimezone(timezone(timedelta(hours=-9)))

    reports = {
        report(Verifier(trust=sample_trust, at=at, self_test=False).verify(signed)) for at in (INSIDE, local)
    }

    assert len(reports) == 1


# --- threads and processes ------------------------------------------------------------------------


def test_threads_share_a_verifier(
    mixed: Mapping[str, bytes], sample_trust: TrustProfile, tmp_path: Path
) -> None:
    """
    Eight threads over mixed images give what one gives, from bytes and from files.
    """
    paths = [path_of(data, tmp_path / name) for name, data in mixed.items()]
    images: list[bytes | Path] = [*mixed.values(), *paths]
    shared = Verifier(trust=sample_trust, self_test=False)
    work = [images[number % len(images)] for number in range(8 * 50)]
    expected = [report(Verifier(trust=sample_trust, self_test=False).verify(image)) for image in images]

    with ThreadPoolExecutor(8) as pool:
        actual = list(pool.map(lambda image: report(shared.verify(image)), work))

    assert actual == [expected[number % len(images)] for number in range(8 * 50)]


FORKED = """
import json, os, sys
from pathlib import Path
from provenance import Verifier, load_trust_profile, to_dict

folder = Path(sys.argv[1])
names = sys.argv[2:]
shared = Verifier(trust=load_trust_profile(folder / "trust.toml"), self_test=True)


def judge():
    return [json.dumps(to_dict(shared.verify(source))) for name in names
            for source in (folder / name, (folder / name).read_bytes())]


before = judge()
receive, send = os.pipe()
child = os.fork()
if child == 0:
    os.close(receive)
    with os.fdopen(send, "w") as pipe:
        json.dump(judge(), pipe)
    os._exit(0)
os.close(send)
with os.fdopen(receive) as pipe:
    inherited = json.load(pipe)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert before == inherited == judge()
print(len(before))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_child_after_a_fork_judges_like_its_parent(
    mixed: Mapping[str, bytes], sample_trust: TrustProfile, tmp_path: Path
) -> None:
    """
    The engine's contexts die with a fork; it forks outside, so that no thread of these tests is copied.
    """
    (tmp_path / "trust.toml").write_text(dump_trust_profile(sample_trust), encoding="utf-8")
    for name, data in mixed.items():
        path_of(data, tmp_path / name)

    run = subprocess.run(
        [sys.executable, "-c", FORKED, str(tmp_path), *mixed],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (run.returncode, run.stderr, run.stdout.strip()) == (0, "", str(2 * len(mixed)))


# --- the self-test --------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """
    Count the runs of the self-test; it begins as if it had not run yet.
    """
    runs: list[int] = []

    def run() -> tuple[self_test.SelfTestCase, ...]:
        runs.append(os.getpid())
        return ()

    self_test.require_passed.cache_clear()
    monkeypatch.setattr(self_test, "run", run)
    yield runs
    self_test.require_passed.cache_clear()


def test_the_self_test_runs_once_a_process(
    counted: list[int], mixed: Mapping[str, bytes], sample_trust: TrustProfile
) -> None:
    """
    Before the first verdict, whichever verifier gives it, and not when a verifier is made.
    """
    first, second = Verifier(trust=sample_trust), Verifier(policy="azure-openai-lineage", trust=sample_trust)
    made_only = len(counted)

    for data in mixed.values():
        first.verify(data)
        second.verify(data)

    assert (made_only, len(counted)) == (0, 1)


def test_the_self_test_runs_again_in_another_process(
    counted: list[int], sample_trust: TrustProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    After a fork the engine has to be trusted anew.
    """
    judged = Verifier(trust=sample_trust)
    judged.verify(PNG)
    monkeypatch.setattr("provenance.verification.verifier.os.getpid", lambda: -1)

    judged.verify(PNG)

    assert len(counted) == 2


def test_the_self_test_can_be_left_out(counted: list[int], sample_trust: TrustProfile) -> None:
    """
    A command that ends at once has it as a command of its own.
    """
    Verifier(trust=sample_trust, self_test=False).verify(PNG)

    assert counted == []


def test_no_verdict_is_given_when_the_self_test_fails(
    sample_trust: TrustProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Not the first one, and not the second one either.
    """
    case = self_test.SelfTestCase("good.png", "why", "trusted, accepted", "valid, rejected")
    self_test.require_passed.cache_clear()
    monkeypatch.setattr(self_test, "run", lambda: (case,))
    judged = Verifier(trust=sample_trust)

    for _ in range(2):
        with pytest.raises(EngineError, match=r"good\.png: valid, rejected, not trusted, accepted"):
            judged.verify(PNG)

    self_test.require_passed.cache_clear()
