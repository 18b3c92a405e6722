"""The key-encryption key in a file: read, or made once."""

import contextlib
import logging
import os
import re
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

from config.whole_file import sync_folder
from drm.errors import KekError
from drm.key_wrap import KEK_BYTES, KeyEncryptionKey, decode_kek, encode_kek

logger = logging.getLogger(__name__)

_FILE_BYTES_MAX: Final = 1024


def read_kek(path: Path) -> KeyEncryptionKey:
    """Read the key in the file `path`.

    Raises:
        KekError: there is no such file, it cannot be read, or holds something else.
    """
    kek = _read_tidily(path)
    if kek is None:
        raise KekError(f"{path}: there is no key-encryption key; put it back, or name its file")
    return kek


def read_or_create_kek(path: Path, *, database: Path) -> KeyEncryptionKey:
    """Read the key in the file `path`, and make one if neither it nor `database` exists.

    Two processes that make it at once end up with the same one.

    Raises:
        KekError: see `read_kek`; or the file is missing beside a vault that needs it.
    """
    kek = _read_tidily(path)
    if kek is None and not database.exists():
        _create(path)
    return kek if kek is not None else read_kek(path)


def _read_tidily(path: Path) -> KeyEncryptionKey | None:
    kek = _read(path)
    if kek is not None:
        _remove_partials(path)
    return kek


def _read(path: Path) -> KeyEncryptionKey | None:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KekError(f"{path}: {error.strerror}") from error
    if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        logger.warning("others can read the key-encryption key", extra={"path": str(path)})
    if len(data) > _FILE_BYTES_MAX:
        raise KekError(f"{path}: too long for a key-encryption key")
    try:
        return decode_kek(data.decode("ascii", "replace"))
    except KekError as error:
        raise KekError(f"{path}: {error}") from None


def _create(path: Path) -> None:
    """Make the file complete or not at all, and never in place of another one."""
    text = encode_kek(KeyEncryptionKey(secrets.token_bytes(KEK_BYTES))) + "\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_partial_prefix(path))
        partial = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # Somebody else made it, and perhaps took this one for a leftover.
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                os.link(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(path.parent)  # A power cut must not take the key and leave the vault.
    except OSError as error:
        raise KekError(f"{path}: {error.strerror}") from error


def _partial_prefix(path: Path) -> str:
    return f".{path.name}-"


def _remove_partials(path: Path) -> None:
    """Remove what a killed process left while it made the file: a copy of the key, or another one.

    The file is there by now: none of them can still become it.
    """
    name = re.compile(re.escape(_partial_prefix(path)) + "[a-z0-9_]{8}")  # As `mkstemp` ends it.
    # Where others mount the key for reading, nothing was made.
    with contextlib.suppress(OSError):
        for one in path.parent.iterdir():
            if name.fullmatch(one.name):
                one.unlink(missing_ok=True)
