"""
What a hard binding covers, and what it leaves open: the result of holding it against the container.
"""

from __future__ import annotations

from typing import NamedTuple


class Coverage(NamedTuple):
    """
    Which bytes of an asset its hard binding leaves open to change.

    Attributes:
        unbound_bytes: Bytes that no hash covers, the embedded manifest store aside; None if that cannot
            be told for this kind of binding or container.

        faults: Validation status code and explanation of each reason for which the binding cannot be one
            of this asset, such as an exclusion that is not the span of the manifest store; any makes the
            asset `invalid`.

        beyond_end: Whether bytes after the container's end are covered, too.
    """

    unbound_bytes: int | None = None
    faults: tuple[tuple[str, str], ...] = ()
    beyond_end: bool = False
