"""
What verdicts are kept under: everything that decides them, through every surface.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from provenance import MICROSOFT, Limits, Verifier, builtin_policies
from provenance.audit.message import WorkerSettings
from provenance.audit.worker import worker_factory
from provenance.authority import Authority
from provenance.distribution import (
    HOME,
    NAME,
    UNKNOWN,
    configuration_folder,
    state_folder,
    verdict_digest,
    version,
    versions,
)
from provenance.errors import InstallationChangedError
from provenance.policy.policy import CreatedPolicy, load_policy
from provenance.service.worker import make_verifiers, make_work
from provenance.trust.profile import ClaimAnchor, Pin, TrustProfile
from tests.audit.run_support import settle
from tests.cli.conftest import PROGRAM
from tests.service.store_support import make_images
from tests.service.support import Process
from tests.support import PNG

JUDGING = (NAME, "c2pa-python", "cbor2", "cryptography")
PRINTED = "from provenance import Verifier; print(Verifier().digest)"


def install(folder: Path, name: str, number: str = "99.0") -> str:
    """
    Put the metadata of another version of a distribution where the interpreter looks first.

    Returns:
        What PYTHONPATH has to be.
    """
    metadata = folder / f"{name.replace('-', '_')}-{number}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n", "utf-8")
    return str(folder)


def digest_in_a_process(**environment: str) -> str:
    """
    Compute the digest of the default verifier in another process.
    """
    run = subprocess.run(
        [sys.executable, "-c", PRINTED],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout.strip()


# --- what decides ---------------------------------------------------------------------------------


def renamed() -> TrustProfile:
    """
    Trust the same, under other names.
    """
    (first, *further), stamps = MICROSOFT.claim_anchors, MICROSOFT.time_stamp_anchors
    pin = Pin(first.pin.sha256, "another name", first.pin.certificate)
    return TrustProfile(
        MICROSOFT.name, (ClaimAnchor(pin, first.intermediates, first.key_purposes), *further), stamps
    )


DEFAULT = load_policy("azure-openai")
CHANGED: dict[str, list[Any]] = {
    "policy": [
        "azure-openai-lineage",
        CreatedPolicy(
            DEFAULT.name, DEFAULT.version + 1, builtin_policies()["azure-openai-documented"].requirements
        ),
    ],
    "trust": [renamed(), TrustProfile("other", MICROSOFT.claim_anchors, MICROSOFT.time_stamp_anchors)],
    "limits": [
        Limits(**{name: getattr(Limits(), name) - 1})
        for name in ("max_bytes", "max_chunks", "max_store_bytes", "max_manifests", "max_xmp_bytes")
    ],
    "at": [datetime(2024, 7, 1, tzinfo=UTC), datetime(2024, 7, 2, tzinfo=UTC)],
}


def test_whatever_a_verifier_is_made_with_counts() -> None:
    """
    A new argument has to be placed here: either it decides, or verdicts are the same with and without it.
    """
    arguments = set(inspect.signature(Verifier).parameters) - {"self_test"}
    verifiers = [Verifier(**{name: value}) for name, values in CHANGED.items() for value in values]

    digests = [verifier.digest for verifier in (Verifier(), *verifiers)]

    assert arguments == set(CHANGED)
    assert len(set(digests)) == len(digests)


def test_the_digest_is_one_of_contents() -> None:
    """
    In another process, and with or without the self-test.
    """
    assert Verifier(self_test=False).digest == Verifier(limits=Limits()).digest == digest_in_a_process()


def test_what_is_installed_counts(tmp_path: Path) -> None:
    """
    Each part that judges, and nothing else.
    """
    digests = {
        name: digest_in_a_process(PYTHONPATH=install(tmp_path / name, name))
        for name in (*JUDGING, "click", "pillow")
    }

    ours = Verifier().digest
    assert {name for name, digest in digests.items() if digest != ours} == set(JUDGING)
    assert len(set(digests.values())) == 1 + len(JUDGING)


def test_the_interpreter_and_the_built_in_policies_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Its library reads times and texts; and reports say which of the built-in policies accept.
    """
    digests = {Verifier().digest}

    with monkeypatch.context() as patched:
        patched.setattr(sys, "version_info", (3, 99, 0, "final", 0))
        digests.add(Verifier().digest)
    with monkeypatch.context() as patched:
        patched.setattr("provenance.verification.verifier.builtin_policies", dict)
        digests.add(Verifier().digest)

    assert len(digests) == 3


def test_a_digest_is_a_sha256() -> None:
    """
    In the form in which the store keeps it.
    """
    assert len(verdict_digest(None)) == len(hashlib.sha256().hexdigest())
    assert verdict_digest({"a": 1, "b": 2}) == verdict_digest({"b": 2, "a": 1})


def test_a_package_without_metadata_has_an_unknown_version() -> None:
    """
    As when the sources are used without being installed.
    """
    assert version()[0].isdigit()
    assert version("no-such-package") == UNKNOWN
    assert versions() == f"{NAME} {version()} (c2pa-python {version('c2pa-python')})"


# --- a verdict that holds for a day ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("absent", False),
        ("invalid", False),
        ("trusted", False),
        ("changed", False),
        ("lineage", False),
        ("undated", True),
        ("undated-lineage", True),
        ("undated-orphan", False),
    ],
)
def test_a_signature_without_a_date_depends_on_the_day(
    authority: Authority,
    sample_trust: TrustProfile,
    kind: str,
    expected: bool,  # noqa: FBT001 - a parameter
) -> None:
    """
    In an ingredient, too; what nothing references proves nothing, today or tomorrow.
    """
    image = make_images(authority)[kind]

    assert Verifier(trust=sample_trust).verify(image).depends_on_day is expected


# --- what is kept under it ------------------------------------------------------------------------


def judge_and_list(tmp_path: Path) -> list[dict[str, Any]]:
    """
    Send an image to a service, and list the reports on it.
    """
    with Process(tmp_path, "--no-auth") as service:
        for _ in range(2):
            assert httpx.post(f"{service.address}/v1/verify", content=PNG).status_code == 200
        found = httpx.get(f"{service.address}/v1/reports/{hashlib.sha256(PNG).hexdigest()}").json()
    reports: list[dict[str, Any]] = found["reports"]
    return reports


def test_the_service_judges_anew_after_an_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A library that was mended may say something else about the same image.
    """
    before = judge_and_list(tmp_path)
    again = judge_and_list(tmp_path)
    monkeypatch.setenv("PYTHONPATH", install(tmp_path / "newer", "cryptography"))
    after = judge_and_list(tmp_path)

    assert len(before) == 1
    assert again == before
    assert len(after) == 2
    assert after[1] == before[0]


def test_an_audit_judges_anew_after_an_update(tmp_path: Path) -> None:
    """
    What is remembered was said by what was installed then.
    """
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "x.png").write_bytes(PNG)
    settle([folder / "x.png"])
    newer = {"PYTHONPATH": install(tmp_path / "newer", "cryptography")}

    def reused(environment: dict[str, str]) -> int:
        run = subprocess.run(
            [PROGRAM, "audit", "--format", "json", "--state", "state.db", "images"],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
            timeout=120,
        )
        count: int = json.loads(run.stdout)["reused"]
        return count

    assert [reused({}), reused({}), reused(newer), reused(newer)] == [0, 1, 0, 1]


def test_a_worker_that_finds_other_packages_does_not_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What it said would be kept as the word of what was installed when the program started.
    """
    policies = (DEFAULT,)
    verifiers = make_verifiers(policies, MICROSOFT, Limits())
    judged_by = {name: verifier.digest for name, verifier in verifiers.items()}
    for_audit = worker_factory(WorkerSettings(DEFAULT, MICROSOFT, Limits()))

    make_work(policies, MICROSOFT, Limits(), judged_by)
    monkeypatch.syspath_prepend(install(tmp_path, "cryptography"))

    with pytest.raises(InstallationChangedError, match="changed"):
        make_work(policies, MICROSOFT, Limits(), judged_by)
    with pytest.raises(InstallationChangedError, match="changed"):
        for_audit()


# --- folders --------------------------------------------------------------------------------------


def test_the_folders_of_a_user_follow_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Or one variable of ours, which comes before all others.
    """
    monkeypatch.delenv(HOME, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    plain = (configuration_folder(), state_folder())
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    chosen = (configuration_folder(), state_folder())
    monkeypatch.setenv(HOME, "/h")

    assert plain == (tmp_path / ".config" / NAME, tmp_path / ".local/state" / NAME)
    assert chosen == (Path("/c") / NAME, Path("/s") / NAME)
    assert (configuration_folder(), state_folder()) == (Path("/h"), Path("/h/state"))
