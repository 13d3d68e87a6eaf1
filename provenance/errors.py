"""
Why no verdict could be reached.

An exception here never means "this image is bad": a bad image is a verdict. The only exception that
carries a verdict is `NotAcceptedError`, which stands beside it in `verdict`; what an image API refused is
in `generation.errors`.

    ProvenanceError
    ├── AssetError            UnreadableAssetError, AssetTooLargeError, UnsupportedAssetError,
    │                         MalformedAssetError; FolderAssetError is unreadable, too
    ├── TrustError            trust profile unreadable, empty, or not certificate authorities
    ├── PolicyError           empty, contradictory or unknown policy
    ├── GenerationError       the image API refused or failed; one subclass per cause
    ├── EngineError           the engine failed for reasons that say nothing about the image;
    │                         WorkerCrashedError, DeadlineExceededError, InstallationChangedError where
    │                         another process judged
    ├── DependencyError       a library is installed in another version than the one that is needed
    ├── SettingsError         the service's settings cannot be read, or make no sense
    ├── StoreError            the service's store of reports and keys cannot be used;
    │                         StoreAddressError, StoreVersionError where the database is not at fault
    ├── OutputFileError       an output of an audit cannot be written
    ├── StateError            what earlier runs of an audit left cannot be used
    ├── BaselineError         the earlier output that an audit is held against cannot be used
    └── NotAcceptedError      from `raise_if_rejected` only; carries the result
"""

from __future__ import annotations

import signal

_NO_OPTION = (
    "No option raises this limit, which is far above what images of known generators hold; ask for the file "
    "as it was first saved."
)


class ProvenanceError(Exception):
    """
    The root of everything this library raises on purpose.

    Attributes:
        hint: What the caller can do about it, as one sentence.
    """

    hint: str = "See the documentation of the call that raised this."


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


class FolderAssetError(UnreadableAssetError):
    """
    The asset is a folder, and no file.
    """

    hint = "Name its files, or judge all that are in it: 'provenance audit FOLDER'."


class AssetTooLargeError(AssetError):
    """
    The asset, or a part of it, is larger than the caller allowed.

    Attributes:
        unit: What was counted: "bytes", "chunks", "manifest store bytes", "manifests", "boxes" or, in an
            audit, "report bytes".

        size: How many were seen before reading stopped; a lower bound, not the total.

        limit: Largest number accepted.
    """

    hint = "Raise the limit if you trust where the image comes from."

    def __init__(self, unit: str, size: int, limit: int) -> None:
        super().__init__(unit, size, limit)
        if unit != "bytes":
            self.hint = _NO_OPTION
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

    hint = "Ask for the file as it was first saved; this one is cut off, or not as its format demands."

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


class InstallationChangedError(EngineError):
    """
    A process that was to judge found other packages installed than the one that started it.
    """

    hint = "Start this program again, so that all of it is of one version."

    def __str__(self) -> str:
        return "the installed packages changed while this program was running"


class DependencyError(ProvenanceError):
    """
    A library is installed in another version than the one whose inner workings are relied on.

    Attributes:
        name: The library.

        found: Its version.

        needed: The version that it has to have.
    """

    hint = "Install the pinned versions: requirements/service.txt for the service; see docs/operations.md."

    def __init__(self, name: str, found: str, needed: str) -> None:
        super().__init__(name, found, needed)
        self.name = name
        self.found = found
        self.needed = needed

    def __str__(self) -> str:
        return f"{self.name} {self.found} is installed, but {self.needed} is needed"


class SettingsError(ProvenanceError):
    """
    A setting of the service is unknown, of the wrong kind or out of bounds.
    """

    hint = "Run 'provenance serve --show-settings' to see what may be set, and to what."


class StoreError(ProvenanceError):
    """
    The store of reports and keys cannot be used, or did not do what it was asked to.

    Attributes:
        reason: What stood in the way; neither a secret nor a password.
    """

    hint = "Check that the database runs, that it may be written to, and that its disk has room."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the store cannot be used: {self.reason}"


class StoreAddressError(StoreError):
    """
    The address of the store names no database that this program can open.
    """

    hint = (
        "Give sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/DATABASE with the extra 'postgresql' "
        "installed."
    )


class StoreVersionError(StoreError):
    """
    The store's tables are not those of this version of the program.
    """

    hint = "Run the version of this program that last migrated the store, or a newer one."


class OutputFileError(ProvenanceError):
    """
    An output of an audit cannot be written.

    Attributes:
        where: The file's path, or "standard output"; may be hostile text.

        reason: What stood in the way.
    """

    hint = "Name a file in a folder that is there, with enough room; what was there before is unchanged."

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.where} cannot be written: {self.reason}"


class StateError(ProvenanceError):
    """
    The file in which an audit remembers what it judged cannot be used.

    Attributes:
        where: The file's path; may be hostile text.

        reason: What stood in the way.
    """

    hint = "Delete the file to judge everything anew, or name another; not while another audit is using it."

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"the audit state {self.where} cannot be used: {self.reason}"


class BaselineError(ProvenanceError):
    """
    The earlier output that an audit is to be held against cannot be read, or is none.

    Attributes:
        where: The file's path; may be hostile text.

        line: Which of its lines is at fault, counted from 1; None if it could not be read at all.

        reason: What is wrong.
    """

    hint = "Give the JSON Lines output of an earlier audit that was complete, unchanged."

    def __init__(self, where: str, line: int | None, reason: str) -> None:
        super().__init__(where, line, reason)
        self.where = where
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line:,}"
        return f"{self.where}{line}: {self.reason}"


def _ending(exit_code: int | None) -> str:
    if exit_code is None:
        return "how is not known"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"


class StructureError(Exception):
    """
    Bytes of a manifest store, certificate or time-stamp are not what their specification says they are.

    Never leaves the library: whoever judges the asset turns it into a failure.
    """
