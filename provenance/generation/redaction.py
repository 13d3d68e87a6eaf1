"""
Taking secrets out of text that comes from elsewhere, before it can reach a message or a log.
"""

from __future__ import annotations

import re

_MARKED = (
    # Not \b: JSON may write the ampersand before it as an escape that ends in a digit.
    re.compile(r"(?i)((?<![a-z])(?:sig|signature)(?:=|%3d))[^&\s\"'<>\\]+"),
    re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]+"),
    re.compile(r"(?i)(\bapi-key[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]+"),
)
_SHORTEST = 4


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """
    Return *text* without any of *secrets*, and without what looks like a token or a URL's signature.
    """
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    for pattern in _MARKED:
        text = pattern.sub(r"\1***", text)
    return text
