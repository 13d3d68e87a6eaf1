"""
Why no verdict could be reached.

An exception here never means "this image is bad": a bad image is a verdict. The only exception that
carries a verdict is `NotAcceptedError`, which stands beside it in `verdict`; what an image API refused is
in `generation.errors`.

    ProvenanceError
    ├── AssetError            UnreadableAssetError, AssetTooLargeError, UnsupportedAssetError,
    │                         MalformedAssetError
    ├── TrustError            trust profile unreadable, empty, or not certificate authorities
    ├── PolicyError           empty, contradictory or unknown policy
    ├── GenerationError       the image API refused or failed; one subclass per cause
    ├── EngineError           the engine failed for reasons that say nothing about the image;
    │                         WorkerCrashedError, DeadlineExceededError where another process judged
    └── NotAcceptedError      from `raise_if_rejected` only; carries the result
"""

from __future__ import annotations

import signal
from typing import ClassVar


class ProvenanceError(Exception):
    """
    The root of everything this library raises on purpose.

    Attributes:
        hint: What the caller can do about it, as one sentence.
    """

    hint: ClassVar[str] = "See the documentation of the call that raised this."


class AssetError(ProvenanceError):
    """
    The bytes could not be had, or are not an image this library reads.
    """


class UnreadableAssetError(AssetError):
    """
    The asset could not be read: missing, forbidden, not a regular file, or changed meanwhile.

    Attributes:
        reason: What stood in the way, without the path.
    """

    hint = "Name a regular file that this process may read and that nothing is writing to."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"asset cannot be read: {self.reason}"


class AssetTooLargeError(AssetError):
    """
    The asset, or a part of it, is larger than the caller allowed.

    Attributes:
        unit: What was counted: "bytes", "chunks", "manifest store bytes", "manifests" or "boxes".

        size: How many were seen before reading stopped; a lower bound, not the total.

        limit: Largest number accepted.
    """

    hint = "Raise the limit if you trust where the image comes from."

    def __init__(self, unit: str, size: int, limit: int) -> None:
        super().__init__(unit, size, limit)
        self.unit = unit
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return f"asset exceeds {self.limit:,} {self.unit} (stopped after {self.size:,})"


class UnsupportedAssetError(AssetError):
    """
    The bytes are not an image of a kind this library reads.

    Attributes:
        reason: What the bytes look like instead.
    """

    hint = "Give a PNG, JPEG, WebP, AVIF, HEIC, TIFF, GIF or SVG image."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not an image this library reads: {self.reason}"


class MalformedAssetError(AssetError):
    """
    The container is damaged where it has to be read to look for a manifest store.

    Attributes:
        reason: What is wrong, and at which byte.
    """

    hint = "Get the image again from where it was made; the file is incomplete or damaged."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"damaged image file: {self.reason}"


class TrustError(ProvenanceError):
    """
    A trust profile is unreadable, unknown, empty, or names something that is no authority.
    """

    hint = "Run 'provenance trust list' to see the profiles there are."


class PolicyError(ProvenanceError):
    """
    A policy is unreadable, unknown, empty or contradicts itself.
    """

    hint = "Run 'provenance policy list' to see the policies there are."


class EngineError(ProvenanceError):
    """
    The C2PA engine is missing, of another version, or failed in a way that says nothing of the image.
    """

    hint = "Reinstall azure-image-provenance with its pinned dependencies, then run 'provenance selftest'."


class WorkerCrashedError(EngineError):
    """
    The process that judged the asset ended before it answered.

    Attributes:
        exit_code: How it ended: negative is the number of a signal; None if it is not known.
    """

    hint = "Keep the image, and report it: no image should be able to do this."

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"the process that judged it ended before it answered ({_ending(self.exit_code)})"


class DeadlineExceededError(EngineError):
    """
    Judging the asset took longer than allowed, and was stopped.

    Attributes:
        deadline_s: Seconds that were allowed.
    """

    hint = "Allow more time if you trust where the image comes from."

    def __init__(self, deadline_s: float) -> None:
        super().__init__(deadline_s)
        self.deadline_s = deadline_s

    def __str__(self) -> str:
        return f"not judged within {self.deadline_s:g} s"


def _ending(exit_code: int | None) -> str:
    if exit_code is None:
        return "how is not known"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"
