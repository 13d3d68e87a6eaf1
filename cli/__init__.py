"""
The command `provenance`: options become objects, the library does the work, one place prints.

Nothing else imports this package, and commands are imported only when they are asked for.
"""

from __future__ import annotations

import sys

try:
    from provenance.cli.program import main
except Exception as error:
    sys.stderr.write(f"provenance: this installation does not work: {error!r}\n")
    sys.stderr.write("  Reinstall azure-image-provenance with its pinned dependencies.\n")
    raise SystemExit(3) from error

__all__ = ["main"]
