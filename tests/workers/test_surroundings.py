"""
What workers, and the processes that start them, take from where a program runs: its import path, and no more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.surroundings_support import Surroundings, Watch

PROGRAM = """
import json, multiprocessing, multiprocessing.util, os, subprocess, sys, threading

from provenance.workers import WorkerPool


def tell(task, descriptor):
    return {{"path": sys.path, "safe": sys.flags.safe_path, "variables": dict(os.environ), "main": {main}}}


def make():
    return tell


def watch(found, ended):
    while not ended.is_set():
        found.append(json.loads(subprocess.run(SHOW, capture_output=True, check=True).stdout))


OPTIONS = multiprocessing.util._args_from_interpreter_flags()
SHOW = [sys.executable, "-I", "-S", "-c", "import json, os; print(json.dumps(dict(os.environ)))"]

if __name__ == "__main__":
    {method} and setattr(multiprocessing, "get_all_start_methods", lambda: [{method}])
    before, found, ended = dict(os.environ), [], threading.Event()
    threads = [threading.Thread(target=watch, args=(found, ended), daemon=True) for _ in range(2)]
    [thread.start() for thread in threads]
    with WorkerPool({make}, workers=3) as pool:
        pool.start()
        answer = pool.call(0)
    ended.set()
    [thread.join() for thread in threads]
    told = {{
        "worker": answer,
        "path": sys.path,
        "others": [sorted(set(one.items()) ^ set(before.items())) for one in found],
        "changed": sorted(set(os.environ.items()) ^ set(before.items())),
        "restored": multiprocessing.util._args_from_interpreter_flags() == OPTIONS,
        "file": globals().get("__file__"),
    }}
    print(json.dumps(told))
"""
"""
A program that starts workers while other threads of it start programs, and tells what all of them saw.
"""

METHODS = pytest.mark.parametrize("method", ["forkserver", "spawn"])


@dataclass(frozen=True, slots=True)
class Program:
    """
    A program, a folder of its own, and a working folder that is a stranger's.
    """

    script: Path
    surroundings: Surroundings

    def run(self, *options: str, text: str | None = None, **variables: str) -> Mapping[str, Any]:
        """
        Run Python in the working folder, and give what the program tells.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))}
        done = subprocess.run(
            [sys.executable, *(options or [str(self.script)])],
            cwd=self.surroundings.folder,
            env={**kept, **variables},
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
        told: Mapping[str, Any] = json.loads(done.stdout)
        return told


def text_of(method: str, *, make: str = "make", main: str = '"tell" in vars(sys.modules["__main__"])') -> str:
    """
    Write the program for a start method.
    """
    return PROGRAM.format(method=repr(method), make=make, main=main)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """
    Return the program, and check that nothing was run in the working folder.
    """
    (tmp_path / "own").mkdir()
    surroundings = Surroundings(tmp_path / "downloads")
    yield Program(tmp_path / "own" / "program.py", surroundings)
    assert surroundings.marks == []


@METHODS
def test_a_program_starts_workers_in_a_folder_of_strangers(program: Program, method: str) -> None:
    """
    They have its own import path, and what it defines itself.
    """
    program.script.write_text(text_of(method), "utf-8")

    with Watch(program.surroundings.folder) as watch:
        told = program.run()

        assert watch.opened() == set()
    assert told["worker"]["path"] == told["path"]
    assert told["path"][0] == str(program.script.parent)
    assert told["worker"]["main"] is True
    assert told["worker"]["safe"] is True


@METHODS
def test_a_program_and_what_it_starts_meanwhile_keep_their_environment(program: Program, method: str) -> None:
    """
    Another thread's programs must not hear of what was done for our processes, nor our processes themselves.
    """
    program.script.write_text(text_of(method), "utf-8")

    told = program.run(MINE="1")

    assert told["others"] != []
    assert [difference for difference in told["others"] if difference] == []
    assert (told["changed"], told["restored"]) == ([], True)
    assert told["worker"]["variables"]["MINE"] == "1"
    assert "PYTHONSAFEPATH" not in told["worker"]["variables"]


@METHODS
def test_a_program_from_standard_input_is_no_file(program: Program, method: str) -> None:
    """
    A file of the name that Python gives it would have been run in its place.
    """
    text = text_of(method, make="dict")

    with Watch(program.surroundings.folder) as watch:
        told = program.run("-P", "-", text=text.replace("pool.call(0)", "None"))

        assert watch.opened() == set()
    assert told["file"] == "<stdin>"


@METHODS
@pytest.mark.parametrize("form", ["absolute", "relative"])
def test_folders_that_the_user_names_are_kept(program: Program, method: str, form: str) -> None:
    """
    `PYTHONPATH` is the user's own; it reaches workers as it reaches the program.
    """
    named = program.script.parent / "named"
    named.mkdir()
    (named / "named.py").write_text(text_of(method).partition("def watch")[0], "utf-8")
    program.script.write_text(
        text_of(method, make="named.make").replace("import json,", "import named, json,", 1)
    )
    given = named if form == "absolute" else Path("..", "own", "named")

    told = program.run(PYTHONPATH=str(given))

    assert told["worker"]["path"] == told["path"]
    assert os.path.realpath(program.surroundings.folder / told["path"][1]) == str(named)


@METHODS
def test_a_program_that_has_the_working_folder_on_its_path_keeps_it(tmp_path: Path, method: str) -> None:
    """
    Its own choice: `python -c`, or `python -m`.
    """
    (tmp_path / "named.py").write_text(text_of(method).partition("def watch")[0], "utf-8")
    text = text_of(method, make="named.make").replace("import json,", "import named, json,", 1)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))}

    done = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, env=kept, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert str(tmp_path) in json.loads(done.stdout)["worker"]["path"]
