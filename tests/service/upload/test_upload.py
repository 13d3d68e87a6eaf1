"""
Uploads on their way in: the files they lie in, the forms they come in, and how long they are waited for.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from provenance.service.http.body import BODY, Body
from provenance.service.http.problem import ProblemError
from provenance.service.upload import file_pool
from provenance.service.upload.body_reader import BodyReader, BodyTimeouts
from provenance.service.upload.file_pool import FilePool
from provenance.service.upload.image_upload import ImageUpload
from provenance.service.upload.multipart import Begin, End, FormReader, Piece, read_files
from tests.service.support import open_files

LONG = BodyTimeouts(5, 1)
LIMIT = 1_000


@pytest.fixture
def pool() -> Iterator[FilePool]:
    """
    Make a pool for small images, and for two at a time to be kept.
    """
    made = FilePool(LIMIT, spare=2)
    yield made
    made.close()


def request(*messages: dict[str, Any], body: Body | None = None) -> Request:
    """
    Make a request whose body arrives in these messages, and then no more.
    """
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        for message in waiting:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "headers": []}
    return Request(scope if body is None else {**scope, BODY: body}, receive)


def piece(content: bytes, *, more: bool = True) -> dict[str, Any]:
    """
    Make a message with a piece of a body.
    """
    return {"type": "http.request", "body": content, "more_body": more}


def problem(error: pytest.ExceptionInfo[ProblemError]) -> tuple[int, str]:
    """
    Name the problem.
    """
    return error.value.problem.status, error.value.problem.name


# --- files ------------------------------------------------------------------------------------------


def test_what_is_written_is_there_and_hashed(pool: FilePool) -> None:
    """
    In pieces of any size.
    """
    content = bytes(range(225)) * 4
    with ImageUpload(pool, "name") as upload:
        for begin in range(0, 900, 7):
            upload.write(memoryview(content)[begin : begin + 7])

        assert upload.finish() == hashlib.sha256(content).hexdigest()
        assert os.pread(upload.descriptor, 2_000, 0) == content
        assert (upload.size, upload.name, upload.is_too_large) == (900, "name", False)


def test_an_empty_file_has_a_hash(pool: FilePool) -> None:
    """
    That of nothing.
    """
    with ImageUpload(pool) as upload:
        assert upload.finish() == hashlib.sha256(b"").hexdigest()


def test_a_file_that_is_used_again_holds_nothing_of_the_one_before(pool: FilePool) -> None:
    """
    One image's bytes must never be judged as another's.
    """
    with ImageUpload(pool) as first:
        first.write(b"secret" * 100)
        first.finish()
        descriptor = first.descriptor
    with ImageUpload(pool) as second:
        second.write(b"abc")
        digest = second.finish()

        assert second.descriptor == descriptor
        assert os.fstat(descriptor).st_size == 3
        assert digest == hashlib.sha256(b"abc").hexdigest()


def test_files_in_use_are_never_shared(pool: FilePool) -> None:
    """
    However many there are at a time; only so many are kept.
    """
    open_ = [ImageUpload(pool) for _ in range(5)]
    assert len({upload.descriptor for upload in open_}) == 5

    for upload in open_:
        upload.close()

    assert (
        len({ImageUpload(pool).descriptor for _ in range(2)} & {upload.descriptor for upload in open_}) == 2
    )


def test_a_large_file_is_not_held_on_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Memory is held for what is usual.
    """
    monkeypatch.setattr(file_pool, "_SPARE_BYTES", 10)
    pool = FilePool(LIMIT, spare=1)
    with ImageUpload(pool) as upload:
        upload.write(bytes(500))
        descriptor = upload.descriptor

    assert os.fstat(descriptor).st_size == 10
    pool.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_more_than_allowed_is_counted_and_not_kept(pool: FilePool) -> None:
    """
    How much more it was can be told.
    """
    with ImageUpload(pool) as upload:
        upload.write(bytes(LIMIT))
        assert not upload.is_too_large
        upload.write(b"x")

        assert (upload.is_too_large, upload.size) == (True, LIMIT + 1)
        assert os.fstat(upload.descriptor).st_size == LIMIT


def test_a_file_has_no_name_anywhere(pool: FilePool) -> None:
    """
    Nothing is left behind by a crash.
    """
    with ImageUpload(pool) as upload:
        assert os.fstat(upload.descriptor).st_nlink == 0


def test_without_files_in_memory_there_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without a name as well.
    """
    descriptor = file_pool._temporary_file()
    try:
        assert os.fstat(descriptor).st_nlink == 0
        assert os.write(descriptor, b"abc") == 3
    finally:
        os.close(descriptor)


def test_no_room_is_no_fault_of_the_image(pool: FilePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whoever sent it may try again.
    """

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    upload = ImageUpload(pool)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ProblemError) as writing:
        upload.write(b"abc")
    monkeypatch.setattr(file_pool, "_nameless_file", full)
    with pytest.raises(ProblemError) as opening:
        ImageUpload(pool)

    assert problem(writing) == problem(opening) == (503, "no-room")
    upload.close()


# --- arriving ---------------------------------------------------------------------------------------


def test_pieces_come_as_they_arrive() -> None:
    """
    Empty ones are none.
    """

    async def read() -> list[bytes]:
        body_reader = BodyReader(request(piece(b"ab"), piece(b""), piece(b"c"), piece(b"", more=False)), LONG)
        return [part async for part in body_reader]

    assert asyncio.run(read()) == [b"ab", b"c"]


def test_a_client_that_is_gone_ends_it(pool: FilePool) -> None:
    """
    Half an image is none.
    """

    async def read() -> None:
        with ImageUpload(pool) as upload:
            await BodyReader(request(piece(b"ab"), {"type": "http.disconnect"}), LONG).write_to(upload)

    with pytest.raises(ClientDisconnect):
        asyncio.run(read())


@pytest.mark.parametrize("timeouts", [BodyTimeouts(0.05, 1), BodyTimeouts(0.05, 10_000)])
def test_a_body_that_stops_is_given_up(pool: FilePool, timeouts: BodyTimeouts) -> None:
    """
    After as long as was said.
    """

    async def read() -> None:
        with ImageUpload(pool) as upload:
            await BodyReader(request(piece(b"ab")), timeouts).write_to(upload)

    with pytest.raises(ProblemError) as caught:
        asyncio.run(read())

    assert problem(caught) == (408, "too-slow")


def test_what_goes_past_us_counts_as_arriving(pool: FilePool) -> None:
    """
    The server writes to the file itself, and tells only of the end.
    """
    body = Body(5)
    body.receive(memoryview(b"a"))

    async def read() -> tuple[int, bytes]:
        ended = asyncio.Event()
        messages = iter([piece(b"a")])

        async def receive() -> dict[str, Any]:
            for message in messages:
                return message
            await ended.wait()
            return piece(b"", more=False)

        async def arrive() -> None:
            for letter in (b"b", b"c", b"d", b"e"):
                await asyncio.sleep(0.1)
                assert body.receive(memoryview(letter))
            ended.set()

        arriving = asyncio.create_task(arrive())
        with ImageUpload(pool) as upload:
            scope = {"type": "http", "headers": [], BODY: body}
            await BodyReader(Request(scope, receive), BodyTimeouts(0.15, 1)).write_to(upload)
            await arriving
            return upload.size, os.pread(upload.descriptor, 10, 0)

    assert asyncio.run(read()) == (5, b"abcde")
    assert (body.left, body.diverted) == (0, 4)


def test_what_comes_after_the_end_of_a_request_is_not_written(pool: FilePool) -> None:
    """
    By then another upload may lie in that file.
    """
    body = Body(10)

    async def read() -> None:
        with ImageUpload(pool) as upload:
            await BodyReader(request(piece(b"ab"), body=body), BodyTimeouts(0.05, 1)).write_to(upload)

    with pytest.raises(ProblemError):
        asyncio.run(read())
    with ImageUpload(pool) as other:
        body.receive(memoryview(b"cd"))

        assert os.fstat(other.descriptor).st_size <= 2
        assert (other.size, other.finish()) == (0, hashlib.sha256(b"").hexdigest())


def test_no_room_is_told_once_all_has_arrived(pool: FilePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The server that writes to the file cannot be told before.
    """
    body = Body(4)

    async def read() -> None:
        messages = iter([piece(b"ab"), piece(b"", more=False)])

        async def receive() -> dict[str, Any]:
            message = next(messages)
            if not message["more_body"]:
                monkeypatch.setattr(os, "write", _full)
                body.receive(memoryview(b"cd"))
                monkeypatch.undo()
            return message

        with ImageUpload(pool) as upload:
            scope = {"type": "http", "headers": [], BODY: body}
            await BodyReader(Request(scope, receive), LONG).write_to(upload)

    with pytest.raises(ProblemError) as caught:
        asyncio.run(read())

    assert problem(caught) == (503, "no-room")


def _full(*_: object) -> int:
    raise OSError(28, "No space left on device")


# --- forms ------------------------------------------------------------------------------------------


def form(*files: tuple[str, bytes], boundary: str = "boundary") -> bytes:
    """
    Write a form.
    """
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in files
    )
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def reader(boundary: str = "boundary", max_files: int = 3) -> FormReader:
    """
    Make a reader.
    """
    return FormReader(f"multipart/form-data; boundary={boundary}", max_files)


def read(data: bytes, sizes: list[int]) -> list[tuple[str | None, bytes]]:
    """
    Read a form that arrives in pieces of these sizes, and then at once.
    """
    found: list[tuple[str | None, bytes]] = []
    reading = reader()
    position = 0
    for size in [*sizes, len(data)]:
        for event in reading.feed(data[position : position + size]):
            if isinstance(event, Begin):
                found.append((event.name, b""))
            elif isinstance(event, Piece):
                name, content = found.pop()
                found.append((name, content + bytes(event.content)))
            else:
                assert isinstance(event, End)
        position += size
    reading.close()
    return found


@given(
    files=st.lists(
        st.binary(max_size=200) | st.sampled_from([b"\r\n--boundar", b"\r\n--", b"\r", b"--boundary"]),
        min_size=1,
        max_size=3,
    ),
    sizes=st.lists(st.integers(1, 40), max_size=60),
)
def test_a_form_is_read_the_same_in_any_pieces(files: list[bytes], sizes: list[int]) -> None:
    """
    Wherever the network cuts it, what looks like a boundary included.
    """
    given_ = [(f"{number}.png", content) for number, content in enumerate(files)]

    assert read(form(*given_), sizes) == given_


def test_files_are_taken_one_after_the_other(pool: FilePool) -> None:
    """
    And closed by whoever takes them; one that is too large is only counted.
    """
    taken: list[tuple[str | None, int, bool]] = []

    async def take(upload: ImageUpload) -> None:
        with upload:
            await asyncio.sleep(0)
            taken.append((upload.name, upload.size, upload.is_too_large))

    async def run() -> None:
        data = form(("a", b"x" * 10), ("b", b"y" * (LIMIT + 5)), ("c", b""))
        await read_files(BodyReader(request(piece(data, more=False)), LONG), reader(), pool, take)

    asyncio.run(run())

    assert taken == [("a", 10, False), ("b", LIMIT + 5, True), ("c", 0, False)]


def test_a_form_that_breaks_off_leaves_no_file_open(pool: FilePool) -> None:
    """
    Not even the one that was arriving.
    """

    async def take(upload: ImageUpload) -> None:
        raise AssertionError(upload)

    async def run() -> None:
        data = form(("a", b"x" * 100))[:120]
        await read_files(BodyReader(request(piece(data, more=False)), LONG), reader(), pool, take)

    before = open_files()
    for _ in range(3):
        with pytest.raises(ProblemError) as caught:
            asyncio.run(run())
        assert problem(caught) == (400, "bad-request")

    assert open_files() <= before + 1
