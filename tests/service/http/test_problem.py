"""
Problems: each says what whoever sent the request can do about it, and nothing that only others can.
"""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from provenance.errors import (
    AssetTooLargeError,
    DeadlineExceededError,
    EngineError,
    MalformedAssetError,
    PolicyError,
    ProvenanceError,
    StoreError,
    UnreadableAssetError,
    UnsupportedAssetError,
    WorkerCrashedError,
)
from provenance.service.http import problem
from provenance.service.http.problem import Problem, ProblemError

ERRORS: list[ProvenanceError] = [
    AssetTooLargeError("bytes", 2, 1),
    DeadlineExceededError(1.0),
    EngineError("it failed"),
    MalformedAssetError("byte 3"),
    PolicyError("empty"),
    StoreError("gone"),
    UnreadableAssetError("gone"),
    UnsupportedAssetError("text"),
    WorkerCrashedError(1),
]


@pytest.mark.parametrize(
    "refused",
    [
        problem.bad_request("No."),
        problem.bad_host(),
        problem.no_key(),
        problem.key_not_accepted(),
        problem.lacks_scope("verify"),
        problem.other_site(),
        problem.not_found("No."),
        problem.method_not_allowed("GET"),
        problem.too_slow(),
        problem.length_required(),
        problem.too_large(1),
        problem.too_many(1),
        problem.unsupported("No."),
        problem.misdirected(),
        problem.too_often(1),
        problem.too_busy(),
        problem.no_room(),
        problem.store_unavailable(),
        ProblemError(problem.INTERNAL),
    ],
    ids=str,
)
def test_every_problem_has_a_hint(refused: ProblemError) -> None:
    """
    The documentation says so, and people are shown it.
    """
    content = json.loads(refused.problem.body("1"))

    assert content["hint"].endswith(".")


@pytest.mark.parametrize("status", [status for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST])
def test_a_problem_without_a_hint_of_its_own_has_that_of_its_status(status: HTTPStatus) -> None:
    """
    Those of a connection are made elsewhere, and have none.
    """
    content = json.loads(Problem(status, "name", "Title").body("1"))

    assert content["hint"].endswith(".")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_hint_is_for_whoever_sent_the_image(error: ProvenanceError) -> None:
    """
    They can neither raise a limit, nor run a command here; a batch says the same as a single request.
    """
    hint = problem.hint_of(error)

    assert hint.endswith(".")
    for words in ("Raise", "raise", "Allow more", "Run '", "install", "this process", "database"):
        assert words not in hint
    assert json.loads(problem.problem_of(error).body("1"))["hint"] == hint


def test_what_was_too_slow_is_sent_again() -> None:
    """
    The busy moment may be over by then.
    """
    assert problem.hint_of(DeadlineExceededError(1.0)).startswith("Try again once; then report it")
