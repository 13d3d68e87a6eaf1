"""
What schemathesis cannot know: what an image looks like, where a media type alone does not tell it.
"""

from __future__ import annotations

from pathlib import Path

import schemathesis
from hypothesis import strategies

SAMPLES = Path(__file__).resolve().parents[3] / "sample_images"

schemathesis.openapi.media_type(
    "application/octet-stream",
    strategies.sampled_from([path.read_bytes() for path in sorted(SAMPLES.glob("*/*.png"))[:8]]),
)
schemathesis.openapi.media_type(
    "image/svg+xml", strategies.sampled_from([b'<svg xmlns="http://www.w3.org/2000/svg"/>'])
)
