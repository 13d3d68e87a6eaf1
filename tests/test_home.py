"""
Where a user's own files lie, and that a stranger's folder is never taken for it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.cli import profiles
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
    assert profiles.directory() == tmp_path / ".config" / "azure-image-provenance" / "trust"


@pytest.mark.parametrize("home", ["relative", "."])
def test_a_home_that_is_no_folder_is_an_error(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    """
    And so is a user whom the system does not know, as in a container.
    """
    monkeypatch.delenv("AZURE_IMAGE_PROVENANCE_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", home)

    with pytest.raises(SettingsError, match="no path from the root"):
        state_folder()
    with pytest.raises(SettingsError, match="no path from the root"):
        profiles.directory()


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
