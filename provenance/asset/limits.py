"""
How much of an asset may be read before reading it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How much of an asset may be read before reading it is refused.

    The store's bounds are several times what 1,104 genuine stores, of 2023 to 2026 and of all makers, hold at
    most: 12 manifests, 171 boxes, 54 assertions, 15 ingredients, 230 kB and 3,181 values in one box.

    Attributes:
        max_bytes: Largest asset.

        max_chunks: Most chunks (PNG, WebP) or segments and restart markers (JPEG) in the container.

        max_store_bytes: Largest manifest store; over all its segments, and over all stores if there
            is more than one.

        max_manifests: Most manifests in a manifest store.

        max_boxes: Most boxes in a manifest store.

        max_assertions: Most assertions in a manifest store, and most references to assertions in all its
            claims.

        max_ingredients: Most ingredient assertions in a manifest store.

        max_structured_bytes: Most bytes of CBOR and JSON in a manifest store.

        max_values: Most values in that CBOR, keys included.

        max_xmp_bytes: Largest XMP packet; a larger one is left unread and is no error.
    """

    max_bytes: int = 128 * 1024 * 1024
    max_chunks: int = 65_536
    max_store_bytes: int = 8 * 1024 * 1024
    max_manifests: int = 64
    max_boxes: int = 2048
    max_assertions: int = 512
    max_ingredients: int = 128
    max_structured_bytes: int = 1024 * 1024
    max_values: int = 131_072
    max_xmp_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                message = f"{field.name} must be a positive whole number, not {value!r}"
                raise ValueError(message)
