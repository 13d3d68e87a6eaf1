"""
What a hash over boxes covers: its list held against the parts of the container.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provenance.asset.layout import Layout, Part
from provenance.cbor import as_list
from provenance.validation.hard_binding.coverage import Coverage


def box_hash_coverage(end: int, layout: Layout, assertion: Mapping[object, object]) -> Coverage:
    """
    Compute what a hash over boxes leaves open: the parts of the container that its list does not name.

    Args:
        end: Where the container ends.

        layout: Its parts, at least one.

        assertion: The decoded `c2pa.hash.boxes`; hostile.

    Source:
        C2PA 2.4, "General box hash".
    """
    parts = list(layout.parts)
    entries = [entry for entry in as_list(assertion.get("boxes")) if isinstance(entry, Mapping)]
    bound = position = 0
    # The list may leave out the signature of a PNG file, which is always the same.
    if parts[0].name == "PNGh" and _names(entries[0] if entries else {})[:1] != ("PNGh",):
        bound, position = parts[0].length, 1
    for entry in entries:
        matching = _matching_parts(parts, position, _names(entry))
        if matching is None:
            break
        position += len(matching)
        is_store = [part.name for part in matching] == ["C2PA"]
        is_hashed = not entry.get("excluded") and "exclusions" not in entry
        if matching and (is_store or is_hashed):
            bound += matching[-1].end - matching[0].start
    return Coverage(end - bound)


def _matching_parts(parts: Sequence[Part], position: int, names: tuple[str, ...]) -> list[Part] | None:
    matching: list[Part] = []
    for name in names:
        if position + len(matching) < len(parts) and parts[position + len(matching)].name == name:
            matching.append(parts[position + len(matching)])
        elif not name.startswith("RST"):  # restart markers lie in the data of a scan, which is one part
            return None
    return matching


def _names(entry: Mapping[object, object]) -> tuple[str, ...]:
    return tuple(str(name) for name in as_list(entry.get("names")))
