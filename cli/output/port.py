"""
What to say where a port cannot be had.
"""

from __future__ import annotations

import errno

from provenance.cli.output.terminal import OutputError


def port_error(host: str, port: int, error: OSError) -> OutputError:
    """
    Return the error for a port that cannot be had, with what to do where another port would help.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    message = f"cannot listen on {address}: {error.strerror}"
    if error.errno in {errno.EADDRINUSE, errno.EACCES}:
        message += "; --port chooses another port, and --port 0 any that is free"
    return OutputError(message)
