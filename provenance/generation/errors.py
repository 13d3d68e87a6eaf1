"""
Why no image came back, one class per cause.

No error carries a key, a token or the signature of an image's URL: what a server says passes through
`redaction` first. `ImageRejectedError`, which carries the images it is about, stands in `image`.

    GenerationError
    ├── SettingError             endpoint, credential, file or proxy missing or unusable, or an extra missing
    ├── InvalidOptionError       an option, an input image or a field that the model does not take
    ├── PromptFilteredError      the content filter refused the prompt
    ├── OutputFilteredError      the content filter withheld an image that had been made
    ├── AuthenticationError      the key or token is not accepted
    │   └── KeysDisabledError         the resource takes tokens only
    ├── PermissionDeniedError    the caller lacks a role
    │   ├── NetworkDeniedError        a firewall, virtual network or private endpoint keeps the caller out
    │   └── RegistrationRequiredError the model is for registered subscriptions or organizations only
    ├── ResourceBlockedError     the whole resource is blocked, whatever the prompt
    ├── ForbiddenError           refused for a reason that only the message tells
    ├── DeploymentNotFoundError  no such deployment in the resource
    ├── WrongPathError           the server knows no such path
    ├── RateLimitedError         too many requests
    │   └── QuotaExceededError        a quota is used up, for longer than a retry can wait
    ├── GenerationTimeoutError   no answer in time
    ├── ServiceUnavailableError  the service failed or cannot be reached
    │   ├── TlsError          the server's certificate, or the client's, is not accepted
    │   └── ProxyError                a proxy cannot be reached, or lets nothing through
    ├── MalformedAnswerError     the answer is not what the API answers, or breaks off
    ├── ImageUrlExpiredError     the image's URL is not valid any more
    ├── NotWrittenError          the image could not be saved
    └── ImageRejectedError       an image came and is not accepted
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from provenance.errors import ProvenanceError
from provenance.generation.content_filter import FilterReport


class Trace(NamedTuple):
    """
    What to quote to those who run the service: header names in lower case, and their values.

    Attributes:
        headers: Request ids, region, deployment and rate limits, as the answer gave them.
    """

    headers: tuple[tuple[str, str], ...] = ()

    @property
    def request_id(self) -> str | None:
        """
        The first of `apim-request-id`, `x-request-id` and `x-ms-client-request-id` that there is.
        """
        found = dict(self.headers)
        names = ("apim-request-id", "x-request-id", "x-ms-client-request-id")
        return next((found[name] for name in names if name in found), None)

    @property
    def rate_limits(self) -> Mapping[str, str]:
        """
        The headers whose names begin with `x-ratelimit-`.
        """
        return MappingProxyType({k: v for k, v in self.headers if k.startswith("x-ratelimit-")})


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """
    What is known of a failure.

    Attributes:
        status: HTTP status, or None if there was no answer.

        code: The service's own code, such as "DeploymentNotFound".

        parameter: The option or field that is to blame.

        trace: Headers of the answer.

        filtered: What the content filter said.

        revised_prompt: The prompt as the service had rewritten it.

        retry_after_s: Seconds the service asks to wait.

        retryable: Whether the same request may do better later.
    """

    status: int | None = None
    code: str | None = None
    parameter: str | None = None
    trace: Trace = field(default_factory=Trace)
    filtered: FilterReport = field(default_factory=FilterReport)
    revised_prompt: str | None = None
    retry_after_s: float | None = None
    retryable: bool = False


NOTHING_KNOWN = ErrorFacts()


class GenerationError(ProvenanceError):
    """
    No image, or not every image, could be had.

    Attributes:
        message: What happened, in one sentence.

        facts: What else is known.

        attempts: Requests made before giving up.
    """

    hint = "Read the message; it says which part of the request is meant."

    def __init__(self, message: str, facts: ErrorFacts = NOTHING_KNOWN) -> None:
        super().__init__(message, facts)
        self.message = message
        self.facts = facts
        self.attempts = 1

    @property
    def status(self) -> int | None:
        """
        HTTP status, or None if there was no answer.
        """
        return self.facts.status

    @property
    def code(self) -> str | None:
        """
        The service's own code, or None.
        """
        return self.facts.code

    @property
    def request_id(self) -> str | None:
        """
        The id to quote to those who run the service, or None.
        """
        return self.facts.trace.request_id

    def __str__(self) -> str:
        known = (
            f"HTTP {self.status}" if self.status is not None else "",
            f"code {self.code}" if self.code else "",
            f"request {self.request_id}" if self.request_id else "",
            f"{self.attempts} attempts" if self.attempts > 1 else "",
        )
        details = ", ".join(filter(None, known))
        return f"{self.message} ({details})" if details else self.message


class SettingError(GenerationError):
    """
    The client cannot be set up: what it needs is missing or contradictory, or an extra is not installed.
    """

    hint = (
        "Correct what the message names; endpoint, deployment and key are arguments, or "
        "AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_DEPLOYMENT and AZURE_OPENAI_API_KEY."
    )


class InvalidOptionError(GenerationError):
    """
    An option, an input image or a field that the model does not take; `facts.parameter` names it.

    Nothing was sent if there is no status.
    """

    hint = "Change the option that the message names; 'extra' passes a field on unchecked."


class _FilteredError(GenerationError):
    @property
    def filtered(self) -> FilterReport:
        """
        What the content filter said.
        """
        return self.facts.filtered

    @property
    def revised_prompt(self) -> str | None:
        """
        The prompt as the service had rewritten it, or None.
        """
        return self.facts.revised_prompt


class PromptFilteredError(_FilteredError):
    """
    The content filter refused the prompt, or an image given with it.
    """

    hint = "Reword the prompt: error.filtered names the categories, error.revised_prompt what was judged."


class OutputFilteredError(_FilteredError):
    """
    An image was made, and the content filter withheld it.
    """

    hint = "Ask again, or reword the prompt: error.filtered names the categories."


class AuthenticationError(GenerationError):
    """
    The key or token is wrong, expired, or for another resource.
    """

    hint = (
        "Check that the key belongs to this endpoint's resource, or that the token's scope and tenant are "
        "right; a gateway's own key is a header (headers=, --header-env)."
    )


class KeysDisabledError(AuthenticationError):
    """
    The resource takes no keys, only Microsoft Entra tokens.
    """

    hint = "Use a token instead of a key: token=entra_token_provider(), or --entra."


class PermissionDeniedError(GenerationError):
    """
    Whoever asks is known, and not allowed: a role is missing, or more is said in the message.
    """

    hint = (
        "Assign the role 'Cognitive Services OpenAI User' on the resource to whoever asks; a new role takes "
        "some minutes."
    )


class NetworkDeniedError(PermissionDeniedError):
    """
    The resource lets in other networks only: a firewall, a virtual network or a private endpoint.
    """

    hint = (
        "Ask from a network that the resource lets in, or have its owner change 'Networking' in the Azure "
        "portal; a change takes some minutes."
    )


class RegistrationRequiredError(PermissionDeniedError):
    """
    The model is for subscriptions or organizations that have registered for it.
    """

    hint = (
        "Have the owner of the subscription register for the model, as the message says, or use another one."
    )


class ResourceBlockedError(GenerationError):
    """
    The whole resource is blocked; this is not about the prompt.
    """

    hint = "Ask the owner of the Azure subscription: the resource is blocked, and no prompt will help."


class ForbiddenError(GenerationError):
    """
    The request is refused, and only the message tells why, if anything does.
    """

    hint = (
        "The message is all that is known: it may be the service's, or that of a gateway or firewall in "
        "front of it."
    )


class DeploymentNotFoundError(GenerationError):
    """
    The resource has no deployment of that name, or does not have it yet.
    """

    hint = "Check the deployment's name in the resource (not the model's); a new one takes some minutes."


class WrongPathError(GenerationError):
    """
    The server knows no such path, or sends elsewhere.
    """

    hint = (
        "Give the endpoint without a path (https://NAME.openai.azure.com), and an api-version that has this "
        "operation for this model."
    )


class RateLimitedError(GenerationError):
    """
    Too many requests for the deployment's quota; `facts.retry_after_s` says how long to wait.
    """

    hint = "Ask less often (requests_per_minute), wait longer (RetryPolicy), or raise the deployment's quota."


class QuotaExceededError(RateLimitedError):
    """
    A quota is used up, of the subscription or of a gateway; `facts.retry_after_s` says until when, if known.
    """

    hint = "Wait until the quota is renewed, or have it raised by whoever set it; asking again will not help."


class GenerationTimeoutError(GenerationError):
    """
    No answer in time: from the service (408, 504), on the wire, or within the deadline.
    """

    hint = "Images can take minutes: raise read_timeout_s or deadline_s in RetryPolicy, or lower the quality."


class ServiceUnavailableError(GenerationError):
    """
    The service failed, or cannot be reached.
    """

    hint = "Try again later; check the endpoint's host name and the network if it never works."


class TlsError(ServiceUnavailableError):
    """
    No TLS connection: the server's certificate is not trusted, or it does not accept the client's.
    """

    hint = (
        "Name the authority behind the server's certificate (ca_file=, --ca-file, or SSL_CERT_FILE), and a "
        "client certificate where one is asked for (client_certificate=, --client-certificate)."
    )


class ProxyError(ServiceUnavailableError):
    """
    The proxy that the environment names cannot be reached, or lets nothing through.
    """

    hint = "Check HTTPS_PROXY or ALL_PROXY, and name and password in it; NO_PROXY names hosts that need none."


class MalformedAnswerError(GenerationError):
    """
    The answer is not what the API answers, is too large, or breaks off.
    """

    hint = "Quote the request id to those who run the service; the image may have been made and billed."


class ImageUrlExpiredError(GenerationError):
    """
    The image's URL is not valid any more: it lives for 24 hours.
    """

    hint = "Generate the image again, or ask for response_format='b64_json', which needs no URL."


class NotWrittenError(GenerationError):
    """
    The image and its report could not be saved; neither is there.
    """

    hint = "Name a folder you may write to and a file that is not there yet, or pass overwrite=True."
