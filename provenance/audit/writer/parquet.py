"""
Parquet: the columns of the CSV with their types, and the whole report as JSON text.

A row group is written whenever enough rows have come together, so that memory does not grow with the audit.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, BinaryIO, ClassVar

import pyarrow as pa
from pyarrow import parquet

from provenance.audit.record import Heading, Record, Summary
from provenance.audit.writer.row import TableRow
from provenance.verification.report import Report

MAX_GROUP_ROWS = 5_000
MAX_GROUP_CHARACTERS = 32 * 1024 * 1024
"""
Of reports, after which no further one joins a row group.
"""

_TEXT = pa.string()
_SIGNED_AT = TableRow._fields.index("signed_at")
_TYPES = {
    "name_encoded": pa.bool_(),
    "accepted": pa.bool_(),
    "reasons": pa.list_(pa.field("element", _TEXT, nullable=False)),
    "bytes": pa.int64(),
    "width": pa.int64(),
    "height": pa.int64(),
    "trailing_bytes": pa.int64(),
    "signed_at": pa.timestamp("us", tz="UTC"),
    "documented": pa.bool_(),
}
_ALWAYS = frozenset({"name", "name_encoded", "category", "accepted", "reasons", "report"})
_ALL_DIFFERENT = frozenset({"name", "sha256", "report"})
_COLUMNS = (*TableRow._fields, "report")
_SCHEMA = pa.schema([pa.field(name, _TYPES.get(name, _TEXT), name not in _ALWAYS) for name in _COLUMNS])


class ParquetWriter:
    """
    Writes rows, compressed with Zstandard.

    The file's metadata holds `provenance.heading`, and once it is finished `provenance.summary`, as JSON.
    """

    wants_report: ClassVar[bool] = True
    wants_thumbnails: ClassVar[bool] = False

    def __init__(self, file: BinaryIO, heading: Heading) -> None:
        self._rows: list[tuple[object, ...]] = []
        self._characters = 0
        self._parquet = parquet.ParquetWriter(
            _Sink(file),
            _SCHEMA.with_metadata({"provenance.heading": json.dumps(heading._asdict())}),
            compression="zstd",
            use_dictionary=[_path_of(name) for name in _COLUMNS if name not in _ALL_DIFFERENT],
            write_statistics=[_path_of(name) for name in _COLUMNS if name != "report"],
        )

    def add(self, record: Record, report: Report) -> None:
        """
        Add one row, and write a row group once there are many.
        """
        row: list[object] = [*TableRow.of(record, report), record.report]
        signed_at = row[_SIGNED_AT]
        row[_SIGNED_AT] = datetime.fromisoformat(signed_at) if isinstance(signed_at, str) else None
        self._rows.append(tuple(row))
        self._characters += len(record.report)
        if len(self._rows) >= MAX_GROUP_ROWS or self._characters >= MAX_GROUP_CHARACTERS:
            self._write_group()

    def finish(self, summary: Summary) -> None:
        """
        Write the last rows, what the audit came to, and the index at the end of the file.
        """
        self._write_group()
        totals = {
            "complete": summary.complete,
            "categories": {category.value: count for category, count in sorted(summary.categories.items())},
            "failing": summary.failing,
            "skipped": dict(sorted(summary.skipped.items())),
        }
        self._parquet.add_key_value_metadata({"provenance.summary": json.dumps(totals)})
        self._parquet.close()

    def _write_group(self) -> None:
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
        self._parquet.write_table(
            pa.Table.from_arrays(arrays, schema=_SCHEMA), row_group_size=len(self._rows)
        )
        self._rows.clear()
        self._characters = 0


class _Sink:
    """
    The file as pyarrow sees it, not to be closed.

    A writer of pyarrow's that is thrown away unfinished still writes an end, to a file that is gone by then.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @property
    def closed(self) -> bool:
        return False

    def write(self, data: Any) -> int:  # noqa: ANN401 - a buffer of pyarrow's
        return len(data) if self._file.closed else self._file.write(data)


def _path_of(column: str) -> str:
    return "reasons.list.element" if column == "reasons" else column
