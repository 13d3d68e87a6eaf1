"""
What an audit remembers: exactly what it was told, for exactly as long as it holds, and never of other bytes.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance import StateError, UnsupportedAssetError
from provenance.audit import state as state_module
from provenance.audit.message import FileStamp, JudgeAnswer
from provenance.audit.record import Category, UnnamedRecord
from provenance.audit.state import APPLICATION_ID, MAX_PATHS, VERSION, State, StoredFile

ROOT = Path(__file__).resolve().parents[2]
JUDGED_BY = b"j" * 32
STAMP = FileStamp(5, 1_700_000_000_123_456_789, 1_700_000_001_123_456_789)
ABSENT = UnnamedRecord(Category.ABSENT, ("manifest_store",), ', "sha256": null}')
INVALID = UnnamedRecord(
    Category.INVALID, ("integrity", "trailing_bytes"), ', "sha256": "\\udcff"}', b"\x00RIFF"
)
MISTAKE = UnnamedRecord.of(UnsupportedAssetError("it is empty"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    Return the path of a state file.
    """
    return tmp_path / "audit state.db"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    """
    Open a new state.
    """
    with State(path, JUDGED_BY) as opened:
        yield opened


def answer(record: UnnamedRecord = ABSENT, stamp: FileStamp = STAMP, **more: object) -> JudgeAnswer:
    """
    JudgeAnswer for a file.
    """
    return JudgeAnswer(record, stamp, **more)  # type: ignore[arg-type]


# --- what is remembered ---------------------------------------------------------------------------


@pytest.mark.parametrize("record", [ABSENT, INVALID, MISTAKE], ids=lambda record: record.category)
@pytest.mark.parametrize("name", [b"/a.png", b"/\xff\n'\";--", b"/" + b"x" * 4000])
def test_what_is_kept_is_found_again(path: Path, record: UnnamedRecord, name: bytes) -> None:
    """
    To the byte, in another process's lifetime.
    """
    with State(path, JUDGED_BY) as first:
        first.store([(name, answer(record, sha256="ab" * 32))])
    with State(path, JUDGED_BY) as second:
        found = second.find([name])
        read = second.read(name)

    assert found == {name: StoredFile((STAMP.size, STAMP.mtime_ns, STAMP.ctime_ns), "ab" * 32, record)}
    assert read == record


def test_what_is_kept_takes_the_place_of_what_was_known(state: State) -> None:
    """
    A file has one record, the last one.
    """
    state.store([(b"/a", answer()), (b"/b", answer())])
    state.store([(b"/a", answer(INVALID, STAMP._replace(size=6)))])

    found = state.find([b"/a", b"/b", b"/c"])

    assert {name: (known.stamp[0], known.record) for name, known in found.items()} == {
        b"/a": (6, INVALID),
        b"/b": (5, ABSENT),
    }


def test_nothing_is_kept_of_what_cannot_be_known_again(state: State) -> None:
    """
    A file that was just written, that could not be read, or whose record is the known one.
    """
    state.store([(b"/fresh", JudgeAnswer(ABSENT)), (b"/same", JudgeAnswer(None, STAMP))])
    state.store([])

    assert state.find([b"/fresh", b"/same"]) == {}


@pytest.mark.parametrize("time_ns", [0, -1, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 16_725_225_600 * 10**9])
def test_a_file_may_have_any_date(state: State, time_ns: int) -> None:
    """
    A hostile one is dated to the year 2500, which an integer of SQLite does not reach.
    """
    state.store([(b"/a", answer(stamp=FileStamp(0, time_ns, time_ns)))])

    assert state.find([b"/a"])[b"/a"].stamp == (0, time_ns, time_ns)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 400])
def test_many_files_are_found_at_once(state: State, step: int) -> None:
    """
    In any order, whether they lie together or far apart.
    """
    names = [b"/%05d" % number for number in range(4_000)]
    state.store((name, answer(stamp=FileStamp(number, 0, 0))) for number, name in enumerate(names))
    wanted = names[::step][:MAX_PATHS][::-1]

    found = state.find(wanted)

    assert set(wanted) <= set(found) <= set(names)
    assert {name: known.stamp[0] for name, known in found.items()} == {name: int(name[1:]) for name in found}
    assert len(found) < 2 * len(wanted) or len(found) == len(wanted)
    assert state.find([]) == {}
    assert state.find([b"/x"]) == {}


def test_a_long_report_is_read_by_itself(state: State) -> None:
    """
    Hundreds of them at once would not fit into memory.
    """
    long = ABSENT._replace(rest=", " + "x" * 3_000_000)
    state.store([(b"/long", answer(long)), (b"/short", answer())])

    found = state.find([b"/long", b"/short"])

    assert (found[b"/long"].record, found[b"/short"].record) == (None, ABSENT)
    assert state.read(b"/long") == long


# --- for how long it holds ------------------------------------------------------------------------


def test_nothing_is_known_of_what_was_judged_by_something_else(path: Path) -> None:
    """
    Another policy, other anchors, another engine: another verdict.
    """
    with State(path, JUDGED_BY) as first:
        first.store([(b"/a", answer())])

    with State(path, b"k" * 32) as second:
        assert second.find([b"/a"]) == {}
        second.store([(b"/a", answer(INVALID))])
    with State(path, JUDGED_BY) as third:
        assert third.find([b"/a"]) == {}


def test_a_verdict_of_one_day_is_known_on_that_day_only(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A certificate that was good today may have expired tomorrow.
    """
    state.store([(b"/day", answer(day=20_000)), (b"/lasting", answer())])

    known = {}
    for day in (19_999, 20_000, 20_001):
        monkeypatch.setattr(state_module, "_today", lambda day=day: day)
        known[day] = set(state.find([b"/day", b"/lasting"]))

    assert known == {19_999: {b"/lasting"}, 20_000: {b"/day", b"/lasting"}, 20_001: {b"/lasting"}}


# --- what goes wrong ------------------------------------------------------------------------------


def refusal(path: Path) -> str:
    """
    Return why a file cannot be used, and check that it is unchanged.
    """
    is_file = os.path.isfile(path)  # noqa: PTH113 - Path's own raises where the name is too long
    before = path.read_bytes() if is_file else None
    with pytest.raises(StateError) as caught, State(path, JUDGED_BY) as opened:
        opened.find([b"/a"])
    assert (path.read_bytes() if is_file else None) == before
    assert caught.value.where == str(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint.startswith("Delete the file")
    return caught.value.reason


def test_a_file_of_somebody_elses_is_left_alone(path: Path) -> None:
    """
    A mistyped name must not cost a database.
    """
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE file (path BLOB)")
    other.close()
    assert refusal(path) == "it is not the state of an audit"

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(4096))
    assert refusal(path) == "it is not the state of an audit"


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    """
    What its columns mean is not known here.
    """
    State(path, JUDGED_BY).close()
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()

    assert refusal(path) == f"it is of version {VERSION + 1}, newer than this program"


@pytest.mark.parametrize("kind", ["folder", "pipe", "no folder", "NUL", "long", "file as folder"])
def test_what_cannot_be_a_file_is_refused(tmp_path: Path, kind: str) -> None:
    """
    Before any image was judged in vain.
    """
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    path, reason = {
        "folder": (tmp_path / "folder", "it is not a regular file"),
        "pipe": (tmp_path / "pipe", "it is not a regular file"),
        "no folder": (tmp_path / "none" / "state", "unable to open database file"),
        "NUL": (tmp_path / "a\0b", "no file can have this name"),
        "long": (tmp_path / ("x" * 300), "File name too long"),
        "file as folder": (tmp_path / "file" / "state", "unable to open database file"),
    }[kind]

    assert refusal(path) == reason


def test_an_empty_file_is_as_good_as_none(path: Path) -> None:
    """
    Some programs make the file they hand to another one.
    """
    path.touch()

    with State(path, JUDGED_BY) as opened:
        opened.store([(b"/a", answer())])

        assert opened.find([b"/a"])


def test_two_audits_do_not_share_a_state(path: Path, state: State) -> None:
    """
    Each would write over what the other one knows; the second one says so at once.
    """
    state.store([(b"/a", answer())])

    with pytest.raises(StateError, match="another audit is using it"):
        State(path, JUDGED_BY)
    script = """
import sys
from pathlib import Path
from provenance import StateError
from provenance.audit.state import State
try:
    State(Path(sys.argv[1]), b"j" * 32)
except StateError as error:
    print(error.reason)
"""
    ran = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)

    assert ran.stdout == "another audit is using it\n"
    assert state.find([b"/a"])


def test_a_state_is_free_again_once_it_is_closed(path: Path) -> None:
    """
    And leaves nothing beside it.
    """
    for _ in range(3):
        with State(path, JUDGED_BY) as opened:
            opened.store([(b"/a", answer())])

    assert [found.name for found in path.parent.iterdir()] == [path.name]


def known_of(path: Path, names: list[bytes]) -> list[UnnamedRecord | None]:
    """
    Read all records; none at all where the damage is told.
    """
    try:
        with State(path, JUDGED_BY) as opened:
            return [known.record for known in opened.find(names).values()]
    except StateError:
        return []


def test_no_flipped_bit_turns_one_record_into_another(path: Path) -> None:
    """
    Wherever it is on the disk: most are noticed, and the others only lead to judging anew.
    """
    names = [b"/%04d" % number for number in range(200)]
    with State(path, JUDGED_BY) as first:
        first.store((name, answer(INVALID)) for name in names)
    data = path.read_bytes()
    chance = random.Random(1)  # noqa: S311 - no secrets

    found = []
    for _ in range(150):
        damaged = bytearray(data)
        damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        found.append(known_of(path, names))

    assert {record for records in found for record in records} == {INVALID}
    assert min(map(len, found)) < max(map(len, found)) == len(names)


def test_damage_within_a_record_is_told(path: Path) -> None:
    """
    SQLite watches over its own structure, not over what is in it.
    """
    with State(path, JUDGED_BY) as first:
        first.store([(b"/a", answer(INVALID)), (b"/b", answer(INVALID._replace(rest="x" * 100_000)))])
    data = path.read_bytes()
    path.write_bytes(data.replace(b"integrity", b"untegrity").replace(b"xx", b"xy", 1))

    with State(path, JUDGED_BY) as second:
        with pytest.raises(StateError, match="it is damaged"):
            second.find([b"/a"])
        with pytest.raises(StateError, match="it is damaged"):
            second.read(b"/b")


def test_a_table_that_is_gone_is_told(path: Path) -> None:
    """
    In SQLite's own words, where there are no better ones.
    """
    State(path, JUDGED_BY).close()
    database = sqlite3.connect(path)
    database.execute("DROP TABLE file")
    database.execute("CREATE TABLE other (x)")
    database.close()

    with State(path, JUDGED_BY) as opened, pytest.raises(StateError, match="no such table"):
        opened.find([b"/a"])


def test_a_full_disk_is_told_and_costs_only_what_was_not_kept(path: Path) -> None:
    """
    Deleting the file would not help there, so the reason says what it is.
    """
    with State(path, JUDGED_BY) as first:
        first.store([(b"/a", answer())])
        first._database.execute("PRAGMA max_page_count = 4")

        with pytest.raises(StateError, match="the disk is full"):
            first.store((b"/b%d" % number, answer(INVALID._replace(rest="x" * 9_000))) for number in range(9))
        first.store([(b"/c", answer())])

    with State(path, JUDGED_BY) as second:
        assert set(second.find([b"/a", b"/c"])) == {b"/a", b"/c"}


KILLED = """
import os, sys
from pathlib import Path
from provenance.audit.message import JudgeAnswer, FileStamp
from provenance.audit.record import Category, UnnamedRecord
from provenance.audit.state import State
state = State(Path(sys.argv[1]), b"j" * 32)
for number in range(int(sys.argv[2])):
    record = UnnamedRecord(Category.ABSENT, (), str(number))
    state.store([(b"/%06d" % number, JudgeAnswer(record, FileStamp(number, 0, 0)))])
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("count", [0, 1, 50, 3_000])
def test_nothing_that_was_kept_is_lost_to_a_kill(path: Path, count: int) -> None:
    """
    A machine that is taken away gives no time to tidy up.
    """
    ran = subprocess.run([sys.executable, "-c", KILLED, path, str(count)], check=False)
    names = [b"/%06d" % number for number in range(count)]

    with State(path, JUDGED_BY) as opened:
        found = [known for at in range(0, count, 500) for known in opened.find(names[at : at + 500]).items()]

    assert ran.returncode == -signal.SIGKILL
    assert [name for name, _ in found] == names
