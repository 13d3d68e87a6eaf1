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

_Answer = TypeVar("_Answer")
_INTERVAL_S = 0.1


class PatientConnection(psycopg.Connection[Any]):
    """
    A connection on which no answer is waited for longer than `patience_s`; after that it is closed.
    """

    patience_s: float = 30.0

    def wait(
        self,
        gen: PQGen[_Answer],
        interval: float = _INTERVAL_S,
        *further: Any,  # noqa: ANN401 - newer releases have a timeout of their own, for some calls
        **named: Any,  # noqa: ANN401
    ) -> _Answer:
        """
        Wait for an answer of the server.

        Raises:
            psycopg.OperationalError: If none came in time.
        """
        return super().wait(self._bounded(gen), min(interval, self.patience_s), *further, **named)

    def _bounded(self, gen: PQGen[_Answer]) -> PQGen[_Answer]:
        """
        Do as *gen* does, which tells what it waits for and is told what is ready; nothing, now and then.
        """
        deadline = time.monotonic() + self.patience_s
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > deadline:
                    # The answer may still come: nobody must take it for that to the next question.
                    self.close()
                    raise psycopg.OperationalError(f"no answer within {self.patience_s:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            answer: _Answer = end.value
            return answer


def connect(patience_s: float, **parameters: Any) -> PatientConnection:  # noqa: ANN401 - libpq's own
    """
    Connect, within *patience_s* seconds but no fewer than two.

    Raises:
        psycopg.OperationalError: If the server is not there, refuses, or is silent.
    """
    connection = PatientConnection.connect(**parameters)
    connection.patience_s = patience_s
    return connection
