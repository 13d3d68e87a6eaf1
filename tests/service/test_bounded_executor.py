"""
Questions that hang: they take the threads that they are given, and nobody else's.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.service.support import ACCEPTED, running, until

SHA256 = "0" * 64


def test_reports_that_hang_hold_up_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Images are judged, the service tells that it is ready, and whoever asks for more reports is told to wait.
    """
    asked, answered = [], threading.Event()

    def hang(sha256: str) -> tuple[()]:
        asked.append(sha256)
        answered.wait(60)
        return ()

    with (
        running(tmp_path) as service,
        service.client("verify", "reports:read") as client,
        ThreadPoolExecutor(32) as clients,
    ):
        monkeypatch.setattr(service.resources.store.reports, "of_image", hang)
        waiting = [clients.submit(client.get, f"/v1/reports/{SHA256}") for _ in range(32)]
        until(lambda: service.resources.metrics.registry.get_sample_value("provenance_in_flight") == 32)
        more = client.get(f"/v1/reports/{SHA256}")
        ready = httpx.get(f"{service.address}/readyz")
        judged = client.post("/v1/verify", content=ACCEPTED.read_bytes())
        running_then = len(asked)
        answered.set()
        statuses = {answer.result().status_code for answer in waiting}
        after = client.get(f"/v1/reports/{SHA256}")

    assert (more.status_code, more.headers["retry-after"]) == (503, "1")
    assert (ready.status_code, judged.status_code) == (200, 200)
    assert running_then == 4
    assert statuses == {404}
    assert after.status_code == 404
