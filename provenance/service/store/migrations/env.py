"""
What Alembic runs to migrate: on a connection that it is given, inside the transaction that is open there.
"""

from __future__ import annotations

from alembic import context

from provenance.service.store.tables import METADATA, REVISION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=REVISION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
