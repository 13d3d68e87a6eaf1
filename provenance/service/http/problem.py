"""
Why a request has no answer of its own, in the form of RFC 9457.

The one place that turns errors into HTTP statuses. What a problem says is written here or by the error's own
class; of what went wrong inside, nothing gets out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from provenance.errors import (
    AssetError,
    AssetTooLargeError,
    DeadlineExceededError,
    MalformedAssetError,
    PolicyError,
    ProvenanceError,
    StoreError,
    UnsupportedAssetError,
    WorkerCrashedError,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:azure-image-provenance:problem:"

_ONCE_MORE = "Try again once; then report it, with what the header 'X-Request-Id' says."
_LIMIT = (
    "It cannot be judged here: a smaller copy would not have its credentials, and the limit is set by "
    "whoever runs the service."
)
_HINTS = {
    400: "Change the request: /openapi.json says what may be sent.",
    403: "Ask whoever runs the service for a key that may do this.",
    404: "Check the address: /openapi.json lists what there is; a report is there once its image was judged.",
    405: "Use a method that the header 'Allow' names.",
    408: "Send it faster, or send less.",
    415: "Send the image itself, or a form of type multipart/form-data; neither of them compressed.",
    421: "Ask for localhost or 127.0.0.1, or have the service run with API keys.",
    431: "Send fewer or shorter headers.",
    503: "Try again in a moment.",
}
_REPORT_IT = "Report it, with what the header 'X-Request-Id' says."


@dataclass(frozen=True, slots=True)
class Problem:
    """
    Why a request is refused, or failed.

    Attributes:
        status: HTTP status.

        name: Its type, in lower-case words joined by dashes; the end of its `type`, and its
            name in metrics.

        title: The same for people; always the same for one type.

        detail: What was wrong this time; empty if there is nothing to add.

        hint: What can be done about it by whoever sent the request; empty for what its status says of that.

        headers: Headers that belong to the answer.
    """

    status: int
    name: str
    title: str
    detail: str = ""
    hint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def advice(self) -> str:
        """
        What can be done about it; never empty.
        """
        return self.hint or _HINTS.get(self.status, _REPORT_IT)

    def body(self, request_id: str) -> bytes:
        """
        Write it as the body of an answer.
        """
        content = {
            "type": TYPE_PREFIX + self.name,
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
            "instance": request_id,
            "hint": self.advice,
        }
        return json.dumps(content).encode()

    def response(self, request_id: str) -> Response:
        """
        Make the answer.
        """
        return Response(self.body(request_id), self.status, {**self.headers, "Content-Type": MEDIA_TYPE})


class ProblemError(Exception):
    """
    Ends a request.

    Attributes:
        problem: What is answered.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.problem.status} {self.problem.name}"


def bad_request(detail: str, hint: str = "") -> ProblemError:
    """
    Return the problem of a request that cannot be understood.
    """
    return ProblemError(Problem(400, "bad-request", "The request cannot be understood", detail, hint))


def bad_host() -> ProblemError:
    """
    Return the problem that a request does not tell for whom it is, or tells it twice.
    """
    return bad_request("The request needs exactly one header 'Host'.")


def no_key() -> ProblemError:
    """
    Return the problem that an API key is missing.
    """
    return _unauthorized("The request has no API key.")


def key_not_accepted() -> ProblemError:
    """
    Return the problem that an API key is not accepted; never which of its parts is wrong.
    """
    return _unauthorized("The API key is not accepted: it is unknown, revoked or has expired.")


def lacks_scope(scope: str) -> ProblemError:
    """
    Return the problem that an API key is for other things.
    """
    detail = f"The API key is not for this: it lacks the scope '{scope}'."
    hint = "Have a key made with that scope, by 'provenance keys create'."
    return ProblemError(Problem(403, "forbidden", "This is not allowed", detail, hint))


def not_found(detail: str) -> ProblemError:
    """
    Return the problem that there is nothing by that name.
    """
    return ProblemError(Problem(404, "not-found", "There is nothing here", detail))


def method_not_allowed(allowed: str) -> ProblemError:
    """
    Return the problem of a method that is not there, with those that are.
    """
    return ProblemError(
        Problem(
            405,
            "method-not-allowed",
            "The method is not allowed here",
            f"Allowed here: {allowed}.",
            headers={"Allow": allowed},
        )
    )


def too_slow() -> ProblemError:
    """
    Return the problem that the body did not arrive in time.
    """
    return ProblemError(Problem(408, "too-slow", "The body did not arrive in time"))


def length_required() -> ProblemError:
    """
    Return the problem that the length has to be known beforehand.
    """
    return ProblemError(
        Problem(
            411,
            "length-required",
            "The length of the body is not given",
            hint="Send the header 'Content-Length', and no 'Transfer-Encoding'.",
        )
    )


def too_large(limit: int) -> ProblemError:
    """
    Return the problem that the body is larger than any that would be judged.
    """
    return ProblemError(
        Problem(
            413,
            "too-large",
            "The image is too large",
            f"At most {limit:,} bytes are taken.",
            _LIMIT,
        )
    )


def too_many(limit: int) -> ProblemError:
    """
    Return the problem that a request holds too many images.
    """
    detail = f"At most {limit:,} of them {'is' if limit == 1 else 'are'} taken at once."
    return ProblemError(
        Problem(
            400,
            "too-many",
            "There are too many images in one request",
            detail,
            "Send the others in another request.",
        )
    )


def unsupported(detail: str, headers: Mapping[str, str] | None = None) -> ProblemError:
    """
    Return the problem that the body is in a form that is not read.
    """
    title = "The body is in a form that is not read"
    return ProblemError(Problem(415, "unsupported", title, detail, headers=headers or {}))


def misdirected() -> ProblemError:
    """
    Return the problem that the request was meant for somebody else.
    """
    detail = "Without API keys, only requests to this machine's own name are answered."
    return ProblemError(Problem(421, "misdirected", "The request is for another host", detail))


def other_site() -> ProblemError:
    """
    Return the problem that a page of another site has a browser ask, which its user may not want.
    """
    detail = "Without API keys, pages of other sites may not have anything done here."
    hint = "Ask from this service's own page or from a program, or run the service with API keys."
    return ProblemError(Problem(403, "other-site", "This is not allowed", detail, hint))


def too_often(wait_s: int) -> ProblemError:
    """
    Return the problem that a key asks for more than it may, and when it may again.
    """
    return ProblemError(
        Problem(
            429,
            "too-often",
            "The API key has used up its rate",
            hint=f"Try again in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
        )
    )


def too_busy(wait_s: int = 1) -> ProblemError:
    """
    Return the problem that there is too much to do already.
    """
    return ProblemError(Problem(503, "too-busy", "The service is busy", headers={"Retry-After": str(wait_s)}))


def no_room() -> ProblemError:
    """
    Return the problem that there is no room for what is sent.
    """
    return ProblemError(
        Problem(503, "no-room", "There is no room for the image", headers={"Retry-After": "5"})
    )


def store_unavailable() -> ProblemError:
    """
    Return the problem that what was asked for lies in a store that does not answer.
    """
    return ProblemError(
        Problem(
            503,
            "store-unavailable",
            "The store of reports does not answer",
            headers={"Retry-After": "5"},
        )
    )


INTERNAL = Problem(500, "internal", "The service failed", hint=_REPORT_IT)
"""
For all that nobody expected.
"""


def problem_of(error: ProvenanceError) -> Problem:
    """
    Return what an error of the library is over HTTP.
    """
    if isinstance(error, StoreError):
        return store_unavailable().problem
    for error_type, status, name, title, hint in _OF_ERRORS:
        if isinstance(error, error_type):
            return Problem(status, name, title, str(error), hint)
    return INTERNAL


def hint_of(error: ProvenanceError) -> str:
    """
    Return what whoever sent an image can do about an error of the library.

    The error's own hint is for those who call the library: its limits are not theirs to raise.
    """
    return problem_of(error).advice


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(
        Problem(
            401,
            "unauthorized",
            "An API key is needed",
            detail,
            "Send the header 'Authorization: Bearer' with a key made by 'provenance keys create'.",
            {"WWW-Authenticate": 'Bearer realm="provenance"'},
        )
    )


_OF_ERRORS: tuple[tuple[type[ProvenanceError], int, str, str, str], ...] = (
    (AssetTooLargeError, 413, "too-large", "The image is too large", _LIMIT),
    (
        UnsupportedAssetError,
        415,
        "unsupported",
        "The body is in a form that is not read",
        UnsupportedAssetError.hint,
    ),
    (MalformedAssetError, 422, "malformed", "The image is damaged", MalformedAssetError.hint),
    (DeadlineExceededError, 504, "past-deadline", "The image was not judged in time", _ONCE_MORE),
    (WorkerCrashedError, 500, "crashed", "The image could not be judged", WorkerCrashedError.hint),
    (AssetError, 500, "unreadable", "The image could not be judged", _ONCE_MORE),
    (PolicyError, 400, "bad-request", "The request cannot be understood", _HINTS[400]),
)
