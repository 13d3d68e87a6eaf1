"""
The services and the browser that tests of the page share.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from provenance.authority import Authority
from provenance.trust.profile import dump_trust_profile
from tests.browser_support import Browser
from tests.service.page.support import (
    Open,
    Running,
    opening,
    serving,
)
from tests.support import trust_in


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service that asks for no key.
    """
    with serving(tmp_path_factory.mktemp("open"), "--no-auth") as running:
        yield running


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service that asks for a key, and lets each have one image at once and then one every three seconds.
    """
    with serving(tmp_path_factory.mktemp("locked"), rate=20, burst=1) as running:
        yield running


@pytest.fixture
def opened(browser: Browser) -> Open:
    """
    Open pages in the browser.
    """
    return opening(browser)


@pytest.fixture(scope="session")
def trusting(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service that trusts who signs the images made here.
    """
    folder = tmp_path_factory.mktemp("trusting")
    profile = folder / "made-here.toml"
    profile.write_text(dump_trust_profile(trust_in(authority)), "utf-8")
    with serving(folder, "--no-auth", trust_profiles=[str(profile)]) as running:
        yield running
