"""
What carries a conversation's steps out: with threads, or with tasks.

Everything that a conversation holds, an open answer or a slot, is kept here and given back however it
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
    Authorize,
    Compute,
    Conversation,
    Emit,
    Enter,
    Open,
    Read,
    Sleep,
    Step,
    Together,
)
from provenance.generation.transport.http import (
    CUT,
    UNSENT,
    Clients,
    Route,
    Thrown,
    advance,
    as_httpx,
    failure_of,
    head_of,
)
from provenance.generation.transport.retry import Patience


@dataclass(slots=True)
class _Visit:
    response: httpx.Response | None = None
    pieces: Iterator[bytes] | None = None
    async_pieces: AsyncIterator[bytes] | None = None
    has_slot: bool = False


@dataclass(slots=True)
class _Outcome:
    """
    What a conversation in another thread came to; any error waits here to be raised in its caller's.
    """

    value: object = None
    error: BaseException | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> bool:
        self.error = error
        return True


@dataclass(slots=True)
class SyncDriver:
    """
    Carries conversations out in threads.

    Attributes:
        route: As whom to ask, and how to get there.

        patience: How long to wait for a connection.

        slots: How many requests at the same time.

        sleep: Waits for some seconds.
    """

    route: Route
    patience: Patience
    slots: int
    sleep: Callable[[float], object]
    _clients: Clients[httpx.Client] = field(init=False, repr=False)
    _free: threading.BoundedSemaphore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._clients = Clients(httpx.Client, self.route)
        self._free = threading.BoundedSemaphore(self.slots)

    def close(self) -> None:
        """
        Close all connections.
        """
        for client in self._clients:
            client.close()

    def run(
        self, conversation: Conversation[None], abandoned: threading.Event | None = None
    ) -> Iterator[object]:
        """
        Yield what a conversation emits; stop between two steps once it is abandoned.
        """
        visit = _Visit()
        result: object = None
        try:
            while abandoned is None or not abandoned.is_set():
                try:
                    step = advance(conversation, result)
                except StopIteration:
                    return
                result = None
                if isinstance(step, Emit):
                    yield step.value
                else:
                    result = self._perform(step, visit)
        finally:
            conversation.close()
            self._leave(visit)

    def _perform(self, step: Step, visit: _Visit) -> object:
        result: object = None
        try:
            match step:
                case Sleep(seconds):
                    self.sleep(seconds)
                case Enter(timeout_s):
                    result = visit.has_slot = self._free.acquire(timeout=timeout_s)
                case Authorize():
                    result = self._token()
                case Compute(work):
                    result = work()
                case Together(conversations):
                    result = self._together(conversations)
                case _:
                    result = self._talk(step, visit)
        except CUT as error:
            return failure_of(error)
        except ProvenanceError as error:
            return Thrown(error)
        return result

    def _talk(self, step: Step, visit: _Visit) -> object:
        match step:
            case Open(request):
                client, proxy = self._clients.serving(request)
                try:
                    sent = client.send(as_httpx(client, request, self.patience), stream=True)
                except UNSENT as error:
                    return failure_of(error, proxy)
                visit.response = sent
                visit.pieces = sent.iter_raw() if request.is_download else sent.iter_bytes()
                return head_of(sent)
            case Read() if visit.pieces is not None:
                return next(visit.pieces, b"")
            case _:
                self._leave(visit)
                return None

    def _token(self) -> str | None:
        if self.route.settings.token is None:
            return None
        token = self.route.settings.token()
        if inspect.isawaitable(token):
            if inspect.iscoroutine(token):
                token.close()
            raise AuthenticationError("the token callable is asynchronous: use it with AsyncAzureImageClient")
        return token

    def _leave(self, visit: _Visit) -> None:
        response, visit.response, visit.pieces = visit.response, None, None
        try:
            if response is not None:
                response.close()
        finally:
            if visit.has_slot:
                visit.has_slot = False
                self._free.release()

    def _together(self, conversations: tuple[Conversation[None], ...]) -> tuple[object, ...]:
        outcomes = [_Outcome() for _ in conversations]
        waiting = iter(list(zip(outcomes, conversations, strict=True)))
        lock, abandoned = threading.Lock(), threading.Event()

        def work() -> None:
            while not abandoned.is_set():
                with lock:
                    outcome, conversation = next(waiting, (None, None))
                if outcome is None or conversation is None:
                    return
                with outcome:
                    for value in self.run(conversation, abandoned):
                        outcome.value = value

        # Daemons: an interrupted program must not wait minutes for answers that nobody wants any more.
        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self.slots, len(outcomes)))]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            abandoned.set()
        return _results(outcomes)


def _results(outcomes: list[_Outcome]) -> tuple[object, ...]:
    for outcome in outcomes:
        if outcome.error is not None and not isinstance(outcome.error, GenerationError):
            raise outcome.error
    return tuple(outcome.error or outcome.value for outcome in outcomes)


@dataclass(slots=True)
class AsyncDriver:
    """
    Carries conversations out in tasks of one event loop.

    Attributes:
        route: As whom to ask, and how to get there.

        patience: How long to wait for a connection.

        slots: How many requests at the same time.

        sleep: Waits for some seconds.
    """

    route: Route
    patience: Patience
    slots: int
    sleep: Callable[[float], Awaitable[object]]
    _clients: Clients[httpx.AsyncClient] = field(init=False, repr=False)
    _free: asyncio.Semaphore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._clients = Clients(httpx.AsyncClient, self.route)
        self._free = asyncio.Semaphore(self.slots)

    async def close(self) -> None:
        """
        Close all connections.
        """
        for client in self._clients:
            await client.aclose()

    async def run(self, conversation: Conversation[None]) -> AsyncGenerator[object]:
        """
        Yield what a conversation emits.
        """
        visit = _Visit()
        result: object = None
        try:
            while True:
                try:
                    step = advance(conversation, result)
                except StopIteration:
                    return
                result = None
                if isinstance(step, Emit):
                    yield step.value
                else:
                    result = await self._perform(step, visit)
        finally:
            conversation.close()
            await self._leave(visit)

    async def _perform(self, step: Step, visit: _Visit) -> object:
        result: object = None
        try:
            match step:
                case Sleep(seconds):
                    await self.sleep(seconds)
                case Enter(timeout_s):
                    result = visit.has_slot = await self._enter(timeout_s)
                case Authorize():
                    result = await self._token()
                case Compute(work):
                    result = await asyncio.to_thread(work)
                case Together(conversations):
                    result = await self._together(conversations)
                case _:
                    result = await self._talk(step, visit)
        except CUT as error:
            return failure_of(error)
        except ProvenanceError as error:
            return Thrown(error)
        return result

    async def _talk(self, step: Step, visit: _Visit) -> object:
        match step:
            case Open(request):
                client, proxy = self._clients.serving(request)
                try:
                    sent = await client.send(as_httpx(client, request, self.patience), stream=True)
                except UNSENT as error:
                    return failure_of(error, proxy)
                visit.response = sent
                visit.async_pieces = sent.aiter_raw() if request.is_download else sent.aiter_bytes()
                return head_of(sent)
            case Read() if visit.async_pieces is not None:
                return await anext(visit.async_pieces, b"")
            case _:
                await self._leave(visit)
                return None

    async def _enter(self, timeout_s: float | None) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._free.acquire()
        except TimeoutError:
            return False

    async def _token(self) -> str | None:
        provider = self.route.settings.token
        if provider is None:
            return None
        if inspect.iscoroutinefunction(provider):
            return cast("str", await provider())
        # It may ask a server, as azure-identity does.
        token: object = await asyncio.to_thread(provider)
        return cast("str", await token if inspect.isawaitable(token) else token)

    async def _leave(self, visit: _Visit) -> None:
        response, visit.response, visit.async_pieces = visit.response, None, None
        try:
            if response is not None:
                await response.aclose()
        finally:
            if visit.has_slot:
                visit.has_slot = False
                self._free.release()

    async def _together(self, conversations: tuple[Conversation[None], ...]) -> tuple[object, ...]:
        tasks = [asyncio.create_task(self._outcome(conversation)) for conversation in conversations]
        try:
            return tuple(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _outcome(self, conversation: Conversation[None]) -> object:
        value: object = None
        try:
            async with aclosing(self.run(conversation)) as emitted:
                async for latest in emitted:
                    value = latest
        except GenerationError as error:
            return error
        return value
