"""
Who may do what: the API key of a request, its scopes and its rate.
"""

from __future__ import annotations

from starlette.requests import Request

from provenance.errors import StoreError
from provenance.service.auth.key_cache import KeyCache
from provenance.service.auth.rate_limit import RateLimit
from provenance.service.http import problem
from provenance.service.http.parameters import header
from provenance.service.http.request_context import context_of
from provenance.service.store.api_key import Scope

_SCHEME = "bearer"


class Authorizer:
    """
    Authorizes requests, and bounds how many images a key sends.
    """

    def __init__(self, keys: KeyCache | None, rate: RateLimit) -> None:
        """
        Set who is authorized.

        Args:
            keys: The keys there are; None to authorize everybody.

            rate: How many images each may send.
        """
        self._keys = keys
        self._rate = rate

    @property
    def needs_key(self) -> bool:
        """
        Whether a key is needed at all.
        """
        return self._keys is not None

    async def authorize(self, request: Request, scope: Scope) -> None:
        """
        Check that a request may do what it asks for.

        Args:
            request: The request.

            scope: What its key has to be for.

        Raises:
            ProblemError: 401 without a key that is accepted, 403 if the key is for other things, 503 if
                nobody knows because the store does not answer.
        """
        if self._keys is None:
            return
        scheme, _, presented = header(request, "authorization").partition(" ")
        if scheme.lower() != _SCHEME or not presented:
            raise problem.no_key()
        try:
            key = await self._keys.find(presented.strip(" "))
        except StoreError as error:
            raise problem.store_unavailable() from error
        if key is None:
            raise problem.key_not_accepted()
        context_of(request.scope).key = key.id
        if not key.allows(scope):
            raise problem.lacks_scope(scope)

    def count_image(self, request: Request) -> None:
        """
        Count an image against the rate of the key.

        Raises:
            ProblemError: 429 if it is used up.
        """
        if key := context_of(request.scope).key:
            self._rate.consume(key)

    def count_further_image(self, request: Request) -> None:
        """
        Count one more image of a request that is being read.
        """
        if key := context_of(request.scope).key:
            self._rate.consume_with_debt(key)
