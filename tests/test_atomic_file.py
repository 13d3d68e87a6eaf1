"""
Files that are replaced whole: what is there before, during and after, whatever happens in between.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.atomic_file import replaced

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """
    Write what is to be replaced, alone in its folder.
    """
    path = tmp_path / "folder" / "report.json"
    path.parent.mkdir()
    path.write_bytes(b"before")
    return path


def test_the_new_bytes_take_the_place_of_the_old_ones_at_the_end(target: Path) -> None:
    """
    Whoever reads meanwhile sees the whole old file.
    """
    with replaced(target) as file:
        file.write(b"after")
        file.flush()
        during = target.read_bytes()

    assert (during, target.read_bytes()) == (b"before", b"after")
    assert list(target.parent.iterdir()) == [target]


def test_a_file_that_was_not_there_is_made(tmp_path: Path) -> None:
    """
    Replacing is also how a file begins.
    """
    with replaced(tmp_path / "new") as file:
        file.write(b"after")

    assert (tmp_path / "new").read_bytes() == b"after"


def test_what_was_written_can_be_mended(target: Path) -> None:
    """
    A format may have to say first what is only known at the end.
    """
    with replaced(target) as file:
        file.write(b"  entries\n")
        file.seek(0)
        file.write(b"12")

    assert target.read_bytes() == b"12entries\n"


def write_half(path: Path, error: BaseException) -> None:
    """
    Begin to replace a file, and fail.
    """
    with replaced(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError(), OSError(errno.ENOSPC, "full")])
def test_a_block_that_ends_badly_leaves_everything_as_it_was(target: Path, error: BaseException) -> None:
    """
    And what ended it is what the caller sees.
    """
    with pytest.raises(type(error)) as caught:
        write_half(target, error)

    assert caught.value is error
    assert target.read_bytes() == b"before"
    assert list(target.parent.iterdir()) == [target]


KILLED = """
import os, sys
from pathlib import Path
from provenance.atomic_file import replaced
with replaced(Path(sys.argv[1])) as file:
    file.write(b"half" * 100_000)
    os.kill(os.getpid(), 9)
"""


def test_a_process_that_is_killed_leaves_the_old_file(target: Path) -> None:
    """
    Its own half of a file stays beside it, under a name that nobody reads.
    """
    ran = subprocess.run([sys.executable, "-c", KILLED, str(target)], cwd=ROOT, check=False)

    assert ran.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"before"
    (left,) = set(target.parent.iterdir()) - {target}
    assert left.name.startswith(".")
    assert left.name.endswith(".tmp")


def test_the_file_says_where_it_lies_until_then(target: Path) -> None:
    """
    Whoever walks the folder must be able to tell it from what was there before.
    """
    with replaced(target) as file:
        assert set(target.parent.iterdir()) == {target, Path(file.name)}


def test_a_symbolic_link_is_followed_and_stays(target: Path, tmp_path: Path) -> None:
    """
    The new file lies where the old one did, also on another disk.
    """
    link = tmp_path / "link"
    link.symlink_to(target)

    with replaced(link) as file:
        file.write(b"after")

    assert link.is_symlink()
    assert target.read_bytes() == b"after"
    assert list(target.parent.iterdir()) == [target]


def test_a_link_that_leads_nowhere_yet_gets_its_file(tmp_path: Path) -> None:
    """
    As with every program that opens it to write.
    """
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "later")

    with replaced(link) as file:
        file.write(b"after")

    assert (tmp_path / "later").read_bytes() == b"after"


def make_folder(path: Path) -> Path:
    """
    Put a folder in the way.
    """
    path.mkdir()
    return path


def make_pipe(path: Path) -> Path:
    """
    Put a named pipe in the way; opening it would wait for ever.
    """
    os.mkfifo(path)
    return path


def make_link_to_device(path: Path) -> Path:
    """
    Put a link to a device in the way.
    """
    path.symlink_to("/dev/null")
    return path


@pytest.mark.parametrize(
    "make", [make_folder, make_pipe, make_link_to_device], ids=lambda make: make.__name__
)
def test_only_a_regular_file_is_replaced(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """
    A device that is replaced by a file is gone for everybody.
    """
    path = make(tmp_path / "target")
    before = path.lstat()

    with pytest.raises(OSError, match="not a regular file"), replaced(path):
        pytest.fail("the block must not begin")

    assert path.lstat().st_ino == before.st_ino
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    """
    With an error like every other here.
    """
    loop = tmp_path / "loop"
    loop.symlink_to(loop)

    with pytest.raises(OSError, match="symbolic links"), replaced(loop):
        pytest.fail("the block must not begin")


@pytest.mark.parametrize("name", ["missing/target", "nul\0l", "x" * 300])
def test_a_place_that_cannot_be_is_refused_before_the_block(tmp_path: Path, name: str) -> None:
    """
    Nobody works for an hour to learn that.
    """
    with pytest.raises(OSError, match=r"\[Errno"), replaced(tmp_path / name):
        pytest.fail("the block must not begin")

    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from provenance.atomic_file import replaced
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
try:
    with replaced(Path(sys.argv[1])) as file:
        file.write(b"too long")
"""


def write_to_a_full_disk(target: Path, rest: str) -> subprocess.CompletedProcess[str]:
    """
    Replace a file where only four bytes can be written, in a process of its own.

    Args:
        target: The file.

        rest: What else stands in the block, and what to do with the error that ends it.
    """
    command = [sys.executable, "-c", FULL_DISK + rest, str(target)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)


def test_a_full_disk_leaves_the_old_file(target: Path) -> None:
    """
    Also where it is noticed only when the last bytes are written.
    """
    ran = write_to_a_full_disk(
        target,
        """
except OSError as error:
    print(error.strerror)
""",
    )

    assert (ran.stdout.strip(), ran.stderr) == (os.strerror(errno.EFBIG), "")
    assert target.read_bytes() == b"before"
    assert list(target.parent.iterdir()) == [target]


def test_a_full_disk_does_not_hide_what_ended_the_block(target: Path) -> None:
    """
    What is still held back when that happens is not written any more.
    """
    ran = write_to_a_full_disk(
        target,
        """
        raise KeyboardInterrupt
except KeyboardInterrupt as error:
    print(error.__context__)
""",
    )

    assert (ran.stdout, ran.stderr) == ("None\n", "")
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(("mode", "expected"), [(0o666, 0o644), (0o600, 0o600)])
def test_the_new_file_has_the_permissions_asked_for(target: Path, mode: int, expected: int) -> None:
    """
    Less the umask, as for every new file; not even for a moment more.
    """
    before = os.umask(0o022)
    try:
        with replaced(target, mode=mode) as file:
            during = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    finally:
        os.umask(before)

    assert during == expected
    assert stat.S_IMODE(target.stat().st_mode) == expected
