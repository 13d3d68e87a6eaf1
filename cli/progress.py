"""
Signs of life on a terminal while something takes long; nothing at all anywhere else.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

_EVERY_S = 1.0
_ERASE = "\r\x1b[K"


@contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """
    Show on standard error, if it is a terminal, for how long the block has been running.
    """
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    ticker = threading.Thread(target=_tick, args=(for_what, done), daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
        click.echo(_ERASE, err=True, nl=False)


def _tick(for_what: str, done: threading.Event) -> None:
    start = time.monotonic()
    while True:
        click.echo(f"{_ERASE}{for_what}, {time.monotonic() - start:,.0f} s", err=True, nl=False)
        if done.wait(_EVERY_S):
            return
