"""The purge log: a purge that was acknowledged is in effect after a crash, too.

There is a copy in each folder of the disk tier, because it is about what these folders keep. With
no folder there is no log: what is in memory ends with the process.

The order of things, for one purge after the other:

1. Its record is added to the log of every folder and is on the disk.
2. It is put into effect in memory.
3. It is acknowledged.

A crash after 1 leaves a purge in effect that nobody was promised. Were 2 before 1, a fill that
begins in between would store entries with a number that the log does not have, and the next purge
under that number would not reach them. A folder whose copy cannot be written is off before the
acknowledgement, so nothing in it is served until its copy is up to date again. Only if no copy can
be written is there no acknowledgement; the purge is in effect in memory all the same.

At a start the copy with the newest purge counts. Where purges may have been lost, everything from
before counts as purged. A folder with another epoch, or without a log, is emptied: its numbers say
nothing here. A node that starts without one of its folders begins a new epoch, so that folder is
emptied when it comes back: its history and ours may differ by then.
"""

import asyncio
import contextlib
import errno
import functools
import logging
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Final, TypeVar

from config.whole_file import replace_file
from edge.disk.threads import Threads, finished
from edge.purge_record import EPOCH_BYTES, PurgeHistory, decode_log, encode_log, encode_record
from edge.purges import Purge, Purges

logger = logging.getLogger(__name__)

_ResultT = TypeVar("_ResultT")

_LOG_NAME: Final = "purges"

# A log is written anew when it is this large, and at each start.
LOG_BYTES_MAX: Final = 16 << 20

# How long the copy in one folder is waited for.
_APPEND_S_MAX: Final = 10.0

# How long a purge waits for folders that are being handed over.
_HAND_OVER_S_MAX: Final = 10.0


class PurgeNotDurableError(Exception):
    """A purge is in effect, but no copy of the log could be written.

    A crash might undo it: it has to be repeated.
    """


class PurgeLog:
    """Makes purges durable, and numbers them.

    Args:
        purges: where they are put into effect.
        threads: that write; one for each folder, and they may hang.
        on_failure: called with a folder whose copy could not be written, and why. The folder must
            be off when it returns.
        log_bytes_max: when a log is written anew.
    """

    def __init__(
        self,
        purges: Purges,
        threads: Threads,
        on_failure: Callable[[Path, str], None],
        *,
        log_bytes_max: int = LOG_BYTES_MAX,
    ) -> None:
        self._purges = purges
        self._threads = threads
        self._on_failure = on_failure
        self._log_bytes_max = log_bytes_max
        self._epoch = b""
        self._copies: dict[Path, _Copy] = {}
        self._is_needed = False
        self._one_at_a_time = asyncio.Lock()
        self._has_folders = asyncio.Event()
        self._wait_s = 0.0

    def expect_folders(self) -> None:
        """There are no folders yet; they will be handed over."""
        self._is_needed = True

    def wait_for_folders(self) -> None:
        """From now on a purge that is in effect in memory waits for the folders to come."""
        self._wait_s = _HAND_OVER_S_MAX

    def give_up(self) -> None:
        """Another process keeps the log from now on; here purges are in memory alone."""
        self.close()
        self._is_needed = False

    async def load(self, folders: Collection[Path], *, is_complete: bool) -> set[Path]:
        """Put the purges of earlier runs into effect; before anything that was stored is read.

        Args:
            folders: that are there.
            is_complete: whether these are all that there should be.

        Returns:
            Those whose entries have to go before `add` is called for them.
        """
        self._is_needed = bool(folders) or not is_complete
        histories: dict[Path, PurgeHistory] = {}
        for folder in folders:
            found = await self._read(folder)
            if found is not None:
                histories[folder] = found
        epochs = Counter(history.epoch for history in histories.values())
        # The first of the most frequent ones, in the order of the folders.
        common = epochs.most_common(1)[0][0] if epochs else None
        ours = [history for history in histories.values() if history.epoch == common]
        if ours:
            newest = max(ours, key=lambda history: (history.sequence, -history.lost_max))
            self._restore(newest)
        is_same = common is not None and is_complete
        self._epoch = common if common is not None and is_same else secrets.token_bytes(EPOCH_BYTES)
        return {
            folder
            for folder in folders
            if folder not in histories or histories[folder].epoch != common
        }

    async def is_foreign(self, folder: Path) -> bool:
        """Whether the entries of a folder that is back have to go before it is added."""
        found = await self._read(folder)
        if found is None or found.epoch != self._epoch:
            return True
        return found.sequence > self._purges.sequence

    async def add(self, folder: Path) -> bool:
        """Keep a copy in a folder from now on; tell whether it could be written."""
        async with self._one_at_a_time:
            patience = _Patience()
            is_added = await self._add(folder, patience)
            patience.end()
            return is_added

    def drop(self, folder: Path) -> None:
        """Keep no copy in a folder that is off."""
        copy = self._copies.pop(folder, None)
        if copy is not None:
            copy.close()

    async def purge(self, purge: Purge) -> int:
        """Put a purge into effect for good; return its number.

        Raises:
            PurgeNotDurableError: it is in effect, but a crash may undo it.
            asyncio.CancelledError: at its end: a number is not left half used.
        """
        async with self._one_at_a_time:
            patience = _Patience()
            await self._append(self._purges.sequence + 1, purge, patience)
            sequence = self._purges.apply(purge)
            patience.end()
            if self._copies or not self._is_needed:
                return sequence
        # When folders come, all that is in effect is written into their logs.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                await self._has_folders.wait()
        if not self._copies:
            raise PurgeNotDurableError("no folder of the disk tier can keep the purge log")
        return self._purges.sequence

    def close(self) -> None:
        """Let the files go."""
        for folder in list(self._copies):
            self.drop(folder)

    def _restore(self, history: PurgeHistory) -> None:
        older = list(history.purges)
        if history.lost_max:
            logger.error("the purge log is damaged: all older content counts as purged")
            older.append((history.sequence + history.lost_max, Purge(is_all=True)))
        self._purges.rebase(older)

    async def _append(self, sequence: int, purge: Purge, patience: "_Patience") -> None:
        record = encode_record(sequence, purge)
        full = [
            folder for folder, copy in self._copies.items() if copy.size_bytes > self._log_bytes_max
        ]
        for folder in full:
            if not await self._add(folder, patience):
                self._fail(folder, "its purge log cannot be written anew")
        writes = {
            folder: self._threads.run(functools.partial(copy.append, record))
            for folder, copy in self._copies.items()
        }
        await patience.wait(writes.values())
        for folder, write in writes.items():
            if not write.done():
                self._fail(folder, "its purge log takes too long")
            elif (error := write.exception()) is not None:
                self._fail(folder, f"its purge log cannot be written: {error}")

    def _fail(self, folder: Path, reason: str) -> None:
        self.drop(folder)
        self._on_failure(folder, reason)

    async def _read(self, folder: Path) -> PurgeHistory | None:
        try:
            data = await finished(self._threads.run((folder / _LOG_NAME).read_bytes))
        except FileNotFoundError:
            return None
        except OSError as error:
            extra = {"folder": str(folder), "error": str(error)}
            logger.warning("a purge log cannot be read", extra=extra)
            return None
        return decode_log(data)

    async def _add(self, folder: Path, patience: "_Patience") -> bool:
        self.drop(folder)
        log = encode_log(self._epoch, self._purges.history())
        begun = self._threads.run(functools.partial(_begin, folder, log))
        await patience.wait([begun])
        error = begun.exception() if begun.done() else TimeoutError(errno.ETIMEDOUT, "too long")
        if error is not None:
            logger.warning("no purge log", extra={"folder": str(folder), "error": str(error)})
            return False
        self._copies[folder] = begun.result()
        self._has_folders.set()
        return True


class _Copy:
    """A log that is open for adding to it."""

    def __init__(self, fd: int, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._fd = fd
        self._using = threading.Lock()
        self._is_writing = False
        self._is_closed = False

    def append(self, record: bytes) -> None:
        """Add a record, and have it on the disk. Blocks.

        Raises:
            OSError: the log is not to be used any more: a part of the record may be in it.
        """
        with self._using:
            if self._is_closed:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._is_writing = True
        try:
            rest = memoryview(record)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            os.fdatasync(self._fd)
            self.size_bytes += len(record)
        finally:
            self._end_writing()

    def close(self) -> None:
        """Let it go; a write that hangs has it until it ends."""
        with self._using:
            self._is_closed = True
            if not self._is_writing:
                os.close(self._fd)

    def _end_writing(self) -> None:
        with self._using:
            self._is_writing = False
            if self._is_closed:
                os.close(self._fd)


def _begin(folder: Path, log: bytes) -> _Copy:
    path = folder / _LOG_NAME
    replace_file(path, [log])
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    return _Copy(fd, len(log))


class _Patience:
    """Waits for what must not be left half done; a cancellation is kept for later."""

    def __init__(self) -> None:
        self._cancelled: asyncio.CancelledError | None = None

    async def wait(self, futures: Iterable["asyncio.Future[_ResultT]"]) -> None:
        """Wait for all of them, or for as long as a folder may take."""
        clock = asyncio.get_running_loop().time
        end_s = clock() + _APPEND_S_MAX
        pending = set(futures)
        while pending and clock() < end_s:
            try:
                _, pending = await asyncio.wait(pending, timeout=end_s - clock())
            except asyncio.CancelledError as error:
                self._cancelled = error

    def end(self) -> None:
        """Let a cancellation go on its way.

        Raises:
            asyncio.CancelledError: there was one.
        """
        if self._cancelled is not None:
            raise self._cancelled
