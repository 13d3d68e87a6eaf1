"""
Every answer that is no image, in Azure's words.

Source: Azure OpenAI, image generation and its errors, 2025-04-23 and 2026; public reports of real calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from provenance.simulator.fault import Denial
from provenance.simulator.model import ImageModel

RetryHint = Literal["ms", "seconds", "text"]

_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key "
    "for an active subscription and use a correct regional API endpoint for your resource."
)
_UNAUTHORIZED = (
    "Unauthorized. Access token is missing, invalid, audience is incorrect "
    "(https://cognitiveservices.azure.com), or have expired."
)
_NO_ROLE = (
    "The principal lacks the required data action "
    "`Microsoft.CognitiveServices/accounts/OpenAI/images/generations/action` to perform this operation."
)
_BLOCKED = (
    "Your resource has been temporarily blocked because we detected behavior that may violate our content "
    "policy. For more details on Azure OpenAI service content policy, please context "
    "https://aka.ms/aoaicodeofconduct"
)
_NO_DEPLOYMENT = (
    "The API deployment for this resource does not exist. If you created the deployment within the last "
    "5 minutes, please wait a moment and try again."
)
_FAULTS = {
    408: ("Timeout", "The operation was timeout."),
    429: ("RateLimitReached", "Requests have exceeded the call rate limit of your current pricing tier."),
    500: ("InternalServerError", "The server had an error processing your request. Sorry about that!"),
    502: ("BadGateway", "Bad gateway."),
    503: ("ServiceUnavailable", "The service is temporarily unable to process your request."),
}

_DENIALS: dict[Denial, tuple[int, str, str]] = {
    "keys disabled": (
        403,
        "AuthenticationTypeDisabled",
        "Key based authentication is disabled for this resource.",
    ),
    "firewall": (403, "403", "Access denied due to Virtual Network/Firewall rules."),
    "private endpoint": (403, "403", "Public access is disabled. Please configure private endpoint."),
    "registration": (
        403,
        "403",
        "Access to this model requires registration, see https://aka.ms/oai/access.",
    ),
    "unknown": (403, "Forbidden", "The policy of this organization does not allow the request."),
}
_GATEWAY_DENIALS: dict[Denial, tuple[int, str]] = {
    "gateway quota": (403, "Out of call volume quota. Quota will be replenished in 01:02:03."),
    "gateway rate": (429, "Rate limit is exceeded. Try again in 37 seconds."),
}


class ApiError(Exception):
    """
    A request that is answered with an error.

    Attributes:
        status: HTTP status.

        body: The answer's JSON.

        headers: Further headers.
    """

    def __init__(
        self, status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, body, headers)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        return f"answered with HTTP {self.status}"


def plain(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> ApiError:
    """
    Refuse with a code and a message alone.
    """
    return ApiError(status, {"error": {"code": code, "message": message}}, headers)


def invalid(message: str, param: str | None = None, code: str = "invalid_value") -> ApiError:
    """
    Refuse a parameter.
    """
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return ApiError(400, {"error": error})


def unsupported(param: str, value: object, supported: Iterable[str]) -> ApiError:
    """
    Refuse a value, naming those that are taken.
    """
    names = [f"'{name}'" for name in supported]
    listed = ", ".join(names[:-1]) + (" and " if names[1:] else "") + "".join(names[-1:])
    return invalid(f"Invalid value: '{str(value)[:100]}'. Supported values are: {listed}.", param)


def unknown_parameter(param: str) -> ApiError:
    """
    Refuse a parameter that this model does not have.
    """
    return invalid(f"Unknown parameter: '{param[:100]}'.", param[:100], "unknown_parameter")


def missing_parameter(param: str) -> ApiError:
    """
    Refuse a request without a required parameter.
    """
    return invalid(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def model_in_body(model: ImageModel, value: object) -> ApiError:
    """
    Refuse `model` in the body of the deployment form.
    """
    if model.answers_with_url:
        return invalid("Invalid model. The model argument should be left blank.", "model")
    error = {
        "message": f"The model '{str(value)[:100]}' does not exist.",
        "type": "image_generation_user_error",
        "param": "model",
        "code": "invalid_value",
    }
    return ApiError(400, {"error": error})


def wrong_key() -> ApiError:
    """
    Refuse a key that is wrong or missing.
    """
    return plain(401, "401", _DENIED)


def wrong_token() -> ApiError:
    """
    Refuse a bearer token that is unknown or has expired.
    """
    return plain(401, "401", _UNAUTHORIZED)


def missing_role() -> ApiError:
    """
    Refuse a good token whose holder was given no role.
    """
    return plain(401, "PermissionDenied", _NO_ROLE)


def resource_blocked() -> ApiError:
    """
    Refuse everything: the resource is blocked, whatever the prompt.
    """
    return plain(403, "Forbidden", _BLOCKED)


def deployment_not_found() -> ApiError:
    """
    Refuse a deployment that does not exist.
    """
    return plain(404, "DeploymentNotFound", _NO_DEPLOYMENT)


def resource_not_found() -> ApiError:
    """
    Refuse a path, or an api-version under which there is no such path.
    """
    return plain(404, "404", "Resource not found")


def version_not_supported() -> ApiError:
    """
    Refuse an api-version of the v1 form.
    """
    return plain(400, "BadRequest", "API version not supported")


def operation_not_supported(model: ImageModel) -> ApiError:
    """
    Refuse edits by a model that makes none.
    """
    return plain(
        400,
        "OperationNotSupported",
        f"The imageEdits operation does not work with the specified model, {model.name}. "
        "Please choose different model and try again.",
    )


def body_too_large(limit: int) -> ApiError:
    """
    Refuse a body over the limit.
    """
    return plain(413, "413", f"Request body too large: at most {limit:,} bytes.", {"connection": "close"})


def body_too_slow() -> ApiError:
    """
    Refuse a body that does not come.
    """
    return plain(408, "Timeout", _FAULTS[408][1], {"connection": "close"})


def rate_limited(wait_s: float, version: str, hints: frozenset[RetryHint]) -> ApiError:
    """
    Refuse a request over the quota.

    Args:
        wait_s: Seconds until the next request would pass.

        version: The api-version asked for; may be empty.

        hints: Where the answer says how long to wait.
    """
    seconds = max(1, math.ceil(wait_s))
    headers = {"retry-after-ms": str(max(1, math.ceil(wait_s * 1000)))} if "ms" in hints else {}
    headers |= {"retry-after": str(seconds)} if "seconds" in hints else {}
    under = f" under Azure OpenAI API version {version[:40]}" if version else ""
    text = f"Requests to the ImageGenerations_Create Operation{under} have exceeded call rate limit of your "
    text += "current OpenAI S0 pricing tier."
    if "text" in hints:
        text += f" Please retry after {seconds} second{'s' if seconds > 1 else ''}."
    return plain(429, "RateLimitReached", text, headers)


def failed(status: int, retry_after_s: float | None = None) -> ApiError:
    """
    Fail for a reason on the server's side.

    Args:
        status: 408, 429, 500, 502 or 503.

        retry_after_s: What `Retry-After` says; None for no such header.
    """
    code, message = _FAULTS[status]
    headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
    return plain(status, code, message, headers)


def denied(reason: Denial) -> ApiError:
    """
    Refuse for a reason that is not the prompt's; gateways have a form of their own.
    """
    if reason in _GATEWAY_DENIALS:
        return gateway(*_GATEWAY_DENIALS[reason])
    return plain(*_DENIALS[reason])


def gateway(status: int, message: str) -> ApiError:
    """
    Refuse as API Management does, in front of the service.
    """
    return ApiError(status, {"statusCode": status, "message": message})


def missing_subscription_key() -> ApiError:
    """
    Refuse a request without a header that the gateway asks for, or with another value in it.
    """
    return gateway(
        401,
        "Access denied due to missing subscription key. Make sure to include subscription key when making "
        "requests to an API.",
    )
