"""
The API as an ASGI application: routes, and the one place where exceptions become problems.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

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
from provenance.service.http.request_context import GONE, context_of
from provenance.service.openapi.description import describe
from provenance.service.page import routes as page_routes
from provenance.service.resources import ServiceResources
from provenance.service.routes.health import HealthRoutes
from provenance.service.routes.reports import ReportRoutes
from provenance.service.routes.verify import VerifyRoutes

logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]

_NOT_ALLOWED = 405


def create_app(resources: ServiceResources) -> ASGIApp:
    """
    Make the application that answers with some resources, which the caller opens and closes.
    """
    api = _ServiceApi(resources)
    return RequestMiddleware(
        api, resources.metrics, resources.tracing, only_local=not resources.authorizer.needs_key
    )


class _ServiceApi(Starlette):
    def __init__(self, resources: ServiceResources) -> None:
        super().__init__(
            routes=[*_routes(resources), *page_routes()],
            exception_handlers={HTTPException: _answer_error, Exception: _answer_error},
        )
        self.router.redirect_slashes = False

    def build_middleware_stack(self) -> ASGIApp:
        """
        Answer with the routes, and with problems for what they raise.

        What the base class puts around them would raise again what was answered already.
        """
        return ExceptionMiddleware(self.router, self.exception_handlers)


def _routes(resources: ServiceResources) -> list[Route]:
    verify, reports, health = VerifyRoutes(resources), ReportRoutes(resources), HealthRoutes(resources)
    endpoints: tuple[tuple[str, str, Endpoint], ...] = (
        ("POST", "/v1/verify", verify.one),
        ("POST", "/v1/verify/batch", verify.many),
        ("GET", "/v1/reports", reports.search),
        ("GET", "/v1/reports/{sha256}", reports.read),
        ("DELETE", "/v1/reports/{sha256}", reports.delete),
        ("GET", "/v1/policies", health.policies),
        ("GET", "/healthz", health.alive),
        ("GET", "/readyz", health.ready),
        ("GET", "/metrics", health.metrics),
        ("GET", "/openapi.json", _description(resources)),
    )
    return [Route(path, endpoint, methods=[method]) for method, path, endpoint in endpoints]


def _description(resources: ServiceResources) -> Endpoint:
    described = describe(
        tuple(resources.policies),
        resources.settings.max_batch,
        needs_key=resources.authorizer.needs_key,
    )
    content = json.dumps(described)

    async def answer(_request: Request) -> Response:
        return Response(content, headers={"Content-Type": "application/json"})

    return answer


async def _answer_error(request: Request, error: Exception) -> Response:
    context = context_of(request.scope)
    if isinstance(error, ClientDisconnect):
        return Response(status_code=GONE)
    if isinstance(error, ProblemError):
        problem = error.problem
    elif isinstance(error, ProvenanceError):
        problem = problem_of(error)
    elif isinstance(error, HTTPException):
        problem = _no_route(request, error)
    else:
        logger.error(
            "the request failed", exc_info=error, extra={"facts": {"request_id": context.request_id}}
        )
        problem = INTERNAL
    context.problem = problem.name
    return problem.response(context.request_id)


def _no_route(request: Request, error: HTTPException) -> Problem:
    """
    Return the problem of a path or a method that there is not; nothing else raises this.
    """
    if error.status_code == _NOT_ALLOWED:
        return method_not_allowed(_allowed(request)).problem
    return not_found("There is nothing at this path.").problem


def _allowed(request: Request) -> str:
    methods: set[str] = set()
    for route in request.app.router.routes:
        match, _ = route.matches({**request.scope, "method": "GET"})
        if match is not Match.NONE:
            methods |= route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))
