"""
Both clients behind one interface, and a server that answers with exactly the bytes a test gives it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from provenance.generation import (
    AsyncAzureImageClient,
    AzureImageClient,
    GeneratedImage,
    Generation,
    PartialImage,
    RetryPolicy,
)

KEY = "key-0123456789abcdef"
API_VERSION = "2025-04-01-preview"
QUICK = RetryPolicy(initial_backoff_s=0.001, max_backoff_s=0.002, connect_timeout_s=2.0, read_timeout_s=10.0)

Options = Mapping[str, Any]


class Call(NamedTuple):
    """
    One method call, to be made on either client.
    """

    method: str
    arguments: tuple[Any, ...]
    options: Options = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Makes the same calls on the client for threads or on the one for tasks.

    Attributes:
        is_async: Which.
    """

    is_async: bool

    def generate(self, client: Options, prompt: str = "a lighthouse", **options: Any) -> Generation:  # noqa: ANN401 - passed on
        """
        Generate with a client that is closed afterwards.
        """
        return self._generation(client, Call("generate", (prompt,), options))

    def edit(self, client: Options, image: object, prompt: str = "dusk", **options: Any) -> Generation:  # noqa: ANN401 - passed on
        """
        Edit with a client that is closed afterwards.
        """
        return self._generation(client, Call("edit", (image, prompt), options))

    def stream(
        self,
        client: Options,
        method: str = "stream_generate",
        *arguments: Any,  # noqa: ANN401 - passed on
        **options: Any,  # noqa: ANN401 - passed on
    ) -> list[PartialImage | GeneratedImage]:
        """
        Stream to the end with a client that is closed afterwards.
        """
        (result,) = self.together(client, [Call(method, arguments or ("a lighthouse",), options)])
        assert isinstance(result, list)
        return result

    def together(
        self, client: Options, calls: Sequence[Call], *, errors: type[Exception] | tuple[()] = ()
    ) -> list[Any]:
        """
        Make calls at the same time on one client; errors of type *errors* are results.
        """
        if self.is_async:
            return asyncio.run(self._gather(client, calls, errors))
        with AzureImageClient(**client) as made, ThreadPoolExecutor(len(calls)) as pool:

            def make(call: Call) -> object:
                try:
                    found = getattr(made, call.method)(*call.arguments, **call.options)
                    return list(found) if call.method.startswith("stream") else found
                except errors as error:
                    return error

            return list(pool.map(make, calls))

    async def _gather(
        self, client: Options, calls: Sequence[Call], errors: type[Exception] | tuple[()]
    ) -> list[Any]:
        options = dict(client)
        if "sleep" in options:
            options["sleep"] = _as_async(options["sleep"])
        async with AsyncAzureImageClient(**options) as made:

            async def make(call: Call) -> object:
                try:
                    found = getattr(made, call.method)(*call.arguments, **call.options)
                    if call.method.startswith("stream"):
                        return [value async for value in found]
                    return await found
                except errors as error:
                    return error

            return await asyncio.gather(*(make(call) for call in calls))

    def _generation(self, client: Options, call: Call) -> Generation:
        (result,) = self.together(client, [call])
        assert isinstance(result, Generation)
        return result


def _as_async(sleep: Callable[[float], object]) -> Callable[[float], Any]:
    async def nap(seconds: float) -> None:
        await asyncio.to_thread(sleep, seconds)

    return nap


class RawRequest(NamedTuple):
    """
    What a client sent, to the byte.
    """

    line: bytes
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """
        The body as JSON.
        """
        value: dict[str, Any] = json.loads(self.body)
        return value


class Hang(NamedTuple):
    """
    Send something, and then nothing more, until the server stops.
    """

    first: bytes = b""


Script = bytes | tuple[bytes, ...] | Hang
"""
Bytes to send before closing, in pieces if it is a tuple; nothing at all cuts the connection.
"""


@dataclass(slots=True, kw_only=True)
class Listening:
    """
    A port of this machine; each connection to it is served in a thread.
    """

    _socket: socket.socket = field(init=False)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()

    @property
    def port(self) -> int:
        """
        The port that it listens on.
        """
        port: int = self._socket.getsockname()[1]
        return port

    def serve(self, connection: socket.socket) -> None:
        """
        Serve one connection.
        """
        raise NotImplementedError

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._start(functools.partial(self.serve, connection))


@dataclass(slots=True)
class ScriptedServer(Listening):
    """
    Answers each connection with the next script, and remembers what was asked.
    """

    scripts: deque[Script] = field(default_factory=deque)
    requests: list[RawRequest] = field(default_factory=list)
    pause_s: float = 0.0005
    context: ssl.SSLContext | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        Listening.__exit__(self)

    @property
    def endpoint(self) -> str:
        """
        Where it listens.
        """
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}"

    def answer(self, *scripts: Script) -> None:
        """
        Answer the next connections like this.
        """
        self.scripts.extend(scripts)

    def client(self, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - passed on
        """
        Return a client's keyword arguments for this server; nothing waits and nothing is paced.
        """
        common: dict[str, Any] = {
            "endpoint": self.endpoint,
            "api_key": KEY,
            "deployment": "pictures",
            "api_version": API_VERSION,
            "requests_per_minute": None,
            "retry": QUICK,
        }
        return common | options

    def serve(self, connection: socket.socket) -> None:
        """
        Answer with the next script.
        """
        connection.settimeout(10)
        if self.context is not None:
            try:
                connection = self.context.wrap_socket(connection, server_side=True)
            except OSError:  # whoever does not believe the certificate goes away
                connection.close()
                return
        with connection, contextlib.suppress(OSError):
            request = _receive(connection)
            if request is None:
                return
            self.requests.append(request)
            script = self.scripts.popleft() if self.scripts else b""
            pieces: Iterable[bytes] = script if type(script) is tuple else (script,)  # type: ignore[assignment]
            if isinstance(script, Hang):
                pieces = (script.first,)
            try:
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(self.pause_s)
                if isinstance(script, Hang):
                    self._stopped.wait()
            except OSError:
                return


def _receive(connection: socket.socket) -> RawRequest | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.split(b"\r\n")
    headers = {
        name.decode().lower(): value.strip().decode()
        for name, _, value in (header.partition(b":") for header in rest)
    }
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return RawRequest(line, headers, body)


def http(body: bytes, status: int = 200, **headers: str) -> bytes:
    """
    Write an answer; underscores in the names of headers stand for hyphens.
    """
    named = {"content_type": "application/json", "content_length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} X\r\n{lines}connection: close\r\n\r\n".encode() + body


def http_json(value: object, status: int = 200, **headers: str) -> bytes:
    """
    Write an answer in JSON.
    """
    return http(json.dumps(value).encode(), status, **headers)


def b64_answer(*images: bytes, **more: object) -> bytes:
    """
    Write an answer that holds images.
    """
    return http_json({"created": 1, "data": [{"b64_json": b64(image)} for image in images], **more})


def b64(data: bytes) -> str:
    """
    Write bytes in base64.
    """
    return base64.b64encode(data).decode()


def events(*messages: object, ending: bytes = b"\n") -> bytes:
    """
    Write a stream of server-sent events; text is sent as it is.
    """
    stream = b""
    for message in messages:
        name = message.get("type", "") if isinstance(message, dict) else ""
        text = message if isinstance(message, str) else json.dumps(message)
        if text.startswith(":"):
            stream += text.encode() + ending
            continue
        stream += b"event: " + str(name).encode() + ending + b"data: " + text.encode() + ending + ending
    return http(stream, content_type="text/event-stream")


@dataclass(slots=True)
class ConnectProxy(Listening):
    """
    An HTTP proxy that leads every tunnel to one port of this machine, whatever host was asked for.

    Attributes:
        target: That port.

        refusal: The status line to refuse tunnels with, or empty.

        heads: What was asked, to the byte.
    """

    target: int
    refusal: bytes = b""
    heads: list[bytes] = field(default_factory=list)

    @property
    def address(self) -> str:
        """
        Its host and port.
        """
        return f"127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        """
        Lead a tunnel through, or refuse it.
        """
        connection.settimeout(10)
        with connection, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.heads.append(head)
            if self.refusal:
                connection.sendall(b"HTTP/1.1 " + self.refusal + b"\r\ncontent-length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self.target), timeout=10) as beyond:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pump, args=(beyond, connection), daemon=True)
                back.start()
                _pump(connection, beyond)
                back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
