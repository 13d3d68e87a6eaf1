"""
All outputs of an audit together: what is refused, what is replaced when, and what reaches standard output.
"""

from __future__ import annotations

import csv
import errno
import fcntl
import gc
import io
import json
import os
import signal
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import IO

import pyarrow as pa
import pytest
from pyarrow import parquet

from provenance.audit.record import Summary
from provenance.audit.writer.outputs import FORMATS, STANDARD_OUTPUT, Outputs, Target, format_of
from provenance.errors import OutputFileError
from tests.audit.support import HEADING, hostile_records, sample_records, summary_of

ROOT = Path(__file__).resolve().parents[3]

EXTENSIONS = {
    "jsonl": ".jsonl",
    "csv": ".csv",
    "parquet": ".parquet",
    "junit": ".xml",
    "sarif": ".sarif",
    "html": ".html",
}
EACH_FORMAT = pytest.mark.parametrize("name", EXTENSIONS)


def write(outputs: Outputs, *, complete: bool = True) -> None:
    """
    Write an audit of the samples.
    """
    records = (*sample_records(), *hostile_records())
    with outputs:
        for record in records:
            outputs.add(record)
        outputs.finish(summary_of(records, complete=complete))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """
    Make a folder with an old file for every format.
    """
    for extension in EXTENSIONS.values():
        (tmp_path / f"audit{extension}").write_bytes(b"before")
    return tmp_path


def every_target(folder: Path) -> list[Target]:
    """
    Return the path of an output of every format.
    """
    return [Target(folder / f"audit{extension}") for extension in EXTENSIONS.values()]


def contents(folder: Path) -> dict[str, bytes]:
    """
    Read all files of a folder.
    """
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- which outputs ----------------------------------------------------------------------------------


def test_every_format_has_an_extension() -> None:
    """
    Six of them.
    """
    assert tuple(EXTENSIONS) == FORMATS
    assert {name: format_of(Path(f"a.b{extension}")) for name, extension in EXTENSIONS.items()} == {
        name: name for name in FORMATS
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [("A.JSONL", "jsonl"), ("a.json", None), ("jsonl", None), (".csv", None), ("csv/a", None)],
)
def test_the_extension_tells_the_format(path: str, expected: str | None) -> None:
    """
    In any case of letters; the rest of the path says nothing.
    """
    assert expected == format_of(Path(path))


@EACH_FORMAT
def test_a_format_may_be_named(tmp_path: Path, name: str) -> None:
    """
    Then the file may be called anything.
    """
    by_name, by_extension = tmp_path / "named.txt", tmp_path / f"audit{EXTENSIONS[name]}"

    write(Outputs([(by_name, name), (by_extension, None)], HEADING))

    assert by_name.read_bytes() == by_extension.read_bytes()
    assert by_name.stat().st_size > 1_000


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            [("a.txt", None)],
            r"no known format for a\.txt: name one of jsonl, csv, parquet, junit, sarif, html",
        ),
        ([("a.csv", "xls")], r"no known format for a\.csv"),
        ([(None, None)], "no known format for standard output"),
        ([("-", None)], "no known format for standard output"),
        ([(None, "parquet")], "parquet is no text"),
        ([("-", "parquet")], "parquet is no text"),
        ([(None, "jsonl"), ("-", "csv")], "two outputs go to standard output"),
        ([("a.csv", None), ("b.csv", None), ("a.csv", None)], r"two outputs go to a\.csv"),
        ([("a.csv", "jsonl"), ("a.csv", "csv")], r"two outputs go to a\.csv"),
        ([("a.csv", None), ("./x/../a.csv", None)], r"two outputs go to"),
    ],
)
def test_what_cannot_be_meant_is_refused(targets: list[tuple[str | None, str | None]], message: str) -> None:
    """
    Before anything is opened.
    """
    with pytest.raises(ValueError, match=message):
        Outputs([(Path(path) if path else None, name) for path, name in targets], HEADING)


def test_two_names_of_one_file_are_refused(tmp_path: Path) -> None:
    """
    A link leads where the other output goes; one would be lost.
    """
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "other.csv").symlink_to(tmp_path / "folder" / "audit.csv")

    for name in ("link/audit.csv", "other.csv"):
        with pytest.raises(ValueError, match="two outputs go to"):
            Outputs([(tmp_path / "folder" / "audit.csv", None), (tmp_path / name, None)], HEADING)


@pytest.mark.parametrize(
    "place", ["missing/audit.sarif", "folder.sarif", "pipe.sarif", "loop.sarif", "nul\0.sarif"]
)
def test_a_place_that_cannot_be_is_refused_before_any_work(folder: Path, place: str) -> None:
    """
    And the outputs beside it are left alone.
    """
    (folder / "sub").mkdir()
    (folder / "sub" / "folder.sarif").mkdir()
    os.mkfifo(folder / "sub" / "pipe.sarif")
    (folder / "sub" / "loop.sarif").symlink_to("loop.sarif")
    outputs = Outputs([(folder / "audit.csv", None), (folder / "sub" / place, None)], HEADING)

    with pytest.raises(OutputFileError, match="cannot be written: ") as caught, outputs:
        pytest.fail("the audit must not begin")

    assert caught.value.where == str(folder / "sub" / place)
    assert (folder / "audit.csv").read_bytes() == b"before"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["sub", *(f"audit{e}" for e in EXTENSIONS.values())]
    )


def test_a_package_that_is_missing_is_named_with_its_extra(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whoever installed the base package learns what to install.
    """
    monkeypatch.delitem(sys.modules, "provenance.audit.writer.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(
        OutputFileError, match=r"pyarrow is not installed: pip install '.*\[audit\]'"
    ) as caught:
        Outputs([(folder / "audit.parquet", None)], HEADING)

    assert caught.value.where == str(folder / "audit.parquet")


def test_no_package_is_needed_for_what_is_not_asked_for() -> None:
    """
    The base installation writes everything but Parquet.
    """
    script = """
import sys
from pathlib import Path
sys.modules["pyarrow"] = None
from provenance.audit.writer.outputs import FORMATS, Outputs
Outputs([(Path(f"audit-{name}"), name) for name in FORMATS if name != "parquet"], None)
"""

    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


# --- files ------------------------------------------------------------------------------------------


def test_all_files_are_replaced_at_the_end(folder: Path) -> None:
    """
    Each in its own format, and nothing else is left behind.
    """
    before = contents(folder)
    records = (*sample_records(), *hostile_records())

    with Outputs(every_target(folder), HEADING) as outputs:
        for record in records:
            outputs.add(record)
        during = {name: data for name, data in contents(folder).items() if name in before}
        outputs.finish(summary_of(records))

    after = contents(folder)
    assert during == before
    assert set(after) == set(before)
    assert [json.loads(line) for line in after["audit.jsonl"].splitlines()] == [
        json.loads(r.report) for r in records
    ]
    assert len(list(csv.reader(io.StringIO(after["audit.csv"].decode(), newline="")))) == len(records) + 1
    assert parquet.read_table(pa.BufferReader(after["audit.parquet"])).num_rows == len(records)
    assert f'tests="{len(records)}"'.encode() in after["audit.xml"]
    assert len(json.loads(after["audit.sarif"])["runs"]) == 1
    assert after["audit.html"].rstrip().endswith(b"</html>")


def test_two_audits_give_the_same_files(tmp_path: Path) -> None:
    """
    There is no clock in any of them, and no path of where they lie.
    """
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write(Outputs(every_target(tmp_path / name), HEADING))

    assert contents(tmp_path / "first") == contents(tmp_path / "second")


@pytest.mark.parametrize(
    "error", [None, KeyboardInterrupt(), OSError(errno.EIO, "an image"), BrokenPipeError()]
)
def test_an_audit_that_is_not_finished_leaves_the_files_as_they_were(
    folder: Path, error: BaseException | None
) -> None:
    """
    Whatever ended it, and the caller sees what did.
    """
    before = contents(folder)

    def begin() -> None:
        with Outputs(every_target(folder), HEADING) as outputs:
            for record in sample_records():
                outputs.add(record)
            if error is not None:
                raise error

    if error is None:
        begin()
    else:
        with pytest.raises(type(error)) as caught:
            begin()
        assert caught.value is error
    gc.collect()

    assert contents(folder) == before


KILLED = """
import os, sys
from pathlib import Path
from provenance.audit.writer.outputs import Outputs
from tests.audit.support import HEADING, many_records
with Outputs([(Path(name), None) for name in sys.argv[1:]], HEADING) as outputs:
    for record in many_records(500):
        outputs.add(record)
    os.kill(os.getpid(), 9)
"""


def test_a_process_that_is_killed_leaves_the_files_as_they_were(folder: Path) -> None:
    """
    Whoever reads them sees the audit before.
    """
    before = contents(folder)

    subprocess.run([sys.executable, "-c", KILLED, *(folder / name for name in before)], cwd=ROOT, check=False)

    assert {name: data for name, data in contents(folder).items() if name in before} == before


FULL = """
import resource, signal, sys
from pathlib import Path
from provenance.audit.writer.outputs import Outputs
from provenance.errors import OutputFileError
from tests.audit.support import HEADING, many_records, summary_of
count, limit, *names = sys.argv[1:]
records = list(many_records(int(count)))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    with Outputs([(Path(name), None) for name in names], HEADING) as outputs:
        for record in records:
            outputs.add(record)
        outputs.finish(summary_of(records))
except OutputFileError as error:
    print(Path(error.where).name, error.reason, sep=": ")
"""


def write_with_little_room(count: int, limit: int, *paths: Path) -> str:
    """
    Write an audit where no file may grow beyond a limit.
    """
    arguments = [sys.executable, "-c", FULL, str(count), str(limit), *map(str, paths)]
    done = subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


@EACH_FORMAT
@pytest.mark.parametrize(("count", "limit"), [(1, 100), (3_000, 30_000)], ids=["at the end", "on the way"])
def test_a_full_disk_costs_no_old_file(folder: Path, name: str, count: int, limit: int) -> None:
    """
    And the error says which output it was.
    """
    before = contents(folder)

    said = write_with_little_room(count, limit, folder / f"audit{EXTENSIONS[name]}")

    assert said == f"audit{EXTENSIONS[name]}: {os.strerror(errno.EFBIG)}\n"
    assert contents(folder) == before


@pytest.mark.parametrize("first", ["audit.csv", "audit.jsonl"])
def test_one_output_that_fails_keeps_the_others_from_being_replaced(folder: Path, first: str) -> None:
    """
    Files of one audit belong together, whichever was named first.
    """
    before = contents(folder)
    second = {"audit.csv": "audit.jsonl", "audit.jsonl": "audit.csv"}[first]

    said = write_with_little_room(60, 100_000, folder / first, folder / second)

    assert said == f"audit.jsonl: {os.strerror(errno.EFBIG)}\n"
    assert contents(folder) == before


def test_the_outputs_name_their_files_while_they_are_open(folder: Path) -> None:
    """
    A walk over the same folder has to leave them out: those that will be there, and those that are for now.
    """
    with Outputs([*every_target(folder), Target(None, "jsonl")], HEADING) as outputs:
        assert outputs.files == {path.resolve() for path in folder.iterdir()}
        assert len(outputs.files) == 2 * len(FORMATS)

    assert outputs.files == frozenset()


# --- what writers are given -------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_only_the_page_wants_thumbnails(tmp_path: Path, name: str) -> None:
    """
    Making them costs more than judging.
    """
    targets = [(tmp_path / "a.jsonl", None), (tmp_path / "b", name)]

    assert Outputs(targets, HEADING).wants_thumbnails is (name == "html")


def test_reports_are_read_only_where_somebody_wants_them(tmp_path: Path) -> None:
    """
    For JSON Lines alone, reading would cost more than writing.
    """
    record = sample_records()[0]._replace(report="not JSON")

    with Outputs([(tmp_path / "a.jsonl", None)], HEADING) as outputs:
        outputs.add(record)
        outputs.finish(Summary())

    assert (tmp_path / "a.jsonl").read_bytes() == b"not JSON\n"
    both = Outputs([(tmp_path / "a.jsonl", None), (tmp_path / "a.csv", None)], HEADING)
    with both, pytest.raises(ValueError, match="Expecting value"):
        both.add(record)


def test_no_outputs_are_outputs_too() -> None:
    """
    Who only wants the gate writes nothing.
    """
    outputs = Outputs([], HEADING)

    write(outputs)

    assert (outputs.files, outputs.wants_thumbnails) == (frozenset(), False)


# --- standard output --------------------------------------------------------------------------------

SHOWN = """
import os, sys
from pathlib import Path
from provenance.audit.writer.outputs import Outputs
from provenance.errors import OutputFileError
from tests.audit.support import HEADING, sample_records, summary_of
name, *wanted = sys.argv[1:]
if "first" in wanted:
    sys.stdout.write("first\\n")
try:
    with Outputs([(Path("-"), name)], HEADING) as outputs:
        for record in sample_records():
            outputs.add(record)
        if "finish" in wanted:
            outputs.finish(summary_of(sample_records()))
except (BrokenPipeError, OutputFileError) as error:
    sys.stderr.write(f"{type(error).__name__}: {error}")
    sys.stderr.flush()
    os._exit(3)
"""

EACH_BUFFERING = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])


def show(*wanted: str, output: int, unbuffered: str = "") -> tuple[int, bytes, str]:
    """
    Write an audit of the samples to standard output; give the exit code and what both streams got.
    """
    done = subprocess.run(
        [sys.executable, "-c", SHOWN, *wanted],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
    )
    return done.returncode, done.stdout or b"", done.stderr.decode()


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "parquet"])
@EACH_BUFFERING
def test_standard_output_takes_every_format_that_is_text(tmp_path: Path, name: str, unbuffered: str) -> None:
    """
    The same bytes as a file, in their place after what was written before.
    """
    records, path = sample_records(), tmp_path / "audit"
    with Outputs([(path, name)], HEADING) as outputs:
        for record in records:
            outputs.add(record)
        outputs.finish(summary_of(records))

    answer = show(name, "first", "finish", output=subprocess.PIPE, unbuffered=unbuffered)

    assert answer == (0, b"first\n" + path.read_bytes(), "")


@pytest.mark.parametrize("name", ["csv", "sarif"])
def test_standard_output_stays_open(capfdbinary: pytest.CaptureFixture[bytes], name: str) -> None:
    """
    The program has more to say.
    """
    write(Outputs([(None, name)], HEADING))
    sys.stdout.write("after\n")

    assert capfdbinary.readouterr().out.endswith((b"\r\nafter\n", b"}\nafter\n"))


@pytest.mark.parametrize("name", ["junit", "sarif", "html"])
def test_a_document_is_not_shown_by_half(name: str) -> None:
    """
    Half of it cannot be read.
    """
    assert show(name, "first", output=subprocess.PIPE) == (0, b"first\n", "")


@pytest.mark.parametrize("name", ["jsonl", "csv"])
@EACH_BUFFERING
def test_lines_are_shown_as_they_come(name: str, unbuffered: str) -> None:
    """
    Each is of use to whoever reads along.
    """
    part = show(name, output=subprocess.PIPE, unbuffered=unbuffered)

    assert part == show(name, "finish", output=subprocess.PIPE)
    assert len(part[1]) > 1_000


@pytest.mark.parametrize("name", ["jsonl", "csv", "sarif"])
@EACH_BUFFERING
def test_a_closed_pipe_is_left_to_the_program(name: str, unbuffered: str) -> None:
    """
    It is no fault of the output: somebody has read enough.
    """
    reading, writing = os.pipe()
    os.close(reading)

    answer = show(name, "finish", output=writing, unbuffered=unbuffered)

    os.close(writing)
    assert answer == (3, b"", f"BrokenPipeError: [Errno {errno.EPIPE}] {os.strerror(errno.EPIPE)}")


@pytest.mark.parametrize("name", ["jsonl", "csv", "sarif"])
@EACH_BUFFERING
def test_a_full_device_behind_standard_output_is_named(name: str, unbuffered: str) -> None:
    """
    As a file would be.
    """
    with Path("/dev/full").open("wb") as full:
        answer = show(name, "finish", output=full.fileno(), unbuffered=unbuffered)

    reason = os.strerror(errno.ENOSPC)
    assert answer == (3, b"", f"OutputFileError: {STANDARD_OUTPUT} cannot be written: {reason}")


INTERRUPTED = """
import signal, sys
from pathlib import Path
from provenance.audit.writer.outputs import Outputs
from tests.audit.support import HEADING, sample_records, summary_of
signal.signal(signal.SIGUSR1, lambda *_: None)
with Outputs([(Path("-"), "jsonl")], HEADING) as outputs:
    record = sample_records()[0]._replace(report="x" * 1_000_000)
    outputs.add(record)
    outputs.finish(summary_of([record]))
"""


@EACH_BUFFERING
def test_a_signal_costs_no_byte_of_standard_output(unbuffered: str) -> None:
    """
    It reaches a program that waits for its reader in the middle of a line.
    """
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        room = fcntl.fcntl(process.stdout, fcntl.F_GETPIPE_SZ)
        while _waiting_bytes(process.stdout) < room:
            threading.Event().wait(0.01)
        process.send_signal(signal.SIGUSR1)
        got = process.stdout.read()

    assert (process.returncode, len(got)) == (0, 1_000_001)


def _waiting_bytes(pipe: IO[bytes]) -> int:
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_target_says_where_it_goes() -> None:
    """
    For messages.
    """
    assert [Target(None).where, Target(Path("-")).where, Target(Path("a.csv")).where] == [
        STANDARD_OUTPUT,
        STANDARD_OUTPUT,
        "a.csv",
    ]
