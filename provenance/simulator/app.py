"""
The API as an ASGI application.

Each request passes the same checks in the same order: path, access, block, deployment, api-version, fault,
body, quota, filter; in the v1 form the body names the deployment. Whatever comes of it carries request
ids and is written into the request log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from provenance.simulator import api_error
from provenance.simulator.api_error import ApiError
from provenance.simulator.blob_store import PREFIX, BlobError
from provenance.simulator.fault import Answer, Cut, Delay, Deny, Fail, Fault, Oversize, Redirect
from provenance.simulator.model import ImageModel
from provenance.simulator.request.body import UploadedFile, check_files, read_form, read_json
from provenance.simulator.request.image_request import Fields, ImageRequest, Operation, read_request
from provenance.simulator.request.moderation import FilterStage, filtered
from provenance.simulator.request_context import RequestContext, UrlForm
from provenance.simulator.response.http_response import AsciiJSONResponse, CutResponse, oversize
from provenance.simulator.response.image_answer import revise
from provenance.simulator.response.image_response import ImageResponder
from provenance.simulator.simulation import Simulation

_OPERATIONS = frozenset({"generations", "edits"})


def create_app(simulation: Simulation) -> Starlette:
    """
    Make the application that answers for a simulation.
    """
    api = _Api(simulation)
    return Starlette(
        routes=[
            Route("/openai/deployments/{deployment}/images/{operation}", api.images, methods=["POST"]),
            Route("/openai/v1/images/{operation}", api.images, methods=["POST"]),
            Route(PREFIX + "{rest:path}", api.blob, methods=["GET"]),
        ],
        exception_handlers={404: api.not_found, 405: api.not_found},
    )


class _Api:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._responder = ImageResponder()

    async def images(self, request: Request) -> Response:
        return await self._handle(request, self._answer)

    async def blob(self, request: Request) -> Response:
        return await self._handle(request, self._download)

    async def not_found(self, request: Request, _error: Exception) -> Response:
        return await self._handle(request, _refuse)

    async def _handle(
        self, request: Request, answer: Callable[[RequestContext], Awaitable[Response]]
    ) -> Response:
        context = RequestContext.receive(self._simulation, request)
        try:
            response = await answer(context)
        except ApiError as error:
            response = AsciiJSONResponse(error.body, error.status, error.headers)
        context.finish(response)
        fault = context.fault
        return CutResponse(response, fault.after_bytes) if isinstance(fault, Cut) else response

    async def _answer(self, context: RequestContext) -> Response:
        parameters = context.request.path_params
        if parameters["operation"] not in _OPERATIONS:
            raise api_error.resource_not_found()
        operation = cast("Operation", parameters["operation"])
        form: UrlForm = "deployment" if "deployment" in parameters else "v1"
        context.authorize(form)
        model = context.find_deployment(parameters["deployment"]) if form == "deployment" else None
        context.check_version(form, model, operation)
        context.fault = self._simulation.faults.take("api")
        response = await _apply(context.fault)
        if response is not None:
            return response
        asked = await self._read(context, model, operation)
        context.asked = asked
        context.spend_quota()
        _filter(context, asked)
        return await self._responder.respond(context, asked)

    async def _read(
        self, context: RequestContext, model: ImageModel | None, operation: Operation
    ) -> ImageRequest:
        limits = self._simulation.limits
        if model is not None:
            _require_edits(model, operation)
        if operation == "generations":
            values = await read_json(context.request, limits)
            uploads: tuple[UploadedFile, ...] = ()
        else:
            values, uploads = await read_form(context.request, limits)
        context.uploads = len(uploads)
        refuse_model = model is not None and context.behaviour.refuses_model(model)
        if model is None:
            named = values.get("model")
            if not isinstance(named, str) or not named:
                raise api_error.missing_parameter("model")
            model = context.find_deployment(named)
            _require_edits(model, operation)
        asked = read_request(Fields(values), model, context.deployment, operation, refuse_model=refuse_model)
        if operation == "edits":
            check_files(uploads)
        return asked

    async def _download(self, context: RequestContext) -> Response:
        context.fault = self._simulation.faults.take("blob")
        response = await _apply(context.fault)
        if response is not None:
            return response
        try:
            blob = self._simulation.blobs.get(context.request.url.path, context.request.scope["query_string"])
        except BlobError as error:
            content = error.xml(context.request_id, self._simulation.clock())
            headers = {"x-ms-error-code": error.code}
            return Response(content, error.status, headers, media_type="application/xml")
        if isinstance(context.fault, Oversize):
            return oversize(context.fault.size, blob.media_type)
        return Response(blob.content, media_type=blob.media_type, headers={"x-ms-blob-type": "BlockBlob"})


async def _apply(fault: Fault | None) -> Response | None:
    if isinstance(fault, Delay):
        await asyncio.sleep(fault.seconds)
    elif isinstance(fault, Fail):
        raise api_error.failed(fault.status, fault.retry_after_s)
    elif isinstance(fault, Deny):
        raise api_error.denied(fault.reason)
    elif isinstance(fault, Answer):
        return Response(fault.content, fault.status, media_type=fault.content_type)
    elif isinstance(fault, Redirect):
        return RedirectResponse(fault.location, fault.status)
    return None


def _filter(context: RequestContext, asked: ImageRequest) -> None:
    behaviour = context.behaviour
    for stage, markers in (
        (FilterStage.PROMPT, behaviour.prompt_markers),
        (FilterStage.OUTPUT, behaviour.output_markers),
    ):
        if any(marker in asked.prompt for marker in markers):
            revised = revise(asked.prompt) if behaviour.revised_prompt else None
            raise filtered(stage, behaviour.filter_spelling, created=context.created, revised_prompt=revised)


def _require_edits(model: ImageModel, operation: Operation) -> None:
    if operation == "edits" and model.answers_with_url:
        raise api_error.operation_not_supported(model)


async def _refuse(_context: RequestContext) -> Response:
    raise api_error.resource_not_found()
