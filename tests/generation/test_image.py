"""
Images on disk and in memory: saved whole with their report or not at all, and decoded in pieces.
"""

from __future__ import annotations

import base64
import errno
import json
import pickle
import random
import stat
import tracemalloc
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance.authority import Authority, azure_v1, plain_jpeg, plain_png, sign_image
from provenance.errors import UnsupportedAssetError
from provenance.generation import GeneratedImage, Generation, ImageRejectedError, NotWrittenError
from provenance.generation.call import judge
from provenance.generation.errors import MalformedAnswerError
from provenance.generation.json_value import as_flag, as_list, as_map
from provenance.generation.response.base64_json import AnswerReader, read_answer
from provenance.generation.response.event import EventReader
from provenance.generation.storage import report_path
from provenance.trust.profile import TrustProfile
from provenance.verification.report import schema
from provenance.verification.verifier import Verifier


@pytest.fixture(scope="module")
def verifier(sample_trust: TrustProfile) -> Verifier:
    """
    Believe the sample authority.
    """
    return Verifier(trust=sample_trust)


@pytest.fixture(scope="module")
def image(authority: Authority, verifier: Verifier) -> GeneratedImage:
    """
    Return an accepted image.
    """
    data = sign_image(plain_png(), azure_v1(authority))
    return GeneratedImage(data, *judge(verifier, data))


@pytest.fixture(scope="module")
def other(verifier: Verifier) -> GeneratedImage:
    """
    Return another image, which carries no credentials.
    """
    data = plain_jpeg()
    return GeneratedImage(data, *judge(verifier, data))


def names(folder: Path) -> list[str]:
    """
    List everything in a folder, hidden files too.
    """
    return sorted(path.name for path in folder.iterdir())


def test_an_image_is_saved_with_its_report(image: GeneratedImage, tmp_path: Path) -> None:
    """
    The bytes as they came, and a report that anybody can hold against them.
    """
    saved = image.save(tmp_path / "ship.png")

    report = json.loads(saved.report.read_text("utf-8"))
    assert names(tmp_path) == ["ship.png", "ship.png.provenance.json"]
    assert saved.image.read_bytes() == image.data
    assert (report["asset"]["name"], report["asset"]["sha256"]) == ("ship.png", image.sha256)
    assert report["accepted"] is True
    assert stat.S_IMODE(saved.image.stat().st_mode) & 0o600 == 0o600
    jsonschema.validate(report, schema())


def test_in_a_folder_an_image_gets_a_name_of_its_own(
    image: GeneratedImage, other: GeneratedImage, tmp_path: Path
) -> None:
    """
    From its bytes, so that no two share one.
    """
    first, second = image.save(tmp_path), other.save(str(tmp_path))

    assert first.image.name == f"image-{image.sha256[:16]}.png"
    assert second.image.suffix == ".jpg"


def test_saving_the_same_again_changes_nothing(image: GeneratedImage, tmp_path: Path) -> None:
    """
    A run that is repeated ends as it did.
    """
    first = image.save(tmp_path)
    before = first.image.stat().st_ino

    assert image.save(tmp_path) == first
    assert first.image.stat().st_ino == before


@pytest.mark.parametrize("taken", ["ship.png", "ship.png.provenance.json"])
def test_nothing_is_overwritten_unless_told(image: GeneratedImage, tmp_path: Path, taken: str) -> None:
    """
    Neither the image nor a file that has the report's name.
    """
    (tmp_path / taken).write_bytes(b"precious")

    with pytest.raises(NotWrittenError, match="already there"):
        image.save(tmp_path / "ship.png")

    assert names(tmp_path) == [taken]
    assert (tmp_path / taken).read_bytes() == b"precious"


def test_another_image_of_ours_is_not_overwritten_either(
    image: GeneratedImage, other: GeneratedImage, tmp_path: Path
) -> None:
    """
    It was paid for as well.
    """
    image.save(tmp_path / "ship.png")

    with pytest.raises(NotWrittenError, match="already there"):
        other.save(tmp_path / "ship.png")

    assert (tmp_path / "ship.png").read_bytes() == image.data
    assert len(names(tmp_path)) == 2


def test_what_is_there_is_replaced_when_told(
    image: GeneratedImage, other: GeneratedImage, tmp_path: Path
) -> None:
    """
    Both files, and nothing is left behind.
    """
    image.save(tmp_path / "ship.png")

    saved = other.save(tmp_path / "ship.png", overwrite=True)

    assert saved.image.read_bytes() == other.data
    assert json.loads(saved.report.read_bytes())["asset"]["sha256"] == other.sha256
    assert len(names(tmp_path)) == 2


def test_a_report_left_without_its_image_is_replaced(image: GeneratedImage, tmp_path: Path) -> None:
    """
    A process killed between the two leaves one.
    """
    image.save(tmp_path / "ship.png").image.unlink()

    assert image.save(tmp_path / "ship.png").image.read_bytes() == image.data


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"schema": "other"}'])
def test_a_file_that_only_has_the_reports_name_is_kept(
    image: GeneratedImage, tmp_path: Path, content: bytes
) -> None:
    """
    It is somebody else's.
    """
    report_path(tmp_path / "ship.png").write_bytes(content)

    with pytest.raises(NotWrittenError):
        image.save(tmp_path / "ship.png")

    assert report_path(tmp_path / "ship.png").read_bytes() == content


@pytest.mark.parametrize("path", ["missing/ship.png", "x" * 300, "nul\x00.png"])
def test_what_cannot_be_written_is_an_error(image: GeneratedImage, tmp_path: Path, path: str) -> None:
    """
    And leaves nothing.
    """
    with pytest.raises(NotWrittenError):
        image.save(tmp_path / path)

    assert names(tmp_path) == []


def _fail_once(monkeypatch: pytest.MonkeyPatch, name: str, number: int, error: BaseException) -> None:
    real, calls = getattr(Path, name), [0]

    def fail(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - passed on
        calls[0] += 1
        if calls[0] == number:
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(Path, name, fail)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), KeyboardInterrupt()])
def test_a_failure_on_the_way_leaves_neither(
    image: GeneratedImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException
) -> None:
    """
    Wherever it happens.
    """
    _fail_once(monkeypatch, "hardlink_to", number, error)

    with pytest.raises((NotWrittenError, KeyboardInterrupt)):
        image.save(tmp_path / "ship.png")

    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [1, 2])
def test_a_failure_while_replacing_leaves_what_was_there(
    image: GeneratedImage,
    other: GeneratedImage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    """
    Both files, and both of the same image.
    """
    image.save(tmp_path / "ship.png")
    before = report_path(tmp_path / "ship.png").read_bytes()
    _fail_once(monkeypatch, "replace", number, OSError(errno.EIO, "I/O error"))

    with pytest.raises(NotWrittenError, match="I/O error"):
        other.save(tmp_path / "ship.png", overwrite=True)

    assert (tmp_path / "ship.png").read_bytes() == image.data
    assert report_path(tmp_path / "ship.png").read_bytes() == before
    assert len(names(tmp_path)) == 2


def test_a_folder_in_the_place_of_the_image_is_not_replaced(
    image: GeneratedImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Not even when told to overwrite.
    """
    target = tmp_path / "ship.png"
    monkeypatch.setattr(Path, "is_dir", lambda _path: False)
    target.mkdir()

    with pytest.raises(NotWrittenError):
        image.save(target, overwrite=True)

    assert names(tmp_path) == ["ship.png"]


def test_without_links_files_are_saved_all_the_same(
    image: GeneratedImage, other: GeneratedImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Some file systems have none.
    """

    def refuse(*_arguments: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)

    saved = image.save(tmp_path / "ship.png")

    assert saved.image.read_bytes() == image.data
    assert len(names(tmp_path)) == 2
    with pytest.raises(NotWrittenError, match="already there"):
        other.save(tmp_path / "ship.png")


def test_what_is_no_image_has_no_verdict(verifier: Verifier, tmp_path: Path) -> None:
    """
    And says so when asked, instead of passing for rejected.
    """
    image = GeneratedImage(b"nothing", *judge(verifier, b"nothing"))

    saved = image.save(tmp_path)

    assert (image.accepted, image.media_type) == (False, "application/octet-stream")
    assert saved.image.suffix == ".bin"
    assert json.loads(saved.report.read_bytes())["error"]["type"] == "UnsupportedAssetError"
    with pytest.raises(UnsupportedAssetError):
        assert image.verification
    assert "could not be judged" in str(ImageRejectedError(Generation((image,), 1)))


def test_an_image_that_is_damaged_has_a_media_type(verifier: Verifier) -> None:
    """
    The first bytes tell.
    """
    media_type, outcome = judge(verifier, plain_png()[:40])

    assert media_type == "image/png"
    assert isinstance(outcome, Exception)


def test_a_rejection_survives_pickling(image: GeneratedImage, other: GeneratedImage) -> None:
    """
    Between processes, with all its images.
    """
    error = ImageRejectedError(Generation((image, other), 2), problem="disk full")

    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here

    assert str(copied) == str(error)
    assert [one.data for one in copied.rejected] == [other.data]


def test_an_image_does_not_show_its_bytes(image: GeneratedImage) -> None:
    """
    Four megabytes on a terminal help nobody.
    """
    assert len(repr(image)) < 400


@pytest.mark.parametrize("seed", range(40))
def test_answers_are_read_in_pieces_of_any_size(seed: int) -> None:
    """
    With everything JSON allows, and prompts that imitate what is searched for.
    """
    source = random.Random(seed)  # noqa: S311 - repeatable bytes, not secrets
    images = [source.randbytes(source.randrange(1, 300)) for _ in range(3)]
    value = {
        "note": 'a "b64_json": "AAAA" in a text \\',
        "b64_json": None,
        "data": [{"b64_json": base64.b64encode(data).decode(), "k": "b64_json"} for data in images],
    }
    text = json.dumps(value, indent=source.choice([None, 1]))
    if seed % 3 == 0:
        text = text.replace("/", "\\/").replace("+", "\\u002b")
    whole, reader = text.encode(), AnswerReader(1_000_000)
    at = 0
    while at < len(whole):
        size = source.randrange(1, 40)
        reader.feed(whole[at : at + size])
        at += size

    answer, found = reader.finish()

    assert list(found) == images
    assert answer["note"] == value["note"]
    assert [as_map(item)["b64_json"] for item in as_list(answer["data"])] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "text",
    ["A", "AA", "AAA", "AA=A", "AAAA=", "AA==AAAA", "A===", "AAA\\", "AA AA", "AA\\nAA", "\\u0100", "*"],
)
def test_what_is_not_base64_is_no_image(text: str) -> None:
    """
    Half an image is not one.
    """
    answer, found = read_answer(b'{"b64_json": "' + text.encode() + b'"}')

    assert (answer, found) == ({"b64_json": "0"}, (None,))


def test_damage_in_a_large_image_is_noticed_in_any_piece() -> None:
    """
    Padding in the middle ends the data there.
    """
    for middle in ("AA==", "A*AA"):
        reader = AnswerReader(1_000_000)
        for piece in (b'{"b64_json":"', b"AAAA" * 100, middle.encode(), b"AAAA" * 100, b'"}'):
            reader.feed(piece)
        assert reader.finish()[1] == (None,)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"b64_json":"AAAA', b"[" * 100_000, b"\xff{}"])
def test_what_is_no_json_object_is_malformed(text: bytes) -> None:
    """
    Deep nesting included, which overflows readers.
    """
    with pytest.raises(MalformedAnswerError):
        read_answer(text)


def test_ten_images_take_little_more_memory_than_their_bytes() -> None:
    """
    Others hold the text, the parsed text and the bytes, all at once.
    """
    images = [random.Random(n).randbytes(1_000_000) for n in range(10)]  # noqa: S311 - repeatable bytes, not secrets
    body = json.dumps({"data": [{"b64_json": base64.b64encode(data).decode()} for data in images]}).encode()
    tracemalloc.start()
    reader = AnswerReader(len(body))
    for at in range(0, len(body), 65536):
        reader.feed(body[at : at + 65536])
    _, found = reader.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert list(found) == images
    assert peak < 1.3 * sum(map(len, images))


def test_events_without_data_are_none() -> None:
    """
    And other fields of events say nothing here.
    """
    found = list(EventReader(1000).feed(b"\xef\xbb\xbfid: 1\nretry: 5\n\nevent: x\n\ndata\ndata: a\n\n"))

    assert [(event.name, event.data) for event in found] == [("", b"\na")]


def test_json_of_other_types_is_nothing() -> None:
    """
    Unknown fields never crash the reading.
    """
    assert (as_map([1]), as_list({}), as_flag(1)) == ({}, (), None)
