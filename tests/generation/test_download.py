"""
The URL of an image, as an answer of the API gives it.
"""

from __future__ import annotations

import pytest

from provenance.generation import MalformedAnswerError
from provenance.generation.download import download_request


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.example/b?c=d%2F", "/b?c=d%2F"),
        ("https://a.example/b?c=d#e?f#g", "/b?c=d"),
        ("https://a.example?c=\"'", "/?c=\"'"),
        ("https://a.example#e", "/"),
        ("https://a.example", "/"),
    ],
)
def test_what_is_asked_for_is_the_url_up_to_its_fragment(url: str, target: str) -> None:
    """
    To the byte: the query is signed.
    """
    assert download_request(url, local=False, read_timeout_s=1.0).target == target.encode()


@pytest.mark.parametrize("filling", ["#", "a", "a#", "?", "/"])
def test_no_url_takes_long_to_refuse(filling: str) -> None:
    """
    What follows was looked at once for each mark of a fragment: 40 KB took 20 seconds.
    """
    url = f"https://example.com/{filling * 400_000}\x80"

    with pytest.raises(MalformedAnswerError, match="not a URL"):
        download_request(url, local=False, read_timeout_s=1.0)
