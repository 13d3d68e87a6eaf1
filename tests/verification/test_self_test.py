"""
The self-test: it passes here, and it notices when it should not.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from provenance import EngineError, TrustError, ValidationState, Verifier
from provenance.validation import engine
from provenance.verification import self_test, tolerance

DATA = Path(self_test.__file__).parent / "self_test_data"
NAMES = [case["file"] for case in tomllib.loads((DATA / "cases.toml").read_text(encoding="utf-8"))["cases"]]
SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"
GOOD = ("good-v1.png", "good-v2.jpg")

Settings = dict[str, object]
TrustSettings = dict[str, list[dict[str, str]]]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """
    Let every test, and whatever comes after, start in a process that was not tested yet.
    """
    self_test.require_passed.cache_clear()
    yield
    self_test.require_passed.cache_clear()


@pytest.fixture(scope="module")
def cases() -> dict[str, self_test.SelfTestCase]:
    """
    Run the self-test once.
    """
    return {case.name: case for case in self_test.run()}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    Let the self-test read a copy of its images that may be changed.
    """
    copy = tmp_path / "data"
    shutil.copytree(DATA, copy)
    monkeypatch.setattr(self_test, "_DATA", copy)
    return copy


# --- what is shipped --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_case_comes_out_as_expected(name: str, cases: dict[str, self_test.SelfTestCase]) -> None:
    """
    With the libraries that are installed here.
    """
    case = cases[name]

    assert case.passed
    assert case.expected == case.actual
    assert case.why


def test_the_self_test_passes() -> None:
    """
    As every verifier asks it to.
    """
    self_test.require_passed(1)


def test_good_images_and_bad_ones_of_every_kind_are_known(cases: dict[str, self_test.SelfTestCase]) -> None:
    """
    An engine that trusts nobody and one that trusts everybody are both to be noticed.
    """
    expected = {case.expected for case in cases.values()}

    assert {name for name, case in cases.items() if case.expected == "trusted, accepted"} == set(GOOD)
    assert expected - {"trusted, accepted"} == {f"{state}, rejected" for state in ValidationState}


def test_the_known_images_are_listed_and_small() -> None:
    """
    They travel in every installation.
    """
    images = [path for path in DATA.iterdir() if path.suffix in {".png", ".jpg"}]

    assert sorted(path.name for path in images) == sorted(NAMES)
    assert sum(path.stat().st_size for path in images) < 80_000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("trust", [None, SAMPLES / "trust.toml"], ids=["microsoft", "sample"])
def test_no_known_image_is_trusted_elsewhere(name: str, trust: Path | None) -> None:
    """
    Their authority is believed by the self-test alone.
    """
    verifier = Verifier() if trust is None else Verifier(trust=trust)

    result = verifier.verify(DATA / name)

    assert not result.accepted
    assert result.state is not ValidationState.TRUSTED


# --- what it notices --------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [name for name in NAMES if name not in GOOD])
def test_exchanged_images_are_noticed(bad: str, data: Path) -> None:
    """
    A good image where a bad one belongs looks like an engine that became too lax, and the reverse.
    """
    good = (data / GOOD[0]).read_bytes()
    (data / GOOD[0]).write_bytes((data / bad).read_bytes())
    (data / bad).write_bytes(good)

    with pytest.raises(EngineError, match="no verdict can be relied on") as caught:
        self_test.require_passed(1)

    assert f"{bad}: trusted, accepted, not " in str(caught.value)
    assert f"{GOOD[0]}: " in str(caught.value)


def without_anchors(settings: Settings) -> Settings:
    """
    Believe nobody.
    """
    return {**settings, "trust": {**trust_of(settings), "anchors": []}}


def without_purposes(settings: Settings) -> Settings:
    """
    Accept no key purpose but the engine's own.
    """
    return {**settings, "trust": {**trust_of(settings), "trust_config": ""}}


def with_anchors_under_an_unknown_key(settings: Settings) -> Settings:
    """
    Configure trust in a way that the engine does not know, which it says nothing about.
    """
    renamed = {("believed" if key == "anchors" else key): value for key, value in trust_of(settings).items()}
    return {**settings, "trust": renamed}


def with_broken_pem(settings: Settings) -> Settings:
    """
    Write anchors that cannot be read, which the engine says nothing about.
    """
    anchors = [{**anchor, "trust_anchors": "no PEM"} for anchor in trust_of(settings)["anchors"]]
    return {**settings, "trust": {**trust_of(settings), "anchors": anchors}}


def trust_of(settings: Settings) -> TrustSettings:
    """
    Return the part about trust from the engine's settings.
    """
    trust = settings["trust"]
    assert isinstance(trust, dict)
    return trust


@pytest.mark.parametrize(
    "spoil", [without_anchors, without_purposes, with_anchors_under_an_unknown_key, with_broken_pem]
)
def test_lost_trust_settings_are_noticed(
    spoil: Callable[[Settings], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The engine takes settings that it does not understand in silence.
    """
    genuine = engine.engine_settings
    monkeypatch.setattr(engine, "engine_settings", lambda anchors: spoil(genuine(anchors)))

    found = {case.name: case for case in self_test.run() if not case.passed}

    assert found.keys() >= set(GOOD)
    assert {found[name].actual for name in GOOD} == {"valid, rejected"}
    with pytest.raises(EngineError, match=r"good-v1\.png: valid, rejected, not trusted, accepted"):
        self_test.require_passed(1)


def test_lost_time_stamp_anchors_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    In claims of version 2, where the engine asks for them.
    """

    def forgetful(anchors: engine.Anchors) -> Settings:
        return genuine(engine.Anchors(anchors.claims, frozenset(), anchors.key_purposes))

    genuine = engine.engine_settings
    monkeypatch.setattr(engine, "engine_settings", forgetful)

    assert [case.name for case in self_test.run() if not case.passed] == ["good-v2.jpg"]


def test_other_words_for_the_tolerated_fault_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A new engine may say it differently, or no longer at all; then the rule is to be looked at again.
    """
    monkeypatch.setattr(tolerance, "_SOFT_BINDING", "something else")

    (failed,) = (case for case in self_test.run() if not case.passed)

    assert (failed.name, failed.actual) == ("good-v2.jpg", "invalid, rejected")


def test_an_engine_that_is_missing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What was raised stands in the place of the verdict.
    """

    def missing() -> None:
        raise EngineError("gone")

    monkeypatch.setattr(engine, "load_engine", missing)

    failed = {case.name: case.actual for case in self_test.run() if not case.passed}

    # Without a manifest store nobody asks the engine.
    assert failed == dict.fromkeys([name for name in NAMES if name != "plain.png"], "EngineError: gone")


def test_an_image_that_is_missing_is_noticed(data: Path) -> None:
    """
    An installation may have lost files.
    """
    (data / "plain.png").unlink()

    with pytest.raises(EngineError, match=r"plain\.png: UnreadableAssetError"):
        self_test.require_passed(1)


def test_without_its_profile_there_is_no_self_test(data: Path) -> None:
    """
    Nothing was judged then, so nothing passed.
    """
    (data / "trust.toml").unlink()

    with pytest.raises(TrustError):
        self_test.run()


# --- when it runs -----------------------------------------------------------------------------------


def test_it_runs_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    After a fork the engine is another one, so the child tests it again.
    """
    runs = count()
    monkeypatch.setattr(self_test, "run", lambda: (next(runs), ())[1])

    for process in (1, 1, 2, 2):
        self_test.require_passed(process)

    assert next(runs) == 2


def test_a_failure_is_not_forgotten(data: Path) -> None:
    """
    Whoever catches the error and asks again gets no verdict either.
    """
    (data / "plain.png").unlink()

    for _ in range(2):
        with pytest.raises(EngineError):
            self_test.require_passed(1)


def test_a_verifier_gives_no_verdict_before_it_passed(data: Path) -> None:
    """
    Unless it was told to leave the self-test out.
    """
    (data / "good-v1.png").write_bytes(b"")
    image = DATA / "plain.png"

    with pytest.raises(EngineError, match="self-test"):
        Verifier().verify(image)
    assert Verifier(self_test=False).verify(image).state is ValidationState.ABSENT
