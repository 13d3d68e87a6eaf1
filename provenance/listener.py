"""
Sockets that listen, for the service and the simulator alike.
"""

from __future__ import annotations

import contextlib
import socket


class ListenError(OSError):
    """
    A port cannot be had.
    """


def listen(host: str, port: int, *, backlog: int = 128) -> socket.socket:
    """
    Open a socket that listens; from then on clients wait until somebody answers, instead of being refused.

    Args:
        host: A name or an address of this machine, without brackets.

        port: The port; 0 for any that is free.

        backlog: How many connections may wait.

    Raises:
        ListenError: If the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(backlog)
        except OSError as error:
            raise ListenError(error.errno, error.strerror) from error
        stack.pop_all()
    return listener


def address_of(listener: socket.socket) -> str:
    """
    Return the address that a socket listens on, as http://host:port.
    """
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
