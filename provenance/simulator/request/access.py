"""
Who may ask: an api key, and bearer tokens that can expire or lack a role.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from provenance.simulator.api_error import missing_role, wrong_key, wrong_token
from provenance.simulator.clock import Clock

_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class _Token:
    expires: datetime | None
    has_role: bool


class AcceptedTokens:
    """
    The bearer tokens that are accepted; safe to share between threads.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def accept(self, token: str, *, lifetime_s: float | None = None, has_role: bool = True) -> None:
        """
        Accept a token from now on.

        Args:
            token: The token.

            lifetime_s: Seconds until it expires, by the simulation's clock; None for never.

            has_role: Whether its holder may make images; if not, it is answered with PermissionDenied.
        """
        expires = None if lifetime_s is None else self._clock() + timedelta(seconds=lifetime_s)
        with self._lock:
            self._tokens[token] = _Token(expires, has_role)

    def revoke(self, token: str) -> None:
        """
        Accept a token no longer.
        """
        with self._lock:
            self._tokens.pop(token, None)

    def check(self, token: str) -> None:
        """
        Check a token.

        Raises:
            ApiError: 401 if it is unknown, has expired, or its holder has no role.
        """
        with self._lock:
            found = next((entry for name, entry in self._tokens.items() if _equal(name, token)), None)
        if found is None or (found.expires is not None and self._clock() >= found.expires):
            raise wrong_token()
        if not found.has_role:
            raise missing_role()


def check_access(headers: Mapping[str, str], api_key: str, tokens: AcceptedTokens, *, v1: bool) -> None:
    """
    Check the key or the token in a request's headers.

    Args:
        headers: By lower-case names.

        api_key: The key of the resource.

        tokens: The tokens accepted.

        v1: Whether the key is taken as a bearer token, too, as Azure does in its v1 form.

    Raises:
        ApiError: 401.
    """
    key = headers.get("api-key")
    if key is not None:
        if not _equal(key, api_key):
            raise wrong_key()
        return
    authorization = headers.get("authorization", "")
    if not authorization.lower().startswith(_BEARER):
        raise wrong_key()
    token = authorization[len(_BEARER) :].strip()
    if not (v1 and _equal(token, api_key)):
        tokens.check(token)


def _equal(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
