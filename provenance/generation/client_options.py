"""
The keyword arguments of both clients, and what is made of them.
"""

from __future__ import annotations

import os
import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from provenance.generation.call import ImageCalls, OnRejected
from provenance.generation.errors import SettingError
from provenance.generation.exchange import Exchange, ResponseLimits
from provenance.generation.request.endpoint import Endpoint, load_endpoint
from provenance.generation.request.image_request import ImageRequest, make_request
from provenance.generation.request.source import ImageSource, as_sources
from provenance.generation.transport.http import Route
from provenance.generation.transport.message import TokenProvider
from provenance.generation.transport.proxy import Proxies
from provenance.generation.transport.retry import RateLimiter, RetryPolicy
from provenance.generation.transport.tls import load_tls
from provenance.verification.verifier import Verifier

Images = ImageSource | Sequence[ImageSource]
"""
One image to edit, or several.
"""


class ClientOptions(TypedDict, total=False):
    """
    Keyword arguments of both clients.

    Attributes:
        endpoint: The resource's or a gateway's URL, such as "https://NAME.openai.azure.com", or a whole
            target URI, of which deployment and api-version are read; by default AZURE_OPENAI_ENDPOINT.
            http only for this machine.

        deployment: The deployment's name; by default AZURE_OPENAI_DEPLOYMENT.

        api_key: The key; by default AZURE_OPENAI_API_KEY, unless there is a token.

        token: Returns a Microsoft Entra token, called for each attempt; see `entra_token_provider`.

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

        requests_per_minute: The deployment's quota, 6 by default; None for any number, or a
            `RateLimiter` to share with other clients of the deployment.

        max_concurrency: Most requests at the same time; 2 by default.

        retry: Timeouts, attempts and deadline.

        limits: How large an answer and an image may be.

        clock: What counts seconds and never goes back; `time.monotonic` by default.

        random: What draws numbers from 0 to 1, for the waits between attempts; `random.random` by default.
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
    requests_per_minute: float | RateLimiter | None
    max_concurrency: int
    retry: RetryPolicy
    limits: ResponseLimits
    clock: Callable[[], float]
    random: Callable[[], float]


class ClientSetup:
    """
    What the calls of one client share, checked and made of its keyword arguments.

    Attributes:
        endpoint: Where requests go, and as whom.

        route: How to get there.

        retry: Timeouts, attempts and deadline.

        slots: How many requests at the same time.

        calls: What a runner carries out.
    """

    def __init__(self, options: ClientOptions) -> None:
        """
        Check the keyword arguments.

        Raises:
            TypeError: If one has a name that there is not.

            SettingError: If one is missing or unusable.
        """
        unknown = sorted(set(options) - set(ClientOptions.__annotations__))
        if unknown:
            message = f"unexpected keyword argument {unknown[0]!r}"
            raise TypeError(message)
        self.endpoint = load_endpoint(
            endpoint=options.get("endpoint"),
            deployment=options.get("deployment"),
            api_version=options.get("api_version"),
            v1=options.get("v1"),
            api_key=options.get("api_key"),
            token=options.get("token"),
            headers=options.get("headers"),
        )
        self.route = _route(self.endpoint, options)
        self.retry = options.get("retry", RetryPolicy())
        self.slots = options.get("max_concurrency", 2)
        if self.slots < 1:
            raise SettingError("max_concurrency must be at least 1")
        self.calls = ImageCalls(
            self._exchange(options), options.get("verifier") or Verifier(), *_rejection(options)
        )
        self._model = options.get("model")

    def request(
        self,
        known: type,
        prompt: str,
        options: Mapping[str, object],
        *,
        stream: bool = False,
        image: Images | None = None,
        mask: ImageSource | None = None,
    ) -> ImageRequest:
        """
        Make the request for one call.

        Args:
            known: The TypedDict that names its options.

            prompt: The prompt.

            options: Its options.

            stream: Whether to ask for a stream.

            image: One image to edit or several; None to generate.

            mask: Their mask, or None.

        Raises:
            TypeError: If an option has no such name.

            InvalidOptionError: If the model does not take it.
        """
        images = as_sources(image) if image is not None else None
        return make_request(prompt, options, known, self._model, stream=stream, images=images, mask=mask)

    def _exchange(self, options: ClientOptions) -> Exchange:
        clock = options.get("clock", time.monotonic)
        limiter = options.get("requests_per_minute", 6)
        if limiter is not None and not isinstance(limiter, RateLimiter):
            limiter = RateLimiter(limiter, clock=clock)
        return Exchange(
            self.endpoint,
            self.retry,
            limiter,
            options.get("limits", ResponseLimits()),
            clock,
            options.get("random", random.random),
        )


def _route(endpoint: Endpoint, options: ClientOptions) -> Route:
    # An API on this machine needs nobody's proxy, and over http no certificates that the environment names.
    tls = load_tls(
        ca_file=options.get("ca_file"),
        client_certificate=options.get("client_certificate"),
        client_key=options.get("client_key"),
        ssl_context=options.get("ssl_context"),
        environment={} if endpoint.base.startswith("http:") else os.environ,
    )
    return Route(endpoint.url("edits"), endpoint.token, tls, Proxies({} if endpoint.is_local else None))


def _rejection(options: ClientOptions) -> tuple[OnRejected, Path | None]:
    on_rejected, folder = options.get("on_rejected", "raise"), options.get("quarantine")
    if on_rejected not in ("raise", "keep", "quarantine"):
        raise SettingError("on_rejected must be 'raise', 'keep' or 'quarantine'")
    if (on_rejected == "quarantine") != (folder is not None):
        raise SettingError("on_rejected='quarantine' and quarantine=FOLDER go together")
    return on_rejected, Path(folder) if folder is not None else None
