"""
Known images, judged once before others are: a guard against an engine that changed its mind.

The engine accepts unknown settings and unreadable anchors in silence, and its answers change between
releases. So each way an image can be good or bad here is shown to come out as it should, in this
process, with these libraries. The images' authority is believed nowhere else; its keys are gone.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.errors import EngineError, ProvenanceError
from provenance.policy.policy import DEFAULT, load_policy
from provenance.trust.profile import load_trust_profile
from provenance.validation.engine import Engine
from provenance.verification.judge import Judge

_DATA = Path(__file__).parent / "self_test_data"


class SelfTestCase(NamedTuple):
    """
    One known image and what came out.

    Attributes:
        name: File name in the package.

        why: What it shows.

        expected: State, and "accepted" or "rejected".

        actual: The same as it came out, or the error.
    """

    name: str
    why: str
    expected: str
    actual: str

    @property
    def passed(self) -> bool:
        """
        Whether it came out as expected.
        """
        return self.expected == self.actual


def run() -> tuple[SelfTestCase, ...]:
    """
    Judge the known images.

    Returns:
        All cases, at least one good and one bad, in the order of their list.

    Raises:
        ProvenanceError: If the package's own list, profile or policy cannot be read.
    """
    trust = load_trust_profile(_DATA / "trust.toml")
    judge = Judge(trust, load_policy(DEFAULT), Limits(), Engine())
    cases = tomllib.loads((_DATA / "cases.toml").read_text("utf-8"))["cases"]
    return tuple(
        SelfTestCase(case["file"], case["why"], case["expected"], _outcome(judge, _DATA / case["file"]))
        for case in cases
    )


@lru_cache(maxsize=1)
def require_passed(process: int) -> None:
    """
    Return if the self-test passes; run once a process.

    Args:
        process: Id of this process; after a fork it is another, and the test runs again.

    Raises:
        EngineError: If an image comes out otherwise than expected.
    """
    failed = [case for case in run() if not case.passed]
    if failed:
        shown = "; ".join(f"{case.name}: {case.actual}, not {case.expected}" for case in failed)
        raise EngineError(f"self-test of process {process} failed, so no verdict can be relied on: {shown}")


def _outcome(judge: Judge, path: Path) -> str:
    try:
        with Asset.from_path(path, Limits()) as asset:
            result = judge.judge(asset)
    except ProvenanceError as error:
        return f"{type(error).__name__}: {error}"
    return f"{result.state}, {'accepted' if result.accepted else 'rejected'}"
