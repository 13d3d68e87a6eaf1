"""
Which hosts are this machine: the one answer that client, simulator and service go by.
"""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """
    Return whether a name or an address of a host can only be this machine.

    Args:
        host: An IP address without brackets, or a name; anything.

    Source:
        RFC 6761, section 6.3 (localhost); RFC 4343 (names of hosts have no case).
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
