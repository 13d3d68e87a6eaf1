"""
What judged, by the digest of everything that decides a verdict instead of the engine's name.

Nothing but the column's name is changed, so that this takes no time however many reports there are. What
stands in it is no digest: those reports are shown and searched as before, and answer no request any more.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """
    Rename the column; what is unique in it follows.
    """
    op.alter_column("provenance_reports", "engine", new_column_name="judged_by")
