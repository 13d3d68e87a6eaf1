"""
Errors that nobody expected, and words that are nearly right: nothing ends as if an image were rejected.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import click
import pytest

from provenance.cli import main
from provenance.cli.program import COMMANDS, DEBUG
from tests.cli.conftest import PROGRAM, Images, Invoke, Run

HOSTILE = "line\nbreak\x1b[2J"


@pytest.mark.parametrize("name", COMMANDS)
def test_an_error_that_nobody_expected_is_no_rejection(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """
    In any command: 1 would mean that an image was rejected.
    """

    def fail(*_: object) -> None:
        raise RuntimeError(HOSTILE)

    command = main.get_command(click.Context(main), name)
    monkeypatch.setattr(command, "parse_args", fail)
    monkeypatch.delenv(DEBUG, raising=False)

    result = invoke(name)

    said, hint = result.stderr.splitlines()
    assert result.exit_code == 3
    assert "RuntimeError: line\\nbreak\\x1b[2J (tests.cli.test_faults, line " in said
    assert "report" in hint
    assert result.stdout == ""


def test_the_trace_is_shown_to_whoever_asks(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What the error says is somebody else's text there, too.
    """

    def fail(*_: object) -> None:
        raise RuntimeError(HOSTILE)

    monkeypatch.setattr(main, "resolve_command", fail)
    monkeypatch.setenv(DEBUG, "1")

    result = invoke("verify")

    assert result.exit_code == 3
    assert result.stderr.startswith("Traceback")
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("module", ["click", "cbor2", "cryptography", "tomllib"])
@pytest.mark.parametrize("fault", ["raise RuntimeError('broken')", "import no_such_module", "1 +"])
def test_an_installation_that_is_broken_is_no_rejection(
    run: Run, images: Images, tmp_path: Path, module: str, fault: str
) -> None:
    """
    Whatever part is missing, or is another one than it should be.
    """
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / f"{module}.py").write_text(fault, "utf-8")

    result = run(
        "verify", "--trust-profile", images.profile, images.accepted, PYTHONPATH=str(tmp_path / "broken")
    )

    assert result.returncode == 3
    assert b"Traceback" not in result.stderr
    assert result.stderr.startswith(b"provenance: ")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110 - a device
@pytest.mark.parametrize("arguments", [("verify", "missing.png"), ("verfy",), ("verify", "--polcy")])
def test_errors_that_cannot_be_written_are_no_rejection(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """
    A full disk, or a log that is gone.
    """
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        run = subprocess.run(
            [PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=full, cwd=tmp_path, check=False, timeout=60
        )

    assert run.returncode in {2, 3}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110 - a device
@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("verify", "--help"), ("trust", "add", "-h")]
)
def test_help_on_a_full_disk_is_said(arguments: tuple[str, ...]) -> None:
    """
    As of any other output: click writes help by itself.
    """
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        run = subprocess.run(
            [PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )

    assert run.returncode == 3
    assert run.stderr == b"provenance: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("arguments", "report"),
    [(("verify", "-"), ""), (("inspect", "-"), ""), (("verify", "--format", "jsonl", "-"), "-")],
)
def test_a_closed_standard_input_is_an_image_that_cannot_be_read(
    arguments: tuple[str, ...], report: str
) -> None:
    """
    Some programs start others with none of the three streams.
    """
    command = ["bash", "-c", '"$@" <&-', "bash", str(PROGRAM), *arguments]
    run = subprocess.run(command, capture_output=True, check=False, timeout=60)

    assert run.returncode == 3
    assert run.stderr.startswith(b"provenance: -: asset cannot be read: standard input is closed\n")
    if report:
        found = json.loads(run.stdout)
        assert found["asset"] == {"name": report}
        assert found["error"]["type"] == "UnreadableAssetError"
    else:
        assert run.stdout == b""


def test_a_closed_standard_output_takes_no_records(images: Images) -> None:
    """
    Of an audit, whose records would be lost.
    """
    command = ["bash", "-c", '"$@" >&-', "bash", str(PROGRAM), "audit", "--format", "jsonl", images.absent]
    run = subprocess.run(command, stderr=subprocess.PIPE, check=False, timeout=60)

    assert run.returncode == 3
    assert run.stderr.startswith(b"provenance: standard output cannot be written: it is closed\n")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_that_nobody_reads_is_no_rejection(option: str) -> None:
    """
    `provenance --help | head -1`.
    """
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run([PROGRAM, option], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(writing)

    assert run.returncode == 141
    assert run.stderr == b""


@pytest.mark.parametrize("arguments", [("serve", "--no-auth", "--workers", "1"), ("simulate",)])
def test_an_address_that_nobody_reads_is_no_fault_of_the_port(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """
    `provenance serve | head -0`: it ends as any other command does.
    """
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [PROGRAM, *arguments, "--port", "0"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "AZURE_IMAGE_PROVENANCE_HOME": str(tmp_path)},
        check=False,
        timeout=60,
    )
    os.close(writing)

    assert run.returncode == 141
    assert b"provenance: " not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("verfy", "x.png"), "verify"),
        (("audt",), "audit"),
        (("keys", "craete"), "create"),
        (("trust", "lst"), "list"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_nearest_one(
    invoke: Invoke, arguments: tuple[str, ...], meant: str
) -> None:
    """
    Of the program, and of the commands below its groups.
    """
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.stderr


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_a_folder_is_for_an_audit(run: Run, images: Images, command: str) -> None:
    """
    Whoever has many images looks for them there.
    """
    result = run(command, str(Path(images.absent).parent))

    assert result.returncode == 3
    assert b"it is a directory" in result.stderr
    assert b"'provenance audit FOLDER'" in result.stderr
