"""
What every test starts from, and the rule that nothing is skipped in silence.

Under CI (`CI=true`) a skipped test fails the run. Only tests of the real corpus may be left out there,
because it lies beside the project and not in it: they are marked `corpus`, and what is missing is named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from provenance.authority import Authority
from provenance.trust.profile import TrustProfile
from tests.browser_support import Browser, launch
from tests.service import postgresql_support
from tests.service.postgresql_support import PostgreSQL
from tests.support import SHARED, trust_in

settings.register_profile(
    "steady",
    database=None,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """
    Register the marker for tests of what lies beside the project.
    """
    config.addinivalue_line("markers", "corpus: needs ../shared, the real images and certificates")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Mark every test that asks for the corpus, and those that ask for what is slow to start.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if {"corpus", "real_certificates"} & fixtures:
            item.add_marker("corpus")
        if {"browser", "postgresql"} & fixtures:
            item.add_marker("slow")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """
    Let a test that must not be skipped fail when it is, where CI says so.
    """
    report = yield
    assert isinstance(report, pytest.TestReport)
    if report.skipped and not hasattr(report, "wasxfail") and _strict() and "corpus" not in item.keywords:
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> object:
    """
    Do the same for a whole module that is skipped while it is collected.
    """
    report = yield
    assert isinstance(report, pytest.CollectReport)
    if report.skipped and _strict():
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {report.longrepr}"
    return report


def _strict() -> bool:
    return os.environ.get("CI", "").lower() == "true"


@pytest.fixture(scope="session")
def authority() -> Authority:
    """
    Make an authority of P-256 keys, anew for each run.
    """
    return Authority.create()


@pytest.fixture(scope="session")
def sample_trust(authority: Authority) -> TrustProfile:
    """
    Believe `authority` by pins alone, as the Microsoft profile believes Microsoft.
    """
    return trust_in(authority)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """
    Start the browser that all tests of pages share; they are skipped where it is not to be had.
    """
    with launch() as started:
        yield started


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """
    Run one PostgreSQL for all tests; each has databases of its own in it.
    """
    with postgresql_support.running() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """
    Return the address of an empty database, once of each kind.
    """
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.create_database()
    yield url
    server.give_back(url)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """
    Find the folder of real images; what asks for it is skipped where it is not there.
    """
    return _beside("corpus")


@pytest.fixture(scope="session")
def real_certificates() -> Path:
    """
    Find the folder of real certificates; what asks for it is skipped where it is not there.
    """
    return _beside("trust")


def _beside(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"../shared/{name} does not lie beside the project")
    return folder
