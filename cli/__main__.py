"""
The command as `python -m provenance.cli`.
"""

from __future__ import annotations

from provenance.cli.program import main

main()
