"""
The sample images: every file that is listed, and no other, yields what the list says.

Through the library and through the command, which must give the same report.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from provenance import ValidationState, VerificationResult, Verifier, builtin_policies, schema, to_dict
from scripts import make_samples
from scripts.samples.declaration import INVALID
from scripts.samples.trusted import ACCEPTED

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_images"
SELF_TEST = ROOT / "provenance" / "verification" / "self_test_data"
PROFILE = SAMPLES / "trust.toml"
DEFAULT = "azure-openai"
POLICIES = tuple(builtin_policies())
NOT_IMAGES = {"README.md", "index.toml", "trust.toml"}
SCHEMA = Draft202012Validator(schema())


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What the list says of one sample.
    """

    path: str
    sha256: str
    how: str
    why: str
    state: str
    accepted: dict[str, bool]
    findings: list[str]
    azure_openai_in: str

    @property
    def file(self) -> Path:
        """
        Where it lies.
        """
        return SAMPLES / self.path


ENTRIES = tuple(
    Entry(**table) for table in tomllib.loads((SAMPLES / "index.toml").read_text(encoding="utf-8"))["images"]
)
EACH_SAMPLE = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
EACH_POLICY = pytest.mark.parametrize("policy", POLICIES)

Reports = dict[str, dict[str, Any]]


@cache
def judged(path: str, policy: str) -> VerificationResult:
    """
    Judge a sample under the sample trust profile, through the library.
    """
    return verifier(policy).verify(SAMPLES / path)


@cache
def verifier(policy: str) -> Verifier:
    """
    Make one verifier for each policy.
    """
    return Verifier(policy=policy, trust=PROFILE)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Reports]:
    """
    Judge all samples through the command, once for each policy; by path.
    """
    home = str(tmp_path_factory.mktemp("home"))
    # No profile or policy of whoever runs the tests.
    environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home}

    @cache
    def run(policy: str) -> Reports:
        options = ["--trust-profile", str(PROFILE), "--policy", policy, "--format", "jsonl"]
        done = subprocess.run(
            [sys.executable, "-m", "provenance.cli", "verify", *options, *(e.path for e in ENTRIES)],
            cwd=SAMPLES,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert (done.returncode, done.stderr) == (1, "")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return {line["asset"]["name"]: line for line in lines}

    return run


# --- the list ---------------------------------------------------------------------------------------


def test_every_file_has_an_entry_and_every_entry_a_file() -> None:
    """
    A sample without an expectation is never looked at.
    """
    files = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*") if path.is_file()}

    assert sorted(entry.path for entry in ENTRIES) == sorted(files - NOT_IMAGES)


def test_samples_stay_small() -> None:
    """
    Everyone who clones the repository pays for them.
    """
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 3_000_000


def test_every_kind_of_outcome_has_a_sample() -> None:
    """
    A list that lost a state, or all that is accepted, would pass every other test here.
    """
    assert {entry.state for entry in ENTRIES} == {state.value for state in ValidationState}
    assert {entry.azure_openai_in for entry in ENTRIES} == {"active", "ingredient", ""}
    for policy in POLICIES:
        assert {entry.accepted[policy] for entry in ENTRIES} == {True, False}


@EACH_SAMPLE
def test_a_sample_is_the_one_that_was_listed(entry: Entry) -> None:
    """
    It lies in the folder of its state, unchanged, and says what it is for.
    """
    assert entry.sha256 == hashlib.sha256(entry.file.read_bytes()).hexdigest()
    assert entry.state == entry.path.split("/", maxsplit=1)[0]
    assert entry.how
    assert entry.why


@pytest.mark.parametrize("folder", [SAMPLES, SELF_TEST], ids=lambda folder: folder.name)
def test_no_private_key_is_shipped(folder: Path) -> None:
    """
    Whoever held one could sign more images that the profile beside it believes.
    """
    texts = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert [path.name for path, content in texts.items() if b"PRIVATE KEY" in content] == []


# --- verdicts ---------------------------------------------------------------------------------------


@EACH_SAMPLE
@EACH_POLICY
def test_a_sample_yields_what_the_list_says(entry: Entry, policy: str) -> None:
    """
    The state never depends on the policy; the acceptance does.
    """
    result = judged(entry.path, policy)

    assert entry.state == result.state
    assert entry.accepted[policy] is result.accepted
    assert [name for name, accepted in entry.accepted.items() if accepted] == list(result.passes)


@EACH_SAMPLE
def test_a_sample_has_the_findings_that_the_list_says(entry: Entry) -> None:
    """
    Rejected for the right reason, not for any.
    """
    result = judged(entry.path, DEFAULT)

    assert entry.findings == [finding.id for finding in result.findings]


@EACH_SAMPLE
def test_the_report_of_a_sample_fits_the_schema_and_the_list(entry: Entry) -> None:
    """
    Programs read the report, not our values.
    """
    report = to_dict(judged(entry.path, DEFAULT), name=entry.path, sha256=entry.sha256)

    assert list(SCHEMA.iter_errors(report)) == []
    assert (entry.azure_openai_in or None) == report["origin"]["azure_openai_in"]
    assert entry.findings == [finding["check"] for finding in report["findings"]]


@EACH_SAMPLE
@EACH_POLICY
def test_the_command_gives_the_same_report(
    entry: Entry, policy: str, reports: Callable[[str], Reports]
) -> None:
    """
    Two surfaces with two answers would be one too many.
    """
    expected = to_dict(judged(entry.path, policy), name=entry.path, sha256=entry.sha256)

    assert json.loads(json.dumps(expected)) == reports(policy)[entry.path]


@EACH_SAMPLE
def test_no_sample_is_trusted_by_the_built_in_profile(entry: Entry) -> None:
    """
    The samples imitate Azure OpenAI; only a profile that was asked for may believe them.
    """
    result = Verifier().verify(entry.file)

    assert not result.accepted
    assert result.state is not ValidationState.TRUSTED
    assert result.origin is None


# --- making them ------------------------------------------------------------------------------------


def test_what_is_there_is_what_the_script_declares() -> None:
    """
    A list that was made to fit would agree with itself only.
    """
    assert [fault for images, _ in make_samples.image_sets() for fault in images.check()] == []


def test_samples_can_be_made_anew(tmp_path: Path) -> None:
    """
    With new keys and the same pictures; a file that is no longer declared goes.
    """
    (samples, signers), _ = make_samples.image_sets()
    samples = replace(samples, folder=tmp_path)
    left_over = tmp_path / "trusted" / "left-over.png"
    left_over.parent.mkdir()
    left_over.touch()

    faults = make_samples.make_all(((samples, signers),))

    assert faults == []
    assert samples.check() == []
    assert not left_over.exists()
    same = {e.path for e in ENTRIES if (tmp_path / e.path).read_bytes() == e.file.read_bytes()}
    unsigned = {entry.path for entry in ENTRIES if entry.state == "absent"}
    assert same == unsigned | {"invalid/no-signature.png"}


def test_nothing_is_written_unless_all_is_as_declared(tmp_path: Path) -> None:
    """
    A sample with the wrong verdict must not get into the list, nor take the others with it.
    """
    good, *_ = ACCEPTED
    wrong = replace(good, path="invalid/wrong.png", expected=INVALID)
    samples = make_samples.ImageSet(tmp_path, "index.toml", (good, wrong))

    (fault,) = make_samples.make_all(((samples, make_samples.sample_signers),))

    assert fault.startswith("invalid/wrong.png: ")
    assert list(tmp_path.iterdir()) == []


def test_a_changed_sample_is_noticed(tmp_path: Path) -> None:
    """
    By its hash, and by its verdict.
    """
    samples = make_samples.ImageSet(tmp_path, "index.toml", ACCEPTED[:2])
    signers = make_samples.sample_signers()
    contents, _ = samples.make(signers)
    samples.write(signers, contents)
    changed = tmp_path / samples.samples[0].path
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")

    faults = samples.check()

    assert [fault.split()[0] for fault in faults] == ["index.toml", f"{samples.samples[0].path}:"]


def test_a_sample_that_is_missing_or_not_declared_is_noticed(tmp_path: Path) -> None:
    """
    Before anything else is looked at.
    """
    samples = make_samples.ImageSet(tmp_path, "index.toml", ACCEPTED[:1])
    (tmp_path / "stray.png").touch()

    faults = samples.check()

    assert [fault.split(":")[0] for fault in faults] == ["stray.png", samples.samples[0].path]


def test_an_empty_folder_holds_no_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    The script can look, and write, below another folder than this repository's.
    """
    exit_code = make_samples.main(["--check", "--root", str(tmp_path)])

    *missing, last = capsys.readouterr().out.splitlines()
    declared = [sample.path for images, _ in make_samples.image_sets() for sample in images.samples]
    assert sorted(f"{path}: not the same here and there" for path in declared) == sorted(missing)
    assert (exit_code, last) == (1, "The files are not as declared.")
    assert list(tmp_path.iterdir()) == []


# --- the demonstration ------------------------------------------------------------------------------


@pytest.fixture
def demo(tmp_path: Path) -> Callable[[], subprocess.CompletedProcess[str]]:
    """
    Copy the samples and the script, so that both may be changed and nothing is left in the repository.
    """
    shutil.copytree(SAMPLES, tmp_path / "sample_images")
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "demo.sh", tmp_path / "scripts")
    command = tmp_path / "provenance"
    command.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m provenance.cli "$@"\n', encoding="utf-8"
    )
    command.chmod(0o755)

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "scripts/demo.sh", "./provenance"],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


def test_the_demonstration_ends_well(
    demo: Callable[[], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """
    Though most samples are rejected; it leaves a report for each, and for the image it generates.
    """
    done = demo()

    assert (done.returncode, done.stderr) == (0, "")
    assert f"\n{len(ENTRIES)} of {len(ENTRIES)} verdicts as expected" in done.stdout
    (generated,) = (tmp_path / "build" / "demo" / "generated").glob("*.provenance.json")
    assert json.loads(generated.read_text("utf-8"))["accepted"] is True
    for entry in ENTRIES:
        report = json.loads(
            (tmp_path / "build" / "demo" / "reports" / f"{entry.path}.json").read_text("utf-8")
        )
        assert (entry.state, entry.sha256) == (report["state"], report["asset"]["sha256"])


def test_the_demonstration_fails_where_a_verdict_is_not_the_expected_one(
    demo: Callable[[], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """
    Were it to end well whatever comes out, it would show nothing.
    """
    shutil.copy(SAMPLES / "absent" / "plain.png", tmp_path / "sample_images" / "trusted" / "dalle-v1.png")

    done = demo()

    assert done.returncode == 1
    assert "absent    rejected  trusted/dalle-v1.png  <- expected trusted" in done.stdout
    assert f"{len(ENTRIES) - 1} of {len(ENTRIES)} verdicts" in done.stdout.splitlines()[-1]


def test_the_demonstration_fails_where_an_image_could_not_be_judged(
    demo: Callable[[], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """
    The command says so by another exit code than that of rejected images.
    """
    (tmp_path / "sample_images" / "absent" / "plain.png").write_bytes(b"no image")

    assert demo().returncode != 0
