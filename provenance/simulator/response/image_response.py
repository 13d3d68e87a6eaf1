"""
From what was asked for to the answer: images made off the event loop, then JSON, URLs or a stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from provenance.simulator.drawing import MEDIA_TYPES
from provenance.simulator.fault import Alter, EventError, Fewer
from provenance.simulator.request.image_request import ImageRequest
from provenance.simulator.request_context import Visit
from provenance.simulator.response import image_answer
from provenance.simulator.response.http_response import AsciiJSONResponse
from provenance.simulator.response.rendering import make_image, make_partial

_AT_ONCE = 4


class Studio:
    """
    Makes images, a few at once: a large one takes a hundred megabytes while it is drawn.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def deliver(self, visit: Visit, asked: ImageRequest) -> Response:
        """
        Make what was asked for, and the answer that holds it.
        """
        if asked.stream:
            return StreamingResponse(
                self._events(visit, asked), media_type="text/event-stream; charset=utf-8"
            )
        count = visit.fault.count if isinstance(visit.fault, Fewer) else asked.n
        images = [await self._image(visit, asked, index) for index in range(count)]
        if not asked.model.answers_with_url:
            return AsciiJSONResponse(image_answer.newer_answer(asked, visit.created, images, visit.uploads))
        revised = visit.behaviour.revised_prompt
        items = [
            image_answer.classic_item(asked, _place(visit, asked, image), revised_prompt=revised)
            for image in images
        ]
        return AsciiJSONResponse({"created": visit.created, "data": items})

    async def _events(self, visit: Visit, asked: ImageRequest) -> AsyncIterator[bytes]:
        for index in range(asked.n):
            for number in range(asked.partial_images):
                partial = await run_in_threadpool(make_partial, visit.behaviour, asked, index)
                more: dict[str, object] = {"partial_image_index": number}
                yield image_answer.event(asked, "partial_image", partial, visit.created, more)
            image = await self._image(visit, asked, index)
            if isinstance(visit.fault, EventError):
                yield image_answer.error_event(visit.fault.code)
                return
            more = {"usage": image_answer.usage(asked, 1, visit.uploads)}
            yield image_answer.event(asked, "completed", image, visit.created, more)

    async def _image(self, visit: Visit, asked: ImageRequest, index: int) -> bytes:
        alteration = visit.fault.alteration if isinstance(visit.fault, Alter) else None
        if visit.behaviour.seconds_per_image > 0:
            await asyncio.sleep(visit.behaviour.seconds_per_image)
        async with self._places:
            return await run_in_threadpool(
                make_image, visit.simulation, visit.behaviour, asked, index, alteration
            )


def _place(visit: Visit, asked: ImageRequest, image: bytes) -> str:
    if not asked.wants_url:
        return image_answer.encode(image)
    media_type = MEDIA_TYPES[asked.output_format]
    link = visit.simulation.blobs.put(image, media_type, visit.behaviour.blob_lifetime_s)
    return str(visit.request.base_url).rstrip("/") + link
