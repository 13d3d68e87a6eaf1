"""
Answers to requests for images: images made off the event loop, then JSON, URLs or a stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from provenance.simulator.drawing import MEDIA_TYPES
from provenance.simulator.fault import Alter, EventError, Fewer
from provenance.simulator.request.image_request import ImageRequest
from provenance.simulator.request_context import RequestContext
from provenance.simulator.response import image_answer
from provenance.simulator.response.http_response import AsciiJSONResponse
from provenance.simulator.response.rendering import make_image, make_partial

_AT_ONCE = 4


class ImageResponder:
    """
    Makes images, a few at once: a large one takes a hundred megabytes while it is drawn.
    """

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def respond(self, context: RequestContext, asked: ImageRequest) -> Response:
        """
        Make what was asked for, and the answer that holds it.
        """
        if asked.stream:
            return StreamingResponse(
                self._events(context, asked), media_type="text/event-stream; charset=utf-8"
            )
        count = context.fault.count if isinstance(context.fault, Fewer) else asked.n
        images = [await self._image(context, asked, index) for index in range(count)]
        if not asked.model.answers_with_url:
            return AsciiJSONResponse(
                image_answer.newer_answer(asked, context.created, images, context.uploads)
            )
        revised = context.behaviour.revised_prompt
        items = [
            image_answer.classic_item(asked, _content_of(context, asked, image), revised_prompt=revised)
            for image in images
        ]
        return AsciiJSONResponse({"created": context.created, "data": items})

    async def _events(self, context: RequestContext, asked: ImageRequest) -> AsyncIterator[bytes]:
        for index in range(asked.n):
            for number in range(asked.partial_images):
                partial = await run_in_threadpool(make_partial, context.behaviour, asked, index)
                more: dict[str, object] = {"partial_image_index": number}
                yield image_answer.event(asked, "partial_image", partial, context.created, more)
            image = await self._image(context, asked, index)
            if isinstance(context.fault, EventError):
                yield image_answer.error_event(context.fault.code)
                return
            more = {"usage": image_answer.usage(asked, 1, context.uploads)}
            yield image_answer.event(asked, "completed", image, context.created, more)

    async def _image(self, context: RequestContext, asked: ImageRequest, index: int) -> bytes:
        alteration = context.fault.alteration if isinstance(context.fault, Alter) else None
        if context.behaviour.seconds_per_image > 0:
            await asyncio.sleep(context.behaviour.seconds_per_image)
        async with self._slots:
            return await run_in_threadpool(
                make_image, context.simulation, context.behaviour, asked, index, alteration
            )


def _content_of(context: RequestContext, asked: ImageRequest, image: bytes) -> str:
    if not asked.wants_url:
        return image_answer.encode(image)
    media_type = MEDIA_TYPES[asked.output_format]
    link = context.simulation.blobs.put(image, media_type, context.behaviour.blob_lifetime_s)
    return str(context.request.base_url).rstrip("/") + link
