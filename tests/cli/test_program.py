"""
The program as its users start it: a process with streams, a terminal, signals and a shell.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete

from provenance.cli import main
from provenance.cli.command import self_test
from provenance.cli.program import COMMANDS
from provenance.errors import EngineError, TrustError
from provenance.verification.report import schema
from provenance.verification.self_test import SelfTestCase
from tests.cli.conftest import PROGRAM, Images, Invoke, Run

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes, and /dev/full")
HOSTILE = b"line\nbreak\x1b[2J\xff\xe2\x80\xae.png"


def on_a_terminal(*args: str, **environment: str) -> str:
    """
    Run the program on a terminal of its own, 80 columns wide.
    """
    master, slave = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(
        [PROGRAM, *args], stdin=slave, stdout=slave, stderr=slave, env={**env, "COLUMNS": "80", **environment}
    ):
        os.close(slave)
        shown = b""
        try:
            while piece := os.read(master, 65536):
                shown += piece
        except OSError:
            pass  # how Linux tells that the other end is closed
    os.close(master)
    return shown.decode()


@pytest.mark.parametrize(("kind", "code"), [("accepted", 0), ("absent", 1), ("text", 3)])
def test_a_process_ends_with_the_exit_code(run: Run, images: Images, kind: str, code: int) -> None:
    """
    Scripts look at nothing else.
    """
    result = run("verify", "--trust-profile", images.profile, getattr(images, kind))

    assert result.returncode == code
    assert b"Traceback" not in result.stderr


def test_the_module_is_the_command(images: Images, tmp_path: Path) -> None:
    """
    For those whose PATH is not theirs to set.
    """
    command = [sys.executable, "-m", "provenance.cli", "verify", images.absent]

    result = subprocess.run(command, capture_output=True, cwd=tmp_path, check=False, timeout=60)

    assert result.returncode == 1
    assert b"absent" in result.stdout


def test_standard_input_of_a_process_is_judged(run: Run, images: Images) -> None:
    """
    As from curl.
    """
    result = run("verify", "--format", "jsonl", "-", stdin=Path(images.absent).read_bytes())

    assert json.loads(result.stdout)["state"] == "absent"


@LINUX
@pytest.mark.parametrize("judged", [True, False])
def test_any_file_name_survives(run: Run, images: Images, tmp_path: Path, judged: bool) -> None:  # noqa: FBT001 - a parameter
    """
    In reports exactly, in text harmlessly.
    """
    path = os.fsencode(tmp_path) + b"/" + HOSTILE
    if judged:
        shutil.copy(os.fsencode(images.absent), path)

    as_lines = run("verify", "--format", "jsonl", path)
    as_text = run("verify", path)
    inspected = run("inspect", path)

    assert os.fsencode(json.loads(as_lines.stdout)["asset"]["name"]) == path
    shown = as_text.stdout + as_text.stderr + as_lines.stderr + inspected.stdout + inspected.stderr
    assert b"line\\nbreak\\x1b[2J\\udcff\\u202e.png" in shown
    assert b"\x1b" not in shown
    assert [result.returncode for result in (as_lines, as_text)] == [1 if judged else 3] * 2


@pytest.mark.parametrize("position", [(), ("verify",), ("trust", "show")])
def test_a_bad_option_cannot_repaint_the_terminal(run: Run, position: tuple[str, ...]) -> None:
    """
    A file's name can be one: `verify *`.
    """
    result = run(*position, b"--\x1b[2J\n\xff")

    assert result.returncode == 2
    assert b"\\x1b[2J\\n\\udcff" in result.stderr
    assert b"\x1b" not in result.stderr


def test_an_encoding_that_lacks_characters_is_no_error(run: Run, images: Images, tmp_path: Path) -> None:
    """
    Old terminals and build machines.
    """
    shutil.copy(images.absent, tmp_path / "图.png")

    result = run("verify", "图.png", PYTHONIOENCODING="latin-1", PYTHONUTF8="1")

    assert result.returncode == 1
    assert b"\\u56fe.png" in result.stdout


def test_a_reader_that_goes_away_ends_the_program_quietly(images: Images) -> None:
    """
    `provenance verify ... | head -1` is no failure worth a traceback.
    """
    command = [str(PROGRAM), "verify", "--format", "jsonl", *[images.absent] * 400]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read()

    assert (complaints, process.returncode) == (b"", 141)


@LINUX
def test_a_full_disk_is_said(images: Images) -> None:
    """
    An answer that was lost must not count as given.
    """
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [PROGRAM, "verify", images.absent], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )

    assert result.returncode == 3
    assert result.stderr == b"provenance: the output cannot be written: No space left on device\n"


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """
    Send SIGINT until it is heeded: one that comes just before a read blocks is seen only after it.
    """
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=2)
            return


def test_an_interrupt_ends_the_program_quietly(tmp_path: Path) -> None:
    """
    Who presses Ctrl-C knows why.
    """
    with subprocess.Popen(
        [PROGRAM, "verify", "missing.png", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    ) as process:
        assert process.stderr is not None
        # The complaint about the first file tells that it has come as far as waiting for the second.
        first = process.stderr.readline() + process.stderr.readline()
        interrupt(process)
        rest = process.stderr.read()

    assert b"missing.png" in first
    assert (rest.strip(), process.returncode) == (b"", 130)


def test_a_terminal_gets_colour(images: Images) -> None:
    """
    Red is seen before it is read.
    """
    shown = on_a_terminal("verify", images.absent)

    assert "\x1b[31m" in shown
    assert max(len(click.unstyle(line)) for line in shown.splitlines()[1:]) <= 80


def test_no_color_is_heeded(images: Images) -> None:
    """
    Not everybody can tell red from green, or has a terminal that can.
    """
    assert "\x1b" not in on_a_terminal("verify", images.absent, NO_COLOR="1")


def test_an_empty_no_color_does_not_count(images: Images) -> None:
    """
    As no-color.org has it.
    """
    assert "\x1b[31m" in on_a_terminal("verify", images.absent, NO_COLOR="")


BELOW = [
    ("policy", "list"),
    ("policy", "show"),
    ("trust", "list"),
    ("trust", "show"),
    ("trust", "add"),
    ("trust", "remove"),
]


@pytest.mark.parametrize(
    "arguments", [("-h",), *((name, "-h") for name in COMMANDS), *((*names, "-h") for names in BELOW)]
)
def test_everything_has_help_with_examples(invoke: Invoke, arguments: tuple[str, ...]) -> None:
    """
    An example says more than a list of options.
    """
    result = invoke(*arguments)

    assert result.exit_code == 0
    assert "provenance " in result.stdout.partition("Options:")[2]


def test_help_says_that_judging_uses_no_network(invoke: Invoke) -> None:
    """
    Other commands do: what judges is named.
    """
    assert "Judging uses no network." in " ".join(invoke("--help").stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_they_are(name: str) -> None:
    """
    The list is written by hand, so that help need not import every command.
    """
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.name == name
    assert COMMANDS[name][2].endswith(".")


def test_the_list_of_commands_is_shown(invoke: Invoke) -> None:
    """
    Whoever types the name alone wants to know what there is; that is still no success.
    """
    result = invoke()

    assert result.exit_code == 2
    assert [name for name in COMMANDS if name not in result.stderr] == []


def test_the_version_names_the_engine(invoke: Invoke) -> None:
    """
    Verdicts depend on it.
    """
    ours, engine = metadata.version("azure-image-provenance"), metadata.version("c2pa-python")

    assert invoke("--version").stdout == f"azure-image-provenance {ours} (c2pa-python {engine})\n"


def test_an_unknown_command_is_a_bad_request(invoke: Invoke) -> None:
    """
    Not a file of that name.
    """
    result = invoke("pictures")

    assert result.exit_code == 2
    assert "No such command 'pictures'.\n" in result.stderr
    assert "--help" in result.stderr


def test_the_schema_is_printed(invoke: Invoke) -> None:
    """
    The same one that the tests of reports use.
    """
    assert json.loads(invoke("schema").stdout) == schema()


def test_the_self_test_passes_here(invoke: Invoke) -> None:
    """
    With the engine and the libraries of whoever runs these tests.
    """
    result = invoke("selftest")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].endswith("all as expected")
    assert all(case["passed"] for case in json.loads(invoke("selftest", "--format", "json").stdout))


@pytest.mark.parametrize(
    "cases", [(), (SelfTestCase("bad.png", "why", "invalid, rejected", "trusted, accepted"),)]
)
def test_a_self_test_that_fails_is_no_success(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, cases: tuple[SelfTestCase, ...]
) -> None:
    """
    Neither is one without cases.
    """
    monkeypatch.setattr(self_test, "run", lambda: cases)

    assert invoke("selftest").exit_code == 3
    assert invoke("selftest", "--format", "json").exit_code == 3


@pytest.mark.parametrize("error", [EngineError("broken"), TrustError("broken")])
def test_a_self_test_that_cannot_run_is_no_bad_request(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """
    The package's own files are at fault.
    """

    def fail() -> None:
        raise error

    monkeypatch.setattr(self_test, "run", fail)

    result = invoke("selftest")

    assert result.exit_code == 3
    assert "broken" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_printed(invoke: Invoke, shell: str) -> None:
    """
    To be evaluated by the shell.
    """
    result = invoke("completion", shell)

    assert result.exit_code == 0
    assert "_PROVENANCE_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("provenance ver", "plain,verify"),
        ("provenance verify --pol", "plain,--policy"),
        ("provenance verify --policy azure-openai-l", "plain,azure-openai-lineage"),
        ("provenance verify --policy ./my", "file,./my"),
        ("provenance verify --trust-profile mi", "plain,microsoft"),
        ("provenance verify --trust-profile ./my", "file,./my"),
        ("provenance verify pic", "file,pic"),
        ("provenance policy show azure-openai-d", "plain,azure-openai-documented"),
        ("provenance trust show mic", "plain,microsoft"),
    ],
)
def test_the_shell_completes(monkeypatch: pytest.MonkeyPatch, words: str, expected: str) -> None:
    """
    Commands, options, policies, profiles and files.
    """
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))

    answer = BashComplete(main, {}, "provenance", "_PROVENANCE_COMPLETE").complete()

    assert answer.splitlines() == [expected]


def test_bash_can_read_the_script(run: Run, tmp_path: Path) -> None:
    """
    With the program found on the PATH, as in a shell.
    """
    script = tmp_path / "completion.bash"
    script.write_bytes(run("completion", "bash").stdout)
    asked = "COMP_WORDS=(provenance veri); COMP_CWORD=1; _provenance_completion provenance"
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"

    result = subprocess.run(
        ["bash", "--norc", "-c", f'source "{script}"; {asked}; echo "${{COMPREPLY[@]}}"'],
        env={**os.environ, "PATH": path},
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert result.stdout == b"verify\n"
