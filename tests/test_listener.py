"""
What a port that cannot be had is: one error, whichever step fails.
"""

from __future__ import annotations

import errno
import socket
from contextlib import closing

import pytest

from provenance.listener import ListenError, address_of, listen


def test_a_family_that_the_system_does_not_know_is_a_port_that_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    IPv6 can be switched off; or there are no more files to be had.
    """

    def refuse(*_: object) -> None:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refuse)

    with pytest.raises(ListenError) as caught:
        listen("::1", 0)

    assert caught.value.errno == errno.EAFNOSUPPORT


def test_a_port_that_is_taken_cannot_be_had() -> None:
    """
    By somebody who listens there.
    """
    with closing(listen("127.0.0.1", 0)) as first:
        port = int(address_of(first).rpartition(":")[2])

        with pytest.raises(ListenError) as caught:
            listen("127.0.0.1", port)

    assert caught.value.errno == errno.EADDRINUSE
