"""
Log lines as JSON on standard error: one object a line, whatever text is in it.

Of an exception its type and its place are logged, not its message: that may hold what a client sent. Of what
libraries log, the wording is, without the values in it.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_OURS = "provenance"
_QUIET = ("python_multipart", "uvicorn.error")


class JsonFormatter(logging.Formatter):
    """
    Writes a record as one line of JSON; `extra={"facts": {...}}` adds to it.
    """

    def format(self, record: logging.LogRecord) -> str:
        """
        Write a record.
        """
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record).strip(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            error_type, _, trace = record.exc_info
            line["error"] = {"type": error_type.__qualname__, "at": _places(trace)}
        return json.dumps(line)


def configure_logging(level: str) -> None:
    """
    Make this whole process log JSON lines to standard error.

    Args:
        level: Least severe level of ours: debug, info, warning or error. Others log warnings and errors.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, _LEVELS[level]), force=True)
    logging.getLogger(_OURS).setLevel(_LEVELS[level])
    for name in _QUIET:
        # What they warn of is told by our own lines, without what the client sent.
        logging.getLogger(name).setLevel(logging.ERROR)


def _event(record: logging.LogRecord) -> str:
    return record.getMessage() if record.name.partition(".")[0] == _OURS else str(record.msg)


def _places(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
