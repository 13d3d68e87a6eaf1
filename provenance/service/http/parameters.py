"""
What a request says about itself before its body is read, refused where that cannot be understood.

A parameter that is not known is refused: one that is misspelt must not be one that is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from provenance.service.http import problem
from provenance.text_value import TextValueError
from provenance.toml_table import is_name

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LENGTH = re.compile(r"[0-9]{1,19}")

Value = TypeVar("Value")


def header(request: Request, name: str) -> str:
    """
    Return a header that may stand once only; "" if it does not stand there.

    Raises:
        ProblemError: 400 if it stands twice.
    """
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise problem.bad_request(f"The header '{name}' stands there more than once.")
    return values[0] if values else ""


def read_query(request: Request, *known: str) -> dict[str, str]:
    """
    Read the parameters of the query.

    Args:
        request: The request.

        known: Those that there are.

    Raises:
        ProblemError: 400 for any other, and for one that stands twice.
    """
    given = request.query_params.multi_items()
    found = dict(given)
    unknown = sorted(set(found) - set(known))
    if unknown:
        there_are = f"There are: {', '.join(known)}." if known else "There is none here."
        raise problem.bad_request(f"There is no parameter {unknown[0][:50]!r}. {there_are}")
    if len(found) < len(given):
        raise problem.bad_request("A parameter stands there more than once.")
    return found


def content_length(request: Request) -> int:
    """
    Read how long the body is.

    Raises:
        ProblemError: 411 if that is not said, 400 if it is said in a way nobody understands.
    """
    length = header(request, "content-length")
    if not length or "transfer-encoding" in request.headers:
        raise problem.length_required()
    if _LENGTH.fullmatch(length) is None:
        raise problem.bad_request("The header 'Content-Length' is no number.")
    return int(length)


def form_type(request: Request) -> str | None:
    """
    Check whether the body is a form.

    Returns:
        The content type, if it is one; None if the body is an image as it is.

    Raises:
        ProblemError: 415 if it is encoded, or in parts but no form.
    """
    encoding = header(request, "content-encoding").strip().lower()
    if encoding not in {"", "identity"}:
        raise problem.unsupported("The body is compressed.", {"Accept-Encoding": "identity"})
    content_type = header(request, "content-type")
    media_type, _ = parse_options_header(content_type)
    if media_type == b"multipart/form-data":
        return content_type
    if media_type.startswith(b"multipart/"):
        raise problem.unsupported("The body is in parts, but no form.")
    return None


def sha256(request: Request) -> str:
    """
    Read the SHA-256 in the path.

    Raises:
        ProblemError: 400 if it is none.
    """
    text: str = request.path_params["sha256"]
    if _SHA256.fullmatch(text) is None:
        raise problem.bad_request("A SHA-256 has 64 hexadecimal digits in lower case.")
    return text


def as_value(read: Callable[[str], Value], text: str, name: str) -> Value:
    """
    Read a parameter as `provenance.text_value` does.

    Raises:
        ProblemError: 400 if it is not what it has to be.
    """
    try:
        return read(text)
    except TextValueError as error:
        raise problem.bad_request(f"'{name}' has to be {error.wanted}.") from error


def as_name(text: str, name: str) -> str:
    """
    Read the name of a policy.

    Raises:
        ProblemError: 400 if no policy can be called so.
    """
    if not is_name(text):
        raise problem.bad_request(f"'{name}' has to be a name of letters, digits, '.', '-' and '_'.")
    return text
