"""The access log: one line a request, noted by an append and written in batches.

A request pays for a tuple and an append. What was noted is formatted some times a second, a few
lines at a time so that no listener waits for long, and written by `edge.log_writer`.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from config.settings import SettingsError
from edge.access_line import AccessLine, format_lines, stamp_of
from edge.log_writer import LogWriter
from edge.metrics import EdgeCounts
from edge.settings import LOG_OFF, LOG_STDERR, LOG_STDOUT

# Lines on the standard error are shown where records of their level are.
_logger = logging.getLogger("edge.access")

_PERIOD_S: Final = 0.1
# Of so many lines formatting takes a quarter of a millisecond; notes of the fast lane, which are
# formatted, hold up to 64 lines each.
_BATCH_NOTES: Final = 128
_WAITING_BYTES_MAX: Final = 8 << 20


class AccessLog:
    """Notes requests. Made by `open_access_log`.

    Attributes:
        note: remembers one line, or several that are formatted; no more than `list.append`.
        is_on: whether lines go anywhere; where they do not, none needs to be made.
    """

    def __init__(self, writer: LogWriter | None, counts: EdgeCounts) -> None:
        self._writer = writer
        self._counts = counts
        self._lines: list[AccessLine | str] = []
        self._second = -1
        self._stamp = ""
        self._refused_lines = 0
        self._handle: asyncio.Handle | None = None
        self.is_on = writer is not None
        self.note: Callable[[AccessLine | str], None] = (
            self._lines.append if self.is_on else _forget
        )

    def stamp(self, time_s: float) -> str:
        """Seconds since the epoch as they stand in lines."""
        second = int(time_s)
        if second != self._second:
            self._second, self._stamp = second, stamp_of(second)
        return f"{self._stamp}{int((time_s - second) * 1e3):03d}Z"

    def reopen(self) -> None:
        """Open the file again under its name: the old one was moved away."""
        if self._writer is not None:
            self._flush()
            self._writer.reopen()

    def start(self) -> None:
        """Write from time to time what was noted."""
        self._handle = asyncio.get_running_loop().call_later(_PERIOD_S, self._tick)

    async def close(self) -> None:
        """Write what was noted, and end."""
        if self._handle is not None:
            self._handle.cancel()
        if self._writer is not None:
            self._flush()
            await asyncio.to_thread(self._writer.close)
            self._count(self._writer)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        # At least half of what waits: however many are noted meanwhile, it comes to an end.
        try:
            self._write(max(_BATCH_NOTES, len(self._lines) // 2))
        finally:  # After an error, which the loop tells of, the other lines are still written.
            if self._lines:
                self._handle = loop.call_soon(self._tick)
            else:
                self._handle = loop.call_later(_PERIOD_S, self._tick)

    def _flush(self) -> None:
        while self._lines:
            self._write(_BATCH_NOTES)

    def _write(self, notes_max: int) -> None:
        writer = self._writer
        assert writer is not None
        batch = self._lines[:notes_max]
        del self._lines[:notes_max]
        for begin in range(0, len(batch), _BATCH_NOTES):
            text = format_lines(batch[begin : begin + _BATCH_NOTES])
            lines = text.count(b"\n")
            self._counts.log_lines += lines
            if not writer.offer(text):
                self._refused_lines += lines
        self._count(writer)

    def _count(self, writer: LogWriter) -> None:
        self._counts.log_lines_dropped = self._refused_lines + writer.lost_lines


def _forget(_: AccessLine | str) -> None:
    """Where lines go nowhere."""


@contextlib.asynccontextmanager
async def open_access_log(destination: str, counts: EdgeCounts) -> AsyncIterator[AccessLog]:
    """The log of a node, written until the block is left.

    Args:
        destination: `LOG_STDERR`, `LOG_STDOUT`, `LOG_OFF`, or the path of a file.
        counts: of this worker.

    Raises:
        SettingsError: the file cannot be opened.
    """
    target = _target_of(destination)
    try:
        writer = None if target is None else LogWriter(target, bytes_max=_WAITING_BYTES_MAX)
    except OSError as error:
        raise SettingsError(f"`access_log`: {destination}: {error.strerror}") from error
    log = AccessLog(writer, counts)
    if log.is_on:
        log.start()
    try:
        yield log
    finally:
        await log.close()


def _target_of(destination: str) -> Path | int | None:
    if destination == LOG_OFF or (
        destination == LOG_STDERR and not _logger.isEnabledFor(logging.INFO)
    ):
        return None
    if destination in {LOG_STDERR, LOG_STDOUT}:
        stream = sys.__stderr__ if destination == LOG_STDERR else sys.__stdout__
        return None if stream is None else stream.fileno()
    return Path(destination)
