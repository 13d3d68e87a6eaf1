"""
API keys: what they look like, what they allow, and how one that is presented is compared.

A key is `aip_<id>_<secret>`. The id is public: it stands in lists and logs. The secret is 256 random bits;
only its SHA-256 is kept, which is enough because nobody can go through that many.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

MAX_NAME = 100

_ID_BYTES = 10
_SECRET_BYTES = 32
_KEY = re.compile(r"aip_([a-z2-7]{16})_([A-Za-z0-9_-]{43})")
_ID = re.compile(r"[a-z2-7]{16}")
_NO_DIGEST = bytes(32)


class Scope(StrEnum):
    """
    What a key may be used for.
    """

    VERIFY = "verify"
    REPORTS_READ = "reports:read"
    REPORTS_DELETE = "reports:delete"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """
    An API key without its secret.

    Attributes:
        id: The public part, 16 characters.

        name: Who or what it was made for; printable.

        scopes: What it may be used for; not empty.

        created_at: When it was made.

        expires_at: From when on it is refused; None for never.

        revoked_at: When it was revoked, or None.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def allows(self, scope: Scope) -> bool:
        """
        Return whether the key may be used for something; `admin` includes everything.
        """
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def is_usable(self, at: datetime) -> bool:
        """
        Return whether the key is neither revoked nor expired.
        """
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """
    A key as somebody presents it, taken apart.

    Attributes:
        id: The public part.

        digest: SHA-256 of the secret.
    """

    id: str
    digest: bytes = field(repr=False)

    def matches(self, stored: bytes | None) -> bool:
        """
        Compare with what is stored under the id, in the same time whatever that is.

        Args:
            stored: SHA-256 of the true secret, or None if there is no such id.
        """
        is_equal = hmac.compare_digest(self.digest, _NO_DIGEST if stored is None else stored)
        return is_equal and stored is not None


def make_key() -> tuple[str, PresentedKey]:
    """
    Make a key that nobody can guess.

    Returns:
        The key as text, to be shown once; and its parts, to be kept.
    """
    key_id = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode("ascii").lower()
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return f"aip_{key_id}_{secret}", PresentedKey(key_id, _digest(secret))


def parse_key(text: str) -> PresentedKey | None:
    """
    Parse a key.

    Args:
        text: Anything; neither its length nor its characters can be trusted.

    Returns:
        Its parts, or None if it has not the form of a key.
    """
    found = _KEY.fullmatch(text)
    return None if found is None else PresentedKey(found[1], _digest(found[2]))


def is_key_id(text: str) -> bool:
    """
    Return whether text has the form of a key's id.
    """
    return _ID.fullmatch(text) is not None


def check_name(name: str) -> str:
    """
    Check that a key may have a name, and return it.

    Raises:
        ValueError: If it is empty, longer than 100 characters, not printable, or begins or ends with a
            space.
    """
    if not name or len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
        raise ValueError(f"the name of a key has 1 to {MAX_NAME} printable characters")
    return name


def check_scopes(scopes: Iterable[str]) -> frozenset[Scope]:
    """
    Check the scopes of a new key, and return them.

    Raises:
        ValueError: If there are none, or one is not known.
    """
    wanted = set(scopes)
    if unknown := wanted - set(Scope):
        raise ValueError(f"there is no scope {min(unknown)!r}; there are {', '.join(Scope)}")
    if not wanted:
        raise ValueError(f"a key needs at least one scope: {', '.join(Scope)}")
    return frozenset(map(Scope, wanted))


def write_scopes(scopes: Iterable[Scope]) -> str:
    """
    Write scopes as one text, the same for the same scopes.
    """
    return " ".join(sorted(scopes))


def read_scopes(text: str) -> frozenset[Scope]:
    """
    Read scopes that were written; one that a newer version of this program knows allows nothing here.
    """
    words = text.split()
    return frozenset(scope for scope in Scope if scope in words)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()
