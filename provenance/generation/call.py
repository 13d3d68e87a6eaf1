"""
Whole calls: from a request for images to judged images, for clients of either kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from provenance.asset.asset import Asset
from provenance.errors import AssetError, ProvenanceError
from provenance.generation.errors import (
    ErrorFacts,
    GenerationError,
    MalformedAnswerError,
    NotWrittenError,
    Trace,
)
from provenance.generation.exchange import Budget, Exchange
from provenance.generation.image import (
    UNKNOWN_MEDIA_TYPE,
    GeneratedImage,
    Generation,
    ImageRejectedError,
    PartialImage,
    Saved,
    Usage,
)
from provenance.generation.json_value import Json, as_count, as_text
from provenance.generation.request.image_request import ImageRequest
from provenance.generation.request.source import read_inputs
from provenance.generation.response.base64_json import read_answer
from provenance.generation.response.error_answer import error_in, error_under
from provenance.generation.response.event import Event, EventReader
from provenance.generation.response.image_answer import (
    ImageItem,
    ResponseContext,
    read_item,
    read_items,
    read_usage,
)
from provenance.generation.transport.effect import Emit, Procedure, Release, compute, gather
from provenance.generation.transport.message import FormFile
from provenance.verification.verdict import VerificationResult
from provenance.verification.verifier import Verifier

OnRejected = Literal["raise", "keep", "quarantine"]

_BEGINNING = 64 * 1024


@dataclass(frozen=True, slots=True)
class ImageCalls:
    """
    The calls of one client.

    Attributes:
        exchange: How to speak with the service.

        verifier: What images are judged by.

        on_rejected: What becomes of images that are not accepted.

        quarantine: Where they go, for "quarantine".
    """

    exchange: Exchange
    verifier: Verifier
    on_rejected: OnRejected
    quarantine: Path | None

    def images(self, request: ImageRequest) -> Procedure[None]:
        """
        Emit one `Generation`.
        """
        if request.repeats == 1:
            generation = yield from self._generation(request, self.exchange.budget())
        else:
            generation = yield from self._repeated(request)
        yield from self._settle(generation)
        yield Emit(generation)

    def stream(self, request: ImageRequest) -> Procedure[None]:
        """
        Emit each `PartialImage`, then each final `GeneratedImage`.
        """
        budget = self.exchange.budget()
        files = yield from _files(request)
        head, context = yield from self.exchange.open_stream(request, files, budget)
        if "json" in head.headers.get("content-type", ""):
            # A service that does not stream this answers as if it had not been asked to.
            answer, images, _ = yield from self.exchange.read_json(context, budget)
            items = read_items(answer, images, context)
            usage = read_usage(answer)
            generation = yield from self._judged(items, usage, context.trace, request.asked, budget)
            yield from self._settle(generation)
            for image in generation:
                yield Emit(image)
            return
        yield from self._events(context, budget)
        yield Release()

    def _generation(self, request: ImageRequest, budget: Budget) -> Procedure[Generation]:
        files = yield from _files(request)
        answer, images, context = yield from self.exchange.ask(request, files, budget)
        items = read_items(answer, images, context)
        usage = read_usage(answer)
        del images, files
        return (yield from self._judged(items, usage, context.trace, request.asked, budget))

    def _repeated(self, request: ImageRequest) -> Procedure[Generation]:
        budget = self.exchange.budget()

        def one() -> Procedure[None]:
            yield Emit((yield from self._generation(request.single(), budget)))

        outcomes = yield from gather(tuple(one() for _ in range(request.repeats)))
        made = [outcome for outcome in outcomes if isinstance(outcome, Generation)]
        failures = [outcome for outcome in outcomes if isinstance(outcome, GenerationError)]
        failures += [failure for generation in made for failure in generation.failures]
        images = tuple(image for generation in made for image in generation)
        if not images:
            raise failures[0]
        return Generation(images, request.asked, tuple(failures))

    def _judged(
        self, items: Sequence[ImageItem], usage: Usage | None, trace: Trace, asked: int, budget: Budget
    ) -> Procedure[Generation]:
        images: list[GeneratedImage] = []
        failures: list[GenerationError] = []
        for item in items:
            try:
                images.append((yield from self._image(item, usage, trace, budget)))
            except GenerationError as error:
                failures.append(error)
        if not images:
            raise failures[0]
        return Generation(tuple(images), asked, tuple(failures))

    def _image(
        self, item: ImageItem, usage: Usage | None, trace: Trace, budget: Budget
    ) -> Procedure[GeneratedImage]:
        if item.error is not None:
            raise item.error
        data = item.data
        if data is None:
            data = yield from self._downloaded(item, trace, budget)
        known = data
        media_type, outcome = yield from compute(lambda: judge(self.verifier, known))
        return GeneratedImage(data, media_type, outcome, item.revised_prompt, item.filtered, usage, trace)

    def _downloaded(self, item: ImageItem, trace: Trace, budget: Budget) -> Procedure[bytes]:
        try:
            return (yield from self.exchange.download(item.url or "", budget))
        except GenerationError as error:
            # The answer was good but for the image: what it said is worth as much as in a good one.
            facts = replace(
                error.facts,
                trace=Trace(trace.headers or error.facts.trace.headers),
                filtered=item.filtered,
                revised_prompt=item.revised_prompt,
            )
            failed = type(error)(error.message, facts)
            failed.attempts = error.attempts
            raise failed from error

    def _events(self, context: ResponseContext, budget: Budget) -> Procedure[None]:
        reader = EventReader(self.exchange.limits.answer_bytes)
        is_complete = is_stream = False
        beginning = b""
        while piece := (yield from self.exchange.read_piece(budget, context.trace)):
            beginning += b"" if is_stream else piece[: _BEGINNING - len(beginning)]
            for event in reader.feed(piece):
                is_stream = True
                image = yield from self._event(event, context, budget)
                is_complete = is_complete or image is not None
                if image is not None:
                    yield from self._settle(Generation((image,), 1))
                    yield Emit(image)
        if not is_complete:
            # What never was a stream of events may be an error, whatever it calls itself.
            raise _error_beneath(b"" if is_stream else beginning, context) or MalformedAnswerError(
                "the stream ends without a final image",
                ErrorFacts(status=context.status, trace=context.trace),
            )

    def _event(
        self, event: Event, context: ResponseContext, budget: Budget
    ) -> Procedure[GeneratedImage | None]:
        if event.data.strip() == b"[DONE]":
            return None
        message, images = _message(event, context)
        kind = as_text(message.get("type")) or event.name
        is_error = event.name == "error" or kind == "error" or kind.endswith(".failed")
        if is_error or message.get("error"):
            raise error_in(
                message,
                context.status,
                context.headers,
                fallback="the stream reports an error",
                secrets=context.secrets,
            )
        if kind.endswith(".partial_image") and images and images[0]:
            yield Emit(PartialImage(images[0], as_count(message.get("partial_image_index"))))
        if not kind.endswith(".completed"):
            return None
        item = read_item(message, images, context)
        return (yield from self._image(item, read_usage(message), context.trace, budget))

    def _settle(self, generation: Generation) -> Procedure[None]:
        rejected = tuple(image for image in generation if not image.accepted)
        if not rejected or self.on_rejected == "keep":
            return
        yield Release()
        folder = self.quarantine
        if self.on_rejected == "raise" or folder is None:
            raise ImageRejectedError(generation)
        places, problem = yield from compute(lambda: _quarantine(rejected, folder))
        raise ImageRejectedError(generation, places, problem)


def judge(verifier: Verifier, data: bytes) -> tuple[str, VerificationResult | ProvenanceError]:
    """
    Return the media type of an image, and its verdict or why there is none.
    """
    try:
        with Asset.open(data, verifier.limits) as asset:
            media_type = asset.media_type
    except AssetError as error:
        return UNKNOWN_MEDIA_TYPE, error.with_traceback(None)
    try:
        return media_type, verifier.verify(data)
    except ProvenanceError as error:
        return media_type, error.with_traceback(None)


def _files(request: ImageRequest) -> Procedure[tuple[FormFile, ...]]:
    if request.operation == "generations":
        return ()
    inputs = yield from compute(lambda: read_inputs(request.images, request.mask, request.rules))
    return tuple(image.file for image in inputs)


def _message(event: Event, context: ResponseContext) -> tuple[Json, tuple[bytes | None, ...]]:
    try:
        return read_answer(event.data)
    except MalformedAnswerError as error:
        facts = ErrorFacts(status=context.status, trace=context.trace)
        raise MalformedAnswerError("an event of the stream is not a JSON object", facts) from error


def _error_beneath(text: bytes, context: ResponseContext) -> GenerationError | None:
    try:
        answer, _ = read_answer(text)
    except MalformedAnswerError:
        return None
    return error_under(answer, context.status, context.headers, context.secrets)


def _quarantine(images: Sequence[GeneratedImage], folder: Path) -> tuple[tuple[Saved, ...], str | None]:
    places: list[Saved] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        places.extend(image.save(folder) for image in images)
    except NotWrittenError as error:
        return tuple(places), error.message
    except OSError as error:
        return tuple(places), f"the folder cannot be made: {error.strerror}"
    return tuple(places), None
