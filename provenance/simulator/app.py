"""
The API as an ASGI application.

Each request passes the same gates in the same order: path, access, block, deployment, api-version, fault,
body, quota, filter; in the v1 form the body names the deployment. Whatever comes of it carries request
ids and is written into the journal.
"""

from __future__ import annotations

import asyncio
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
from provenance.simulator.request.body import Upload, check_uploads, read_form, read_json
from provenance.simulator.request.image_request import Fields, ImageRequest, Operation, read_request
from provenance.simulator.request.moderation import FilterStage, filtered
from provenance.simulator.request_context import Form, Visit
from provenance.simulator.response.http_response import AsciiJSONResponse, CutResponse, oversize
from provenance.simulator.response.image_answer import revise
from provenance.simulator.response.image_response import Studio
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
        self._studio = Studio()

    async def images(self, request: Request) -> Response:
        visit = Visit.begin(self._simulation, request)
        try:
            response = await self._answer(visit)
        except ApiError as error:
            response = _refused(error)
        visit.end(response)
        return CutResponse(response, visit.fault.after_bytes) if isinstance(visit.fault, Cut) else response

    async def blob(self, request: Request) -> Response:
        visit = Visit.begin(self._simulation, request)
        visit.fault = self._simulation.faults.take("blob")
        try:
            response = await _meet(visit.fault) or self._download(visit)
        except ApiError as error:
            response = _refused(error)
        visit.end(response)
        return CutResponse(response, visit.fault.after_bytes) if isinstance(visit.fault, Cut) else response

    async def not_found(self, request: Request, _error: Exception) -> Response:
        visit = Visit.begin(self._simulation, request)
        response = _refused(api_error.resource_not_found())
        visit.end(response)
        return response

    async def _answer(self, visit: Visit) -> Response:
        parameters = visit.request.path_params
        if parameters["operation"] not in _OPERATIONS:
            raise api_error.resource_not_found()
        operation = cast("Operation", parameters["operation"])
        form: Form = "deployment" if "deployment" in parameters else "v1"
        visit.enter(form)
        model = visit.find_deployment(parameters["deployment"]) if form == "deployment" else None
        visit.check_version(form, model, operation)
        visit.fault = self._simulation.faults.take("api")
        response = await _meet(visit.fault)
        if response is not None:
            return response
        asked = await self._read(visit, model, operation)
        visit.asked = asked
        visit.spend_quota()
        _filter(visit, asked)
        return await self._studio.deliver(visit, asked)

    async def _read(self, visit: Visit, model: ImageModel | None, operation: Operation) -> ImageRequest:
        limits = self._simulation.limits
        if model is not None:
            _require_edits(model, operation)
        if operation == "generations":
            values = await read_json(visit.request, limits)
            uploads: tuple[Upload, ...] = ()
        else:
            values, uploads = await read_form(visit.request, limits)
        visit.uploads = len(uploads)
        refuse_model = model is not None and visit.behaviour.refuses_model(model)
        if model is None:
            named = values.get("model")
            if not isinstance(named, str) or not named:
                raise api_error.missing_parameter("model")
            model = visit.find_deployment(named)
            _require_edits(model, operation)
        asked = read_request(Fields(values), model, visit.deployment, operation, refuse_model=refuse_model)
        if operation == "edits":
            check_uploads(uploads)
        return asked

    def _download(self, visit: Visit) -> Response:
        try:
            blob = self._simulation.blobs.get(visit.request.url.path, visit.request.scope["query_string"])
        except BlobError as error:
            content = error.xml(visit.request_id, self._simulation.clock())
            headers = {"x-ms-error-code": error.code}
            return Response(content, error.status, headers, media_type="application/xml")
        if isinstance(visit.fault, Oversize):
            return oversize(visit.fault.size, blob.media_type)
        return Response(blob.content, media_type=blob.media_type, headers={"x-ms-blob-type": "BlockBlob"})


async def _meet(fault: Fault | None) -> Response | None:
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


def _filter(visit: Visit, asked: ImageRequest) -> None:
    behaviour = visit.behaviour
    for stage, markers in (
        (FilterStage.PROMPT, behaviour.prompt_markers),
        (FilterStage.OUTPUT, behaviour.output_markers),
    ):
        if any(marker in asked.prompt for marker in markers):
            revised = revise(asked.prompt) if behaviour.revised_prompt else None
            raise filtered(stage, behaviour.filter_spelling, created=visit.created, revised_prompt=revised)


def _require_edits(model: ImageModel, operation: Operation) -> None:
    if operation == "edits" and model.answers_with_url:
        raise api_error.operation_not_supported(model)


def _refused(error: ApiError) -> Response:
    return AsciiJSONResponse(error.body, error.status, error.headers)
