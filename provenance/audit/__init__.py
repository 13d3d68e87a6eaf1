"""
Many files: listed, judged, looked up and written.

    from provenance.audit import Audit, Summary

    summary = Summary()
    for record in Audit().run(["pictures"], summary):
        print(record.name, record.category)

Names are imported when they are first asked for. Files are judged in other processes, so a program needs the
usual `if __name__ == "__main__":` around this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.lazy_names import lazy_names

if TYPE_CHECKING:
    from provenance.audit.gate import Baseline, Gate
    from provenance.audit.record import Category, Heading, Record, Summary
    from provenance.audit.run import Audit
    from provenance.audit.writer.outputs import Outputs

__all__ = ["Audit", "Baseline", "Category", "Gate", "Heading", "Outputs", "Record", "Summary"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "gate": ("Baseline", "Gate"),
        "writer.outputs": ("Outputs",),
        "record": ("Category", "Heading", "Record", "Summary"),
        "run": ("Audit",),
    },
)
