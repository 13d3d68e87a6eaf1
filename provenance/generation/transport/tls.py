"""
Whom to believe on the network, and as whom to be there: the contexts for TLS.

There are two, because what proves who the client is goes to the API alone: an image's URL comes out of
an answer, and may lead anywhere.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from provenance.generation.errors import SettingError

_MOST_BYTES = 16 * 1024 * 1024


class TlsContexts(NamedTuple):
    """
    What connections are made with.

    Attributes:
        api: For the API.

        download: For images, and for proxies; holds no client certificate.
    """

    api: ssl.SSLContext
    download: ssl.SSLContext


def load_tls(
    *,
    ca_file: str | os.PathLike[str] | None = None,
    client_certificate: str | os.PathLike[str] | None = None,
    client_key: str | os.PathLike[str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    environment: Mapping[str, str] = os.environ,
) -> TlsContexts:
    """
    Make the contexts.

    Args:
        ca_file: PEM file of certificate authorities to trust besides the usual ones.

        client_certificate: PEM file of the client's certificate, those above it, and its key.

        client_key: PEM file of that key, if it has a file of its own.

        ssl_context: What to use for the API in place of all this.

        environment: Where SSL_CERT_FILE and SSL_CERT_DIR are read.

    Raises:
        SettingError: If a file cannot be used, or the context does not check whom it speaks with.
    """
    if client_key is not None and client_certificate is None:
        raise SettingError("client_key goes with client_certificate")
    if ssl_context is not None and client_certificate is not None:
        raise SettingError("pass client_certificate or ssl_context, not both: load it into the context")
    download = _trusting(ca_file, environment)
    if ssl_context is not None:
        return TlsContexts(_checked(ssl_context), download)
    if client_certificate is None:
        return TlsContexts(download, download)
    api = _trusting(ca_file, environment)
    _load_client(api, client_certificate, client_key)
    return TlsContexts(api, download)


def _checked(context: object) -> ssl.SSLContext:
    if not isinstance(context, ssl.SSLContext):
        raise SettingError("ssl_context must be an ssl.SSLContext")
    if context.verify_mode != ssl.CERT_REQUIRED or not context.check_hostname:
        raise SettingError("the ssl_context does not check the server: the key would go to whoever answers")
    return context


def _trusting(ca_file: str | os.PathLike[str] | None, environment: Mapping[str, str]) -> ssl.SSLContext:
    context = _usual(environment)
    if ca_file is not None:
        try:
            context.load_verify_locations(cadata=_read(ca_file).decode("ascii", "ignore"))
        except (OSError, ValueError) as error:
            raise _unusable("the file of certificate authorities (ca_file)", error) from error
    return context


def _usual(environment: Mapping[str, str]) -> ssl.SSLContext:
    file, folders = environment.get("SSL_CERT_FILE"), environment.get("SSL_CERT_DIR")
    try:
        if file:
            return ssl.create_default_context(cafile=file)
        if folders:
            if not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
                raise SettingError("SSL_CERT_DIR names no folder")
            return ssl.create_default_context(capath=folders)
        return httpx.create_ssl_context(trust_env=False)
    except (OSError, ValueError) as error:
        raise _unusable("SSL_CERT_FILE" if file else "SSL_CERT_DIR or SSLKEYLOGFILE", error) from error


def _load_client(
    context: ssl.SSLContext, certificate: str | os.PathLike[str], key: str | os.PathLike[str] | None
) -> None:
    def ask() -> str:
        # Otherwise OpenSSL itself would ask at the terminal, and wait.
        raise SettingError("the client's key is encrypted: decrypt it, or load it into an ssl_context")

    try:
        context.load_cert_chain(certificate, key, password=ask)
    except (OSError, ValueError) as error:
        raise _unusable("the client's certificate or its key", error) from error


def _read(path: str | os.PathLike[str]) -> bytes:
    with Path(path).open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        message = f"it exceeds {_MOST_BYTES:,} bytes"
        raise ValueError(message)
    return data


def _unusable(what: str, error: OSError | ValueError) -> SettingError:
    if isinstance(error, ssl.SSLError):
        is_mismatch = error.reason == "KEY_VALUES_MISMATCH"
        reason = "the key does not fit the certificate" if is_mismatch else "it holds no PEM, or damaged PEM"
    elif isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
    else:
        reason = str(error)
    return SettingError(f"{what} cannot be used: {reason}")
