"""
Whole audits: real files, real processes, and everything that can happen on the way.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

import provenance.audit
from provenance import (
    MICROSOFT,
    EngineError,
    Limits,
    PolicyError,
    StateError,
    Verifier,
    builtin_policies,
)
from provenance.audit import Audit, Record, Summary
from provenance.audit import run as module
from provenance.audit import state as state_module
from provenance.audit.message import JudgeAnswer, JudgeBatch, WorkerSettings
from provenance.audit.record import Category
from provenance.audit.worker import worker_factory
from provenance.authority import Authority
from provenance.policy.policy import CreatedPolicy
from provenance.trust.profile import TrustProfile, dump_trust_profile
from provenance.verification.report import ENGINE
from provenance.workers import WorkerPool, usable_processors
from tests.audit.run_support import JPEG, PNG, images, plant, settle

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_images"

Work = Callable[[JudgeBatch, int | None], tuple[JudgeAnswer, ...]]


def make_crashing_worker(settings: WorkerSettings) -> Work:
    """
    Make a real worker, but for files whose names say otherwise.
    """
    return partial(_crash_on_request, worker_factory(settings)())


def _crash_on_request(work: Work, batch: JudgeBatch, descriptor: int | None) -> tuple[JudgeAnswer, ...]:
    for task in batch.tasks:
        name = os.path.basename(task.path)  # noqa: PTH119 - bytes
        if name.startswith(b"kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith(b"hang"):
            Path(os.fsdecode(task.path) + ".reached").touch()
            time.sleep(600)
        if name.startswith(b"alone"):
            return work(batch._replace(tasks=batch.tasks[:1]), descriptor)
    return work(batch, descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashingAudit(Audit):
    """
    An audit by workers that some files can crash.
    """

    def workers(self) -> WorkerPool[JudgeBatch, tuple[JudgeAnswer, ...]]:
        """
        Make the pool.
        """
        return WorkerPool(
            partial(make_crashing_worker, self.settings), workers=self.jobs, deadline_s=self.deadline_s
        )


@pytest.fixture
def audit(sample_trust: TrustProfile) -> Audit:
    """
    Believe the authority of the tests.
    """
    return Audit(trust=sample_trust, jobs=2)


@pytest.fixture
def tree(authority: Authority, tmp_path: Path) -> Path:
    """
    Plant an image of every category in two folders, beside files that are none.
    """
    folder = tmp_path / "tree"
    everything = images(authority)
    files = {f"in/{name}": data for name, data in everything.items()}
    plant(folder, {**everything, **files, "README.md": b"# Read me", "in/.hidden.png": PNG})
    (folder / "link.png").symlink_to("absent.png")
    return folder


@dataclass(frozen=True, slots=True)
class Ran:
    """
    What came of a run.
    """

    records: list[Record]
    summary: Summary

    @property
    def outcomes(self) -> dict[str, str]:
        """
        The category of each file, by its name alone.
        """
        return {Path(record.name).name: record.category.value for record in self.records}

    @property
    def lines(self) -> list[str]:
        """
        The reports.
        """
        return [record.report for record in self.records]


def run(audit: Audit, *paths: Path | str) -> Ran:
    """
    Run an audit to its end.
    """
    summary = Summary()
    records = []
    for record in audit.run(paths, summary):
        summary.add(record)
        records.append(record)
    return Ran(records, summary)


# --- what comes out -------------------------------------------------------------------------------


def test_every_file_has_the_record_the_library_gives_it_in_order(
    audit: Audit, tree: Path, authority: Authority
) -> None:
    """
    However many processes there are, and whichever is done first.
    """
    verifier = Verifier(trust=audit.trust, self_test=False)

    ran = run(audit, tree)

    names = [record.name for record in ran.records]
    assert names == sorted(f"{tree}/{where}{name}" for where in ("", "in/") for name in images(authority))
    assert ran.outcomes == {
        **{name: name.split(".")[0] for name in images(authority)},
        "damaged.png": "error",
        "empty.png": "error",
        "unstamped.png": "accepted",
    }
    for record in ran.records:
        if record.category is not Category.ERROR:
            assert record == Record.of(
                verifier.verify(record.name), record.name, sha256=json.loads(record.report)["asset"]["sha256"]
            )
    assert ran.summary.skipped == {"not an image": 1, "hidden": 1, "symbolic link": 1}
    assert ran.summary.complete
    assert ran.summary.reused == 0


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_number_of_processes_changes_nothing(audit: Audit, tree: Path, jobs: int) -> None:
    """
    Two runs over the same files are the same to the byte.
    """
    assert run(replace(audit, jobs=jobs), tree).lines == run(audit, tree).lines


def test_names_that_are_no_text_come_back_as_they_are(audit: Audit, tmp_path: Path) -> None:
    """
    Bytes that are no UTF-8, line breaks and quotes: all of them can be opened again by their name.
    """
    names = [b"a\xff.png", b"a\nb.png", b'a"b\\.png', b"'; DROP TABLE file; --.png", b"\x1b[2J.png"]
    plant(tmp_path, {os.fsdecode(name): PNG for name in names})

    ran = run(replace(audit, state=tmp_path / "state.db"), tmp_path)
    again = run(replace(audit, state=tmp_path / "state.db"), tmp_path)

    assert [os.fsencode(record.name) for record in ran.records] == sorted(
        os.fsencode(tmp_path) + b"/" + name for name in names
    )
    assert [json.loads(line)["asset"]["name"] for line in ran.lines] == [r.name for r in ran.records]
    assert (again.lines, again.summary.reused) == (ran.lines, 5)


def test_an_empty_folder_is_a_complete_audit(audit: Audit, tmp_path: Path) -> None:
    """
    Without any worker, too.
    """
    ran = run(audit, tmp_path)

    assert (ran.records, ran.summary.complete) == ([], True)


def test_what_cannot_be_read_is_a_record(audit: Audit, tmp_path: Path) -> None:
    """
    In its place, and the rest goes on.
    """
    os.mkfifo(tmp_path / "pipe")
    plant(tmp_path, {"x.png": PNG})

    ran = run(audit, tmp_path / "missing", tmp_path / "pipe", tmp_path)

    assert [(Path(r.name).name, r.reasons) for r in ran.records] == [
        ("missing", ("UnreadableAssetError",)),
        ("pipe", ("UnreadableAssetError",)),
        ("x.png", ("manifest_store",)),
    ]


def test_a_file_that_goes_away_is_a_record(audit: Audit, tmp_path: Path) -> None:
    """
    It was there when its folder was read.
    """
    plant(tmp_path, {f"{number:03}.png": PNG for number in range(120)})
    running = audit.run([tmp_path], Summary())
    first = next(running)
    for path in tmp_path.iterdir():
        path.unlink()

    rest = list(running)

    assert first.category is Category.ABSENT
    assert len(rest) == 119
    assert rest[-1].reasons == ("UnreadableAssetError",)


@pytest.mark.parametrize(
    ("name", "data", "is_error"),
    [
        ("README.md", b"text", False),
        ("README", b"", False),
        ("movie.mp4", b"\0\0\0\x18ftypmp42" + bytes(5_000), False),
        ("picture.png", b"text", True),
        ("PICTURE.JPEG", b"text", True),
        ("picture.svg", b"<html>", True),
        ("damaged", PNG[:40], True),
        ("large", PNG + bytes(5_000), True),
    ],
)
def test_what_is_no_image_is_counted_unless_it_is_called_one(
    audit: Audit, tmp_path: Path, name: str, data: bytes, *, is_error: bool
) -> None:
    """
    An ordinary folder passes, and a file that claims to be an image is looked into.
    """
    plant(tmp_path, {name: data})
    bounded = replace(audit, limits=Limits(max_bytes=4_000))

    ran = run(bounded, tmp_path)

    assert len(ran.records) == is_error
    assert ran.summary.skipped["not an image"] == (not is_error)


def test_what_is_named_or_included_is_never_passed_over(audit: Audit, tmp_path: Path) -> None:
    """
    Whoever asks for a file wants an answer.
    """
    plant(tmp_path, {"README.md": b"text", "x.png": PNG})

    named = run(audit, tmp_path / "README.md", tmp_path)
    included = run(replace(audit, include=("*.md",)), tmp_path)

    assert named.outcomes == {"README.md": "error", "x.png": "absent"}
    assert included.outcomes == {"README.md": "error"}
    assert included.summary.skipped == {"excluded": 1}


def test_own_files_are_passed_over(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Outputs and state may lie in the folder that is audited; they are not counted the second time either.
    """
    plant(tmp_path, {"x.png": PNG, "report.html": b"<html>"})
    monkeypatch.chdir(tmp_path)
    remembering = replace(audit, state=Path("audit.db"))

    for _ in range(2):
        summary = Summary()
        records = list(remembering.run(["."], summary, own=[Path("report.html")]))

        assert [record.name for record in records] == ["./x.png"]
        assert summary.skipped == {}


def test_hashes_are_shown_as_asked(audit: Audit, tree: Path) -> None:
    """
    Of everything, or of what has credentials.
    """

    def hashed(ran: Ran) -> set[str]:
        reports = [json.loads(line) for line in ran.lines]
        return {Path(r["asset"]["name"]).name for r in reports if r["asset"].get("sha256")}

    some, every = run(audit, tree), run(replace(audit, hashes="all"), tree)

    assert hashed(every) - hashed(some) == {"absent.png", "absent.jpg"}
    assert "accepted.png" in hashed(some)


def test_thumbnails_come_with_the_records(audit: Audit, tree: Path) -> None:
    """
    Only where they were asked for.
    """
    drawn = run(replace(audit, thumbnails=True), tree)
    plain = run(audit, tree)

    assert {Path(r.name).name for r in drawn.records if r.thumbnail is None} == {"damaged.png", "empty.png"}
    assert {record.thumbnail for record in plain.records} == {None}


def test_the_policy_decides(audit: Audit, tree: Path) -> None:
    """
    The one that was given, in another process as well.
    """
    lineage = replace(audit, policy=builtin_policies()["azure-openai-lineage"])

    assert run(audit, tree).outcomes["rejected.png"] == "rejected"
    assert run(lineage, tree).outcomes["rejected.png"] == "accepted"


def test_the_samples_come_out_as_their_folders_say() -> None:
    """
    Each lies in the folder of its state.
    """
    audit = Audit(trust=Verifier(trust=SAMPLES / "trust.toml").trust, jobs=2)

    ran = run(audit, SAMPLES)

    states = {"untrusted": "valid", "accepted": "trusted", "rejected": "trusted"}
    checked = [
        (Path(record.name).parent.name, states.get(record.category, record.category.value))
        for record in ran.records
        if Path(record.name).parent.name in {"absent", "invalid", "valid", "trusted"}
    ]
    assert len(checked) > 10
    assert {folder for folder, state in checked if folder != state} == set()


def test_long_reports_come_in_parts_that_stay_in_order(
    audit: Audit, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    No more of them is held than a bound allows, whatever is in the files; known ones among them too.
    """
    folder = tmp_path / "tree"
    signed = images(authority)["accepted.png"]
    plant(folder, {f"alone-{number:02}.png": signed if number % 3 else PNG for number in range(20)})
    expected = run(audit, folder).lines
    monkeypatch.setattr("provenance.audit.dispatch.MAX_ANSWER_BYTES", 10_000)
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 10_000)
    in_parts = crashing_audit(audit, state=tmp_path / "state.db")

    assert run(in_parts, folder).lines == expected
    (folder / "alone-04.png").write_bytes(PNG)
    again = run(in_parts, folder)
    assert (again.outcomes["alone-04.png"], again.summary.reused) == ("absent", 19)


# --- settings -------------------------------------------------------------------------------------


def test_the_heading_says_what_holds_for_all(audit: Audit) -> None:
    """
    Before the first file is judged.
    """
    heading = audit.heading

    assert heading[:3] == ("azure-openai", audit.policy.version, audit.policy.digest)
    assert heading[3:6] == (audit.trust.name, audit.trust.digest, ENGINE)
    assert heading.tool_version[0].isdigit()


@pytest.mark.parametrize(
    "changes",
    [
        {"jobs": 0},
        {"deadline_s": 0},
        {"max_memory_bytes": 0},
        {"include": ("",)},
        {"exclude": ("[z-a]",)},
        {"hashes": "some"},
        {"reuse": "name"},
        {"at": datetime(2024, 1, 1)},  # noqa: DTZ001 - the point
    ],
)
def test_what_cannot_be_run_is_refused_when_it_is_made(changes: dict[str, object]) -> None:
    """
    Not after an hour.
    """
    with pytest.raises(ValueError, match=r"must be|glob|no way|time zone"):
        Audit(**changes)  # type: ignore[arg-type]


def test_the_defaults_are_those_of_the_library() -> None:
    """
    With a process for each processor that may be used.
    """
    plain = Audit()

    assert (plain.policy, plain.trust, plain.limits) == (
        builtin_policies()["azure-openai"],
        MICROSOFT,
        Limits(),
    )
    assert plain.jobs == usable_processors() >= 1


def test_the_package_offers_its_names() -> None:
    """
    Each when it is first asked for.
    """
    assert dir(provenance.audit) == list(provenance.audit.__all__)
    assert {name for name in provenance.audit.__all__ if not hasattr(provenance.audit, name)} == set()
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        provenance.audit.no_such_name  # noqa: B018 - asked for, not used


# --- reuse ----------------------------------------------------------------------------------------


@pytest.fixture
def remembering(audit: Audit, tmp_path: Path) -> Audit:
    """
    Remember records in a file beside the tree.
    """
    return replace(audit, state=tmp_path / "state.db")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleAudit(Audit):
    """
    An audit whose workers cannot start, to show that none is needed.
    """

    def workers(self) -> WorkerPool[JudgeBatch, tuple[JudgeAnswer, ...]]:
        """
        Make a pool of processes that end at once.
        """
        return WorkerPool(partial(os._exit, 9), workers=self.jobs)


def test_an_unchanged_tree_is_not_judged_again(remembering: Audit, tree: Path) -> None:
    """
    The same bytes come out, without a single worker.
    """
    first = run(remembering, tree)
    idle = IdleAudit(trust=remembering.trust, state=remembering.state)

    second = run(idle, tree)

    assert second.records == first.records
    assert second.summary == replace(first.summary, reused=len(first.records))


def test_only_what_changed_is_judged_again(remembering: Audit, tree: Path) -> None:
    """
    Changed, new, and gone.
    """
    first = run(remembering, tree)
    plant(tree, {"absent.png": JPEG, "in/new.png": PNG})
    (tree / "accepted.png").unlink()

    second = run(remembering, tree)

    fresh = run(replace(remembering, state=None), tree)
    assert second.records == fresh.records
    assert second.summary.reused == len(first.records) - 2
    assert run(remembering, tree).summary.reused == len(second.records)


def test_a_time_that_was_set_back_deceives_nobody(
    remembering: Audit, authority: Authority, tmp_path: Path
) -> None:
    """
    Same size, same time of modification, other bytes: the time of change tells.
    """
    folder = tmp_path / "tree"
    good = images(authority)["accepted.png"]
    bad = bytearray(good)
    bad[-20] ^= 1
    plant(folder, {"x.png": good})
    before = (folder / "x.png").stat()
    assert run(remembering, folder).outcomes == {"x.png": "accepted"}

    (folder / "x.png").write_bytes(bad)
    os.utime(folder / "x.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    settle([folder / "x.png"])

    assert (folder / "x.png").stat().st_mtime_ns == before.st_mtime_ns
    assert run(remembering, folder).outcomes == {"x.png": "invalid"}


@pytest.mark.parametrize("change", ["policy", "trust", "limits", "at", "hashes", "thumbnails"])
def test_other_settings_judge_anew(remembering: Audit, tree: Path, change: str) -> None:
    """
    And what comes out is what they would give without any state.
    """
    changes: dict[str, object] = {
        "policy": builtin_policies()["azure-openai-documented"],
        "trust": MICROSOFT,
        "limits": Limits(max_bytes=1_000_000),
        "at": datetime(2024, 7, 1, tzinfo=UTC),
        "hashes": "all",
        "thumbnails": True,
    }
    run(remembering, tree)
    changed = replace(remembering, **{change: changes[change]})  # type: ignore[arg-type]

    ran = run(changed, tree)

    assert ran.summary.reused == 0
    assert ran.records == run(replace(changed, state=None), tree).records


@pytest.mark.parametrize("change", ["jobs", "deadline_s", "exclude", "hidden"])
def test_settings_that_decide_nothing_reuse(remembering: Audit, tree: Path, change: str) -> None:
    """
    How fast, how patiently and over which files says nothing about any of them.
    """
    changes: dict[str, object] = {"jobs": 1, "deadline_s": 7.0, "exclude": ("*.gif",), "hidden": True}
    first = run(remembering, tree)

    ran = run(replace(remembering, **{change: changes[change]}), tree)  # type: ignore[arg-type]

    assert ran.summary.reused == len(first.records)


def test_the_name_is_that_of_this_run(
    remembering: Audit, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The same files, named from elsewhere.
    """
    first = run(remembering, tree)
    monkeypatch.chdir(tree / "in")

    second = run(remembering, "..")

    assert second.summary.reused == len(first.records)
    assert [record.name for record in second.records] == [
        record.name.replace(str(tree), "..") for record in first.records
    ]
    assert second.records == run(replace(remembering, state=None), "..").records


def test_what_was_counted_as_no_image_is_remembered_too(remembering: Audit, tmp_path: Path) -> None:
    """
    And comes to light when it is named.
    """
    folder = tmp_path / "tree"
    plant(folder, {"README.md": b"text"})
    run(remembering, folder)
    idle = IdleAudit(trust=remembering.trust, state=remembering.state)

    passed, named = run(idle, folder), run(idle, folder / "README.md")

    assert (passed.records, passed.summary.skipped, passed.summary.reused) == ([], {"not an image": 1}, 0)
    assert (named.outcomes, named.summary.reused) == ({"README.md": "error"}, 1)


def test_what_could_not_be_read_is_tried_again(remembering: Audit, tmp_path: Path) -> None:
    """
    It may be there by now.
    """
    folder = tmp_path / "tree"
    plant(folder, {"x.png": PNG})
    running = remembering.run([folder, tmp_path / "later.png"], Summary())
    outcomes = [record.category.value for record in running]
    plant(tmp_path, {"later.png": PNG})

    ran = run(remembering, folder, tmp_path / "later.png")

    assert outcomes == ["absent", "error"]
    assert (ran.outcomes, ran.summary.reused) == ({"x.png": "absent", "later.png": "absent"}, 1)


def test_a_verdict_of_one_day_is_not_reused_on_the_next(
    remembering: Audit, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Only what rests on a time-stamp, or on none, lasts.
    """
    first = run(remembering, tree)
    tomorrow = state_module._today() + 1
    monkeypatch.setattr(state_module, "_today", lambda: tomorrow)

    second = run(remembering, tree)

    assert second.records == first.records
    judged_again = 4  # unstamped.png, and untrusted.jpg with its unknown time-stamper, in both folders
    assert len(first.records) - second.summary.reused == judged_again


def test_a_fresh_checkout_is_known_by_its_bytes(remembering: Audit, tree: Path, tmp_path: Path) -> None:
    """
    All times are new there; nothing is judged that was judged before.
    """
    by_bytes = replace(remembering, reuse="sha256")
    first = run(by_bytes, tree)
    shutil.copytree(tree, tmp_path / "copy", symlinks=True)
    shutil.rmtree(tree)
    shutil.copytree(tmp_path / "copy", tree, symlinks=True, copy_function=shutil.copyfile)
    plant(tree, {"absent.png": PNG + b"x"})

    second = run(by_bytes, tree)

    fresh = run(replace(remembering, state=None), tree)
    assert second.lines == fresh.lines
    unhashed = 2  # empty.png, in both folders: it was no image, so its bytes were not read
    assert second.summary.reused == len(first.records) - 1 - unhashed
    assert run(remembering, tree).summary.reused < len(first.records)


def test_a_long_record_is_reused_as_well(
    remembering: Audit, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It is read by itself when its turn comes.
    """
    first = run(remembering, tree)
    monkeypatch.setattr(state_module, "_LARGE_BYTES", 10)

    second = run(remembering, tree)

    assert second.records == first.records
    assert second.summary.reused == len(first.records)


def test_a_state_that_cannot_be_used_is_told_before_any_file(
    audit: Audit, tree: Path, tmp_path: Path
) -> None:
    """
    With what to do about it.
    """
    path = tmp_path / "state.db"
    path.write_bytes(b"something else" * 1_000)

    with pytest.raises(StateError, match="not the state of an audit") as caught:
        next(replace(audit, state=path).run([tree], Summary()))

    assert "Delete" in caught.value.hint


def test_two_runs_do_not_share_a_state(remembering: Audit, tree: Path) -> None:
    """
    The second one says so, and the first one goes on.
    """
    running = remembering.run([tree], Summary())
    next(running)

    with pytest.raises(StateError, match="another audit is using it"):
        run(remembering, tree)

    assert len(list(running)) == 17


# --- crashes, hangs, and the end ------------------------------------------------------------------


def crashing_audit(audit: Audit, **changes: object) -> CrashingAudit:
    """
    Make files whose names say so crash the workers.
    """
    return CrashingAudit(trust=audit.trust, jobs=2, **changes)  # type: ignore[arg-type]


def test_a_crash_costs_one_file(audit: Audit, tmp_path: Path) -> None:
    """
    The others have their records, in order, and it is tried again next time.
    """
    folder = tmp_path / "tree"
    plant(folder, {f"{number:02}.png": PNG for number in range(40)})
    plant(folder, {"kill-1.png": PNG, "08-kill.png": PNG, "kill-2.png": PNG})
    crashing = crashing_audit(audit, state=tmp_path / "state.db")

    ran = run(crashing, folder)

    crashed = dict.fromkeys(("kill-1.png", "kill-2.png"), "error")
    assert {name: category for name, category in ran.outcomes.items() if category != "absent"} == crashed
    assert {record.reasons for record in ran.records} == {("manifest_store",), ("WorkerCrashedError",)}
    assert [record.name for record in ran.records] == sorted(record.name for record in ran.records)
    again = run(replace(audit, state=tmp_path / "state.db"), folder)
    assert set(again.outcomes.values()) == {"absent"}
    assert again.summary.reused == 41


def test_a_hang_costs_its_deadline_and_holds_no_more_than_the_window(audit: Audit, tmp_path: Path) -> None:
    """
    What is done behind it waits, is remembered meanwhile, and comes in its place.
    """
    folder = tmp_path / "tree"
    plant(folder, {"00-first.png": PNG, "hang.png": PNG, **{f"x{number}.png": PNG for number in range(60)}})
    state = tmp_path / "state.db"

    ran = run(crashing_audit(audit, deadline_s=1.0, state=state), folder)

    assert [Path(record.name).name for record in ran.records[:3]] == ["00-first.png", "hang.png", "x0.png"]
    assert ran.records[1].reasons == ("DeadlineExceededError",)
    assert {record.category for record in ran.records[2:]} == {Category.ABSENT}
    assert len(ran.records) == 62


@pytest.mark.slow
def test_a_large_image_that_takes_too_long_is_given_up(audit: Audit, tmp_path: Path) -> None:
    """
    A file of many gigabytes costs nothing to make, and its hash a long time.
    """
    plant(tmp_path, {"0.png": PNG, "1.png": PNG, "2.png": PNG})
    with (tmp_path / "1.png").open("ab") as file:
        file.truncate(1 << 40)
    hashing = replace(audit, hashes="all", deadline_s=3.0, limits=Limits(max_bytes=1 << 41))

    ran = run(hashing, tmp_path)

    assert [record.reasons for record in ran.records] == [
        ("manifest_store",),
        ("DeadlineExceededError",),
        ("manifest_store",),
    ]


def test_a_policy_that_cannot_reach_the_workers_is_raised(remembering: Audit, tree: Path) -> None:
    """
    Recorded for each file, it would read as if all of them were broken.
    """

    class Unreadable(CreatedPolicy):
        """
        A policy that another process cannot make again.
        """

        def __reduce__(self) -> tuple[object, ...]:
            return (refuse, ())

    policy = remembering.policy
    assert isinstance(policy, CreatedPolicy)
    unreadable = Unreadable(policy.name, policy.version, policy.requirements)

    with pytest.raises(EngineError, match="ended before it answered"):
        run(replace(remembering, policy=unreadable), tree)


def refuse() -> object:
    """
    Fail as a policy fails that is gone.
    """
    raise PolicyError("there is no such policy")


def children() -> set[str]:
    """
    List the processes below this one.
    """
    ran = subprocess.run(["ps", "-eo", "ppid,pid,stat,comm"], capture_output=True, text=True, check=True)
    rows = [line.split(maxsplit=3) for line in ran.stdout.splitlines()[1:]]
    below = {str(os.getpid())}
    for _ in range(2):  # the server that forks workers, and they
        below |= {pid for parent, pid, _, _ in rows if parent in below}
    return {
        pid for _, pid, stat, command in rows if pid in below and stat[0] != "Z" and command.strip() != "ps"
    }


def test_closing_early_ends_the_workers_and_remembers_what_was_done(audit: Audit, tmp_path: Path) -> None:
    """
    Whoever has seen enough, or is interrupted, waits for no deadline.
    """
    folder = tmp_path / "tree"
    plant(folder, {"00.png": PNG, **{f"{number:02}.png": PNG for number in range(1, 20)}, "hang.png": PNG})
    hanging = crashing_audit(audit, deadline_s=600.0, state=tmp_path / "state.db")
    run(replace(audit), folder / "00.png")  # the server that forks workers stays
    before, threads = children(), threading.active_count()
    summary = Summary()
    running = hanging.run([folder], summary)
    first = next(running)
    while not (folder / "hang.png.reached").exists():
        time.sleep(0.01)

    running.close()

    assert first.name.endswith("/00.png")
    assert children() - before == set()
    assert threading.active_count() == threads
    assert not summary.complete
    again = run(replace(audit, state=tmp_path / "state.db"), folder)
    assert again.summary.reused > 0
    assert len(again.records) == 21


def test_an_interrupt_in_the_caller_ends_the_workers(audit: Audit, tree: Path) -> None:
    """
    Ctrl-C is raised wherever the caller happens to be.
    """
    run(audit, tree)
    before, summary = children(), Summary()

    def interrupted() -> Iterator[Record]:
        for record in audit.run([tree], summary):
            yield record
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(interrupted())

    assert children() - before == set()
    assert not summary.complete


def test_a_stop_that_was_asked_for_is_heeded_even_behind_a_hang(audit: Audit, tmp_path: Path) -> None:
    """
    A handler of a signal sets an event, and can do little more.
    """
    folder = tmp_path / "tree"
    plant(folder, {**{f"{number:02}.png": PNG for number in range(6)}, "hang.png": PNG})
    stop, summary = threading.Event(), Summary()
    running = crashing_audit(audit, deadline_s=600.0).run([folder], summary, stop=stop)
    given = [next(running).name for _ in range(4)]
    threading.Timer(0.3, stop.set).start()

    rest = list(running)

    assert given == [f"{folder}/{number:02}.png" for number in range(4)]
    assert rest == []
    assert not summary.complete


def test_a_stop_between_records_ends_with_the_one_that_is_due(audit: Audit, tree: Path) -> None:
    """
    What was given out before is all there is.
    """
    stop, summary = threading.Event(), Summary()
    running = audit.run([tree], summary, stop=stop)
    given = [next(running), next(running)]
    stop.set()

    assert list(running) == []
    assert [Path(record.name).name for record in given] == ["absent.jpg", "absent.png"]
    assert not summary.complete


def test_an_engine_that_changed_its_mind_is_raised(tree: Path, tmp_path: Path) -> None:
    """
    Another version of it is installed: the self-test fails in each worker, and no verdict is given.
    """
    other = tmp_path / "site" / "c2pa_python-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: c2pa-python\nVersion: 9.9\n", "utf-8")
    script = tmp_path / "script.py"
    script.write_text(f"""
from provenance.audit import Audit, Summary
from provenance import EngineError
if __name__ == "__main__":
    try:
        list(Audit(jobs=2).run([{str(tree)!r}], Summary()))
    except EngineError as error:
        print(error)
""")

    ran = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "self-test" in ran.stdout
    assert "9.9" in ran.stdout
    assert ran.stderr == ""


# --- killed, and run again ------------------------------------------------------------------------

KILLED = """
import os, sys
from pathlib import Path
from provenance.audit import Audit, Summary
from provenance.trust.profile import load_trust_profile
if __name__ == "__main__":
    folder, trust, state, output, last = sys.argv[1:]
    audit = Audit(trust=load_trust_profile(Path(trust)), state=Path(state), jobs=2)
    summary = Summary()
    with open(output, "w") as file:
        for number, record in enumerate(audit.run([folder], summary), 1):
            file.write(record.report + "\\n")
            if number == int(last):
                os.kill(os.getpid(), 9)
    print(summary.reused)
"""


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_comes_to_the_same_end(
    authority: Authority, sample_trust: TrustProfile, tmp_path: Path
) -> None:
    """
    Each one goes on from where the one before was killed, and what comes out is the same to the byte.
    """
    folder, trust, script = tmp_path / "tree", tmp_path / "trust.toml", tmp_path / "script.py"
    everything = images(authority)
    plant(folder, {f"{number:02}/{name}": everything[name] for number in range(40) for name in everything})
    trust.write_text(dump_trust_profile(sample_trust), "utf-8")
    script.write_text(KILLED, "utf-8")

    def attempt(state: str, output: str, last: int) -> subprocess.CompletedProcess[str]:
        paths = script, folder, trust, tmp_path / state, tmp_path / output
        command = [sys.executable, *map(str, paths), str(last)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    codes = [attempt("killed.db", "killed.jsonl", last).returncode for last in (1, 60, 140, 250, 330)]
    final = attempt("killed.db", "killed.jsonl", 0)
    undisturbed = attempt("undisturbed.db", "undisturbed.jsonl", 0)

    assert codes == [-signal.SIGKILL] * 5
    assert (tmp_path / "killed.jsonl").read_text() == (tmp_path / "undisturbed.jsonl").read_text()
    assert len((tmp_path / "killed.jsonl").read_text().splitlines()) == 360
    assert int(final.stdout) >= 330
    assert int(undisturbed.stdout) == 0
