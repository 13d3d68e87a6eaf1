"""
What comes back: images as they were sent, each with its verdict.

The bytes are never decoded into a picture: saving a decoded picture again, with any library, destroys
its Content Credentials.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from provenance.errors import ProvenanceError
from provenance.generation.content_filter import FilterReport
from provenance.generation.errors import NOTHING_KNOWN, GenerationError, NotWrittenError, Trace
from provenance.generation.storage import report_path, save_pair
from provenance.verification.report import Report, error_to_dict, to_dict
from provenance.verification.verdict import VerificationResult

_EXTENSIONS = {
    "image/avif": "avif",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
}
UNKNOWN_MEDIA_TYPE = "application/octet-stream"


class Usage(NamedTuple):
    """
    Tokens that an answer cost, all its images together; None for what was not said.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_image_tokens: int | None = None
    input_text_tokens: int | None = None


class Saved(NamedTuple):
    """
    Where an image was saved.

    Attributes:
        image: The image.

        report: Its report, beside it.
    """

    image: Path
    report: Path


@dataclass(frozen=True, slots=True)
class PartialImage:
    """
    An image on its way, from a stream. Not judged: only the final one counts.

    Attributes:
        data: Its bytes.

        index: Its number, from 0; None if that was not said.
    """

    data: bytes = field(repr=False)
    index: int | None = None


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """
    One image.

    Attributes:
        data: Its bytes, exactly as they were sent.

        media_type: From the bytes; "application/octet-stream" if they are no image.

        outcome: The verdict, or the error that left none.

        revised_prompt: The prompt as the service rewrote it, or None.

        filtered: What the content filter said about prompt and image; may be empty.

        usage: Tokens that the whole answer cost, or None.

        trace: Request ids and rate limits.
    """

    data: bytes = field(repr=False)
    media_type: str
    outcome: VerificationResult | ProvenanceError = field(repr=False)
    revised_prompt: str | None = None
    filtered: FilterReport = field(default_factory=FilterReport)
    usage: Usage | None = None
    trace: Trace = field(default_factory=Trace)

    @property
    def verification(self) -> VerificationResult:
        """
        The verdict.

        Raises:
            ProvenanceError: If the image could not be judged: what `Verifier.verify` raised.
        """
        if isinstance(self.outcome, VerificationResult):
            return self.outcome
        raise self.outcome

    @property
    def accepted(self) -> bool:
        """
        Whether it was judged and is accepted.
        """
        return isinstance(self.outcome, VerificationResult) and self.outcome.accepted

    @property
    def sha256(self) -> str:
        """
        SHA-256 of the bytes in lower-case hexadecimal.
        """
        return hashlib.sha256(self.data).hexdigest()

    @property
    def file_name(self) -> str:
        """
        The name it gets in a folder: from its bytes, so that no two images share one.
        """
        return f"image-{self.sha256[:16]}.{_EXTENSIONS.get(self.media_type, 'bin')}"

    def report(self, name: str | None = None) -> Report:
        """
        Write the verdict as a report, or that there is none.
        """
        if isinstance(self.outcome, VerificationResult):
            return to_dict(self.outcome, name=name, sha256=self.sha256)
        return error_to_dict(self.outcome, name=name)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Saved:
        """
        Write the original bytes, and the report beside them as NAME.provenance.json.

        Args:
            path: A file, or a folder that is there; in a folder it gets `file_name`.

            overwrite: Whether to replace what is there. Without it, saving the same image in the same
                place again changes nothing, and anything else there is an error.

        Returns:
            Where both are.

        Raises:
            NotWrittenError: If either cannot be written; then neither is.
        """
        try:
            target = Path(path)
            target = target / self.file_name if target.is_dir() else target
        except (OSError, ValueError) as error:
            raise NotWrittenError("the path cannot be used") from error
        text = json.dumps(self.report(target.name), ensure_ascii=True, indent=2)
        save_pair(target, self.data, text.encode() + b"\n", overwrite=overwrite)
        return Saved(target, report_path(target))


@dataclass(frozen=True, slots=True)
class Generation:
    """
    The images of one call, in order; iterate over it, or ask for one by its index.

    Attributes:
        images: At least one.

        asked: How many were asked for; the service may send fewer.

        failures: Why others are missing, where that is known.
    """

    images: tuple[GeneratedImage, ...]
    asked: int
    failures: tuple[GenerationError, ...] = ()

    def __iter__(self) -> Iterator[GeneratedImage]:
        return iter(self.images)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> GeneratedImage:
        return self.images[index]

    @property
    def missing(self) -> int:
        """
        How many fewer came than were asked for.
        """
        return max(0, self.asked - len(self.images))


class ImageRejectedError(GenerationError):
    """
    An image came and is not accepted, or could not be judged.

    Attributes:
        generation: Every image of the call, accepted ones too, each with its verdict.

        places: Where rejected images were quarantined, in order; empty if they were not.

        problem: Why quarantining failed, or None.
    """

    hint = "Read the findings in error.generation[0].verification; on_rejected='keep' returns such images."

    def __init__(
        self, generation: Generation, places: tuple[Saved, ...] = (), problem: str | None = None
    ) -> None:
        self.generation = generation
        self.places = places
        self.problem = problem
        rejected = self.rejected
        facts = replace(NOTHING_KNOWN, trace=rejected[0].trace) if rejected else NOTHING_KNOWN
        super().__init__(self._sentence(), facts)
        self.args = (generation, places, problem)

    @property
    def rejected(self) -> tuple[GeneratedImage, ...]:
        """
        The images that are not accepted.
        """
        return tuple(image for image in self.generation if not image.accepted)

    def _sentence(self) -> str:
        reasons = "; ".join(dict.fromkeys(_reason(image) for image in self.rejected))
        parts = [f"{len(self.rejected)} of {len(self.generation)} images not accepted: {reasons}"]
        if self.places:
            parts.append(f"quarantined as {', '.join(str(place.image) for place in self.places)}")
        if self.problem:
            parts.append(f"not quarantined: {self.problem}")
        return "; ".join(parts)


def _reason(image: GeneratedImage) -> str:
    if isinstance(image.outcome, VerificationResult):
        return "; ".join(finding.message for finding in image.outcome.findings)
    return f"it could not be judged: {image.outcome}"
