"""
What a data hash covers: its exclusions held against where the manifest store lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TypeGuard

from provenance.asset.layout import Embedding
from provenance.cbor import as_list
from provenance.validation.hard_binding.coverage import Coverage


def data_hash_coverage(
    size: int, store: Embedding, assertion: Mapping[object, object], *, is_updated: bool
) -> Coverage:
    """
    Compute what a data hash leaves open: all that it excludes but the manifest store.

    The field that states the store's size may be left out, too. An update makes the store longer, and leaves
    the exclusion as it was: then only where it begins counts.

    Args:
        size: Bytes of the asset.

        store: Where the manifest store lies in it.

        assertion: The decoded `c2pa.hash.data`; hostile.

        is_updated: Whether an update manifest lies on top of the one that is bound.

    Returns:
        The coverage; a fault if no exclusion is the store, or the exclusions are none.

    Source:
        C2PA 2.4, "Data hash".
    """
    exclusions = [_span(entry) for entry in as_list(assertion.get("exclusions"))]
    spans = [span for span in exclusions if span is not None]
    if len(spans) != len(exclusions) or any(a[1] > b[0] for a, b in pairwise(spans)):
        explanation = "the exclusions of the data hash are out of order, overlap, or are none"
        return Coverage(faults=(("assertion.dataHash.malformed", explanation),))
    is_store = [start == store.start and (end == store.end or is_updated) for start, end in spans]
    others = [
        (start, end)
        for (start, end), known in zip(spans, is_store, strict=True)
        if not known and (start, end - start) != store.size_field
    ]
    if not any(is_store):
        explanation = "no exclusion of the data hash is where the manifest store lies"
        return Coverage(faults=(("assertion.dataHash.mismatch", explanation),))
    return Coverage(sum(min(end, size) - min(start, size) for start, end in others), beyond_end=not others)


def _span(entry: object) -> tuple[int, int] | None:
    start = entry.get("start") if isinstance(entry, Mapping) else None
    length = entry.get("length") if isinstance(entry, Mapping) else None
    if not _is_count(start) or not _is_count(length):
        return None
    return start, start + length


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
