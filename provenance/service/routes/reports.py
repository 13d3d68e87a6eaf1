"""
`/v1/reports`: what was judged before.

An image may have several reports: one for each policy, trust profile and version that it was judged by. What
judged it long ago is shown, too: when is said beside each.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from provenance.service.http import parameters, problem
from provenance.service.resources import ServiceResources
from provenance.service.store.api_key import Scope
from provenance.service.store.stored_report import ReportPage, StoredReport
from provenance.text_value import read_flag, read_time, read_whole

PARAMETERS = ("state", "accepted", "origin", "since", "until", "policy", "cursor", "limit")
"""
What reports can be searched by.
"""

DEFAULT_LIMIT = 50

_JSON = {"Content-Type": "application/json"}

Result = TypeVar("Result")


class ReportRoutes:
    """
    Answers requests for reports.
    """

    def __init__(self, resources: ServiceResources) -> None:
        self._resources = resources

    async def search(self, request: Request) -> Response:
        """
        List reports, the newest first.
        """
        await self._resources.authorizer.authorize(request, Scope.REPORTS_READ)
        page = await self._ask(self._search(parameters.read_query(request, *PARAMETERS)))
        cursor = json.dumps(page.next_cursor)
        return Response(f'{{"reports":{_written(page.reports)},"next_cursor":{cursor}}}', headers=_JSON)

    async def read(self, request: Request) -> Response:
        """
        List the reports on one image, the newest first.
        """
        sha256 = await self._image(request, Scope.REPORTS_READ)
        reports = await self._ask(lambda: self._resources.store.reports.of_image(sha256))
        if not reports:
            raise problem.not_found("There is no report on that image.")
        return Response(f'{{"reports":{_written(reports)}}}', headers=_JSON)

    async def delete(self, request: Request) -> Response:
        """
        Delete the reports on one image.
        """
        sha256 = await self._image(request, Scope.REPORTS_DELETE)
        deleted = await self._ask(lambda: self._resources.store.reports.delete(sha256))
        if not deleted:
            raise problem.not_found("There is no report on that image.")
        return Response(json.dumps({"deleted": deleted}), headers=_JSON)

    async def _image(self, request: Request, scope: Scope) -> str:
        await self._resources.authorizer.authorize(request, scope)
        parameters.read_query(request)
        return parameters.sha256(request)

    def _search(self, given: dict[str, str]) -> Callable[[], ReportPage]:
        """
        Make the call that searches, with what was asked for read as it is meant.
        """
        since, until, accepted = given.get("since"), given.get("until"), given.get("accepted")
        policy = given.get("policy")
        return functools.partial(
            self._resources.store.reports.search,
            state=given.get("state"),
            accepted=None if accepted is None else parameters.as_value(read_flag, accepted, "accepted"),
            origin=given.get("origin"),
            since=None if since is None else parameters.as_value(read_time, since, "since"),
            until=None if until is None else parameters.as_value(read_time, until, "until"),
            policy=None if policy is None else parameters.as_name(policy, "policy"),
            cursor=given.get("cursor"),
            limit=parameters.as_value(read_whole, given.get("limit", str(DEFAULT_LIMIT)), "limit"),
        )

    async def _ask(self, question: Callable[[], Result]) -> Result:
        try:
            return await self._resources.reading.run(question)
        except ValueError as error:
            # The store refuses what no client may ask for, in words meant for whoever asks.
            raise problem.bad_request(f"{error}.") from error


def _written(reports: Iterable[StoredReport]) -> str:
    entries = (
        f'{{"created_at":"{stored.created_at.isoformat().replace("+00:00", "Z")}","report":{stored.report}}}'
        for stored in reports
    )
    return f"[{','.join(entries)}]"
