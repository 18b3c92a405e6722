"""Writing lines to a file or a stream from a thread of its own, so that nobody waits for it.

What reads a pipe may stand still, and a disk may be full: what waits to be written is bounded, and
what does not fit is dropped and counted. Several processes may write to one file: it is opened for
appending, and gets whole lines in each write.
"""

import logging
import os
import select
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Final

logger = logging.getLogger(__name__)

# A write to a pipe is in one piece up to this: POSIX, write().
_PIPE_BYTES_MAX: Final = select.PIPE_BUF
_MODE: Final = 0o640
# How long the last lines have to be taken.
_CLOSE_S: Final = 2.0
_POLL_S: Final = 0.2

# Stands among the lines for: open the file again.
_REOPEN: Final = b""

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
# A pipe with a name that nobody reads would be waited for.
_OPEN: Final = _FLAGS | os.O_NONBLOCK


class LogWriter:
    """Writes lines.

    Args:
        target: a file to append to, or an open descriptor, which is left open.
        bytes_max: what may wait.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, target: Path | int, *, bytes_max: int) -> None:
        self._target = target
        self._bytes_max = bytes_max
        self._offered_bytes = 0  # Told by the one who offers, the next two by the thread.
        self._taken_bytes = 0
        self._lost_lines = 0
        self._is_closing = False
        self._is_failing = False
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._descriptor = _open(target)
        # A write that never ends must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        self._thread.start()

    @property
    def lost_lines(self) -> int:
        """Lines that were taken and could not be written."""
        return self._lost_lines

    def offer(self, lines: bytes) -> bool:
        """Have whole lines written; False if too much waits already."""
        if self._offered_bytes - self._taken_bytes + len(lines) > self._bytes_max:
            return False
        self._offered_bytes += len(lines)
        self._queue.put(lines)
        return True

    def reopen(self) -> None:
        """Open the file again under its name: the old one was moved away."""
        self._queue.put(_REOPEN)

    def close(self) -> None:
        """Write what waits, if it is taken in time. Blocks until then."""
        self._queue.put(None)
        self._thread.join(_CLOSE_S)
        self._is_closing = True
        self._thread.join(2 * _POLL_S)
        if not self._thread.is_alive() and isinstance(self._target, Path):
            os.close(self._descriptor)

    def _run(self) -> None:
        while (lines := self._queue.get()) is not None:
            if lines == _REOPEN:
                self._reopen()
            self._write(lines)
            self._taken_bytes += len(lines)

    def _reopen(self) -> None:
        if not isinstance(self._target, Path):
            return
        try:
            descriptor = _open(self._target)
        except OSError as error:
            logger.warning("the access log stays where it was", extra={"error": str(error)})
            return
        os.close(self._descriptor)
        self._descriptor = descriptor

    def _write(self, lines: bytes) -> None:
        for piece in self._pieces(lines):
            try:
                self._write_all(piece)
            except OSError as error:
                self._lost_lines += piece.count(b"\n")
                if not self._is_failing:
                    logger.warning("the access log loses lines", extra={"error": str(error)})
                self._is_failing = True
            else:
                self._is_failing = False

    def _pieces(self, lines: bytes) -> Iterator[bytes]:
        """All at once to a file, whole lines that are short enough to a pipe."""
        if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            yield lines
            return
        begin = 0
        while begin < len(lines):
            end = lines.rfind(b"\n", begin, begin + _PIPE_BYTES_MAX) + 1
            end = end or lines.find(b"\n", begin) + 1 or len(lines)
            yield lines[begin:end]
            begin = end

    def _write_all(self, lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                if self._is_closing:
                    raise
                waiting = select.poll()
                waiting.register(self._descriptor, select.POLLOUT)
                waiting.poll(_POLL_S * 1e3)


def _open(target: Path | int) -> int:
    return os.open(target, _OPEN, _MODE) if isinstance(target, Path) else target
