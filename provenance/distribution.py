"""
The distribution's name and version, its user's folders, and the digest of all that decides a verdict.

That digest is what verdicts are kept under: one is found again only as long as everything that decided it is
the same. What is installed is part of it, and so is the interpreter, whose library reads times and texts.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

NAME = "azure-image-provenance"
ENGINE = "c2pa-python"
UNKNOWN = "unknown"

HOME = "AZURE_IMAGE_PROVENANCE_HOME"
"""
Environment variable that names one folder for everything of this user's.
"""

_JUDGING = (NAME, ENGINE, "cbor2", "cryptography")


def version(distribution: str = NAME) -> str:
    """
    Return the version of an installed distribution; `UNKNOWN` where its metadata is not there.
    """
    from importlib import metadata  # noqa: PLC0415 - slow, and few commands need it

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return UNKNOWN


def versions() -> str:
    """
    Name this program and its engine with their versions, as reports of faults should.
    """
    return f"{NAME} {version()} ({ENGINE} {version(ENGINE)})"


def verdict_digest(chosen: object) -> str:
    """
    Compute the digest of all that decides a verdict but the asset and the day.

    Args:
        chosen: What the caller chose to judge by, as JSON has it.

    Returns:
        SHA-256 over that and over what is installed, in lower-case hex.
    """
    interpreter = [sys.implementation.name, *sys.version_info[:3]]
    decides = [{name: version(name) for name in _JUDGING}, interpreter, chosen]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def configuration_folder() -> Path:
    """
    Return where the user's own trust profiles lie; it need not exist.

    Source:
        XDG Base Directory Specification, "XDG_CONFIG_HOME".
    """
    if os.environ.get(HOME):
        return Path(os.environ[HOME])
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home()) / NAME
    return _below_home("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """
    Return where the service keeps what it has to find again; it need not exist.

    Source:
        XDG Base Directory Specification, "XDG_STATE_HOME".
    """
    if os.environ.get(HOME):
        return Path(os.environ[HOME]) / "state"
    return _below_home("XDG_STATE_HOME", ".local/state")


def _below_home(variable: str, default: str) -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / NAME
    folder = os.environ.get(variable)
    return (Path(folder) if folder else Path.home() / default) / NAME
