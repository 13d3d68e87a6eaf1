"""
Images from Azure OpenAI, each judged before it is returned.

    from provenance.generation import AzureImageClient

    with AzureImageClient(endpoint="https://NAME.openai.azure.com", deployment="my-images") as client:
        for image in client.generate("a lighthouse at dusk", model="gpt-image-1", size="1024x1024"):
            image.save("pictures")

Nothing here decodes a picture or saves one again: that would destroy its Content Credentials.
"""

from __future__ import annotations

from provenance.generation.client import AsyncAzureImageClient, AzureImageClient
from provenance.generation.client_options import ClientOptions
from provenance.generation.content_filter import FilterReport, FilterResult
from provenance.generation.entra import entra_token_provider
from provenance.generation.errors import (
    AuthenticationError,
    DeploymentNotFoundError,
    ErrorFacts,
    ForbiddenError,
    GenerationError,
    GenerationTimeoutError,
    ImageUrlExpiredError,
    InvalidOptionError,
    KeysDisabledError,
    MalformedAnswerError,
    NetworkDeniedError,
    NotWrittenError,
    OutputFilteredError,
    PermissionDeniedError,
    PromptFilteredError,
    ProxyError,
    QuotaExceededError,
    RateLimitedError,
    RegistrationRequiredError,
    ResourceBlockedError,
    ServiceUnavailableError,
    SettingError,
    TlsError,
    Trace,
    WrongPathError,
)
from provenance.generation.exchange import ResponseLimits
from provenance.generation.image import (
    GeneratedImage,
    Generation,
    ImageRejectedError,
    PartialImage,
    Saved,
    Usage,
)
from provenance.generation.request.capability import MODELS
from provenance.generation.request.options import EditOptions, ImageOptions, StreamEditOptions, StreamOptions
from provenance.generation.transport.retry import RateLimiter, RetryPolicy

__all__ = [
    "MODELS",
    "AsyncAzureImageClient",
    "AuthenticationError",
    "AzureImageClient",
    "ClientOptions",
    "DeploymentNotFoundError",
    "EditOptions",
    "ErrorFacts",
    "FilterReport",
    "FilterResult",
    "ForbiddenError",
    "GeneratedImage",
    "Generation",
    "GenerationError",
    "GenerationTimeoutError",
    "ImageOptions",
    "ImageRejectedError",
    "ImageUrlExpiredError",
    "InvalidOptionError",
    "KeysDisabledError",
    "MalformedAnswerError",
    "NetworkDeniedError",
    "NotWrittenError",
    "OutputFilteredError",
    "PartialImage",
    "PermissionDeniedError",
    "PromptFilteredError",
    "ProxyError",
    "QuotaExceededError",
    "RateLimitedError",
    "RateLimiter",
    "RegistrationRequiredError",
    "ResourceBlockedError",
    "ResponseLimits",
    "RetryPolicy",
    "Saved",
    "ServiceUnavailableError",
    "SettingError",
    "StreamEditOptions",
    "StreamOptions",
    "TlsError",
    "Trace",
    "Usage",
    "WrongPathError",
    "entra_token_provider",
]
