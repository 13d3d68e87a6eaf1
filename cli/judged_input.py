"""
One input and its outcome, verdict or error; the one place where an error about an image is caught.
"""

from __future__ import annotations

import sys
from typing import IO, NamedTuple

from provenance.asset.asset import Asset
from provenance.errors import AssetError, EngineError, UnreadableAssetError
from provenance.verification.report import Report, error_to_dict, to_dict
from provenance.verification.verdict import VerificationResult
from provenance.verification.verifier import Verifier

STDIN = "-"


class JudgedInput(NamedTuple):
    """
    What came of one input.

    Attributes:
        name: The path as it was given, or "-" for standard input; may hold lone surrogates.

        outcome: The verdict, or why there is none.

        sha256: SHA-256 of the bytes judged, lower-case hex, or None where it was not asked for.
    """

    name: str
    outcome: VerificationResult | AssetError | EngineError
    sha256: str | None = None

    @property
    def report(self) -> Report:
        """
        The outcome as a report.
        """
        if isinstance(self.outcome, VerificationResult):
            return to_dict(self.outcome, name=self.name, sha256=self.sha256)
        return error_to_dict(self.outcome, name=self.name)

    @property
    def exit_code(self) -> int:
        """
        0 if accepted, 1 if rejected, 3 if it could not be judged.
        """
        if isinstance(self.outcome, VerificationResult):
            return 0 if self.outcome.accepted else 1
        return 3


def judge(verifier: Verifier, name: str, *, with_sha256: bool) -> JudgedInput:
    """
    Judge one input.

    Args:
        verifier: What it is judged by.

        name: A path, or "-" for standard input.

        with_sha256: Whether to compute the SHA-256 of its bytes as well.
    """
    try:
        with Asset.open(_source(name), verifier.limits) as asset:
            result = verifier.verify(asset)
            sha256 = asset.sha256() if with_sha256 else None
    except (AssetError, EngineError) as error:
        return JudgedInput(name, error)
    return JudgedInput(name, result, sha256)


def _source(name: str) -> str | IO[bytes]:
    if name != STDIN:
        return name
    if sys.stdin is None:  # as Python has it where the descriptor was closed before it started
        raise UnreadableAssetError("standard input is closed")
    return sys.stdin.buffer
