"""
Many files: walk, run, resume, write.

    from provenance.audit import Audit, Summary

    summary = Summary()
    for record in Audit().run(["pictures"], summary):
        print(record.name, record.category)

Names are imported when they are first asked for. Files are judged in other processes, so a program needs the
usual `if __name__ == "__main__":` around this.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.audit.gate import Baseline, Gate
    from provenance.audit.record import Category, Heading, Record, Summary
    from provenance.audit.run import Audit
    from provenance.audit.writer.outputs import Outputs

__all__ = ["Audit", "Baseline", "Category", "Gate", "Heading", "Outputs", "Record", "Summary"]

_HOMES = {
    "gate": ("Baseline", "Gate"),
    "writer.outputs": ("Outputs",),
    "record": ("Category", "Heading", "Record", "Summary"),
    "run": ("Audit",),
}


def __getattr__(name: str) -> object:
    """
    Import a public name from the module it lives in.
    """
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"provenance.audit.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """
    Name what can be asked for.
    """
    return __all__
