"""
The command `provenance`: options become objects, the library does the work, one place prints.

Nothing else imports this package, and commands are imported only when they are asked for.
"""

from __future__ import annotations

from provenance.cli.program import main

__all__ = ["main"]
