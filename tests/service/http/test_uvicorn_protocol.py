"""
The HTTP server below the service, in its exact version.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import uvicorn

from provenance.service.http import uvicorn_protocol

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("version", ["0.53.2", "0.54.1", "1.0.0"])
def test_the_service_does_not_start_on_another_version(tmp_path: Path, version: str) -> None:
    """
    Even one that lacks what is derived from: the version is looked at first.
    """
    code = f"""
import sys, uvicorn
uvicorn.__version__ = {version!r}
sys.modules["uvicorn.protocols.http.httptools_impl"] = None
from provenance.cli import main
main(["serve", "--no-auth", "--port", "0"])
"""

    ran = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (ran.returncode, ran.stdout) == (3, "")
    assert f"uvicorn {version} is installed, but {uvicorn_protocol.VERSION} is needed" in ran.stderr
    assert "requirements/" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_version_is_the_one_that_is_pinned() -> None:
    """
    In every place that names uvicorn for the service; the simulator uses what is public.
    """
    declared = re.findall(r'"uvicorn([^"]*)"', (ROOT / "pyproject.toml").read_text("utf-8"))

    assert uvicorn.__version__ == uvicorn_protocol.VERSION
    assert declared.count(f"=={uvicorn_protocol.VERSION}") == 2
