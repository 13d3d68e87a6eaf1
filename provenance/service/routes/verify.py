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
from provenance.service.auth.api_key import Scope
from provenance.service.dispatch import Outcome, with_name
from provenance.service.http import parameters as asked
from provenance.service.http import problem
from provenance.service.http.middleware import visit_of
from provenance.service.http.problem import ProblemError
from provenance.service.resources import Service
from provenance.service.store.stored_report import write
from provenance.service.upload.multipart import OVERHEAD_BYTES, FormReader, read_files
from provenance.service.upload.upload import Arrival, Patience, Room, Upload
from provenance.verification.report import error_to_dict

JSON = "application/json"
REPORT_HEADER = "Provenance-Report"
STORED_HEADER = "Provenance-Stored"

_WORDS = {True: "yes", False: "no"}


class VerifyRoutes:
    """
    Answers requests with images.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        settings = service.settings
        self._max_bytes = settings.max_bytes
        self._max_batch = settings.max_batch
        self._room = service.room
        self._patience = Patience(settings.body_timeout_s, settings.min_body_rate)

    async def one(self, request: Request) -> Response:
        """
        Judge one image.
        """
        policy, form = await self._admit(request)
        self._check_length(request, self._max_bytes + (0 if form is None else OVERHEAD_BYTES))
        with self._service.judging.seat():
            self._service.door.count(request)
            arrival = Arrival(request, self._patience)
            if form is None:
                upload = await _whole(arrival, self._room)
            else:
                upload = await _only_file(arrival, FormReader(form, 1), self._room)
            name = upload.name
            outcome = await self._judge(request, upload, policy)
        visit = visit_of(request.scope)
        visit.state, visit.accepted, visit.reused = outcome.state, outcome.accepted, outcome.reused
        headers = {
            REPORT_HEADER: "reused" if outcome.reused else "new",
            STORED_HEADER: _WORDS[outcome.stored],
            "Content-Type": JSON,
        }
        return Response(with_name(outcome.text, name), headers=headers)

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

        async def take(upload: Upload) -> None:
            nonlocal running
            if running is not None:
                self._service.door.count_on(request)
                reports.append(await running)
            running = asyncio.create_task(self._report(request, upload, policy))

        with self._service.judging.seat():
            self._service.door.count(request)
            arrival = Arrival(request, self._patience)
            try:
                await read_files(arrival, FormReader(form, self._max_batch), self._room, take)
            finally:
                if running is not None:
                    reports.append(await running)
        stored = visit_of(request.scope).stored is True
        headers = {STORED_HEADER: _WORDS[stored], "Content-Type": JSON}
        return Response(f'{{"reports":[{",".join(reports)}]}}', headers=headers)

    async def _admit(self, request: Request) -> tuple[Policy, str | None]:
        await self._service.door.admit(request, Scope.VERIFY)
        return self._policy(request), asked.form_type(request)

    def _policy(self, request: Request) -> Policy:
        name = asked.parameters(request, "policy").get("policy")
        if name is None:
            return self._service.default_policy
        if name not in self._service.policies:
            there_are = ", ".join(self._service.policies)
            raise problem.bad_request(f"There is no policy {name[:64]!r} here. There are: {there_are}.")
        return self._service.policies[name]

    def _check_length(self, request: Request, limit: int) -> None:
        if asked.content_length(request) > limit:
            raise problem.too_large(self._max_bytes)

    async def _report(self, request: Request, upload: Upload, policy: Policy) -> str:
        name = upload.name
        try:
            outcome = await self._judge(request, upload, policy)
        except (AssetError, EngineError) as error:
            report = error_to_dict(error, name=name)
            report["error"]["hint"] = problem.hint_of(error)
            return write(report)
        return with_name(outcome.text, name)

    async def _judge(self, request: Request, upload: Upload, policy: Policy) -> Outcome:
        if upload.is_too_large:
            upload.close()
            raise AssetTooLargeError("bytes", upload.size, upload.limit)
        visit = visit_of(request.scope)
        visit.images += 1
        outcome = await self._service.judging.judge(upload, policy, visit.trace)
        visit.stored = outcome.stored and visit.stored is not False
        self._service.meter.verdict(
            outcome.state,
            policy.name,
            accepted=outcome.accepted,
            reused=outcome.reused,
            stored=outcome.stored,
        )
        return outcome


async def _whole(arrival: Arrival, room: Room) -> Upload:
    with contextlib.ExitStack() as stack:
        upload = stack.enter_context(Upload(room))
        await arrival.write_to(upload)
        stack.pop_all()
    return upload


async def _only_file(arrival: Arrival, reader: FormReader, room: Room) -> Upload:
    found: list[Upload] = []

    async def take(upload: Upload) -> None:
        found.append(upload)

    try:
        await read_files(arrival, reader, room, take)
    except (ProblemError, ClientDisconnect):
        for upload in found:
            upload.close()
        raise
    return found[0]
