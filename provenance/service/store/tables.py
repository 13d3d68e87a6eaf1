"""
The tables of the store, as SQLAlchemy has them; migrations make them, and a test compares the two.

A report is text and not JSON to the database: PostgreSQL refuses U+0000 in its JSON, and images may hold
any character. What is searched for stands in columns of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

REVISION_TABLE = "provenance_revision"
"""
Where migrations note how far they came; a name of our own, in case the database is shared.
"""


class Time(TypeDecorator[datetime]):
    """
    A time in UTC, aware on our side: SQLite keeps no zone, and PostgreSQL gives that of the session.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """
        Leave out the zone where the database would drop it.
        """
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """
        Put the zone back.
        """
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = MetaData(naming_convention={"pk": "pk_%(table_name)s"})
"""
All tables of the store.
"""

# SQLite counts up only what is called INTEGER.
_COUNTED = BigInteger().with_variant(Integer(), "sqlite")

REPORTS = Table(
    "provenance_reports",
    METADATA,
    Column("id", _COUNTED, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("policy_digest", String(64), nullable=False),
    Column("trust_digest", String(64), nullable=False),
    Column("judged_by", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("policy", String(200), nullable=False),
    Column("day", Date),
    Column("created_at", Time, nullable=False),
    # Last, because SQLite reads a row from its beginning.
    Column("report", Text, nullable=False),
    UniqueConstraint(
        "sha256", "policy_digest", "trust_digest", "judged_by", name="uq_provenance_reports_key"
    ),
    # What is searched for stands behind what is sorted by: one index, in which rows that do not match are
    # passed over without being read.
    Index("ix_provenance_reports_search", "created_at", "id", "state", "accepted", "origin", "policy"),
)
"""
One report for each image, and all that decided it. `day` is set where the verdict holds on that day only.
Rows of before revision 0002 have no digest in `judged_by`, and are never found again.
"""

KEYS = Table(
    "provenance_keys",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("scopes", String(200), nullable=False),
    Column("secret_sha256", LargeBinary(32), nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    Column("revoked_at", Time),
)
"""
API keys, without their secrets.
"""

PROBE = Table(
    "provenance_probe",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
"""
One row, written to see whether the database can be written to.
"""
