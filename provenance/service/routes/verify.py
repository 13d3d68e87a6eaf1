"""
`POST /v1/verify` and `POST /v1/verify/batch`: images in, reports out.

What is checked stands in one order: key, length, queue, rate; only then is the body read.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from provenance.errors import AssetError, AssetTooLargeError, EngineError
from provenance.policy.policy import Policy
from provenance.service.dispatch import JudgedImage
from provenance.service.http import parameters, problem
from provenance.service.http.problem import ProblemError
from provenance.service.http.request_context import context_of
from provenance.service.resources import ServiceResources
from provenance.service.store.api_key import Scope
from provenance.service.store.stored_report import nameless
from provenance.service.upload.body_reader import BodyReader, BodyTimeouts
from provenance.service.upload.file_pool import FilePool
from provenance.service.upload.image_upload import ImageUpload
from provenance.service.upload.multipart import OVERHEAD_BYTES, FormReader, read_files
from provenance.verification.report import NamelessReport, error_to_dict

JSON = "application/json"
REPORT_HEADER = "Provenance-Report"
STORED_HEADER = "Provenance-Stored"

_WORDS = {True: "yes", False: "no"}


class VerifyRoutes:
    """
    Answers requests with images.
    """

    def __init__(self, resources: ServiceResources) -> None:
        self._resources = resources
        settings = resources.settings
        self._max_bytes = settings.max_bytes
        self._max_batch = settings.max_batch
        self._files = resources.files
        self._timeouts = BodyTimeouts(settings.body_timeout_s, settings.min_body_rate)

    async def one(self, request: Request) -> Response:
        """
        Judge one image.
        """
        policy, form = await self._admit(request)
        self._check_length(request, self._max_bytes + (0 if form is None else OVERHEAD_BYTES))
        with self._resources.dispatcher.admit():
            self._resources.authorizer.count_image(request)
            body = BodyReader(request, self._timeouts)
            if form is None:
                upload = await _whole(body, self._files)
            else:
                upload = await _only_file(body, FormReader(form, 1), self._files)
            name = upload.name
            judged = await self._judge(request, upload, policy)
        context = context_of(request.scope)
        context.state, context.accepted, context.reused = judged.state, judged.accepted, judged.reused
        headers = {
            REPORT_HEADER: "reused" if judged.reused else "new",
            STORED_HEADER: _WORDS[judged.stored],
            "Content-Type": JSON,
        }
        return Response(NamelessReport.parse(judged.text).with_name(name), headers=headers)

    async def many(self, request: Request) -> Response:
        """
        Judge several images, each while the next one arrives.
        """
        policy, form = await self._admit(request)
        if form is None:
            raise problem.unsupported("Several images are sent as a form, multipart/form-data.")
        self._check_length(request, self._max_batch * (self._max_bytes + OVERHEAD_BYTES))
        reports: list[str] = []
        running: asyncio.Task[str] | None = None

        async def receive(upload: ImageUpload) -> None:
            nonlocal running
            if running is not None:
                self._resources.authorizer.count_further_image(request)
                reports.append(await running)
            running = asyncio.create_task(self._report(request, upload, policy))

        with self._resources.dispatcher.admit():
            self._resources.authorizer.count_image(request)
            body = BodyReader(request, self._timeouts)
            try:
                await read_files(body, FormReader(form, self._max_batch), self._files, receive)
            finally:
                if running is not None:
                    reports.append(await running)
        stored = context_of(request.scope).stored is True
        headers = {STORED_HEADER: _WORDS[stored], "Content-Type": JSON}
        return Response(f'{{"reports":[{",".join(reports)}]}}', headers=headers)

    async def _admit(self, request: Request) -> tuple[Policy, str | None]:
        await self._resources.authorizer.authorize(request, Scope.VERIFY)
        return self._policy(request), parameters.form_type(request)

    def _policy(self, request: Request) -> Policy:
        name = parameters.read_query(request, "policy").get("policy")
        if name is None:
            return self._resources.default_policy
        if name not in self._resources.policies:
            there_are = ", ".join(self._resources.policies)
            raise problem.bad_request(f"There is no policy {name[:64]!r} here. There are: {there_are}.")
        return self._resources.policies[name]

    def _check_length(self, request: Request, limit: int) -> None:
        if parameters.content_length(request) > limit:
            raise problem.too_large(self._max_bytes)

    async def _report(self, request: Request, upload: ImageUpload, policy: Policy) -> str:
        name = upload.name
        try:
            judged = await self._judge(request, upload, policy)
        except (AssetError, EngineError) as error:
            report = error_to_dict(error)
            report["error"]["hint"] = problem.hint_of(error)
            return nameless(report).with_name(name)
        return NamelessReport.parse(judged.text).with_name(name)

    async def _judge(self, request: Request, upload: ImageUpload, policy: Policy) -> JudgedImage:
        if upload.is_too_large:
            upload.close()
            raise AssetTooLargeError("bytes", upload.size, upload.limit)
        context = context_of(request.scope)
        context.images += 1
        judged = await self._resources.dispatcher.judge(upload, policy, context.trace)
        context.stored = judged.stored and context.stored is not False
        self._resources.metrics.verdict(
            judged.state,
            policy.name,
            accepted=judged.accepted,
            reused=judged.reused,
            stored=judged.stored,
        )
        return judged


async def _whole(body: BodyReader, files: FilePool) -> ImageUpload:
    with contextlib.ExitStack() as stack:
        upload = stack.enter_context(ImageUpload(files))
        await body.write_to(upload)
        stack.pop_all()
    return upload


async def _only_file(body: BodyReader, reader: FormReader, files: FilePool) -> ImageUpload:
    found: list[ImageUpload] = []

    async def receive(upload: ImageUpload) -> None:
        found.append(upload)

    try:
        await read_files(body, reader, files, receive)
    except (ProblemError, ClientDisconnect):
        for upload in found:
            upload.close()
        raise
    return found[0]
