"""
The context of one request: what is known of it so far, and the headers of its answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from provenance.simulator.api_error import (
    deployment_not_found,
    missing_subscription_key,
    rate_limited,
    resource_blocked,
    resource_not_found,
    version_not_supported,
)
from provenance.simulator.fault import Fault
from provenance.simulator.model import ImageModel
from provenance.simulator.request.access import check_access
from provenance.simulator.request.image_request import ImageRequest, Operation
from provenance.simulator.request_log import RecordedRequest, shorten
from provenance.simulator.simulation import (
    API_VERSIONS,
    NEWEST_API_VERSION,
    V1_API_VERSIONS,
    Behaviour,
    Simulation,
)

UrlForm = Literal["deployment", "v1"]

_REGION = "This Machine"


@dataclass(slots=True)
class RequestContext:
    """
    A request being answered.

    Attributes:
        behaviour: As it was when the request came; a later change does not concern it.

        deployment: Name of the deployment asked; empty until it was found.

        fault: What it meets.

        asked: What is asked for; None until that was read.

        headers: Further headers of the answer.
    """

    simulation: Simulation
    request: Request
    behaviour: Behaviour
    began: datetime
    request_id: str = field(default_factory=lambda: str(uuid4()))
    deployment: str = ""
    fault: Fault | None = None
    asked: ImageRequest | None = None
    uploads: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def receive(cls, simulation: Simulation, request: Request) -> RequestContext:
        """
        Begin to answer a request.
        """
        return cls(simulation, request, simulation.behaviour, simulation.clock())

    @property
    def api_version(self) -> str:
        """
        The api-version asked for; empty if there is none.
        """
        return self.request.query_params.get("api-version", "")

    @property
    def created(self) -> int:
        """
        Seconds since the epoch, by the simulation's clock.
        """
        return int(self.simulation.clock().timestamp())

    def authorize(self, form: UrlForm) -> None:
        """
        Check the gateway's headers, the key or token, and whether the whole resource is blocked.

        Raises:
            ApiError: 401 or 403.
        """
        if any(self.request.headers.get(name) != value for name, value in self.behaviour.gateway_headers):
            raise missing_subscription_key()
        check_access(self.request.headers, self.simulation.api_key, self.simulation.tokens, v1=form == "v1")
        if self.behaviour.resource_blocked:
            raise resource_blocked()

    def find_deployment(self, name: str) -> ImageModel:
        """
        Find the model behind a deployment.

        Raises:
            ApiError: 404 if there is none.
        """
        model = self.simulation.deployments.get(name)
        if model is None:
            raise deployment_not_found()
        self.deployment = name
        return model

    def check_version(self, form: UrlForm, model: ImageModel | None, operation: Operation) -> None:
        """
        Check the api-version: an old one knows no path for edits, nor the newer models.

        Raises:
            ApiError: 404, or 400 in the v1 form.
        """
        if form == "v1":
            if self.api_version not in V1_API_VERSIONS:
                raise version_not_supported()
            return
        newest_only = operation == "edits" or (model is not None and not model.answers_with_url)
        if self.api_version not in ((NEWEST_API_VERSION,) if newest_only else API_VERSIONS):
            raise resource_not_found()

    def spend_quota(self) -> None:
        """
        Count against the quota of the deployment.

        Raises:
            ApiError: 429.
        """
        limit = self.behaviour.quota_per_minute
        if limit is None:
            return
        allowance = self.simulation.quota.spend(
            self.deployment, self.simulation.clock(), limit, self.behaviour.quota_window_s
        )
        self.headers |= allowance.headers
        if not allowance.granted:
            raise rate_limited(allowance.wait_s, self.api_version, self.behaviour.retry_hints)

    def finish(self, response: Response) -> None:
        """
        Write request ids and other headers into an answer, and record the request.
        """
        client_id = self.request.headers.get("x-ms-client-request-id", "")
        ids = {"apim-request-id": self.request_id, "x-request-id": self.request_id, "x-ms-region": _REGION}
        ids |= {"x-ms-client-request-id": client_id} if client_id else {}
        ids |= {"x-ms-deployment-name": self.deployment} if self.deployment else {}
        for name, value in (ids | self.headers).items():
            response.headers[name] = value
        self.record(response.status_code)

    def record(self, status: int) -> None:
        """
        Record the request.
        """
        headers = self.request.headers
        self.simulation.request_log.add(
            RecordedRequest(
                at=self.began,
                method=self.request.method,
                path=shorten(self.request.url.path),
                api_version=shorten(self.api_version),
                has_api_key="api-key" in headers,
                has_authorization="authorization" in headers,
                user_agent=shorten(headers.get("user-agent", "")),
                client_request_id=shorten(headers.get("x-ms-client-request-id", "")),
                request_id=self.request_id,
                status=status,
                asked=self.asked,
                uploads=self.uploads,
                fault="" if self.fault is None else type(self.fault).__name__,
            )
        )
