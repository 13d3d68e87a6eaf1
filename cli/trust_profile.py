"""
Trust profiles by name: the built-in one, and those in the user's own directory.

A bare name never means a file of the current folder: who unpacks an archive and verifies its pictures must
not thereby trust whom the archive says.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from provenance.cli.output.destination import replaced
from provenance.distribution import configuration_folder
from provenance.errors import TrustError
from provenance.toml_table import is_name
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import TrustProfile, dump_trust_profile, load_trust_profile

_BUILT_IN = {MICROSOFT.name: MICROSOFT}
_SUFFIX = ".toml"


def directory() -> Path:
    """
    Return where the user's own profiles lie; it need not exist.

    Raises:
        SettingsError: If the user has no home.
    """
    return configuration_folder() / "trust"


def is_built_in(name: str) -> bool:
    """
    Return whether a profile ships with the library.
    """
    return name in _BUILT_IN


def names() -> tuple[str, ...]:
    """
    Return the names of the profiles there are: built in first, then the user's own, sorted.
    """
    try:
        found = sorted(path.name.removesuffix(_SUFFIX) for path in directory().glob(f"*{_SUFFIX}"))
    except OSError as error:
        raise TrustError(f"the folder of trust profiles cannot be read: {error.strerror}") from error
    own = (name for name in found if is_name(name) and not is_built_in(name))
    return (*_BUILT_IN, *own)


def find(name_or_path: str) -> TrustProfile:
    """
    Return a profile by its name, or read it from a file.

    Args:
        name_or_path: Name of a profile, or a path that ends in ".toml".

    Raises:
        TrustError: If there is none, or it cannot be used.
    """
    if name_or_path.endswith(_SUFFIX):
        return load_trust_profile(Path(name_or_path))
    if is_built_in(name_or_path):
        return _BUILT_IN[name_or_path]
    path = _path(name_or_path)
    if not path.is_file():
        raise TrustError(
            f"there is no trust profile {name_or_path!r}; there are {', '.join(names())}, "
            "and a file of your own ends in '.toml'"
        )
    profile = load_trust_profile(path)
    if profile.name != name_or_path:
        raise TrustError(f"the trust profile kept as {name_or_path!r} calls itself {profile.name!r}")
    return profile


def add(name: str, profile: TrustProfile, *, force: bool) -> Path:
    """
    Store a profile under a name of the user's own.

    Args:
        name: Name to store it under, whatever it was called.

        profile: The profile.

        force: Whether to replace one of that name.

    Returns:
        Where it lies; only the user may read or write it.

    Raises:
        TrustError: If the name is taken, built in, or no name.
    """
    path = _path(name)
    if is_built_in(name):
        raise TrustError(f"trust profile {name!r} is built in and cannot be replaced")
    if path.exists() and not force:
        raise TrustError(f"there is a trust profile {name!r} already; --force replaces it")
    text = dump_trust_profile(replace(profile, name=name))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise TrustError(f"the folder of trust profiles cannot be made: {error.strerror}") from error
    with replaced(path, mode=0o600) as file:
        file.write(text)
    return path


def remove(name: str) -> None:
    """
    Delete a profile of the user's own.

    Raises:
        TrustError: If there is none of that name, or it is built in.
    """
    path = _path(name)
    if is_built_in(name):
        raise TrustError(f"trust profile {name!r} is built in and cannot be removed")
    try:
        path.unlink()
    except FileNotFoundError as error:
        raise TrustError(f"there is no trust profile {name!r}") from error
    except OSError as error:
        raise TrustError(f"trust profile {name!r} cannot be removed: {error.strerror}") from error


def _path(name: str) -> Path:
    # The pattern leaves no way out of the folder.
    if not is_name(name) or name.endswith(_SUFFIX):
        raise TrustError(
            f"profile name {name!r} may hold letters, digits, '.', '-' and '_' only, and no '.toml'"
        )
    return directory() / f"{name}{_SUFFIX}"
