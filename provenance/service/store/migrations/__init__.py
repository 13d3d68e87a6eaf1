"""
How the store's tables came to be, one revision after the other, and the one way to bring them up to date.

Alembic is run from here, on a connection that holds a lock: several instances may start at once, and one of
them migrates while the others wait. A new revision is a module in `versions`, written by hand or with
`alembic.autogenerate`; a test fails as long as the revisions and `tables` disagree.
"""

from __future__ import annotations

import contextlib
import threading
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from provenance.errors import StoreVersionError
from provenance.service.store.database import Database
from provenance.service.store.tables import REVISION_TABLE

TIMEOUT_S = 600.0
"""
How long one instance waits for another that migrates, and how long a statement of a migration may take.
"""

# Any number will do, as long as it stays the same.
_LOCK = 0x70726F76656E616E
_BEGIN = {
    "sqlite": ("BEGIN IMMEDIATE",),
    "postgresql": ("BEGIN", f"SELECT pg_advisory_xact_lock({_LOCK})"),
}
# What Alembic offers to revisions, `op` and `context`, is there once in a process.
_alembic = threading.Lock()


def open_database(url: str, *, timeout_s: float) -> Database:
    """
    Connect to a database whose tables are up to date; if they are not yet, they are made so.

    Raises:
        StoreAddressError: If there can be no database at that address.

        StoreVersionError: If a newer version of this program migrated the store.

        StoreError: If the database cannot be reached or migrated.

        ValueError: If the timeout is no positive number.
    """
    with contextlib.ExitStack() as on_failure:
        database = Database(url, timeout_s=timeout_s)
        on_failure.callback(database.close)
        with database.connect() as connection:
            is_ready = is_newest(_find_revision(connection))
        if not is_ready:
            with contextlib.closing(Database(url, timeout_s=TIMEOUT_S)) as database_to_migrate:
                migrate(database_to_migrate)
        on_failure.pop_all()
        return database


def is_newest(revision: str | None) -> bool:
    """
    Return whether a revision is the newest that this program knows.

    Args:
        revision: What the store is at, or None for a database without tables of ours.

    Returns:
        False if there is something to migrate.

    Raises:
        StoreVersionError: If this program does not know the revision.
    """
    known = _revisions()
    if revision is not None and revision not in known:
        raise StoreVersionError(
            f"its tables have revision {revision!r}, and {known[0]!r} is the newest that this program knows"
        )
    return revision == known[0]


def migrate(database: Database) -> None:
    """
    Bring the store's tables up to date, whole or not at all; waits while another instance does so.

    Args:
        database: Connections to it that wait long enough for a lock and for long statements.

    Raises:
        StoreError: If that cannot be done; nothing was changed.

        StoreVersionError: If this program does not know the store's revision.
    """
    with _alembic, database.connect() as connection:
        for statement in _BEGIN[database.dialect]:
            connection.exec_driver_sql(statement)
        if not is_newest(_find_revision(connection)):
            configuration = _configuration()
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
        connection.exec_driver_sql("COMMIT")


def _configuration() -> Config:
    configuration = Config()
    # Alembic takes what stands after a percent sign for the name of another option.
    configuration.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return configuration


def _find_revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE})
    return context.get_current_revision()


@cache
def _revisions() -> tuple[str, ...]:
    scripts = ScriptDirectory.from_config(_configuration())
    return tuple(script.revision for script in scripts.walk_revisions())
