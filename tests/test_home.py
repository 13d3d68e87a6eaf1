"""
Where a user's own files lie, and that a stranger's folder is never taken for it.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from provenance.cli import trust_profile
from provenance.distribution import state_folder
from provenance.errors import SettingsError


@pytest.mark.parametrize("given", ["", "relative", "./relative"])
def test_a_variable_that_names_no_folder_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """
    Not into the working folder, which may be a stranger's.
    """
    monkeypatch.delenv("AZURE_IMAGE_PROVENANCE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", given)
    monkeypatch.setenv("XDG_CONFIG_HOME", given)

    assert state_folder() == tmp_path / ".local" / "state" / "azure-image-provenance"
    assert trust_profile.directory() == tmp_path / ".config" / "azure-image-provenance" / "trust"


@pytest.mark.parametrize("home", ["relative", ".", ""])
def test_a_home_that_is_no_path_from_the_root_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
) -> None:
    """
    Where HOME says nothing that holds in every folder, the list of users does.
    """
    monkeypatch.delenv("AZURE_IMAGE_PROVENANCE_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    monkeypatch.chdir(tmp_path)
    listed = Path(pwd.getpwuid(os.getuid()).pw_dir)

    assert state_folder() == listed / ".local" / "state" / "azure-image-provenance"
    assert trust_profile.directory() == listed / ".config" / "azure-image-provenance" / "trust"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As with a user number that no list of users holds, in a container.
    """
    monkeypatch.delenv("AZURE_IMAGE_PROVENANCE_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)

    with pytest.raises(SettingsError, match="no home folder") as caught:
        state_folder()

    assert "AZURE_IMAGE_PROVENANCE_HOME" in caught.value.hint
