"""
Progress on a terminal while something takes long; nothing at all anywhere else.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

import click

from provenance.cli.output.terminal import counted

_EVERY_S = 1.0
_REFRESH_S = 0.2
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


class ProgressLine:
    """
    A line on standard error that shows how far a long count is, how fast, and how long it may still take.

    Silent unless standard error is a terminal. The whole is counted meanwhile, so the time left appears
    once that is known.
    """

    def __init__(self, total: Callable[[], int], describe: Callable[[], str], *, wanted: bool = True) -> None:
        """
        Set what to show.

        Args:
            total: Counts the whole, in a thread of its own.

            describe: What to show beside the numbers.

            wanted: Whether anything is to be shown at all.
        """
        self._shown = wanted and sys.stderr.isatty()
        self._describe = describe
        self._count = total
        self._total: int | None = None
        self._done = 0
        self._counting = threading.Thread(target=self._measure, daemon=True)
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Self:
        if self._shown:
            self._counting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def join(self) -> None:
        """
        Wait until the whole is counted, which nobody has to.
        """
        self._counting.join()

    def advance(self) -> None:
        """
        Count one more.
        """
        self._done += 1
        if not self._shown:
            return
        now = time.monotonic()
        if now - self._last >= _REFRESH_S:
            self._last = now
            click.echo(_ERASE + self._line(now), err=True, nl=False)

    def clear(self) -> None:
        """
        Erase the line, so that something else can be printed.
        """
        if self._shown:
            click.echo(_ERASE, err=True, nl=False)

    def _measure(self) -> None:
        self._total = self._count()

    def _line(self, now: float) -> str:
        rate = self._done / max(now - self._start, 0.001)
        parts = [f"{counted(self._done, 'file')}, {rate:,.0f}/s"]
        if self._total is not None:
            left = max(0.0, (self._total - self._done) / max(rate, 0.001))
            parts = [
                f"{self._done:,} of {counted(self._total, 'file')}, {rate:,.0f}/s, {_duration(left)} left"
            ]
        width = shutil.get_terminal_size().columns - 1
        return ", ".join([*parts, self._describe()])[:width]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
