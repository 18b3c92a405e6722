"""Takes a master from where a person keeps it: read as it is, copied, and noticed if it changes."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from origin.errors import SourceChangedError, SourceTooLargeError, SourceUnreadableError
from packager.cover_facts import name_beside
from packager.errors import MasterUnreadableError, ScratchError
from packager.master_file import open_regular_file

_CHUNK_BYTES: Final = 1 << 20

_NAMES_MAX: Final = 10_000


def hash_source(path: Path, *, bytes_max: int) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises:
        SourceError: it cannot be read, is too large, or changes meanwhile.
    """
    with _open_source(path, bytes_max) as file:
        return _read_all(file, path, bytes_max, lambda _: None)


def copy_source(path: Path, copy: Path, *, sha256: str, bytes_max: int) -> None:
    """Copy a file that has the digest `sha256`.

    Raises:
        SourceError: it cannot be read, is too large, or is another one by now.
        ScratchError: the copy cannot be written.
    """
    with _open_source(path, bytes_max) as file, _writing(copy) as written:
        found = _read_all(file, path, bytes_max, written)
    if found != sha256:
        raise SourceChangedError(f"{path.name!r} was written to while it was taken in")


@contextmanager
def _writing(copy: Path) -> Iterator[Callable[[bytes], object]]:
    """A function that appends to the new file `copy`; only its own failures are scratch's."""
    try:
        file = copy.open("xb")
    except OSError as error:
        raise _scratch_error(error) from error

    def write(chunk: bytes) -> None:
        try:
            file.write(chunk)
        except OSError as error:
            raise _scratch_error(error) from error

    try:
        yield write
    finally:
        try:
            file.close()
        except OSError as error:
            raise _scratch_error(error) from error


def _scratch_error(error: OSError) -> ScratchError:
    return ScratchError(f"the master cannot be copied: {error.strerror}")


@contextmanager
def _open_source(path: Path, bytes_max: int) -> Iterator[BinaryIO]:
    try:
        with open_regular_file(path) as (file, size_bytes):
            if size_bytes > bytes_max:
                raise SourceTooLargeError(
                    f"{path.name!r} has {size_bytes} bytes, above the limit of {bytes_max}"
                )
            yield file
    except MasterUnreadableError as error:
        raise SourceUnreadableError(f"{path.name!r}: {error.detail}") from error


def _read_all(file: BinaryIO, path: Path, bytes_max: int, sink: Callable[[bytes], object]) -> str:
    before = os.fstat(file.fileno())
    digest = hashlib.sha256()
    size_bytes = 0
    while chunk := file.read(_CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > bytes_max:
            break
        digest.update(chunk)
        sink(chunk)
    after = os.fstat(file.fileno())
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, size_bytes):
        raise SourceChangedError(f"{path.name!r} was written to while it was read")
    return digest.hexdigest()


def find_picture_beside(path: Path) -> Path | None:
    """The picture in the folder of a master that is likeliest its album's cover.

    None if there is none among the first `_NAMES_MAX` files, or if the folder may not be listed.
    """
    try:
        with os.scandir(path.parent) as entries:
            name = name_beside(entry.name for entry in islice(entries, _NAMES_MAX))
    except OSError:
        return None
    return None if name is None else path.parent / name
