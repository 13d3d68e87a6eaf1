"""
The clients: the same methods twice, once for threads and once for tasks, over the same conversations.

An image is judged before it is returned. What the service answers with is never trusted to be an image,
let alone one that it made.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Self, TypedDict, Unpack, cast

from provenance.generation.call import Dialogue, OnRejected
from provenance.generation.errors import SettingError
from provenance.generation.exchange import Bounds, Chance, Exchange
from provenance.generation.image import GeneratedImage, Generation, PartialImage
from provenance.generation.request.endpoint import Settings, TokenProvider, load_settings
from provenance.generation.request.image_request import Plan, make_plan
from provenance.generation.request.options import EditOptions, ImageOptions, StreamEditOptions, StreamOptions
from provenance.generation.request.source import ImageSource, as_sources
from provenance.generation.transport.http import Route
from provenance.generation.transport.proxy import Proxies
from provenance.generation.transport.retry import Pace, Patience
from provenance.generation.transport.runner import AsyncDriver, SyncDriver
from provenance.generation.transport.tls import load_tls
from provenance.verification.verifier import Verifier

Images = ImageSource | Sequence[ImageSource]


class ClientOptions(TypedDict, total=False):
    """
    Keyword arguments of both clients.

    Attributes:
        endpoint: The resource's or a gateway's URL, such as "https://NAME.openai.azure.com", or a whole
            target URI, of which deployment and api-version are read; by default AZURE_OPENAI_ENDPOINT.
            http only for this machine.

        deployment: The deployment's name; by default AZURE_OPENAI_DEPLOYMENT.

        api_key: The key; by default AZURE_OPENAI_API_KEY, unless there is a token.

        token: What gives a Microsoft Entra token, called for each attempt; see `entra_token_provider`.

        api_version: One with a date chooses the deployment's form of URL, and "v1", "preview" or "latest"
            `/openai/v1/`; by default OPENAI_API_VERSION.

        v1: True for `/openai/v1/` even with an api_version, which is then sent along.

        headers: Further headers for the API, such as a gateway's Ocp-Apim-Subscription-Key; with them,
            there may be no key and no token. Their values show nowhere, and no image's URL gets them.

        ca_file: PEM file of certificate authorities to trust for TLS, besides those of SSL_CERT_FILE or
            SSL_CERT_DIR, or else the usual public ones.

        client_certificate: PEM file of a certificate, those above it, and its key, to show to the API.

        client_key: PEM file of that key, if it has a file of its own.

        ssl_context: How to speak TLS with the API, instead of the three above; it must check the server.
            Images are downloaded without it, so that its client certificate goes nowhere else.

        model: The model behind the deployment; decides what is checked before sending. Without it
            nothing is.

        verifier: What images are judged by; by default `Verifier()`.

        on_rejected: "raise" `ImageRejectedError`, "keep" such images in the result, or "quarantine"
            them in a folder and raise.

        quarantine: That folder; made if it is not there.

        requests_per_minute: The deployment's quota, 6 by default; None for no pace, or a `Pace` to
            share with other clients of the deployment.

        max_concurrency: Most requests at the same time; 2 by default.

        patience: Timeouts, attempts and deadline.

        bounds: How much is taken in.

        chance: Clock and dice, for tests.
    """

    endpoint: str | None
    deployment: str | None
    api_key: str | None
    token: TokenProvider | None
    api_version: str | None
    v1: bool | None
    headers: Mapping[str, str] | None
    ca_file: str | os.PathLike[str] | None
    client_certificate: str | os.PathLike[str] | None
    client_key: str | os.PathLike[str] | None
    ssl_context: ssl.SSLContext | None
    model: str | None
    verifier: Verifier | None
    on_rejected: OnRejected
    quarantine: str | os.PathLike[str] | None
    requests_per_minute: float | Pace | None
    max_concurrency: int
    patience: Patience
    bounds: Bounds
    chance: Chance


class _Setup:
    def __init__(self, options: ClientOptions) -> None:
        unknown = sorted(set(options) - set(ClientOptions.__annotations__))
        if unknown:
            message = f"unexpected keyword argument {unknown[0]!r}"
            raise TypeError(message)
        self.settings: Settings = load_settings(
            endpoint=options.get("endpoint"),
            deployment=options.get("deployment"),
            api_version=options.get("api_version"),
            v1=options.get("v1"),
            api_key=options.get("api_key"),
            token=options.get("token"),
            headers=options.get("headers"),
        )
        self.route = _route(self.settings, options)
        self.model = options.get("model")
        self.patience = options.get("patience", Patience())
        self.slots = options.get("max_concurrency", 2)
        if self.slots < 1:
            raise SettingError("max_concurrency must be at least 1")
        self.dialogue = Dialogue(
            self._exchange(options), options.get("verifier") or Verifier(), *_rejection(options)
        )

    def _exchange(self, options: ClientOptions) -> Exchange:
        chance = options.get("chance", Chance())
        pace = options.get("requests_per_minute", 6)
        if pace is not None and not isinstance(pace, Pace):
            pace = Pace(pace, clock=chance.clock)
        return Exchange(self.settings, self.patience, pace, options.get("bounds", Bounds()), chance)

    def generation(self, prompt: str, options: ImageOptions) -> Plan:
        return make_plan(prompt, {**options}, ImageOptions, self.model)

    def edit(self, image: Images, prompt: str, mask: ImageSource | None, options: EditOptions) -> Plan:
        sources = as_sources(image)
        return make_plan(prompt, {**options}, EditOptions, self.model, images=sources, mask=mask)

    def streamed(self, prompt: str, options: StreamOptions) -> Plan:
        return make_plan(prompt, {**options}, StreamOptions, self.model, stream=True)

    def streamed_edit(
        self, image: Images, prompt: str, mask: ImageSource | None, options: StreamEditOptions
    ) -> Plan:
        return make_plan(
            prompt,
            {**options},
            StreamEditOptions,
            self.model,
            stream=True,
            images=as_sources(image),
            mask=mask,
        )


def _route(settings: Settings, options: ClientOptions) -> Route:
    # An API on this machine needs nobody's proxy, and over http no certificates that the environment names.
    tls = load_tls(
        ca_file=options.get("ca_file"),
        client_certificate=options.get("client_certificate"),
        client_key=options.get("client_key"),
        ssl_context=options.get("ssl_context"),
        environment={} if settings.base.startswith("http:") else os.environ,
    )
    return Route(settings, tls, Proxies({} if settings.is_local else None))


def _rejection(options: ClientOptions) -> tuple[OnRejected, Path | None]:
    on_rejected, folder = options.get("on_rejected", "raise"), options.get("quarantine")
    if on_rejected not in ("raise", "keep", "quarantine"):
        raise SettingError("on_rejected must be 'raise', 'keep' or 'quarantine'")
    if (on_rejected == "quarantine") != (folder is not None):
        raise SettingError("on_rejected='quarantine' and quarantine=FOLDER go together")
    return on_rejected, Path(folder) if folder is not None else None


class AzureImageClient:
    """
    Generates and edits images through Azure OpenAI, and judges each one.

    Safe to share between threads: pace and concurrency hold for all of them. Close it, or use it in
    a `with` statement.
    """

    def __init__(
        self, *, sleep: Callable[[float], object] = time.sleep, **options: Unpack[ClientOptions]
    ) -> None:
        """
        Take what all calls share; `ClientOptions` explains the keyword arguments.

        Raises:
            SettingError: If endpoint, deployment or credential are missing or unusable, or a file, a header
                or the proxy that leads to the API.
        """
        self._setup = _Setup(options)
        self._driver = SyncDriver(self._setup.route, self._setup.patience, self._setup.slots, sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._setup.settings.base} {self._setup.settings.deployment}>"

    def close(self) -> None:
        """
        Close all connections.
        """
        self._driver.close()

    def generate(self, prompt: str, **options: Unpack[ImageOptions]) -> Generation:
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
        return self._one(self._setup.generation(prompt, options))

    def edit(
        self, image: Images, prompt: str, *, mask: ImageSource | None = None, **options: Unpack[EditOptions]
    ) -> Generation:
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
        return self._one(self._setup.edit(image, prompt, mask, options))

    def stream_generate(
        self, prompt: str, **options: Unpack[StreamOptions]
    ) -> Generator[PartialImage | GeneratedImage]:
        """
        Make an image from a prompt, and yield what it looks like on the way.

        Args:
            prompt: The prompt.

            options: What `StreamOptions` names, such as *partial_images*.

        Yields:
            Partial images, not judged, then each final one with its verdict.

        Raises:
            GenerationError: If the final image does not come; its class says why.

            ImageRejectedError: If it is not accepted, unless the client keeps such images.
        """
        return self._stream(self._setup.streamed(prompt, options))

    def stream_edit(
        self,
        image: Images,
        prompt: str,
        *,
        mask: ImageSource | None = None,
        **options: Unpack[StreamEditOptions],
    ) -> Generator[PartialImage | GeneratedImage]:
        """
        Make an image from others and a prompt, and yield what it looks like on the way.

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
        return self._stream(self._setup.streamed_edit(image, prompt, mask, options))

    def _one(self, plan: Plan) -> Generation:
        emitted = list(self._driver.run(self._setup.dialogue.images(plan)))
        return cast("Generation", emitted[-1])

    def _stream(self, plan: Plan) -> Generator[PartialImage | GeneratedImage]:
        for value in self._driver.run(self._setup.dialogue.stream(plan)):
            yield cast("PartialImage | GeneratedImage", value)


class AsyncAzureImageClient:
    """
    Generates and edits images through Azure OpenAI, and judges each one, in one event loop.

    Pace and concurrency hold for all its tasks. Close it, or use it in an `async with` statement.
    """

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        **options: Unpack[ClientOptions],
    ) -> None:
        """
        Take what all calls share; `ClientOptions` explains the keyword arguments.

        Raises:
            SettingError: If endpoint, deployment or credential are missing or unusable, or a file, a header
                or the proxy that leads to the API.
        """
        self._setup = _Setup(options)
        self._driver = AsyncDriver(self._setup.route, self._setup.patience, self._setup.slots, sleep)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._setup.settings.base} {self._setup.settings.deployment}>"

    async def close(self) -> None:
        """
        Close all connections.
        """
        await self._driver.close()

    async def generate(self, prompt: str, **options: Unpack[ImageOptions]) -> Generation:
        """
        Make images from a prompt, and judge them; see `AzureImageClient.generate`.
        """
        return await self._one(self._setup.generation(prompt, options))

    async def edit(
        self, image: Images, prompt: str, *, mask: ImageSource | None = None, **options: Unpack[EditOptions]
    ) -> Generation:
        """
        Make images from others and a prompt, and judge them; see `AzureImageClient.edit`.
        """
        return await self._one(self._setup.edit(image, prompt, mask, options))

    def stream_generate(
        self, prompt: str, **options: Unpack[StreamOptions]
    ) -> AsyncGenerator[PartialImage | GeneratedImage]:
        """
        Yield partial images, then the final one; see `AzureImageClient.stream_generate`.

        Close it (`contextlib.aclosing`) if you stop before its end.
        """
        return self._stream(self._setup.streamed(prompt, options))

    def stream_edit(
        self,
        image: Images,
        prompt: str,
        *,
        mask: ImageSource | None = None,
        **options: Unpack[StreamEditOptions],
    ) -> AsyncGenerator[PartialImage | GeneratedImage]:
        """
        Yield partial images, then the final one; see `AzureImageClient.stream_edit`.

        Close it (`contextlib.aclosing`) if you stop before its end.
        """
        return self._stream(self._setup.streamed_edit(image, prompt, mask, options))

    async def _one(self, plan: Plan) -> Generation:
        async with aclosing(self._driver.run(self._setup.dialogue.images(plan))) as emitted:
            values = [value async for value in emitted]
        return cast("Generation", values[-1])

    async def _stream(self, plan: Plan) -> AsyncGenerator[PartialImage | GeneratedImage]:
        async with aclosing(self._driver.run(self._setup.dialogue.stream(plan))) as emitted:
            async for value in emitted:
                yield cast("PartialImage | GeneratedImage", value)
