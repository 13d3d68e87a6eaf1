"""
A manifest store is found wherever the engine finds one, however damaged the image is.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import c2pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import scan
from provenance.asset.xmp import provenance_of
from provenance.errors import AssetError, AssetTooLargeError, MalformedAssetError
from tests.asset.container_support import LIMITS, layout_of
from tests.asset.scan_support import (
    JFIF,
    VP8L,
    VP8X,
    app11,
    chunk,
    itxt,
    jpeg,
    png,
    riff,
    segment,
    spread,
    superbox,
    webp,
)

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
IMAGES = sorted(path for path in CORPUS.glob("*/*") if path.suffix != ".json")
WALKED = [path for path in IMAGES if path.suffix in {".jpg", ".png", ".webp"}]
TRAILING_IN_REAL_IMAGES = {
    "samsung-photo-assist.png": 109,
    "samsung-trailer-bound-by-data-hash.png": 109,
    "google-photos-bytes-after-eoi.jpg": 23_660,
}


needs_corpus = pytest.mark.skipif(
    not IMAGES, reason="the corpus of real images is not beside this repository"
)

PROPERTY = settings(deadline=None, derandomize=True, database=None)


# --- WebP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda stores: png(*(chunk(b"caBX", store) for store in stores)),
        lambda stores: webp(*(riff(b"C2PA", store) for store in stores)),
        lambda stores: jpeg(*(app11(store, instance=number) for number, store in enumerate(stores))),
    ],
)
def test_the_limit_on_stores_holds_over_all_of_them(build: Callable[[list[bytes]], bytes]) -> None:
    """
    Many small stores cost as much as one large one.
    """
    store = superbox(content=bytes(500))

    with pytest.raises(AssetTooLargeError) as caught:
        layout_of(build([store] * 10), Limits(max_store_bytes=9 * len(store)))

    assert caught.value.unit == "manifest store bytes"


# --- all of them ----------------------------------------------------------------------------------


MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\xff\x00\x00\x00WEBP", png()[:-12], jpeg()[:11], webp())


@pytest.mark.parametrize("magic", MAGIC)
@given(data=st.binary(max_size=400))
@PROPERTY
def test_random_bytes_raise_nothing_but_asset_errors(magic: bytes, data: bytes) -> None:
    """
    Every byte after the magic is an attacker's to choose.
    """
    with suppress(AssetError):
        assert layout_of(magic + data).embedding is None or layout_of(magic + data).store_found


WHOLE = (
    png(chunk(b"IDAT", b"x"), chunk(b"caBX", superbox()), itxt(zlib.compress(b"<x/>"), compressed=True)),
    jpeg(
        JFIF,
        *spread(superbox(content=bytes(100)), 60),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00<x/>"),
    ),
    webp(riff(b"VP8X", VP8X), riff(b"VP8L", VP8L), riff(b"C2PA", superbox()), riff(b"XMP ", b"<x/>")),
)


@pytest.mark.parametrize("whole", WHOLE)
def test_a_truncated_image_is_an_asset_error_or_a_layout(whole: bytes) -> None:
    """
    At whatever byte it is cut.
    """
    assert layout_of(whole).store_found

    for size in range(len(whole)):
        with suppress(AssetError):
            assert layout_of(whole[:size]).trailing_bytes in (0, None)


@pytest.mark.parametrize("whole", WHOLE)
@given(changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
@PROPERTY
def test_a_damaged_image_is_an_asset_error_or_a_layout(whole: bytes, changes: list[tuple[int, int]]) -> None:
    """
    Lengths, markers and types included.
    """
    damaged = bytearray(whole)
    for offset, value in changes:
        damaged[offset % len(damaged)] = value

    with suppress(AssetError):
        found = layout_of(bytes(damaged))
        assert sum(map(len, found.stores)) <= len(whole)


def test_a_file_that_shrinks_while_it_is_scanned_is_an_asset_error(tmp_path: Path) -> None:
    """
    The size was read first, so headers may be missing where they must be.
    """
    path = tmp_path / "image"
    for data in (
        png(chunk(b"IDAT", bytes(9000))),
        jpeg(segment(0xE1, bytes(9000))),
        webp(riff(b"ABCD", bytes(9000))),
    ):
        path.write_bytes(data)
        with Asset.from_path(path, LIMITS) as asset, suppress(MalformedAssetError):
            with path.open("r+b") as file:
                file.truncate(5000)
            assert not scan(asset, LIMITS).store_found


# --- the corpus -----------------------------------------------------------------------------------


# The engine hands out the store without an ingredient's manifest there, since that one's claim was changed.
REBUILT_BY_THE_ENGINE = {"claim-hash-mismatch-in-ingredient.jpg"}


@pytest.fixture(scope="module")
def context() -> Any:  # noqa: ANN401  (the engine's binding has no types)
    """
    Make an engine that stays off the network.
    """
    return c2pa.Context(
        c2pa.Settings.from_dict(
            {
                "verify": {"remote_manifest_fetch": False},
                "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
            }
        )
    )


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize("path", WALKED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_stores_are_those_the_engine_reads(path: Path, context: Any) -> None:  # noqa: ANN401
    """
    "Absent" is said without asking the engine, so it must be what the engine would say.
    """
    with Asset.from_path(path, LIMITS) as asset:
        found = scan(asset, LIMITS)
        embedded = read_store(asset, context)

    if embedded is None:
        assert found.stores == ()
    elif embedded == b"" or path.name in REBUILT_BY_THE_ENGINE:
        assert len(found.stores) == 1
        assert len(found.stores[0]) == int.from_bytes(found.stores[0][:4], "big")
    else:
        assert found.stores == (embedded,)


def read_store(asset: Asset, context: Any) -> bytes | None:  # noqa: ANN401
    """
    Let the engine read the manifest store; empty if it finds one and refuses it, None if it finds none.
    """
    store = io.BytesIO()
    try:
        with c2pa.Reader(asset.media_type, asset.stream(), context=context) as reader:
            label = json.loads(reader.json())["active_manifest"]
            reader.resource_to_stream(f"self#jumbf=/c2pa/{label}", store)
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError:
        return b""
    return store.getvalue()


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize("path", IMAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_images_have_dimensions_and_no_trailing_bytes(path: Path) -> None:
    """
    Rejecting trailing bytes must reject nothing genuine; phones write some, which their data hashes cover.
    """
    with Asset.from_path(path, LIMITS) as asset:
        found = scan(asset, LIMITS)

    assert (found.width is None) == (found.height is None) == (path.name == "low-overhead-heif.avif")
    assert (found.trailing_bytes or 0) == TRAILING_IN_REAL_IMAGES.get(path.name, 0)


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize(
    ("file", "size"),
    [
        ("azure-openai/imagegen-claim-v1-20250508-17105e.jpg", (1024, 1536)),
        ("azure-openai/ingredient-claim-v2-2026080118-d596df.png", (1536, 1024)),
        ("other-signer/openai-chatgpt-dalle.webp", (1024, 1024)),
        ("none/plain-2.jpg", (468, 585)),
    ],
)
def test_width_comes_before_height(file: str, size: tuple[int, int]) -> None:
    """
    JPEG writes them the other way round.
    """
    with Asset.from_path(CORPUS / file, LIMITS) as asset:
        found = scan(asset, LIMITS)

    assert (found.width, found.height) == size


@pytest.mark.corpus
@needs_corpus
def test_a_removed_manifest_leaves_its_trace() -> None:
    """
    The image is "absent", and the trace is worth saying.
    """
    with Asset.from_path(CORPUS / "none" / "xmp-points-to-a-removed-manifest.jpg", LIMITS) as asset:
        found = scan(asset, LIMITS)

    assert not found.store_found
    assert found.xmp is not None
    assert (provenance_of(found.xmp) or "").startswith("self#jumbf=/c2pa/adobe:urn:uuid:5f5bba8c")


@pytest.mark.corpus
@needs_corpus
def test_a_store_with_a_damaged_first_box_is_found() -> None:
    """
    It is invalid, not absent.
    """
    with Asset.from_path(CORPUS / "invalid" / "corrupt-box-type.jpg", LIMITS) as asset:
        assert scan(asset, LIMITS).store_found


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize(
    "path", [path for path in WALKED if path.parent.name == "azure-openai"], ids=lambda p: p.name
)
def test_a_truncated_download_is_an_asset_error_or_a_layout(path: Path) -> None:
    """
    Cut in the middle of headers, of the store and of the picture.
    """
    data = path.read_bytes()

    for size in {*range(0, 200, 7), *range(200, 60_000, 1999), len(data) // 2, len(data) - 1}:
        with suppress(AssetError):
            assert layout_of(data[:size]).trailing_bytes == 0
