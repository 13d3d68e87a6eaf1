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
from provenance.service.http import parameters
from provenance.service.observability.metrics import CONTENT_TYPE
from provenance.service.resources import ServiceResources
from provenance.service.store.api_key import Scope
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

    def __init__(self, resources: ServiceResources, clock: Callable[[], float] = time.monotonic) -> None:
        self._resources = resources
        self._clock = clock
        self._lock = asyncio.Lock()
        self._checked: tuple[float, Readiness] | None = None

    async def alive(self, request: Request) -> Response:
        """
        Answer that the process does.
        """
        parameters.read_query(request)
        return Response(json.dumps({"status": "alive"}), headers=_JSON)

    async def ready(self, request: Request) -> Response:
        """
        Answer whether the service can do its work, and if not what is missing.
        """
        parameters.read_query(request)
        async with self._lock:
            if self._checked is None or self._clock() - self._checked[0] >= CHECKED_EVERY_S:
                found = await self._resources.checking.run(self._check)
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
        Return what was counted.
        """
        if not self._resources.settings.metrics_open:
            await self._resources.authorizer.authorize(request, Scope.ADMIN)
        return Response(self._resources.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def policies(self, request: Request) -> Response:
        """
        Return what may be asked for.
        """
        parameters.read_query(request)
        resources = self._resources
        content = {
            "default": resources.default_policy.name,
            "policies": [
                {
                    "name": policy.name,
                    "version": policy.version,
                    "digest": policy.digest,
                    "summary": policy.summary,
                }
                for policy in resources.policies.values()
            ],
            "trust": trust_to_dict(resources.trust),
            "limits": {"max_bytes": resources.settings.max_bytes, "max_batch": resources.settings.max_batch},
            "key_needed": resources.authorizer.needs_key,
        }
        return Response(json.dumps(content), headers=_JSON)

    def _check(self) -> Readiness:
        try:
            self._resources.store.check()
            store = True
        except StoreError as error:
            store = _missing("store", error)
        try:
            self._resources.dispatcher.check()
            return Readiness(store, workers=True, self_test=True)
        except (WorkerCrashedError, DeadlineExceededError) as error:
            return Readiness(store, workers=_missing("workers", error), self_test=True)
        except EngineError as error:
            return Readiness(store, workers=False, self_test=_missing("self_test", error))


def _missing(component: str, error: ProvenanceError) -> bool:
    logger.warning("not ready", extra={"facts": {"component": component, "reason": str(error)}})
    return False
