"""
Tokens from Microsoft Entra, through azure-identity, which comes with the extra `entra`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from provenance.generation.errors import SettingError

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
        SettingError: If azure-identity is not installed.
    """
    try:
        identity = importlib.import_module("azure.identity")
    except ModuleNotFoundError as error:
        raise SettingError(
            "azure-identity is not installed: pip install 'azure-image-provenance[entra]'"
        ) from error
    chosen = credential if credential is not None else identity.DefaultAzureCredential()
    provider: Callable[[], str] = identity.get_bearer_token_provider(chosen, scope)
    return provider
