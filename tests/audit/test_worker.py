"""
What a worker of an audit answers: what the library says of a file, and by what it can be known again.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance import MICROSOFT, Limits, PolicyError, Verifier, builtin_policies, load_policy
from provenance.asset.asset import Asset
from provenance.audit import worker as module
from provenance.audit.message import FileStamp, JudgeAnswer, JudgeBatch, JudgeTask, WorkerSettings
from provenance.audit.record import Category, Record
from provenance.audit.worker import worker_factory
from provenance.authority import Authority
from provenance.errors import AssetTooLargeError, EngineError
from provenance.trust.profile import TrustProfile
from tests.audit.run_support import JPEG, PNG, images, plant, task_for

Judge = Callable[..., JudgeAnswer]


@pytest.fixture(scope="session")
def settings(sample_trust: TrustProfile) -> WorkerSettings:
    """
    Believe the authority of the tests.
    """
    return WorkerSettings(load_policy("azure-openai"), sample_trust, Limits())


@pytest.fixture
def judge(settings: WorkerSettings) -> Judge:
    """
    Judge one file in this process, the way a worker does.
    """

    def judge_one(path: Path | JudgeTask, *, thumbnails: bool = False, **changes: object) -> JudgeAnswer:
        work = module._Worker(settings._replace(**changes))  # type: ignore[arg-type]
        task = path if isinstance(path, JudgeTask) else task_for(path)
        (answer,) = work(JudgeBatch((task,), thumbnails), None)
        return answer

    return judge_one


def sha256(data: bytes) -> str:
    """
    Hash what a report is to name.
    """
    return hashlib.sha256(data).hexdigest()


def reasons(answer: JudgeAnswer) -> tuple[str, ...]:
    """
    Read why a file is in its category.
    """
    assert answer.record is not None
    return answer.record.reasons


# --- verdicts -------------------------------------------------------------------------------------


def test_an_answer_is_what_the_library_says(
    judge: Judge, authority: Authority, settings: WorkerSettings, tmp_path: Path
) -> None:
    """
    An audit is another way to a verdict, not another opinion.
    """
    verifier = Verifier(trust=settings.trust, self_test=False)
    judged = {name: data for name, data in images(authority).items() if name[0] != "d" and name[0] != "e"}
    plant(tmp_path, judged)
    names = {"unstamped.png": "accepted"}

    for name, data in judged.items():
        answer = judge(tmp_path / name)

        result = verifier.verify(tmp_path / name)
        shown = None if name.startswith("absent") else sha256(data)
        assert answer.record is not None
        assert answer.record.with_name(name) == Record.of(result, name, sha256=shown)
        assert answer.record.category == names.get(name, name.split(".")[0])


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("damaged.png", PNG[:40], "MalformedAssetError"),
        ("empty.png", b"", "UnsupportedAssetError"),
        ("text.txt", b"hello", "UnsupportedAssetError"),
        ("large.png", PNG + bytes(2_000), "AssetTooLargeError"),
        ("large.mp4", b"\0\0\0\x18ftypmp42" + bytes(4_000), "UnsupportedAssetError"),
    ],
)
def test_what_is_said_of_the_bytes_can_be_kept(
    judge: Judge, tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    """
    As long as the bytes are the same, so is the error; a large video is no image that is too large.
    """
    plant(tmp_path, {name: data})

    answer = judge(tmp_path / name, limits=Limits(max_bytes=len(PNG) + 1_000))

    assert reasons(answer) == (reason,)
    assert answer.stamp == FileStamp.of((tmp_path / name).stat())


def test_what_cannot_be_read_is_tried_again(judge: Judge, tmp_path: Path) -> None:
    """
    That says nothing about the file.
    """
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    gone = JudgeTask(os.fsencode(tmp_path / "gone"), FileStamp(0, 0, 0))

    answers = [judge(tmp_path / "pipe"), judge(tmp_path / "folder"), judge(gone)]

    expected = ["UnreadableAssetError", "FolderAssetError", "UnreadableAssetError"]
    assert [reasons(answer) for answer in answers] == [(name,) for name in expected]
    assert {answer.stamp for answer in answers} == {None}


def test_an_engine_that_fails_is_asked_again(
    judge: Judge, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Its failure says nothing about the image.
    """

    def fail(verifier: Verifier, asset: Asset) -> object:
        raise EngineError("out of order")

    plant(tmp_path, {"x.png": images(authority)["accepted.png"]})
    monkeypatch.setattr(Verifier, "verify", fail)

    answer = judge(tmp_path / "x.png")

    assert (reasons(answer), answer.stamp) == (("EngineError",), None)


def test_a_report_that_is_too_long_becomes_an_error(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whoever makes images could otherwise fill the memory of whoever collects reports.
    """
    plant(tmp_path, {"x.png": PNG})
    monkeypatch.setattr(module, "MAX_REPORT_BYTES", 500)

    answer = judge(tmp_path / "x.png")

    assert reasons(answer) == ("AssetTooLargeError",)
    assert answer.record is not None
    assert (
        "exceeds 500 report bytes" in json.loads(answer.record.with_name("x.png").report)["error"]["message"]
    )
    assert answer.stamp is not None


# --- hashes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["absent.png", "accepted.png", "damaged.png"])
@pytest.mark.parametrize("hash_all", [False, True])
@pytest.mark.parametrize("remember", [False, True])
def test_a_hash_is_shown_and_answered_as_asked(
    judge: Judge, authority: Authority, tmp_path: Path, name: str, *, hash_all: bool, remember: bool
) -> None:
    """
    Hashing reads the whole file; what has no manifest is otherwise known from its first bytes.
    """
    data = images(authority)[name]
    plant(tmp_path, {name: data})

    answer = judge(tmp_path / name, hash_all=hash_all, remember_hashes=remember)

    assert answer.record is not None
    report = json.loads(answer.record.with_name(name).report)
    shown = name == "accepted.png" or (hash_all and name == "absent.png")
    assert report["asset"].get("sha256") == (sha256(data) if shown else None)
    known = name == "accepted.png" or hash_all or remember
    assert answer.sha256 == (sha256(data) if known else None)


def test_bytes_that_are_known_are_not_judged_again(
    judge: Judge, authority: Authority, tmp_path: Path
) -> None:
    """
    In a fresh checkout all times are new, and the bytes are what tells.
    """
    data = images(authority)["accepted.png"]
    plant(tmp_path, {"x.png": data})

    same = judge(task_for(tmp_path / "x.png", known_sha256=sha256(data)), remember_hashes=True)
    other = judge(task_for(tmp_path / "x.png", known_sha256=sha256(PNG)), remember_hashes=True)

    assert same == JudgeAnswer(None)
    assert other.record is not None
    assert other.record.category is Category.ACCEPTED


# --- knowing a file again -------------------------------------------------------------------------


def test_a_file_that_was_just_written_cannot_be_known_again(judge: Judge, tmp_path: Path) -> None:
    """
    Written once more within the same tick of the clock, it would look the same.
    """
    path = tmp_path / "x.png"
    path.write_bytes(PNG)

    fresh = judge(path)
    plant(tmp_path, {"x.png": PNG})
    settled = judge(path)

    assert fresh.record == settled.record
    assert (fresh.stamp, settled.stamp) == (None, FileStamp.of(path.stat()))


@pytest.mark.parametrize(
    ("ctime_ns", "age_ns", "lasts"),
    [
        (1_000_000_000_000_000_001, 50_000_000, False),
        (1_000_000_000_000_000_001, 50_000_001, True),
        (1_000_000_000_000_000_001, -1, False),
        (1_000_000_000_000_000_000, 2_500_000_000, False),
        (1_000_000_000_000_000_000, 2_500_000_001, True),
    ],
)
def test_how_old_a_file_has_to_be_follows_the_clock_of_its_file_system(
    ctime_ns: int, age_ns: int, *, lasts: bool
) -> None:
    """
    Some count in ticks of a few milliseconds, others in whole seconds.
    """
    stamp = FileStamp(1, 2, ctime_ns)

    assert module._reliable(stamp, ctime_ns + age_ns) == (stamp if lasts else None)


def test_a_file_that_changed_since_the_walk_is_judged_as_it_is_now(judge: Judge, tmp_path: Path) -> None:
    """
    And known again by what was judged, not by what the walk saw.
    """
    path = tmp_path / "x"
    plant(tmp_path, {"x": PNG})
    before = task_for(path)
    plant(tmp_path, {"x": JPEG})

    answer = judge(before)

    assert answer.record is not None
    assert json.loads(answer.record.with_name("x").report)["asset"]["media_type"] == "image/jpeg"
    assert answer.stamp == FileStamp.of(path.stat()) != before.stamp


def test_a_link_that_took_the_place_of_a_file_is_not_followed(judge: Judge, tmp_path: Path) -> None:
    """
    The walk does not follow links, and nobody gets past it by being quick; one that was named is followed.
    """
    plant(tmp_path, {"x.png": PNG, "text": b"hello", "y.png": JPEG})
    tasks = [task_for(tmp_path / name) for name in ("x.png", "text")]
    for name in ("x.png", "text"):
        (tmp_path / name).unlink()
    (tmp_path / "x.png").symlink_to("y.png")
    (tmp_path / "text").symlink_to("/etc/passwd")

    refused = [judge(task) for task in tasks]
    followed = [judge(task._replace(follow=True)) for task in tasks]

    assert [reasons(answer) for answer in refused] == [("UnreadableAssetError",)] * 2
    assert [reasons(answer) for answer in followed] == [("manifest_store",), ("UnsupportedAssetError",)]


def test_a_file_that_goes_away_in_between_is_unreadable(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Between the first look at it and the second.
    """
    path = tmp_path / "x.txt"
    plant(tmp_path, {"x.txt": b"no image"})
    opened = Asset.from_path

    def open_and_remove(place: str, limits: Limits) -> Asset:
        try:
            return opened(place, limits)
        finally:
            path.unlink()

    task = task_for(path)
    monkeypatch.setattr(Asset, "from_path", open_and_remove)

    assert reasons(judge(task)) == ("UnreadableAssetError",)


def test_what_was_said_of_other_bytes_is_not_kept(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Too large or no image at the first look, an image at the second: it is tried again next time.
    """
    plant(tmp_path, {"x.png": PNG})

    def find_too_large(_place: str, _limits: Limits) -> Asset:
        raise AssetTooLargeError("bytes", 2, 1)

    monkeypatch.setattr(Asset, "from_path", find_too_large)

    answer = judge(tmp_path / "x.png")

    assert (reasons(answer), answer.stamp) == (("AssetTooLargeError",), None)


def test_a_file_that_vanishes_while_it_is_compared_is_no_link(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Its bytes are open, and can be judged.
    """
    path = tmp_path / "x.png"
    plant(tmp_path, {"x.png": PNG})
    opened = Asset.from_path

    def open_and_remove(place: str, limits: Limits) -> Asset:
        asset = opened(place, limits)
        path.unlink()
        return asset

    task = task_for(path)._replace(stamp=FileStamp(0, 0, 0))
    monkeypatch.setattr(Asset, "from_path", open_and_remove)

    assert reasons(judge(task)) == ("manifest_store",)


def test_a_file_that_is_written_to_meanwhile_is_unreadable(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Half of the old bytes and half of the new ones were never an image of anybody's.
    """
    path = tmp_path / "x.png"
    plant(tmp_path, {"x.png": PNG})
    verify = Verifier.verify

    def verify_and_write(verifier: Verifier, asset: Asset) -> object:
        result = verify(verifier, asset)
        with path.open("ab") as file:
            file.write(b"more")
        return result

    monkeypatch.setattr(Verifier, "verify", verify_and_write)

    answer = judge(path)

    assert (reasons(answer), answer.stamp) == (("UnreadableAssetError",), None)


@pytest.mark.parametrize(
    ("name", "depends"),
    [
        ("accepted.png", False),
        ("rejected.png", False),
        ("unstamped.png", True),
        ("absent.png", False),
        ("damaged.png", False),
        ("empty.png", False),
    ],
)
@pytest.mark.parametrize("at", [None, datetime(2024, 7, 1, tzinfo=UTC)])
def test_only_a_verdict_that_rests_on_no_time_stamp_depends_on_the_day(
    judge: Judge, authority: Authority, tmp_path: Path, name: str, at: datetime | None, *, depends: bool
) -> None:
    """
    With the time fixed as well: what the engine says by its own clock stands in the report.
    """
    plant(tmp_path, {name: images(authority)[name]})
    days = {time.time_ns() // 86_400_000_000_000}

    answer = judge(tmp_path / name, at=at)

    days.add(time.time_ns() // 86_400_000_000_000)
    assert (answer.day in days) is depends
    assert (answer.day is None) is not depends


# --- orders ---------------------------------------------------------------------------------------


def test_files_are_answered_in_order(settings: WorkerSettings, authority: Authority, tmp_path: Path) -> None:
    """
    All of them, if they are quick.
    """
    plant(tmp_path, {f"{number:02}": data for number, data in enumerate([PNG, b"no", JPEG, b""] * 8)})
    work = module._Worker(settings)

    answers = work(JudgeBatch(tuple(task_for(path) for path in sorted(tmp_path.iterdir()))), None)

    assert [reasons(answer) for answer in answers] == [
        ("manifest_store",),
        ("UnsupportedAssetError",),
        ("manifest_store",),
        ("UnsupportedAssetError",),
    ] * 8
    assert work(JudgeBatch(()), None) == ()


@pytest.mark.parametrize("bound", ["_SLICE_S", "MAX_ANSWER_BYTES"])
def test_a_part_is_answered_where_all_would_take_too_long(
    settings: WorkerSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """
    So that the deadline on an answer is one on a file; one file is always answered.
    """
    plant(tmp_path, {"1": PNG, "2": PNG, "3": PNG})
    tasks = tuple(task_for(tmp_path / name) for name in "123")
    monkeypatch.setattr(module, bound, -1)

    assert len(module._Worker(settings)(JudgeBatch(tasks), None)) == 1


def test_thumbnails_are_made_when_they_are_asked_for(
    judge: Judge, authority: Authority, tmp_path: Path
) -> None:
    """
    Of whatever could be judged.
    """
    plant(tmp_path, {name: images(authority)[name] for name in ("absent.png", "accepted.png", "damaged.png")})

    def made(name: str, *, thumbnails: bool) -> bytes | None:
        record = judge(tmp_path / name, thumbnails=thumbnails).record
        assert record is not None
        return record.thumbnail

    assert (made("absent.png", thumbnails=True) or b"").startswith(b"RIFF")
    assert (made("accepted.png", thumbnails=True) or b"").startswith(b"RIFF")
    assert made("damaged.png", thumbnails=True) is None
    assert made("absent.png", thumbnails=False) is None


def test_an_answer_travels_between_processes(judge: Judge, authority: Authority, tmp_path: Path) -> None:
    """
    With everything that is in it.
    """
    plant(tmp_path, {"x.png": images(authority)["accepted.png"]})

    answer = judge(tmp_path / "x.png", thumbnails=True)

    assert pickle.loads(pickle.dumps(answer)) == answer  # noqa: S301 - our own


def test_what_decoders_print_reaches_nobody(
    settings: WorkerSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    """
    It is made of hostile bytes, and standard error is somebody's terminal.
    """
    work = worker_factory(settings)()
    os.write(2, b"\x1b[2J")

    assert capfd.readouterr() == ("", "")
    assert work(JudgeBatch(()), None) == ()


# --- what files are judged by ---------------------------------------------------------------------


def test_the_digest_covers_everything_that_decides(settings: WorkerSettings, authority: Authority) -> None:
    """
    A record is kept for whoever asks the same question, and for nobody else.
    """
    renamed = settings.trust.claim_anchors[0].pin
    lineage = builtin_policies()["azure-openai-lineage"]
    changed = [
        settings._replace(policy=lineage),
        settings._replace(trust=MICROSOFT),
        settings._replace(trust=settings.trust | MICROSOFT),
        settings._replace(limits=Limits(max_bytes=1)),
        settings._replace(limits=Limits(max_xmp_bytes=1)),
        settings._replace(at=datetime(2024, 7, 1, tzinfo=UTC)),
        settings._replace(at=datetime(2024, 7, 2, tzinfo=UTC)),
        settings._replace(hash_all=True),
        settings._replace(thumbnails=True),
        settings._replace(
            trust=TrustProfile(
                settings.trust.name,
                tuple(
                    type(anchor)(
                        type(renamed)(anchor.pin.sha256, "another name"),
                        anchor.intermediates,
                        anchor.key_purposes,
                    )
                    for anchor in settings.trust.claim_anchors
                ),
                settings.trust.time_stamp_anchors,
            )
        ),
    ]

    digests = {item.digest for item in (settings, *changed)}

    assert len(digests) == 1 + len(changed)
    assert {len(digest) for digest in digests} == {32}


def test_the_digest_is_the_same_in_the_next_run(settings: WorkerSettings) -> None:
    """
    And does not depend on how records are known again.
    """
    copy = pickle.loads(pickle.dumps(settings))  # noqa: S301 - our own

    assert copy.digest == settings.digest == settings._replace(remember_hashes=True).digest


def test_a_self_test_that_fails_keeps_a_worker_from_starting(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    No verdict of it could be relied on.
    """

    def fail(process: int) -> None:
        raise EngineError(f"self-test of process {process} failed")

    monkeypatch.setattr(module, "require_passed", fail)

    with pytest.raises(EngineError, match="self-test"):
        module._Worker(settings)


def test_a_policy_that_cannot_be_asked_is_no_error_of_the_image(
    judge: Judge, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It would be recorded for every file, and every file would look judged.
    """

    def fail(verifier: Verifier, asset: Asset) -> object:
        raise PolicyError("it is gone")

    plant(tmp_path, {"x.png": PNG})
    monkeypatch.setattr(Verifier, "verify", fail)

    with pytest.raises(PolicyError):
        judge(tmp_path / "x.png")
