"""
`/healthz`, `/readyz`, `/metrics`, `/v1/policies`: what the service says about itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from provenance.errors import (
    DeadlineExceededError,
    EngineError,
    ProvenanceError,
    StoreError,
    WorkerCrashedError,
)
from provenance.service.auth.api_key import Scope
from provenance.service.http import parameters as asked
from provenance.service.observability.metrics import CONTENT_TYPE
from provenance.service.resources import Service
from provenance.verification.report import trust_to_dict

logger = logging.getLogger(__name__)

CHECKED_EVERY_S = 1.0
"""
Seconds for which an answer of `/readyz` holds, so that asking often costs nothing.
"""

_JSON = {"Content-Type": "application/json"}
_NOT_READY = 503


class Readiness(NamedTuple):
    """
    Whether the service can do its work.

    Attributes:
        store: Whether reports can be read and written.

        workers: Whether a worker answers.

        self_test: Whether known images come out as they should.
    """

    store: bool
    workers: bool
    self_test: bool


class HealthRoutes:
    """
    Answers requests about the service.
    """

    def __init__(self, service: Service, clock: Callable[[], float] = time.monotonic) -> None:
        self._service = service
        self._clock = clock
        self._lock = asyncio.Lock()
        self._checked: tuple[float, Readiness] | None = None

    async def alive(self, request: Request) -> Response:
        """
        Say that the process answers.
        """
        asked.parameters(request)
        return Response(json.dumps({"status": "alive"}), headers=_JSON)

    async def ready(self, request: Request) -> Response:
        """
        Say whether the service can do its work, and if not what is missing.
        """
        asked.parameters(request)
        async with self._lock:
            if self._checked is None or self._clock() - self._checked[0] >= CHECKED_EVERY_S:
                found = await self._service.checking.run(self._check)
                self._checked = (self._clock(), found)
            readiness = self._checked[1]
        is_ready = all(readiness)
        content = {
            "status": "ready" if is_ready else "not ready",
            "components": {name: {"ready": value} for name, value in readiness._asdict().items()},
        }
        return Response(json.dumps(content), 200 if is_ready else _NOT_READY, headers=_JSON)

    async def metrics(self, request: Request) -> Response:
        """
        Show what was counted.
        """
        if not self._service.settings.metrics_open:
            await self._service.door.admit(request, Scope.ADMIN)
        return Response(self._service.meter.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def policies(self, request: Request) -> Response:
        """
        Say what may be asked for.
        """
        asked.parameters(request)
        service = self._service
        content = {
            "default": service.default_policy.name,
            "policies": [
                {
                    "name": policy.name,
                    "version": policy.version,
                    "digest": policy.digest,
                    "summary": policy.summary,
                }
                for policy in service.policies.values()
            ],
            "trust": trust_to_dict(service.trust),
            "limits": {"max_bytes": service.settings.max_bytes, "max_batch": service.settings.max_batch},
            "key_needed": service.door.needs_key,
        }
        return Response(json.dumps(content), headers=_JSON)

    def _check(self) -> Readiness:
        try:
            self._service.store.check()
            store = True
        except StoreError as error:
            store = _missing("store", error)
        try:
            self._service.judging.check()
            return Readiness(store, workers=True, self_test=True)
        except (WorkerCrashedError, DeadlineExceededError) as error:
            return Readiness(store, workers=_missing("workers", error), self_test=True)
        except EngineError as error:
            return Readiness(store, workers=False, self_test=_missing("self_test", error))


def _missing(component: str, error: ProvenanceError) -> bool:
    logger.warning("not ready", extra={"facts": {"component": component, "reason": str(error)}})
    return False
