"""Replacing a small file as a whole: a reader, or a crash, finds the old one or the new one."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def replace_file(path: Path, pieces: Iterable[bytes], *, is_durable: bool = True) -> None:
    """Write a file of mode 0600. Blocks.

    Args:
        path: of the file.
        pieces: its new content.
        is_durable: whether it is to be on the disk, name and all, when this returns.

    Raises:
        OSError: the old file is still there.
    """
    partial = path.with_name(f".{path.name}.t")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    if is_durable:
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have the names in a folder on the disk. Blocks.

    Raises:
        OSError: they may not be.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
