"""
Two hundred images through random faults and a quota: each is saved once and verified, or has one clear error.

The clocks of client and simulator run faster than the real one, so that minutes of waiting take seconds.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance.authority import KeyType
from provenance.generation import (
    GenerationError,
    ImageRejectedError,
    MalformedAnswerError,
    PromptFilteredError,
    RetryPolicy,
)
from provenance.generation.image import GeneratedImage, Generation
from provenance.simulator import (
    MALFORMED_BODY,
    Alter,
    Answer,
    Behaviour,
    Delay,
    Fail,
    Fault,
    Fewer,
    Redirect,
    Simulator,
)
from provenance.verification.verifier import Verifier
from tests.generation.support import KEY, Call, Caller

SPEED = 20
COUNT = 200
QUOTA = 60
FILTERED = 10
START = time.monotonic()
EPOCH = datetime(2026, 6, 1, tzinfo=UTC)

API_FAULTS: tuple[Fault, ...] = (
    Fail(408),
    Fail(429),
    Fail(429, retry_after_s=2),
    Fail(500),
    Fail(502),
    Fail(503),
    Delay(0.05),
    MALFORMED_BODY,
    Answer(b"<html>"),
    Answer(b"", 200, "text/html"),
    Fewer(0),
    Alter("unsigned"),
    Alter("tampered"),
    Alter("garbage"),
    Redirect("https://example.org/"),
)
BLOB_FAULTS: tuple[Fault, ...] = (Fail(503), Fail(500), Redirect("https://example.org/"), Answer(b"", 404))


def clock() -> float:
    """
    Return the time of client and simulator alike.
    """
    return (time.monotonic() - START) * SPEED


def sleep(seconds: float) -> None:
    """
    Wait by that clock.
    """
    time.sleep(seconds / SPEED)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """
    Start a simulator with a quota in which a third of the requests go wrong.
    """
    with Simulator(
        api_key=KEY,
        key_type=KeyType.P256,
        behaviour=Behaviour(quota_per_minute=QUOTA),
        clock=lambda: EPOCH + timedelta(seconds=clock()),
    ) as running:
        running.faults.at_random(API_FAULTS, 0.35, seed=7)
        running.faults.at_random(BLOB_FAULTS, 0.3, seed=8, target="blob")
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_nothing_is_lost_or_doubled(simulator: Simulator, tmp_path: Path, is_async: bool) -> None:  # noqa: FBT001 - a parameter
    """
    What was paid for is there, and what is not there has its reason.
    """
    verifier = Verifier(trust=simulator.trust_profile)
    prompts = [
        f"number {n} {'forbidden-prompt' if n % (COUNT // FILTERED) == 0 else ''}" for n in range(COUNT)
    ]
    client: dict[str, Any] = {
        "endpoint": simulator.endpoint,
        "api_key": KEY,
        "deployment": "dall-e-3",
        "model": "dall-e-3",
        "verifier": verifier,
        "requests_per_minute": QUOTA,
        "max_concurrency": 8,
        "retry": RetryPolicy(max_attempts=8),
        "clock": clock,
        "sleep": sleep,
    }
    forms = ("url", "b64_json")
    calls = [
        Call("generate", (prompt,), {"response_format": forms[n % 2]}) for n, prompt in enumerate(prompts)
    ]

    outcomes = Caller(is_async).together(client, calls, errors=GenerationError)

    images = [image for outcome in outcomes if isinstance(outcome, Generation) for image in outcome]
    errors = [outcome for outcome in outcomes if isinstance(outcome, GenerationError)]
    assert len(images) + len(errors) == COUNT
    _check_saved(images, verifier, tmp_path)
    _check_errors(errors)
    made = Counter(
        request.asked.prompt
        for request in simulator.requests
        if request.asked is not None and request.status == 200
    )
    assert set(made.values()) == {1}
    assert len(images) > COUNT // 2


def _check_saved(images: list[GeneratedImage], verifier: Verifier, folder: Path) -> None:
    places = [image.save(folder) for image in images]

    assert len({place.image for place in places}) == len(images)
    assert len(list(folder.iterdir())) == 2 * len(images)
    for place in places:
        report = json.loads(place.report.read_bytes())
        data = place.image.read_bytes()
        assert report["accepted"] is True
        assert report["asset"]["sha256"] == hashlib.sha256(data).hexdigest()
        assert verifier.verify(place.image).accepted


def _check_errors(errors: list[GenerationError]) -> None:
    kinds = Counter(type(error) for error in errors)

    assert kinds[PromptFilteredError] <= FILTERED
    assert kinds[ImageRejectedError] > 0
    assert kinds[MalformedAnswerError] > 0
    assert GenerationError not in kinds
    assert all(str(error) and error.hint for error in errors)
