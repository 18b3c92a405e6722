"""The folder where the processes of a node meet: for its user alone, gone when the node is."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PREFIX: Final = "attacca-edge-"
_LOCK: Final = "lock"


def make_run_folder() -> tuple[Path, int]:
    """Make a folder, and remove what supervisors that were killed have left.

    The path is short: that of a Unix socket is limited to 107 bytes.

    Returns:
        The folder, and a descriptor that marks it as in use; a successor of this process may keep
        both.
    """
    root = Path(os.environ.get("RUNTIME_DIRECTORY", tempfile.gettempdir()).partition(":")[0])
    for left in root.glob(f"{_PREFIX}*"):
        _remove_unless_used(left)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    lock_fd = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock_fd, fcntl.LOCK_EX)
    return folder, lock_fd


@contextlib.contextmanager
def holding_run_folder(folder: Path, lock_fd: int) -> Iterator[Path]:
    """Use a folder until the block is left; it is removed then."""
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock_fd)


def _remove_unless_used(folder: Path) -> None:
    """One without a lock is just being made; one whose lock is free has nobody any more."""
    try:
        fd = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # It is just being made, or is somebody else's.
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(fd)
