"""
Programs of the system that tests need, installed by apt where root runs them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path


def install(package: str) -> None:
    """
    Install a package of Debian where that is allowed; one process after the other, whoever else is about to.
    """
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (("update",), ("install", "--yes", "--no-install-recommends", package)):
            subprocess.run(
                ["apt-get", "--quiet", *command], env=environment, capture_output=True, check=False
            )
