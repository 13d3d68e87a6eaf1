"""
Folders of images to audit, and how to wait until their times can be relied on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from provenance.audit.message import FileStamp, JudgeTask
from provenance.authority import Authority, azure_v1, azure_v2, designer, plain_jpeg, plain_png, sign_image

PNG = plain_png(24, 16, seed=1)
JPEG = plain_jpeg(24, 16, seed=1)

_TICK_NS = 60_000_000
_COARSE_TICK_NS = 2_600_000_000
_SECOND_NS = 1_000_000_000


@cache
def images(authority: Authority) -> dict[str, bytes]:
    """
    Make an image of every category, by its name.
    """
    stamped = azure_v1(authority)
    changed = bytearray(sign_image(JPEG, stamped))
    changed[-8] ^= 1
    unstamped = replace(azure_v2(authority, credential=authority.lasting_signer), time_stamper=None)
    return {
        "absent.jpg": JPEG,
        "absent.png": PNG,
        "accepted.png": sign_image(PNG, azure_v2(authority)),
        "damaged.png": PNG[:40],
        "empty.png": b"",
        "invalid.jpg": bytes(changed),
        "rejected.png": sign_image(PNG, designer(authority, stamped)),
        "unstamped.png": sign_image(PNG, unstamped),
        "untrusted.jpg": sign_image(JPEG, azure_v1(_stranger())),
    }


@cache
def _stranger() -> Authority:
    return Authority.create("Somebody Else")


def plant(folder: Path, files: dict[str, bytes]) -> None:
    """
    Write files, and wait until their times can be relied on.
    """
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    settle(folder / name for name in files)


def settle(paths: Iterable[Path]) -> None:
    """
    Wait until files are so old that whatever changes them changes their times.
    """
    for path in paths:
        changed_ns = path.lstat().st_ctime_ns
        tick_ns = _COARSE_TICK_NS if changed_ns % _SECOND_NS == 0 else _TICK_NS
        while time.time_ns() <= changed_ns + tick_ns:
            time.sleep(0.01)


def task_for(path: Path, *, follow: bool = False, known_sha256: str | None = None) -> JudgeTask:
    """
    Ask for a file as the walk would have seen it just now.
    """
    return JudgeTask(os.fsencode(path), FileStamp.of(path.stat()), follow, known_sha256)
