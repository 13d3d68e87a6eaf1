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

from provenance.errors import SettingsError

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


class _NoHomeError(SettingsError):
    hint = f"Set HOME, or {HOME}, to the path of a folder of this user's, from the root."


def configuration_folder() -> Path:
    """
    Return where the user's own trust profiles lie; it need not exist.

    Never a working folder, which may be a stranger's, unless the user's own variable names it by a relative
    path.

    Raises:
        SettingsError: If the user has no home, and no variable says where else.

    Source:
        XDG Base Directory Specification, "XDG_CONFIG_HOME"; relative paths there are to be ignored.
    """
    if os.environ.get(HOME):
        return Path(os.environ[HOME])
    return _user_folder("user_config_path")


def state_folder() -> Path:
    """
    Return where the service keeps what it has to find again; it need not exist.

    Raises:
        SettingsError: If the user has no home, and no variable says where else.

    Source:
        XDG Base Directory Specification, "XDG_STATE_HOME"; relative paths there are to be ignored.
    """
    if os.environ.get(HOME):
        return Path(os.environ[HOME]) / "state"
    return _user_folder("user_state_path")


def _user_folder(which: str) -> Path:
    import platformdirs  # noqa: PLC0415 - few commands need it

    try:
        folder: Path = getattr(platformdirs, which)(NAME, appauthor=False, roaming=True)
    except RuntimeError as error:  # neither HOME nor the list of users says so
        raise _NoHomeError("this user has no home folder") from error
    return folder
