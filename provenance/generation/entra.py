"""
Tokens from Microsoft Entra, through azure-identity, which comes with the extra `entra`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from provenance.generation.errors import AuthenticationError, SettingError
from provenance.generation.redaction import redact

SCOPE = "https://cognitiveservices.azure.com/.default"
"""
The scope documented in 2025; Foundry resources of 2026 document "https://ai.azure.com/.default".
"""


def entra_token_provider(scope: str = SCOPE, credential: object = None) -> Callable[[], str]:
    """
    Make a token callable for either client; it keeps a token until shortly before it expires.

    Args:
        scope: What the token is for.

        credential: A credential of azure-identity; by default `DefaultAzureCredential()`.

    Raises:
        SettingError: If azure-identity is not installed. The callable itself raises `AuthenticationError`
            where there is no token to be had.
    """
    try:
        identity = importlib.import_module("azure.identity")
    except ModuleNotFoundError as error:
        raise SettingError(
            "azure-identity is not installed: pip install 'azure-image-provenance[entra]'"
        ) from error
    chosen = credential if credential is not None else identity.DefaultAzureCredential()
    provider: Callable[[], str] = identity.get_bearer_token_provider(chosen, scope)
    unavailable = getattr(identity, "CredentialUnavailableError", None)
    # The root of azure-core's errors, below `Exception`: whatever way to a token fails.
    failures = tuple(kind for kind in getattr(unavailable, "__mro__", ()) if kind.__name__ == "AzureError")

    def token() -> str:
        try:
            return provider()
        except failures as error:
            # Its text names each way that was tried, over many lines.
            lines = str(error).strip().splitlines() or [type(error).__name__]
            message = f"Microsoft Entra gives no token: {redact(lines[0])[:300]}"
            raise AuthenticationError(message) from error

    return token
