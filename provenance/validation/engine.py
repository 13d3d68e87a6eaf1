"""
The C2PA engine: the only reader through c2pa, whose JSON and errors become our values.

Its `validation_state` is not read: it is too strict in one place and too lax in several. Its library
is loaded from the installed package by absolute path, because the binding looks into the current
directory first, and a folder that is being audited must not be able to run code. Nothing it is given
makes it use the network.
"""

from __future__ import annotations

import base64
import ctypes
import importlib
import importlib.metadata
import importlib.util
import io
import os
import sys
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from provenance.asset.asset import Asset
from provenance.errors import EngineError
from provenance.manifest.manifest import ManifestStore
from provenance.trust.certificate import Certificate
from provenance.validation.engine_json import parse_answer

VERSION = "0.38.1"
_LIBRARY_NAME = "C2PA_LIBRARY_NAME"
_LIBRARY = {"linux": "libc2pa_c.so", "darwin": "libc2pa_c.dylib", "win32": "c2pa_c.dll"}
_MAX_CONTEXTS = 64
_NOT_FOUND = "ManifestNotFound"
_REMOTE = "Remote: must fetch remote manifests from url "

_importing = threading.Lock()


class NoManifestError(Exception):
    """
    The engine finds no manifest store in the asset. Never leaves the library.
    """


class RejectedStoreError(Exception):
    """
    The engine cannot read the store, or the container around it. Never leaves the library.

    Attributes:
        kind: The engine's name for the kind of error, such as "Verify" or "Manifest".
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    @property
    def failed_reading(self) -> bool:
        """
        Whether reading failed or came to an early end, rather than what was read.
        """
        return self.kind == "Io"


class Anchors(NamedTuple):
    """
    Certificates the engine is to believe for one asset.

    Attributes:
        claims: Anchors of claim signers.

        time_stamps: Anchors of time-stamp authorities.

        key_purposes: OIDs accepted in a claim signer's extended key usage.
    """

    claims: frozenset[Certificate] = frozenset()
    time_stamps: frozenset[Certificate] = frozenset()
    key_purposes: tuple[str, ...] = ()


class EngineReading(NamedTuple):
    """
    What the engine says about an asset.

    Attributes:
        store: Its manifests, each with the statuses that concern it.

        manifest_store: The manifest store as the engine read it: the active manifest, and the ones it
            needs. Manifests that nothing references are left out.
    """

    store: ManifestStore
    manifest_store: bytes


class Engine:
    """
    Reads assets through c2pa; safe to share between threads, and usable after a fork.
    """

    def __init__(self) -> None:
        """
        Hold no context yet: one is made for each set of anchors, in each process, when first needed.
        """
        self._contexts: dict[tuple[int, Anchors], Any] = {}

    def read(self, asset: Asset, anchors: Anchors) -> EngineReading:
        """
        Read and validate an asset's manifest store.

        Args:
            asset: The asset; its bounds have been checked already.

            anchors: Certificates to believe; nothing else is believed, and nothing is kept of them
                for the next asset.

        Raises:
            NoManifestError: If there is no manifest store.

            RejectedStoreError: If the engine refuses the store or the container.

            EngineError: If the engine is missing, of another version, or answers with something else
                than its JSON.
        """
        c2pa = load_engine()
        context = self._context(c2pa, anchors)
        try:
            with _reader_class(c2pa)(asset.media_type, asset.stream(), context=context) as reader:
                store = parse_answer(reader.json())
                return EngineReading(store, _store_bytes(reader, store.active))
        except c2pa.C2paError as error:
            raise _refusal(str(error)) from error

    def _context(self, c2pa: ModuleType, anchors: Anchors) -> Any:
        # A context dies with a fork, so the process is part of the key; dict operations are atomic,
        # and a lock could be held by a thread that does not exist in the child.
        key = (os.getpid(), anchors)
        context = self._contexts.get(key)
        if context is None:
            if len(self._contexts) >= _MAX_CONTEXTS:
                self._contexts.clear()
            try:
                fresh = c2pa.Context.from_dict(engine_settings(anchors))
            except c2pa.C2paError as error:
                raise EngineError(f"the C2PA engine refuses its settings: {error}") from error
            context = self._contexts.setdefault(key, fresh)
        return context


def engine_settings(anchors: Anchors) -> dict[str, object]:
    """
    Build the engine's settings: all network use off, and these anchors believed.

    Returns:
        Settings in the engine's form. Unknown keys and unreadable certificates are accepted by it in
        silence; that these do what they should is what the self-test shows.

    Source:
        c2pa-rs 0.91, settings reference.
    """
    lists = (("manifest", anchors.claims), ("tsa", anchors.time_stamps))
    return {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
        "trust": {
            "anchors": [
                {"trust_anchors": _pem(found), "trust_uri": f"urn:pinned:{kind}", "trust_kind": kind}
                for kind, found in lists
                if found
            ],
            "trust_config": "\n".join(anchors.key_purposes),
        },
    }


@cache
def load_engine() -> ModuleType:
    """
    Import c2pa, of exactly the version this library was measured against.

    Returns:
        The module `c2pa`.

    Raises:
        EngineError: If it is missing, of another version, or its library is not where it belongs or cannot be
            loaded.
    """
    try:
        found = importlib.metadata.version("c2pa-python")
        spec = importlib.util.find_spec("c2pa")
    except (importlib.metadata.PackageNotFoundError, ValueError) as error:
        raise EngineError("c2pa-python is not installed") from error
    if found != VERSION:
        raise EngineError(f"c2pa-python {found} is installed, but {VERSION} is needed")
    return _import_binding(_library_path(spec.origin if spec else None))


def _import_binding(library: Path) -> ModuleType:
    """
    Import c2pa so that it finds its library at once.

    When the name it is given cannot be loaded, it goes on to search the current directory. So the library is
    loaded here first: what is loaded already is loaded again.
    """
    with _importing:
        try:
            ctypes.CDLL(str(library))
        except OSError as error:
            raise EngineError("the library of c2pa-python cannot be loaded") from error
        before = os.environ.get(_LIBRARY_NAME)
        os.environ[_LIBRARY_NAME] = str(library)
        try:
            return importlib.import_module("c2pa")
        finally:
            # Programs that this one starts are none of our business.
            if before is None:
                del os.environ[_LIBRARY_NAME]
            else:
                os.environ[_LIBRARY_NAME] = before


@cache
def _reader_class(c2pa: ModuleType) -> Any:
    """
    Derive a reader that reads files without coming back to Python.

    The binding calls Python for every few hundred bytes of a stream, and takes the interpreter's lock
    each time. For a file, libc's own functions do the same with the descriptor. Elsewhere than on
    POSIX systems, and for anything but a file, the binding's own reader is used.
    """
    if os.name != "posix":
        return c2pa.Reader
    binding: Any = c2pa.c2pa
    reader: Any = c2pa.Reader
    libc = ctypes.CDLL(None)

    class FileStream(binding.Stream):  # type: ignore[misc] # the engine ships no types
        def __init__(self, file: io.FileIO) -> None:
            super().__init__(file)
            native = self._stream.contents
            native.context = ctypes.cast(file.fileno(), ctypes.POINTER(binding.StreamContext))
            native.reader = ctypes.cast(libc.read, binding.ReadCallback)
            native.seeker = ctypes.cast(libc.lseek, binding.SeekCallback)

    class FileReader(reader):  # type: ignore[misc] # the engine ships no types
        def _init_from_context(self, context: Any, media_type: str, file: Any, data: None = None) -> None:
            if not isinstance(file, io.FileIO):
                super()._init_from_context(context, media_type, file, data)
                return
            self._own_stream = FileStream(file)
            message = self._ERROR_MESSAGES["reader_error"]
            encoded = media_type.encode()
            with binding._context_guard(context):
                create = binding._lib.c2pa_reader_from_context
                self._create_and_activate(lambda: create(context.execution_context), message)
            read = binding._lib.c2pa_reader_with_stream
            self._consume_and_swap(lambda handle: read(handle, encoded, self._own_stream._stream), message)

    return FileReader


def _library_path(origin: str | None) -> Path:
    name = _LIBRARY.get(sys.platform)
    if origin is None or name is None:
        raise EngineError(f"c2pa-python has no library for {sys.platform}")
    library = Path(origin).resolve().parent / "libs" / name
    if not library.is_file():
        raise EngineError("the library of c2pa-python is missing from its installation")
    return library


def _pem(certificates: Iterable[Certificate]) -> str:
    ordered = sorted(certificates, key=lambda certificate: certificate.sha256)
    bodies = (base64.encodebytes(certificate.der).decode() for certificate in ordered)
    return "".join(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n" for body in bodies)


def _refusal(message: str) -> Exception:
    kind, _, rest = message.partition(":")
    if kind == _NOT_FOUND or message.startswith(_REMOTE):
        return NoManifestError()
    return RejectedStoreError(kind, rest.strip() or message)


def _store_bytes(reader: Any, active: str) -> bytes:
    target = io.BytesIO()
    reader.resource_to_stream(f"self#jumbf=/c2pa/{active}", target)
    return target.getvalue()
