"""
Connections to PostgreSQL that give up when the server is silent.

A timeout that the server keeps is none where the server hangs: no answer, but no end of the connection
either. Needs the extra "postgresql".
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

_Result = TypeVar("_Result")
_INTERVAL_S = 0.1


class TimedConnection(psycopg.Connection[Any]):
    """
    A connection on which no answer is waited for longer than `timeout_s`; after that it is closed.
    """

    timeout_s: float = 30.0

    def wait(
        self,
        gen: PQGen[_Result],
        interval: float = _INTERVAL_S,
        *further: Any,  # noqa: ANN401 - newer releases have a timeout of their own, for some calls
        **named: Any,  # noqa: ANN401
    ) -> _Result:
        """
        Wait for an answer of the server.

        Raises:
            psycopg.OperationalError: If none came in time.
        """
        return super().wait(self._bounded(gen), min(interval, self.timeout_s), *further, **named)

    def _bounded(self, gen: PQGen[_Result]) -> PQGen[_Result]:
        """
        Run *gen*, which yields what it waits for and gets what is ready; nothing, now and then.
        """
        deadline = time.monotonic() + self.timeout_s
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > deadline:
                    # The answer may still come: nobody must take it for that to the next question.
                    self.close()
                    raise psycopg.OperationalError(f"no answer within {self.timeout_s:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            answer: _Result = end.value
            return answer


def connect(timeout_s: float, **parameters: Any) -> TimedConnection:  # noqa: ANN401 - libpq's own
    """
    Connect, within *timeout_s* seconds but no fewer than two.

    Raises:
        psycopg.OperationalError: If the server is not there, refuses, or is silent.
    """
    connection = TimedConnection.connect(**parameters)
    connection.timeout_s = timeout_s
    return connection
