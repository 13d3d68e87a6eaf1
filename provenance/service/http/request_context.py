"""
What is known of one request while it is answered: for its log line, its trace and its place in the metrics.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from starlette.types import Scope

from provenance.service.observability.tracing import Attributes, RequestTrace

KEY = "provenance.request_context"
"""
Where a request's scope holds its `RequestContext`.
"""

GONE = 499
"""
Status where the client was gone before there was an answer; nobody sees it but the log.
"""


@dataclass(slots=True)
class RequestContext:
    """
    One request, as far as it is known; filled in while it is answered.

    Attributes:
        request_id: Its name in log, answer and problem.

        trace: Its trace.

        status: What was answered; 499 if the client was gone before.

        key: Id of the API key, or "".

        state: What the credentials prove, if one image was judged.

        accepted: Whether the policy accepts that.

        reused: Whether the report was in the store already.

        stored: Whether it is there now.

        images: How many images were judged.

        problem: Name of the problem it ended with, or "".

        received: Bytes of the body that were read.
    """

    request_id: str
    trace: RequestTrace
    status: int = GONE
    key: str = ""
    state: str = ""
    accepted: bool | None = None
    reused: bool | None = None
    stored: bool | None = None
    images: int = 0
    problem: str = ""
    received: int = 0
    begin: float = field(default_factory=time.perf_counter)

    def facts(self) -> Attributes:
        """
        List what was found out, for log and trace.
        """
        found: dict[str, str | int | bool | None] = {
            "request_id": self.request_id,
            "status": self.status,
            "received": self.received,
            "key": self.key,
            "problem": self.problem,
            "images": self.images,
            "state": self.state,
            "accepted": self.accepted,
            "reused": self.reused,
            "stored": self.stored,
        }
        return {name: value for name, value in found.items() if value is not None and value != ""}


def context_of(scope: Scope) -> RequestContext:
    """
    Return the context of a request.
    """
    context: RequestContext = scope[KEY]
    return context
