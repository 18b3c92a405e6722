"""Folders of one process for files that live no longer than it does.

A folder belongs to whoever holds the lock on the file `.owner` in it. The kernel drops the lock
when its holder ends, however it ends, so what a killed process left behind is known for certain
and removed by the next one that opens a folder beside it.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from packager.errors import ScratchError

_OWNER: Final = ".owner"
_GATE: Final = ".gate"
_PREFIX: Final = "process-"


@contextlib.contextmanager
def open_work_folder(parent: Path) -> Iterator[Path]:
    """Make a folder of this process under `parent`; on leaving it is removed with all in it.

    Folders of processes that are gone are removed first.

    Raises:
        OSError: `parent` cannot be made or written.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with _locked(parent / _GATE):
        for stale in _stale_folders(parent):
            shutil.rmtree(stale, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=_PREFIX))
        owner = _try_lock(folder / _OWNER, flags=os.O_CREAT)
    assert owner is not None, "nobody else could have locked a file that was just made"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(owner)


@contextlib.asynccontextmanager
async def open_job_folder(parent: Path) -> AsyncIterator[Path]:
    """Make a folder for one job in the work folder `parent`; on leaving it is removed.

    Raises:
        ScratchError: it cannot be made.
    """
    try:
        name = await asyncio.to_thread(tempfile.mkdtemp, dir=parent)
    except OSError as error:
        raise ScratchError(f"no folder can be made: {error.strerror}") from error
    try:
        yield Path(name)
    finally:
        await asyncio.to_thread(shutil.rmtree, name, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock on the file `path`, made if it is not there. Waits for it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _try_lock(path: Path, *, flags: int = 0) -> int | None:
    """Lock a file without waiting; None if somebody holds the lock or there is no such file."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _stale_folders(parent: Path) -> Iterator[Path]:
    for folder in parent.glob(f"{_PREFIX}*"):
        owner = _try_lock(folder / _OWNER)
        # Made and locked behind the gate: a folder without the file lost it to a removal that
        # did not finish.
        if owner is not None:
            os.close(owner)
            yield folder
        elif not (folder / _OWNER).exists():
            yield folder
