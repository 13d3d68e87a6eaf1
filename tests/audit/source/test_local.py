"""
Which files an audit finds: all of them, once, in one order, whatever they are called and whatever goes on.
"""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from provenance.audit.source.local import FoundFile, list_files


def plant(root: Path, *names: str | bytes) -> None:
    """
    Make empty files, and the folders they lie in.
    """
    for name in names:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(found: Iterable[FoundFile], root: Path) -> list[str]:
    """
    Return the names of what was found, from a folder on.
    """
    return [item.name.removeprefix(f"{root}/") for item in found]


def raw(path: Path | str) -> bytes:
    """
    Return a path as the system has it.
    """
    return os.fsencode(path)


# --- order and names ------------------------------------------------------------------------------


def test_the_order_is_that_of_the_bytes_of_the_full_paths(tmp_path: Path) -> None:
    """
    Sorted by its name alone, folder "a" would come before "a-b", and what is in it after.
    """
    plant(tmp_path, "a/b", "a-b", "a.png", "a0", "a/c/d", "A", "a/c-d", "é", b"\xff", "z")

    found = [item.path for item in list_files([tmp_path])]

    assert found == sorted(found)
    assert names(list_files([tmp_path]), tmp_path)[:4] == ["A", "a-b", "a.png", "a/b"]


@pytest.mark.parametrize("seed", range(8))
def test_any_tree_is_found_whole_and_in_order(tmp_path: Path, seed: int) -> None:
    """
    Held against a walk of the standard library, over names that mean something somewhere.
    """
    chance = random.Random(seed)  # noqa: S311 - names, no secrets
    alphabet = [b"-", b".", b"0", b"a", b"\n", b"'", b" ", b"\xff", "é".encode(), "😀".encode()]
    for _ in range(120):
        parts = [b"".join(chance.choices(alphabet, k=2)) for _ in range(chance.randint(1, 4))]
        plant(tmp_path, b"/".join([*(b"folder" + part for part in parts[:-1]), b"file" + parts[-1]]))

    found = [item.path for item in list_files([tmp_path])]

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert found == sorted(map(raw, files))
    assert len(files) > 50


def test_a_name_is_what_was_named_and_the_way_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    People know the path they typed; the absolute one is for the program.
    """
    plant(tmp_path, "in/deep/x.png")
    monkeypatch.chdir(tmp_path)
    named = {
        ".": "./in/deep/x.png",
        "in": "in/deep/x.png",
        "in/": "in/deep/x.png",
        "./in//deep": "./in//deep/x.png",
        "in/../in": "in/../in/deep/x.png",
        str(tmp_path): f"{tmp_path}/in/deep/x.png",
        "in/deep/x.png": "in/deep/x.png",
    }

    found = {given: next(iter(list_files([given]))) for given in named}

    assert {given: item.name for given, item in found.items()} == named
    assert {item.path for item in found.values()} == {raw(tmp_path / "in/deep/x.png")}


def test_the_topmost_folder_ends_in_its_only_slash(tmp_path: Path) -> None:
    """
    "//tmp" is another place on some systems.
    """
    plant(tmp_path, "x.png")
    way = (tmp_path, *tmp_path.parents)
    beside = [path for folder in way[1:] for path in folder.iterdir() if path not in way]
    globs = [re.sub(r"[][*?]", "?", str(path)) for path in beside]

    found = [item for item in list_files(["/"], exclude=globs) if item.path.startswith(raw(tmp_path))]

    assert [(item.name, item.path) for item in found] == [(f"{tmp_path}/x.png", raw(tmp_path / "x.png"))]


def test_what_two_dots_mean_behind_a_link_the_file_system_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Taken out of the text alone, "link/.." would be the folder the link lies in.
    """
    plant(tmp_path, "elsewhere/deep/in.png", "elsewhere/beside.png", "beside.png")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "deep")
    monkeypatch.chdir(tmp_path)

    (item,) = list_files(["link/../beside.png"])

    assert item.path == raw(tmp_path / "elsewhere" / "beside.png")


def test_what_the_system_says_of_a_file_comes_with_it(tmp_path: Path) -> None:
    """
    It is looked at once; whether it has changed is decided by this.
    """
    path = tmp_path / "x.png"
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 1_234_567_890_123_456_789))

    (item,) = list_files([tmp_path])
    (named,) = list_files([path])

    status = path.stat()
    assert item.stamp == (5, 1_234_567_890_123_456_789, status.st_ctime_ns)
    assert (item.named, named.named) == (False, True)
    assert named.stamp == item.stamp


# --- several paths --------------------------------------------------------------------------------


def test_paths_are_walked_in_the_order_given_and_each_file_once(tmp_path: Path) -> None:
    """
    Counting a file twice would count its failure twice.
    """
    plant(tmp_path, "b/1", "b/in/2", "a/3", "c")

    def walked(*given: str) -> list[str]:
        return names(list_files([tmp_path / name for name in given]), tmp_path)

    assert walked("b", "a", "c") == ["b/1", "b/in/2", "a/3", "c"]
    assert walked("b", "b", "b/in", "b/../b/in") == ["b/1", "b/in/2"]
    assert walked("b/in", "b") == ["b/in/2", "b/1"]
    assert walked("b", "b/in/2", "a", "b/in/2") == ["b/1", "b/in/2", "a/3"]
    assert walked("b/in/2", "b/in", "b") == ["b/in/2", "b/1"]


def test_a_file_that_was_named_is_taken_whatever_else_was_asked_for(tmp_path: Path) -> None:
    """
    Otherwise the folder beside it in the list would hide it.
    """
    plant(tmp_path, "in/.hidden.png", "in/no.gif", "in/yes.png")
    skipped: Counter[str] = Counter()

    found = list_files(
        [tmp_path / "in", tmp_path / "in" / "no.gif", tmp_path / "in" / ".hidden.png"],
        include=["*.png"],
        exclude=["yes*"],
        skipped=skipped,
    )

    assert [(item.name[len(f"{tmp_path}/in/") :], item.named) for item in found] == [
        ("no.gif", True),
        (".hidden.png", True),
    ]
    assert skipped == {"excluded": 1}


@pytest.mark.parametrize("below", [".hidden", "left-out", "link", "left-out/in"])
def test_a_folder_that_the_one_above_leaves_out_is_walked_when_it_is_named(
    tmp_path: Path, below: str
) -> None:
    """
    Only what is really reached from an earlier path may be passed over.
    """
    plant(tmp_path, "top/.hidden/x", "top/left-out/in/x", "other/x")
    (tmp_path / "top" / "link").symlink_to(tmp_path / "other")

    found = list_files([tmp_path / "top", tmp_path / "top" / below], exclude=["left-out"])

    assert [Path(item.name).name for item in found] == ["x"]


def test_a_folder_below_the_topmost_one_is_not_walked_again(tmp_path: Path) -> None:
    """
    Its path begins with the other one's, slash and all.
    """
    plant(tmp_path, "x")
    way = (tmp_path, *tmp_path.parents)
    beside = [path for folder in way[1:] for path in folder.iterdir() if path not in way]
    globs = [re.sub(r"[][*?]", "?", str(path)) for path in beside]

    found = [item.path for item in list_files(["/", tmp_path], exclude=globs)]

    assert found.count(raw(tmp_path / "x")) == 1


def test_many_folders_cost_no_more_than_few(tmp_path: Path) -> None:
    """
    A shell expands "*/" to thousands of paths; comparing all with all would take minutes.
    """
    plant(tmp_path, "x")
    missing = [tmp_path / f"{number:06}" for number in range(20_000)]

    found = list(list_files([tmp_path, *missing]))

    assert len(found) == 20_001


# --- what is left out -----------------------------------------------------------------------------


def test_links_and_special_files_are_counted_and_not_followed(tmp_path: Path) -> None:
    """
    A link can lead out of the tree, or back into it for ever; a pipe never ends.
    """
    plant(tmp_path, "in/x", "outside/secret")
    folder = tmp_path / "in"
    (folder / "file-link").symlink_to(tmp_path / "outside" / "secret")
    (folder / "folder-link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe")
    skipped: Counter[str] = Counter()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "socket"))

        found = names(list_files([folder], skipped=skipped), folder)

    assert found == ["x"]
    assert skipped == {"symbolic link": 4, "special file": 2}


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    """
    Whoever names it means what it leads to, and is shown the name they gave.
    """
    plant(tmp_path, "outside/x")
    (tmp_path / "outside" / "x").write_bytes(b"123")
    (tmp_path / "folder").symlink_to("outside")
    (tmp_path / "file").symlink_to("outside/x")

    found = list(list_files([tmp_path / "folder", tmp_path / "file"]))

    assert names(found, tmp_path) == ["folder/x", "file"]
    assert [item.size for item in found] == [3, 3]
    assert found[1].path == raw(tmp_path / "file")


def test_a_special_file_that_is_named_is_an_item(tmp_path: Path) -> None:
    """
    Whoever opens it says what it is; leaving it out would be silence.
    """
    os.mkfifo(tmp_path / "pipe")

    (item,) = list_files([tmp_path / "pipe"])

    assert (item.name, item.named, item.error) == (f"{tmp_path}/pipe", True, None)


def test_hidden_names_are_counted_unless_they_are_asked_for(tmp_path: Path) -> None:
    """
    A folder counts as one, and ".git" is never walked by chance.
    """
    plant(tmp_path, ".git/a", ".git/b", ".x.png", "y.png", "in/.z")
    skipped: Counter[str] = Counter()

    shown = names(list_files([tmp_path], skipped=skipped), tmp_path)
    everything = names(list_files([tmp_path], hidden=True), tmp_path)

    assert shown == ["y.png"]
    assert skipped == {"hidden": 3}
    assert everything == [".git/a", ".git/b", ".x.png", "in/.z", "y.png"]
    assert names(list_files([tmp_path / ".git"]), tmp_path) == [".git/a", ".git/b"]


def test_own_files_are_passed_over_without_a_word(tmp_path: Path) -> None:
    """
    What the audit itself is writing must not change what it counts.
    """
    plant(tmp_path, "a.png", "report.html", "in/state.db", "whole/x")
    own = [raw(tmp_path / name) for name in ("report.html", "in/state.db", "whole")]
    skipped: Counter[str] = Counter()

    found = names(list_files([tmp_path], skipped=skipped, own=own), tmp_path)

    assert found == ["a.png"]
    assert skipped == {}


def test_own_files_are_known_behind_a_link_as_well(tmp_path: Path) -> None:
    """
    On some systems the folder for temporary files is a link.
    """
    plant(tmp_path, "real/in/a.png", "real/in/report.html", "real/in/deep/b.png")
    (tmp_path / "link").symlink_to("real")
    own = [raw((tmp_path / "real" / "in" / "report.html").resolve())]

    found = names(list_files([tmp_path / "link" / "in"], own=own), tmp_path)

    assert found == ["link/in/a.png", "link/in/deep/b.png"]


# --- globs ----------------------------------------------------------------------------------------

TREE = ("a.png", "b.jpg", "in/a.png", "in/deep/a.png", "in/deep/c.PNG", "in/x[1].png", "other/in/a.png")


@pytest.mark.parametrize(
    ("glob", "matched"),
    [
        ("*.png", ["a.png", "in/a.png", "in/deep/a.png", "in/x[1].png", "other/in/a.png"]),
        ("a.*", ["a.png", "in/a.png", "in/deep/a.png", "other/in/a.png"]),
        ("?.jpg", ["b.jpg"]),
        ("in/*.png", ["in/a.png", "in/x[1].png"]),
        ("./in/*.png", ["in/a.png", "in/x[1].png"]),
        ("/in/*.png", ["in/a.png", "in/x[1].png"]),
        ("/a.png", ["a.png"]),
        ("**/in/a.png", ["in/a.png", "other/in/a.png"]),
        ("in/**", ["in/a.png", "in/deep/a.png", "in/deep/c.PNG", "in/x[1].png"]),
        ("in/**/a.png", ["in/a.png", "in/deep/a.png"]),
        ("**", [*TREE]),
        ("**/*", [*TREE]),
        ("in?a.png", []),
        ("in*png", []),
        ("[ab].*g", ["a.png", "b.jpg", "in/a.png", "in/deep/a.png", "other/in/a.png"]),
        ("[!a].???", ["b.jpg", "in/deep/c.PNG"]),
        ("[!a-b].*", ["in/deep/c.PNG"]),
        ("x[[]1].png", ["in/x[1].png"]),
        ("x?1[]].png", ["in/x[1].png"]),
        ("x[1].png", []),
        ("x[1", []),
        ("[", []),
        ("in[/]a.png", []),
        ("**a**.png", ["a.png", "in/a.png", "in/deep/a.png", "other/in/a.png"]),
    ],
)
def test_globs_match_names_or_whole_paths(tmp_path: Path, glob: str, matched: list[str]) -> None:
    """
    A star stays within its folder; only two of them cross folders.
    """
    plant(tmp_path, *TREE)

    included = names(list_files([tmp_path], include=[glob]), tmp_path)
    excluded = names(list_files([tmp_path], exclude=[glob]), tmp_path)

    assert included == matched
    assert excluded == [name for name in TREE if name not in matched]


def test_an_excluded_folder_is_not_entered_and_counts_as_one(tmp_path: Path) -> None:
    """
    Whoever leaves out "node_modules" does not want to wait for it.
    """
    plant(tmp_path, "a.png", "node_modules/b.png", "in/node_modules/deep/c.png")
    skipped: Counter[str] = Counter()

    found = names(list_files([tmp_path], exclude=["node_modules/"], skipped=skipped), tmp_path)

    assert found == ["a.png"]
    assert skipped == {"excluded": 2}


def test_what_no_glob_includes_is_counted_and_exclusion_wins(tmp_path: Path) -> None:
    """
    The counts of all files add up, whatever the globs.
    """
    plant(tmp_path, *TREE)
    skipped: Counter[str] = Counter()

    found = list_files([tmp_path], include=["a.png", "*.jpg"], exclude=["in/*", "b.*"], skipped=skipped)

    assert names(found, tmp_path) == ["a.png", "other/in/a.png"]
    assert skipped == {"excluded": 4}


def test_globs_match_names_that_are_no_text(tmp_path: Path) -> None:
    """
    A line break is a character like any other, and so is a byte that is no UTF-8.
    """
    plant(tmp_path, b"a\nb.png", b"a\xffb.png", "aéb.png")

    assert len(list(list_files([tmp_path], include=["a?b.png"]))) == 3
    assert len(list(list_files([tmp_path], include=["a*", "b*"]))) == 3
    assert len(list(list_files([tmp_path], include=["a\udcffb.png"]))) == 1


@pytest.mark.parametrize(
    ("name", "glob", "count"),
    [
        ("a" * 250, "*a*a*a*a*a*a*a*a*a*a*.png", 0),
        ("a" * 250 + "b", "*a*a*a*a*a*a*a*a*a*a*b", 1),
        ("a/" * 200 + "b", "**/**/**/**/**/**/*.png", 0),
        ("a/" * 200 + "b", "**/a/**/a/**/a/**/a/**/a/**/a/**/c", 0),
        ("a/" * 200 + "b", "**/a/**/a/**/a/**/a/**/a/**/a/**/b", 1),
        ("a/" * 200 + "b", "**/*a*/**/*a*/**/*a*/**/*a*/**/c", 0),
    ],
)
def test_no_name_makes_a_glob_slow(tmp_path: Path, name: str, glob: str, count: int) -> None:
    """
    Names and folders are hostile: one that matches nearly, in many ways, was tried for hours.
    """
    plant(tmp_path, name)

    assert len(list(list_files([tmp_path], include=[glob]))) == count


@pytest.mark.parametrize("glob", ["", "/", "./", "[z-a]", "a/[b-a]/c"])
def test_a_glob_that_makes_no_sense_is_refused_before_the_walk(glob: str) -> None:
    """
    Matching nothing, it would leave out what it was written to find.
    """
    with pytest.raises(ValueError, match="glob"):
        list_files([], include=[glob])
    with pytest.raises(ValueError, match="glob"):
        list_files([], exclude=[glob])


# --- what goes wrong ------------------------------------------------------------------------------


def errors(found: Iterable[FoundFile]) -> dict[str, str]:
    """
    Read what could not be looked at, and why.
    """
    return {item.name: item.error.reason for item in found if item.error is not None}


def test_a_path_that_cannot_be_looked_at_is_an_item(tmp_path: Path) -> None:
    """
    A misspelt path that was passed over would read as an audit without failures.
    """
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    plant(tmp_path, "file")
    given = [
        "",
        "a\0b",
        "\ud800",
        f"{tmp_path}/loop",
        f"{tmp_path}/dangling",
        f"{tmp_path}/file/below",
        f"{tmp_path}/{'x' * 256}",
    ]

    found = list(list_files([*given, given[0], tmp_path / "file"]))

    assert [item.name for item in found] == [*given, f"{tmp_path}/file"]
    assert list(errors(found).values()) == [
        "No such file or directory",
        "no file can have this name",
        "no file can have this name",
        "Too many levels of symbolic links",
        "No such file or directory",
        "Not a directory",
        "File name too long",
    ]


def test_what_vanishes_or_changes_meanwhile_is_an_item_and_no_end(tmp_path: Path) -> None:
    """
    A tree that people work in changes while it is walked.
    """
    plant(tmp_path, "1", "2", "3", "4/x", "5/x", "6", "7/x", "8")
    walking = list_files([tmp_path])
    found = [next(walking)]
    (tmp_path / "2").unlink()
    (tmp_path / "3").unlink()
    (tmp_path / "3").symlink_to("1")
    (tmp_path / "4" / "x").unlink()
    (tmp_path / "4").rmdir()
    (tmp_path / "5").rename(tmp_path / "moved")
    (tmp_path / "5").symlink_to("moved")
    (tmp_path / "6").unlink()
    os.mkfifo(tmp_path / "6")
    (tmp_path / "7" / "x").unlink()
    (tmp_path / "7").rmdir()
    plant(tmp_path, "7")

    found += walking

    assert names(found, tmp_path) == ["1", "2", "3", "4", "5", "6", "7", "8"]
    assert [reason for _, reason in sorted(errors(found).items())] == [
        "No such file or directory",
        "it was replaced by something else",
        "No such file or directory",
        "Not a directory",
        "it was replaced by something else",
        "Not a directory",
    ]


def test_a_folder_that_was_named_and_is_gone_is_an_item(tmp_path: Path) -> None:
    """
    The way it was named, without the slash it has inside.
    """
    folder = tmp_path / "folder"
    folder.mkdir()
    walking = list_files([folder])
    folder.rmdir()

    (item,) = walking

    assert (item.name, item.path) == (str(folder), raw(folder))
    assert item.error is not None


def test_a_tree_deeper_than_any_stack_is_walked(tmp_path: Path) -> None:
    """
    Each folder in the next one is one byte of a path and one call of a function that calls itself.
    """
    depth = sys.getrecursionlimit() + 200
    folder = tmp_path
    for _ in range(depth):
        folder /= "d"
    subprocess.run(["mkdir", "-p", folder], check=True)
    plant(tmp_path, "z")
    folder.joinpath("x").touch()

    found = [item.path.count(b"/d") for item in list_files([tmp_path])]

    assert found == [depth + str(tmp_path).count("/d"), str(tmp_path).count("/d")]
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


def test_a_tree_deeper_than_a_path_can_be_ends_in_an_item(tmp_path: Path) -> None:
    """
    Such a tree can be made, step by step; what is beside it is walked all the same.
    """
    script = 'for i in $(seq 30); do mkdir "$1" && cd "$1" || exit 1; done; touch x'
    subprocess.run(["bash", "-c", script, "bash", "y" * 200], cwd=tmp_path, check=True)
    plant(tmp_path, "z")

    found = list(list_files([tmp_path]))

    assert list(errors(found).values()) == ["File name too long"]
    assert [item.name for item in found if item.error is None] == [f"{tmp_path}/z"]
    subprocess.run(["rm", "-rf", tmp_path / ("y" * 200)], check=True)


def test_a_large_folder_is_held_as_names_alone(tmp_path: Path) -> None:
    """
    What the system says of each file is asked for when its turn comes, so it is not old by then.
    """
    plant(tmp_path, *(f"{number:04}" for number in range(2_000)))
    walking = list_files([tmp_path])
    next(walking)
    (tmp_path / "1999").write_bytes(b"changed meanwhile")

    *_, last = walking

    assert last.size == len(b"changed meanwhile")
