"""
The API as an ASGI application: routes, and the one place where exceptions become problems.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope

from provenance.distribution import version
from provenance.errors import ProvenanceError
from provenance.service.http.middleware import RequestMiddleware
from provenance.service.http.problem import (
    INTERNAL,
    Problem,
    ProblemError,
    method_not_allowed,
    not_found,
    problem_of,
)
from provenance.service.http.request_context import context_of
from provenance.service.openapi import operations
from provenance.service.openapi.components import Description
from provenance.service.page import routes as page_routes
from provenance.service.resources import ServiceResources
from provenance.service.routes.health import HealthRoutes
from provenance.service.routes.reports import ReportRoutes
from provenance.service.routes.verify import VerifyRoutes

logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]

_GONE = 499
_NOT_ALLOWED = 405
# FastAPI would record paths and the messages of exceptions wherever the environment says so.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


def create_app(resources: ServiceResources) -> ASGIApp:
    """
    Make the application that answers with some resources, which the caller opens and closes.
    """
    api = _Api(resources)
    return RequestMiddleware(
        api, resources.metrics, resources.tracing, only_local=not resources.authorizer.needs_key
    )


class _Route(Route):
    """
    A route that the scope of a request names, so that counts, log and traces can.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, found if match is Match.NONE else {**found, "route": self}


class _Api(FastAPI):
    def __init__(self, resources: ServiceResources) -> None:
        super().__init__(
            title=operations.TITLE,
            summary=operations.SUMMARY,
            description=operations.DESCRIPTION,
            version=version(),
            docs_url=None,  # what it shows is fetched from another host
            redoc_url=None,
            redirect_slashes=False,
            telemetry=_NO_TELEMETRY,
            exception_handlers={
                ProblemError: _problem,
                ProvenanceError: _library_error,
                HTTPException: _http_error,
                ClientDisconnect: _gone,
                Exception: _failure,
            },
        )
        self._needs_key = resources.authorizer.needs_key
        self._operations: dict[tuple[str, str], Description] = {}
        for method, path, endpoint in _endpoints(resources):
            # What is asked is read and described by us: dependencies and models would only take time.
            self.router.routes.append(_Route(path, endpoint, methods=[method], include_in_schema=False))
            self._operations[method, path] = operations.operation(
                method,
                path,
                policies=tuple(resources.policies),
                max_batch=resources.settings.max_batch,
                needs_key=self._needs_key,
            )
        for route in page_routes():
            self.router.routes.append(
                _Route(route.path, route.endpoint, methods=["GET"], name=route.name, include_in_schema=False)
            )

    def build_middleware_stack(self) -> ASGIApp:
        """
        Answer with the routes, and with problems for what they raise.

        What stands around them else is for dependencies and for bodies read whole, and there are none.
        """
        return ExceptionMiddleware(self.router, self.exception_handlers)

    def openapi(self) -> Description:
        """
        Describe the API.
        """
        return operations.complete(super().openapi(), self._operations, needs_key=self._needs_key)


def _endpoints(resources: ServiceResources) -> tuple[tuple[str, str, Endpoint], ...]:
    verify, reports, health = VerifyRoutes(resources), ReportRoutes(resources), HealthRoutes(resources)
    return (
        ("POST", "/v1/verify", verify.one),
        ("POST", "/v1/verify/batch", verify.many),
        ("GET", "/v1/reports", reports.search),
        ("GET", "/v1/reports/{sha256}", reports.read),
        ("DELETE", "/v1/reports/{sha256}", reports.delete),
        ("GET", "/v1/policies", health.policies),
        ("GET", "/healthz", health.alive),
        ("GET", "/readyz", health.ready),
        ("GET", "/metrics", health.metrics),
    )


async def _problem(request: Request, error: ProblemError) -> Response:
    return _answer(request, error.problem)


async def _library_error(request: Request, error: ProvenanceError) -> Response:
    return _answer(request, problem_of(error))


async def _http_error(request: Request, error: HTTPException) -> Response:
    """
    Answer for paths and methods that there are not; nothing else raises this.
    """
    if error.status_code == _NOT_ALLOWED:
        return _answer(request, method_not_allowed(_allowed(request)).problem)
    return _answer(request, not_found("There is nothing at this path.").problem)


async def _gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=_GONE)


async def _failure(request: Request, error: Exception) -> Response:
    facts = {"request_id": context_of(request.scope).request_id}
    logger.error("the request failed", exc_info=error, extra={"facts": facts})
    return _answer(request, INTERNAL)


def _answer(request: Request, problem: Problem) -> Response:
    context = context_of(request.scope)
    context.problem = problem.name
    return problem.response(context.request_id)


def _allowed(request: Request) -> str:
    methods: set[str] = set()
    for route in request.app.router.routes:
        match, _ = route.matches({**request.scope, "method": "GET"})
        if match is not Match.NONE:
            methods |= route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))
