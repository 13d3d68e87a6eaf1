"""
Processes that judge for this one: a pool of them, one of them, and what runs in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.lazy_names import lazy_names

if TYPE_CHECKING:
    from provenance.workers.pool import DEADLINE_S, MAX_MEMORY_BYTES, WorkerPool, usable_processors
    from provenance.workers.serving import Work

__all__ = ["DEADLINE_S", "MAX_MEMORY_BYTES", "Work", "WorkerPool", "usable_processors"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "pool": ("DEADLINE_S", "MAX_MEMORY_BYTES", "WorkerPool", "usable_processors"),
        "serving": ("Work",),
    },
)
