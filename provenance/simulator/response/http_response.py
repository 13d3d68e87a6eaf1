"""
Kinds of answers: JSON for any text, and what no honest server sends, cut off or without an end.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

_PIECE = bytes(64 * 1024)


class AsciiJSONResponse(JSONResponse):
    """
    JSON in ASCII, which can hold what a client sent even where that is no Unicode.
    """

    def render(self, content: object) -> bytes:
        """
        Write the body.
        """
        return json.dumps(content, separators=(",", ":")).encode("ascii")


class CutResponse(Response):
    """
    Another response, of which only the first bytes of the body are sent before the connection ends.
    """

    def __init__(self, whole: Response, after_bytes: int) -> None:
        super().__init__(status_code=whole.status_code)
        self._whole = whole
        self._left = after_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Send what is to be sent, and leave the rest: the server closes a connection that was left so.
        """

        async def send_some(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                return
            piece = message.get("body", b"")[: self._left]
            self._left -= len(piece)
            if piece:
                await send({"type": "http.response.body", "body": piece, "more_body": True})

        await self._whole(scope, receive, send_some)


def oversize(size: int | None, media_type: str) -> Response:
    """
    Answer with so many zero bytes, or with zero bytes for ever; nothing is held in memory.
    """

    async def pieces() -> AsyncIterator[bytes]:
        left = size
        while left is None or left > 0:
            piece = _PIECE if left is None else _PIECE[:left]
            left = None if left is None else left - len(piece)
            # Once the client has left, sending returns at once, and nothing else would get its turn.
            await asyncio.sleep(0)
            yield piece

    return StreamingResponse(pieces(), media_type=media_type)
