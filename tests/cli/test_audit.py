"""
`provenance audit`: what it says, what it writes, how it ends.
"""

from __future__ import annotations

import csv
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from provenance import DeadlineExceededError, EngineError, WorkerCrashedError
from provenance.audit import Audit, Record
from provenance.cli.output.progress import ProgressLine, _duration
from tests.cli.conftest import PROGRAM, Images, Invoke, Run

ALL = {"accepted.png", "lineage.png", "trailing.png", "invalid.png", "valid.png", "absent.png"}


@pytest.fixture
def tree(images: Images, tmp_path: Path) -> Path:
    """
    Lay out a folder with one image of every category but error, and a text.
    """
    folder = tmp_path / "tree"
    (folder / "below").mkdir(parents=True)
    for path in (images.accepted, images.trailing, images.valid, images.absent, images.text):
        shutil.copy(path, folder)
    shutil.copy(images.invalid, folder / "below")
    shutil.copy(images.lineage, folder / "below")
    return folder


@pytest.fixture
def audit(invoke: Invoke, images: Images) -> Invoke:
    """
    Return a way to run `audit` under the sample profile.
    """

    def run(*args: str | Path) -> Result:
        return invoke("audit", "--jobs", "1", "--trust-profile", images.profile, *map(str, args))

    return run


def test_an_audit_counts_and_fails_on_what_was_changed(audit: Invoke, tree: Path) -> None:
    """
    An ordinary folder passes but for the image that was changed after it was signed.
    """
    result = audit(tree)

    assert result.exit_code == 1
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == f"invalid {tree}/below/invalid.png: integrity"
    assert lines[2] == "6 files"
    assert "accepted 1 trusted, and the policy is satisfied" in lines
    assert "rejected 2 trusted, but the policy demands more" in lines
    assert "skipped 1 not an image" in lines
    assert "1 Bytes follow the end of the image (trailing_bytes)" in lines
    assert lines[-1] == "FAILED: 1 file failed"
    assert not result.stderr


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [("none", 0), ("error", 0), ("invalid", 1), ("absent", 1), ("untrusted,error", 1), ("rejected", 1)],
)
def test_the_gate_fails_on_what_was_named(audit: Invoke, tree: Path, fail_on: str, code: int) -> None:
    """
    What counts as a failure is the user's to say.
    """
    result = audit("--fail-on", fail_on, "--quiet", tree)

    assert (result.exit_code, result.stdout, result.stderr) == (code, "", "")


def test_what_could_not_be_judged_outranks_what_was_rejected(audit: Invoke, tree: Path) -> None:
    """
    It is told on standard error, with what can be done, and the others are judged all the same.
    """
    (tree / "broken.png").write_bytes(b"no image at all")

    result = audit("--format", "json", tree)

    assert result.exit_code == 3
    summary = json.loads(result.stdout)
    assert summary == {
        "files": 7,
        "categories": {"accepted": 1, "rejected": 2, "untrusted": 1, "invalid": 1, "absent": 1, "error": 1},
        "reasons": summary["reasons"],
        "skipped": {"not an image": 1},
        "reused": 0,
        "failing": 2,
        "complete": True,
    }
    assert summary["reasons"]["UnsupportedAssetError"] == 1
    assert f"{tree}/broken.png: not an image this library reads" in result.stderr
    assert "Give a PNG" in result.stderr


def test_only_the_first_errors_are_told_one_by_one(audit: Invoke, tmp_path: Path) -> None:
    """
    A folder of a hundred thousand broken files must not fill a screen, or a log.
    """
    for number in range(60):
        (tmp_path / f"{number}.png").write_bytes(b"?")

    result = audit(tmp_path)

    assert result.exit_code == 3
    assert result.stderr.count("not an image this library reads") == 50
    assert "further errors are not shown here" in result.stderr
    assert "... and 10 more" in result.stdout
    assert "FAILED: 60 files failed" in result.stdout


def test_a_baseline_lets_known_failures_pass(
    audit: Invoke, tree: Path, tmp_path: Path, images: Images
) -> None:
    """
    A gate can be put before a folder that is not clean yet.
    """
    baseline = tmp_path / "baseline.jsonl"
    audit("--fail-on", "none", "--output", baseline, tree)

    known = audit("--baseline", baseline, tree)
    shutil.copy(images.invalid, tree / "new.png")
    new = audit("--baseline", baseline, tree)

    assert (known.exit_code, new.exit_code) == (0, 1)
    assert "PASSED: no file failed" in known.stdout
    assert f"{tree}/new.png" in new.stdout
    assert f"{tree}/below/invalid.png" not in new.stdout


def test_a_baseline_that_is_none_is_a_bad_request(audit: Invoke, tree: Path, tmp_path: Path) -> None:
    """
    Otherwise everything would count as new, or nothing.
    """
    (tmp_path / "baseline.jsonl").write_text("[]\n")

    result = audit("--baseline", tmp_path / "baseline.jsonl", tree)

    assert result.exit_code == 2
    assert "line 1" in result.stderr


def test_outputs_hold_the_reports_that_verify_writes(
    audit: Invoke, invoke: Invoke, images: Images, tree: Path, tmp_path: Path
) -> None:
    """
    One report form through every surface; only the hash of images without credentials is left out.
    """
    written = tmp_path / "reports.jsonl"
    audit("--output", written, tree)
    reports = [json.loads(line) for line in written.read_text("utf-8").splitlines()]
    names = [report["asset"]["name"] for report in reports]

    verified = invoke("verify", "--trust-profile", images.profile, "--format", "jsonl", *names)

    expected = [json.loads(line) for line in verified.stdout.splitlines()]
    for report in expected:
        if report["state"] == "absent":
            report["asset"]["sha256"] = None
    assert reports == expected
    assert names == sorted(names)
    assert {Path(name).name for name in names} == ALL


def test_all_hashes_are_given_on_request(audit: Invoke, tree: Path) -> None:
    """
    By default no file is read further than its verdict needs.
    """
    result = audit("--format", "jsonl", "--hash", "all", tree)

    assert all(len(json.loads(line)["asset"]["sha256"]) == 64 for line in result.stdout.splitlines())


def test_every_form_is_written_by_its_extension(audit: Invoke, tree: Path, tmp_path: Path) -> None:
    """
    One run may write all of them, and an unchanged tree gives the same bytes.
    """
    extensions = ("jsonl", "csv", "parquet", "xml", "sarif", "html")

    def write(folder: str) -> list[bytes]:
        (tmp_path / folder).mkdir()
        files = [tmp_path / folder / f"out.{extension}" for extension in extensions]
        result = audit(*(part for file in files for part in ("--output", file)), tree)
        assert result.exit_code == 1
        return [file.read_bytes() for file in files]

    first = write("first")

    assert all(first)
    assert write("second") == first
    rows = list(csv.DictReader(first[1].decode().splitlines()))
    assert len(rows) == 6
    assert first[5].startswith(b"<!doctype html>") or first[5].lower().startswith(b"<!doctype html>")


def test_outputs_within_the_tree_are_not_audited(audit: Invoke, tree: Path) -> None:
    """
    They change while they are written.
    """
    result = audit(
        "--hidden", "--output", tree / "r.svg.jsonl", "--state", tree / "s.db", "--format", "json", tree
    )
    again = audit(
        "--hidden", "--output", tree / "r.svg.jsonl", "--state", tree / "s.db", "--format", "json", tree
    )

    assert json.loads(result.stdout)["skipped"] == json.loads(again.stdout)["skipped"] == {"not an image": 1}
    assert json.loads(again.stdout)["reused"] == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "out.unknown"], "no known format"),
        (["--format", "parquet"], "goes to a file only"),
        (["--output", "a.csv", "--output", "./a.csv"], "two outputs go to"),
        (["--fail-on", "broken"], "'broken' is none of"),
        (["--fail-on", "none,error"], "goes with nothing else"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--deadline", "nan"], "deadline"),
        (["--policy", "no-such"], "there is no policy"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_before_any_work(
    audit: Invoke,
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    """
    An audit of hours must not find out at its end that it cannot write.
    """
    monkeypatch.chdir(tmp_path)

    result = audit(*arguments, tree)

    assert result.exit_code == 2
    assert words in result.stderr
    assert list(tmp_path.glob("*.csv")) == []


def test_a_folder_for_outputs_has_to_be_there(audit: Invoke, tree: Path, tmp_path: Path) -> None:
    """
    The same, found when the file is opened.
    """
    result = audit("--output", tmp_path / "missing" / "out.csv", tree)

    assert result.exit_code == 3
    assert "missing" in result.stderr


def test_a_path_that_is_missing_is_an_error_and_no_stop(audit: Invoke, tree: Path) -> None:
    """
    Whatever else was named is judged.
    """
    result = audit("--format", "json", tree / "gone", tree)

    assert result.exit_code == 3
    assert json.loads(result.stdout)["files"] == 7


def test_globs_choose_files(audit: Invoke, tree: Path) -> None:
    """
    What they leave out is counted.
    """
    result = audit("--include", "*.png", "--exclude", "below", "--format", "json", tree)

    summary = json.loads(result.stdout)
    assert summary["files"] == 4
    assert summary["skipped"]["excluded"] == 2


def test_a_second_run_judges_only_what_changed(
    audit: Invoke, tree: Path, tmp_path: Path, images: Images
) -> None:
    """
    It says how many it knew.
    """
    state = tmp_path / "state.db"
    first = audit("--state", state, tree)
    shutil.copy(images.accepted, tree / "absent.png")

    second = audit("--state", state, tree)

    assert "6 files\n" in first.stdout
    assert "6 files, 5 of them known from an earlier run" in second.stdout


def test_a_fresh_checkout_is_known_by_its_bytes(audit: Invoke, tree: Path, tmp_path: Path) -> None:
    """
    All its times are new.
    """
    state = tmp_path / "state.db"
    audit("--state", state, "--reuse", "sha256", tree)
    for path in tree.rglob("*.png"):
        os.utime(path, (1_000_000_000, 1_000_000_000))

    again = audit("--state", state, "--reuse", "sha256", "--format", "json", tree)

    assert json.loads(again.stdout)["reused"] == 6


def test_a_state_file_that_is_none_is_refused_and_kept(audit: Invoke, tree: Path, tmp_path: Path) -> None:
    """
    Nothing of the user's is overwritten.
    """
    state = tmp_path / "notes.txt"
    state.write_text("my notes")

    result = audit("--state", state, tree)

    assert result.exit_code == 2
    assert "notes.txt" in result.stderr
    assert state.read_text() == "my notes"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_whole_outputs_and_a_state(
    images: Images, tmp_path: Path, number: signal.Signals
) -> None:
    """
    The next run goes on from there, and ends as if nothing had been.
    """
    tree = tmp_path / "many"
    for folder in range(8):
        (tree / str(folder)).mkdir(parents=True)
        for copy in range(250):
            os.link(images.accepted, tree / str(folder) / f"{copy:03}.png")
    out, state = tmp_path / "out.jsonl", tmp_path / "state.db"
    command = [str(PROGRAM), "audit", "--format", "json", "--trust-profile", images.profile, str(tree)]
    running = subprocess.Popen(
        [*command, "--output", str(out), "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not state.exists() or state.stat().st_size + _size(tmp_path / "state.db-wal") < 100_000:
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(number)
    stdout, stderr = running.communicate(timeout=60)

    assert running.returncode == 128 + number
    summary = json.loads(stdout)
    assert summary["complete"] is False
    assert b"interrupted" in stderr
    assert len([json.loads(line) for line in out.read_text().splitlines()]) == summary["files"] < 2_000
    again = subprocess.run(
        [*command, "--state", str(state), "--output", str(out)], capture_output=True, check=True
    )
    assert json.loads(again.stdout)["reused"] >= summary["files"]
    fresh = subprocess.run(
        [*command, "--output", str(tmp_path / "fresh.jsonl")], capture_output=True, check=True
    )
    assert json.loads(fresh.stdout)["files"] == 2_000
    assert out.read_bytes() == (tmp_path / "fresh.jsonl").read_bytes()


def test_progress_is_for_terminals_only(images: Images, tree: Path, run: Run) -> None:
    """
    In a pipe there is nothing but the answer.
    """
    piped = run("audit", "--trust-profile", images.profile, str(tree), TERM="xterm")
    ours, theirs = pty.openpty()
    command = [str(PROGRAM), "audit", "--trust-profile", images.profile, str(tree)]
    shown = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    answer, _ = shown.communicate(timeout=60)
    seen = _read_all(ours)

    assert (piped.returncode, piped.stderr) == (1, b"")
    assert answer == piped.stdout
    assert b"\r\x1b[K" in seen


def test_one_file_is_counted_in_the_singular(audit: Invoke, images: Images) -> None:
    """
    On standard output, and in what the progress line says.
    """
    result = audit("--fail-on", "absent", images.absent)

    lines = result.stdout.splitlines()
    assert "1 file" in lines
    assert lines[-1] == "FAILED: 1 file failed"


def test_a_missing_package_is_a_bad_request(
    audit: Invoke, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whoever lacks it is told before anything is judged, and how to get it.
    """
    monkeypatch.delitem(sys.modules, "provenance.audit.writer.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(Audit, "run", None)
    output = tmp_path / "x.parquet"

    result = audit("--output", str(output), images.absent)

    assert result.exit_code == 2
    assert "pyarrow is not installed: pip install 'azure-image-provenance[audit]'" in result.stderr
    assert result.stdout == ""
    assert not output.exists()


@pytest.mark.parametrize(
    ("error", "option"),
    [(WorkerCrashedError(-9), "--max-memory"), (DeadlineExceededError(1.0), "--deadline")],
)
def test_a_file_that_costs_its_worker_names_the_option(
    audit: Invoke,
    images: Images,
    monkeypatch: pytest.MonkeyPatch,
    error: EngineError,
    option: str,
) -> None:
    """
    On the terminal of this command only: others that read the report have no such option.
    """

    def run(*_: object, **__: object) -> Iterator[Record]:
        yield Record.of(error, "x.png")

    monkeypatch.setattr(Audit, "run", run)

    result = audit(images.absent)

    assert f"  {error.hint} " in result.stderr
    assert option in result.stderr


def test_the_progress_line_says_how_far_how_fast_and_how_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The time left is known once everything has been counted.
    """
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    now = iter([0.0, 1.0, 1.1, 2.0])
    monkeypatch.setattr("provenance.cli.output.progress.time.monotonic", lambda: next(now))
    monkeypatch.setenv("COLUMNS", "120")

    with ProgressLine(lambda: 1_200, lambda: "3 invalid") as meter:
        meter.join()
        for _ in range(3):
            meter.advance()

    shown = capsys.readouterr().err.split("\r\x1b[K")
    assert shown == [
        "",
        "1 of 1,200 files, 1/s, 19 min 59 s left, 3 invalid",
        "3 of 1,200 files, 2/s, 13 min 18 s left, 3 invalid",
        "",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.9, "59 s"), (61, "1 min 01 s"), (7_260, "2 h 01 min")]
)
def test_durations_are_short(seconds: float, words: str) -> None:
    """
    Nobody needs the seconds of an hour.
    """
    assert _duration(seconds) == words


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read_all(descriptor: int) -> bytes:
    pieces: list[bytes] = []
    while True:
        try:
            piece = os.read(descriptor, 65_536)
        except OSError:  # a terminal whose other side is gone
            piece = b""
        if not piece:
            os.close(descriptor)
            return b"".join(pieces)
        pieces.append(piece)
