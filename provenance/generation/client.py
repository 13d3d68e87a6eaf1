"""
The clients: the same methods for threads and for tasks, over the same procedures.

An image is judged before it is returned. What the service answers with is never trusted to be an image,
let alone one that it made.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import aclosing
from typing import Any, Generic, Self, TypeVar, Unpack, cast

from provenance.generation.client_options import ClientOptions, ClientSetup, Images
from provenance.generation.image import GeneratedImage, Generation, PartialImage
from provenance.generation.request.image_request import ImageRequest
from provenance.generation.request.options import EditOptions, ImageOptions, StreamEditOptions, StreamOptions
from provenance.generation.request.source import ImageSource
from provenance.generation.transport.runner import AsyncRunner, SyncRunner

_GenerationT = TypeVar("_GenerationT")
_StreamT = TypeVar("_StreamT")
_Make = Callable[[], ImageRequest]


class _ImageMethods(ABC, Generic[_GenerationT, _StreamT]):
    """
    The methods that both clients have; each runs them in its own way.
    """

    def __init__(self, options: ClientOptions) -> None:
        self._setup = ClientSetup(options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._setup.endpoint.base} {self._setup.endpoint.deployment}>"

    def generate(self, prompt: str, **options: Unpack[ImageOptions]) -> _GenerationT:
        """
        Make images from a prompt, and judge them.

        Args:
            prompt: The prompt.

            options: What `ImageOptions` names, such as *n*, *size* and *quality*.

        Returns:
            At least one image; fewer than asked for if the service sends fewer.

        Raises:
            GenerationError: If no image came; its class says why.

            ImageRejectedError: If one is not accepted, unless the client keeps such images.
        """
        return self._generate(lambda: self._setup.request(ImageOptions, prompt, {**options}))

    def edit(
        self, image: Images, prompt: str, *, mask: ImageSource | None = None, **options: Unpack[EditOptions]
    ) -> _GenerationT:
        """
        Make images from others and a prompt, and judge them.

        Args:
            image: Bytes or the path of a PNG or JPEG, or several of them.

            prompt: The prompt.

            mask: PNG of the first image's dimensions; alpha 0 where it may be changed.

            options: What `EditOptions` names.

        Returns:
            At least one image.

        Raises:
            GenerationError: If no image came; its class says why.

            ImageRejectedError: If one is not accepted, unless the client keeps such images.
        """
        return self._generate(
            lambda: self._setup.request(EditOptions, prompt, {**options}, image=image, mask=mask)
        )

    def stream_generate(self, prompt: str, **options: Unpack[StreamOptions]) -> _StreamT:
        """
        Make an image from a prompt, and yield what it looks like on the way.

        Close what is returned if you stop before its end, with `contextlib.closing` or `aclosing`.

        Args:
            prompt: The prompt.

            options: What `StreamOptions` names, such as *partial_images*.

        Yields:
            Partial images, not judged, then each final one with its verdict.

        Raises:
            GenerationError: If the final image does not come; its class says why.

            ImageRejectedError: If it is not accepted, unless the client keeps such images.
        """
        return self._stream(self._setup.request(StreamOptions, prompt, {**options}, stream=True))

    def stream_edit(
        self,
        image: Images,
        prompt: str,
        *,
        mask: ImageSource | None = None,
        **options: Unpack[StreamEditOptions],
    ) -> _StreamT:
        """
        Make an image from others and a prompt, and yield what it looks like on the way.

        Close what is returned if you stop before its end, with `contextlib.closing` or `aclosing`.

        Args:
            image: Bytes or the path of a PNG or JPEG, or several of them.

            prompt: The prompt.

            mask: PNG of the first image's dimensions; alpha 0 where it may be changed.

            options: What `StreamEditOptions` names.

        Yields:
            Partial images, not judged, then each final one with its verdict.

        Raises:
            GenerationError: If the final image does not come; its class says why.

            ImageRejectedError: If it is not accepted, unless the client keeps such images.
        """
        return self._stream(
            self._setup.request(StreamEditOptions, prompt, {**options}, stream=True, image=image, mask=mask)
        )

    @abstractmethod
    def _generate(self, make: _Make) -> _GenerationT: ...

    @abstractmethod
    def _stream(self, request: ImageRequest) -> _StreamT: ...


class AzureImageClient(_ImageMethods[Generation, Generator[PartialImage | GeneratedImage]]):
    """
    Generates and edits images through Azure OpenAI, and judges each one.

    Safe to share between threads: rate limit and concurrency hold for all of them. Close it, or use it in
    a `with` statement.
    """

    def __init__(
        self, *, sleep: Callable[[float], object] = time.sleep, **options: Unpack[ClientOptions]
    ) -> None:
        """
        Check what all calls share; `ClientOptions` explains the keyword arguments.

        Raises:
            SettingError: If endpoint, deployment or credential are missing or unusable, or a file, a header
                or the proxy that leads to the API.
        """
        super().__init__(options)
        self._runner = SyncRunner(self._setup.route, self._setup.retry, self._setup.slots, sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """
        Close all connections.
        """
        self._runner.close()

    def _generate(self, make: _Make) -> Generation:
        emitted = list(self._runner.run(self._setup.calls.images(make())))
        return cast("Generation", emitted[-1])

    def _stream(self, request: ImageRequest) -> Generator[PartialImage | GeneratedImage]:
        for value in self._runner.run(self._setup.calls.stream(request)):
            yield cast("PartialImage | GeneratedImage", value)


class AsyncAzureImageClient(
    _ImageMethods[Coroutine[Any, Any, Generation], AsyncGenerator[PartialImage | GeneratedImage]]
):
    """
    Generates and edits images through Azure OpenAI, and judges each one, in one event loop.

    Rate limit and concurrency hold for all its tasks. Close it, or use it in an `async with` statement.
    `generate` and `edit` are awaited, `stream_generate` and `stream_edit` iterated over.
    """

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        **options: Unpack[ClientOptions],
    ) -> None:
        """
        Check what all calls share; `ClientOptions` explains the keyword arguments.

        Raises:
            SettingError: If endpoint, deployment or credential are missing or unusable, or a file, a header
                or the proxy that leads to the API.
        """
        super().__init__(options)
        self._runner = AsyncRunner(self._setup.route, self._setup.retry, self._setup.slots, sleep)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """
        Close all connections.
        """
        await self._runner.close()

    async def _generate(self, make: _Make) -> Generation:
        async with aclosing(self._runner.run(self._setup.calls.images(make()))) as emitted:
            values = [value async for value in emitted]
        return cast("Generation", values[-1])

    async def _stream(self, request: ImageRequest) -> AsyncGenerator[PartialImage | GeneratedImage]:
        async with aclosing(self._runner.run(self._setup.calls.stream(request))) as emitted:
            async for value in emitted:
                yield cast("PartialImage | GeneratedImage", value)
