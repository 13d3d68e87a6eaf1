"""
Every image there is, through the service: the same report as from the library and from the command.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from provenance import Verifier, to_dict
from provenance.cli import main
from tests.project.test_samples import (
    EACH_POLICY,
    EACH_SAMPLE,
    ENTRIES,
    POLICIES,
    PROFILE,
    SAMPLES,
    Entry,
    judged,
)
from tests.service.support import running
from tests.support import CorpusFile, corpus_files

pytestmark = pytest.mark.slow

FILES = corpus_files()
EVERY_FILE = pytest.mark.parametrize(
    "file", FILES or [pytest.param(None, id="no corpus")], ids=lambda file: file.name if file else None
)

Report = dict[str, Any]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """
    Run a service that believes the samples' authority.
    """
    with running(tmp_path_factory.mktemp("samples")) as service, service.client("verify") as client:
        yield client


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """
    Run a service that believes Microsoft.
    """
    folder = tmp_path_factory.mktemp("genuine")
    with running(folder, trust_profiles=("microsoft",)) as service, service.client("verify") as client:
        yield client


def as_json(report: Report) -> Report:
    """
    Return a report as JSON has it.
    """
    written: Report = json.loads(json.dumps(report))
    return written


@cache
def by_command(policy: str, profile: str, *files: str) -> dict[str, Report]:
    """
    Judge files through the command, by their names.
    """
    options = ["--trust-profile", profile, "--policy", policy, "--format", "jsonl"]
    done = CliRunner().invoke(main, ["verify", *options, *files])
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    return {report["asset"].pop("name"): report for report in reports}


@EACH_SAMPLE
@EACH_POLICY
def test_a_sample_gets_the_same_report_everywhere(samples: httpx.Client, entry: Entry, policy: str) -> None:
    """
    Names aside, which are the sender's.
    """
    expected = as_json(to_dict(judged(entry.path, policy), sha256=entry.sha256))
    files = tuple(str(SAMPLES / one.path) for one in ENTRIES)
    command = by_command(policy, str(PROFILE), *files)[str(entry.file)]

    answer = samples.post("/v1/verify", params={"policy": policy}, content=entry.file.read_bytes())

    assert answer.json() == expected
    assert {**command, "asset": {"name": None, **command["asset"]}} == expected


def test_a_batch_of_samples_gets_the_same_reports(samples: httpx.Client) -> None:
    """
    In another form, and in any order.
    """
    entries = ENTRIES[::-1]
    for begin in range(0, len(entries), 16):
        some = entries[begin : begin + 16]
        files = [("image", (entry.path, entry.file.read_bytes())) for entry in some]

        reports = samples.post("/v1/verify/batch", files=files).json()["reports"]

        assert reports == [
            as_json(to_dict(judged(entry.path, POLICIES[0]), name=entry.path, sha256=entry.sha256))
            for entry in some
        ]


@EVERY_FILE
def test_a_real_image_gets_the_same_report_everywhere(
    genuine: httpx.Client, corpus: Path, file: CorpusFile
) -> None:
    """
    Under each policy.
    """
    path = corpus / file.name
    files = tuple(str(corpus / one.name) for one in FILES)
    for policy in POLICIES:
        command = by_command(policy, "microsoft", *files)[str(path)]

        answer = genuine.post("/v1/verify", params={"policy": policy}, content=path.read_bytes()).json()

        assert answer == _report(policy, path)
        assert {**command, "asset": {"name": None, **command["asset"]}} == answer
        assert answer["accepted"] is file.accepted[policy]


@cache
def _verifier(policy: str) -> Verifier:
    return Verifier(policy=policy, self_test=False)


def _report(policy: str, path: Path) -> Report:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return as_json(to_dict(_verifier(policy).verify(path), sha256=sha256))
