"""
Runners, which carry the effects of procedures out: with threads, or with tasks.

Everything that a procedure holds, an open answer or a slot, is kept here and released however it
ends: returned from, failed, cancelled or abandoned.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import cast

import httpx

from provenance.errors import ProvenanceError
from provenance.generation.errors import AuthenticationError, GenerationError
from provenance.generation.transport.effect import (
    AcquireSlot,
    Compute,
    Effect,
    Emit,
    Gather,
    GetToken,
    Procedure,
    Read,
    Send,
    Sleep,
)
from provenance.generation.transport.http import (
    CUT,
    UNSENT,
    HttpClients,
    Route,
    Thrown,
    advance,
    as_httpx,
    failure_of,
    head_of,
)
from provenance.generation.transport.retry import RetryPolicy


@dataclass(slots=True)
class _RunState:
    response: httpx.Response | None = None
    pieces: Iterator[bytes] | None = None
    async_pieces: AsyncIterator[bytes] | None = None
    has_slot: bool = False


@dataclass(slots=True)
class _ThreadResult:
    """
    What a procedure in another thread resulted in; any error waits here to be raised in its caller's.
    """

    value: object = None
    error: BaseException | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _exc_type: object,
        exc: BaseException | None,
        _traceback: object,
    ) -> bool:
        self.error = exc
        return True


@dataclass(slots=True)
class SyncRunner:
    """
    Carries procedures out in threads.

    Attributes:
        route: As whom to ask, and how to get there.

        retry: How long to wait for a connection.

        slots: How many requests at the same time.

        sleep: Waits for some seconds.
    """

    route: Route
    retry: RetryPolicy
    slots: int
    sleep: Callable[[float], object]
    _clients: HttpClients[httpx.Client] = field(init=False, repr=False)
    _free: threading.BoundedSemaphore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._clients = HttpClients(httpx.Client, self.route)
        self._free = threading.BoundedSemaphore(self.slots)

    def close(self) -> None:
        """
        Close all connections.
        """
        for client in self._clients:
            client.close()

    def run(self, procedure: Procedure[None], abandoned: threading.Event | None = None) -> Iterator[object]:
        """
        Yield what a procedure emits; stop between two effects once it is abandoned.
        """
        state = _RunState()
        result: object = None
        try:
            while abandoned is None or not abandoned.is_set():
                try:
                    effect = advance(procedure, result)
                except StopIteration:
                    return
                result = None
                if isinstance(effect, Emit):
                    yield effect.value
                else:
                    result = self._perform(effect, state)
        finally:
            procedure.close()
            self._release(state)

    def _perform(self, effect: Effect, state: _RunState) -> object:
        result: object = None
        try:
            match effect:
                case Sleep(seconds):
                    self.sleep(seconds)
                case AcquireSlot(timeout_s):
                    result = state.has_slot = self._free.acquire(timeout=timeout_s)
                case GetToken():
                    result = self._token()
                case Compute(work):
                    result = work()
                case Gather(procedures):
                    result = self._gather(procedures)
                case _:
                    result = self._send_or_read(effect, state)
        except CUT as error:
            return failure_of(error)
        except ProvenanceError as error:
            return Thrown(error)
        return result

    def _send_or_read(self, effect: Effect, state: _RunState) -> object:
        match effect:
            case Send(request):
                client, proxy = self._clients.serving(request)
                try:
                    sent = client.send(as_httpx(client, request, self.retry), stream=True)
                except UNSENT as error:
                    return failure_of(error, proxy)
                state.response = sent
                state.pieces = sent.iter_raw() if request.is_download else sent.iter_bytes()
                return head_of(sent)
            case Read() if state.pieces is not None:
                return next(state.pieces, b"")
            case _:
                self._release(state)
                return None

    def _token(self) -> str | None:
        if self.route.token is None:
            return None
        token = self.route.token()
        if inspect.isawaitable(token):
            if inspect.iscoroutine(token):
                token.close()
            raise AuthenticationError("the token callable is asynchronous: use it with AsyncAzureImageClient")
        return token

    def _release(self, state: _RunState) -> None:
        response, state.response, state.pieces = state.response, None, None
        try:
            if response is not None:
                response.close()
        finally:
            if state.has_slot:
                state.has_slot = False
                self._free.release()

    def _gather(self, procedures: tuple[Procedure[None], ...]) -> tuple[object, ...]:
        results = [_ThreadResult() for _ in procedures]
        waiting = iter(list(zip(results, procedures, strict=True)))
        lock, abandoned = threading.Lock(), threading.Event()

        def work() -> None:
            while not abandoned.is_set():
                with lock:
                    held, procedure = next(waiting, (None, None))
                if held is None or procedure is None:
                    return
                with held:
                    for value in self.run(procedure, abandoned):
                        held.value = value

        # Daemons: an interrupted program must not wait minutes for answers that nobody wants any more.
        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self.slots, len(results)))]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            abandoned.set()
        return _results(results)


def _results(results: list[_ThreadResult]) -> tuple[object, ...]:
    for held in results:
        if held.error is not None and not isinstance(held.error, GenerationError):
            raise held.error
    return tuple(held.error or held.value for held in results)


@dataclass(slots=True)
class AsyncRunner:
    """
    Carries procedures out in tasks of one event loop.

    Attributes:
        route: As whom to ask, and how to get there.

        retry: How long to wait for a connection.

        slots: How many requests at the same time.

        sleep: Waits for some seconds.
    """

    route: Route
    retry: RetryPolicy
    slots: int
    sleep: Callable[[float], Awaitable[object]]
    _clients: HttpClients[httpx.AsyncClient] = field(init=False, repr=False)
    _free: asyncio.Semaphore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._clients = HttpClients(httpx.AsyncClient, self.route)
        self._free = asyncio.Semaphore(self.slots)

    async def close(self) -> None:
        """
        Close all connections.
        """
        for client in self._clients:
            await client.aclose()

    async def run(self, procedure: Procedure[None]) -> AsyncGenerator[object]:
        """
        Yield what a procedure emits.
        """
        state = _RunState()
        result: object = None
        try:
            while True:
                try:
                    effect = advance(procedure, result)
                except StopIteration:
                    return
                result = None
                if isinstance(effect, Emit):
                    yield effect.value
                else:
                    result = await self._perform(effect, state)
        finally:
            procedure.close()
            await self._release(state)

    async def _perform(self, effect: Effect, state: _RunState) -> object:
        result: object = None
        try:
            match effect:
                case Sleep(seconds):
                    await self.sleep(seconds)
                case AcquireSlot(timeout_s):
                    result = state.has_slot = await self._acquire(timeout_s)
                case GetToken():
                    result = await self._token()
                case Compute(work):
                    result = await asyncio.to_thread(work)
                case Gather(procedures):
                    result = await self._gather(procedures)
                case _:
                    result = await self._send_or_read(effect, state)
        except CUT as error:
            return failure_of(error)
        except ProvenanceError as error:
            return Thrown(error)
        return result

    async def _send_or_read(self, effect: Effect, state: _RunState) -> object:
        match effect:
            case Send(request):
                client, proxy = self._clients.serving(request)
                try:
                    sent = await client.send(as_httpx(client, request, self.retry), stream=True)
                except UNSENT as error:
                    return failure_of(error, proxy)
                state.response = sent
                state.async_pieces = sent.aiter_raw() if request.is_download else sent.aiter_bytes()
                return head_of(sent)
            case Read() if state.async_pieces is not None:
                return await anext(state.async_pieces, b"")
            case _:
                await self._release(state)
                return None

    async def _acquire(self, timeout_s: float | None) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._free.acquire()
        except TimeoutError:
            return False

    async def _token(self) -> str | None:
        provider = self.route.token
        if provider is None:
            return None
        if inspect.iscoroutinefunction(provider):
            return cast("str", await provider())
        # It may ask a server, as azure-identity does.
        token: object = await asyncio.to_thread(provider)
        return cast("str", await token if inspect.isawaitable(token) else token)

    async def _release(self, state: _RunState) -> None:
        response, state.response, state.async_pieces = state.response, None, None
        try:
            if response is not None:
                await response.aclose()
        finally:
            if state.has_slot:
                state.has_slot = False
                self._free.release()

    async def _gather(self, procedures: tuple[Procedure[None], ...]) -> tuple[object, ...]:
        tasks = [asyncio.create_task(self._result_of(procedure)) for procedure in procedures]
        try:
            return tuple(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _result_of(self, procedure: Procedure[None]) -> object:
        value: object = None
        try:
            async with aclosing(self.run(procedure)) as emitted:
                async for latest in emitted:
                    value = latest
        except GenerationError as error:
            return error
        return value
