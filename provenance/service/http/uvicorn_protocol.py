"""
uvicorn's HTTP protocol, of exactly the version whose private parts `protocol` derives from.

Another version may lack a name, or no longer call a method: bounds that are never called look like
bounds that have nothing to refuse.
"""

from __future__ import annotations

import uvicorn

from provenance.errors import DependencyError

VERSION = "0.54.0"

if uvicorn.__version__ != VERSION:
    raise DependencyError("uvicorn", uvicorn.__version__, VERSION)

from uvicorn.protocols.http.httptools_impl import (  # noqa: E402 - only now: another version may lack a name
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

__all__ = ["STATUS_LINE", "VERSION", "HttpToolsProtocol", "RequestResponseCycle"]
