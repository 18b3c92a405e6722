"""One folder of the disk tier, held open. Everything here blocks.

    ROOT/lock          locked while the folder is in use
    ROOT/folder-id     a random name: so a disk that is not mounted is not taken for an empty one
    ROOT/purges        the purge log (`edge.purge_log`)
    ROOT/index         the order of last use (`edge.disk.index_snapshot`)
    ROOT/v1/00 … ff/   the entries
    ROOT/old-…/        entries of another time, on their way out

No file's path has anything of a URL in it. Entries are opened below a descriptor of `v1`.
"""

import contextlib
import errno
import fcntl
import itertools
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from typing_extensions import Buffer

from config.whole_file import replace_file
from edge.content import Content, SliceContent
from edge.disk.cached_open import READ_FLAGS, open_if_cached
from edge.disk.entry_file import HEADER_BYTES, PARTIAL_PREFIX, SUB_FOLDERS, Place
from edge.disk.errors import DiskFolderInUseError, FolderGoneError
from edge.disk.verified_files import OpenFile

_ENTRIES: Final = "v1"
_OLD_PREFIX: Final = "old-"
_FOLDER_ID_BYTES: Final = 16
_PROBE_BYTES: Final = 4096

# EFBIG: the process, or the file system, has a limit on the size of files.
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Take = Callable[[int], SliceContent]

_WRITE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FolderMark:
    """How a folder is known again.

    Attributes:
        folder_id: its random name.
        device: the disk that it is on.
        is_new: it had no name before.
    """

    folder_id: str
    device: int
    is_new: bool = False


class ReadFile(NamedTuple):
    """A file that was read.

    Attributes:
        head: header and identity.
        content: the rest.
        file: still open.
    """

    head: bytearray
    content: SliceContent
    file: OpenFile


class DiskFolder:
    """A folder that is locked and open. Made by `open_folder`."""

    def __init__(self, path: Path, mark: FolderMark, *, lock_fd: int, entries_fd: int) -> None:
        self.path = path
        self.mark = mark
        self._lock_fd = lock_fd
        self._entries_fd = entries_fd
        self._partials = itertools.count()
        self._using = threading.Lock()
        self._users = 0
        self._is_closed = False

    @property
    def snapshot_path(self) -> Path:
        """Where the order of last use is kept."""
        return self.path / "index"

    def close(self) -> None:
        """Let it go. A read or a write that is under way, and may hang, has it to its end."""
        with self._using:
            self._is_closed = True
            os.close(self._lock_fd)
            if not self._users:
                os.close(self._entries_fd)

    def read(
        self, place: Place, identity_bytes: int, *, is_at_once: bool, take: Take = Content
    ) -> ReadFile:
        """Read a file whole.

        Args:
            place: of the file.
            identity_bytes: how long the identity is that is looked for.
            is_at_once: give up rather than wait for the disk.
            take: gives memory for the content.

        Returns:
            What is in it: shorter or longer than it should be if the file is.

        Raises:
            BlockingIOError: the disk would have to be waited for.
            OSError: it cannot be read.
        """
        self._begin_use()
        try:
            return self._read(place, identity_bytes, is_at_once=is_at_once, take=take)
        finally:
            self._end_use()

    def write(self, place: Place, head: bytes, content: Buffer, *, is_durable: bool) -> None:
        """Write a file and give it its name; what had that name before is replaced.

        Raises:
            OSError: there is no such file now, or the one from before.
        """
        try:
            self._write(place, [head, content], is_durable=is_durable)
        except FileNotFoundError:
            # Its sub-folder has been removed; if all of it has been, this fails as well.
            with contextlib.suppress(FileExistsError):
                os.mkdir(f"{place.sub_folder:02x}", 0o700, dir_fd=self._entries_fd)
            self._write(place, [head, content], is_durable=is_durable)

    def remove(self, path: str) -> None:
        """Remove an entry's file, or what lies in its place.

        Raises:
            OSError: it is still there. That it was not there is no error.
        """
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path, dir_fd=self._entries_fd)

    def names_in(self, sub_folder: int) -> list[str]:
        """Names in a sub-folder; partial files are removed, as nobody writes while it is listed.

        Raises:
            OSError: it cannot be listed.
        """
        fd = self._open_sub_folder(sub_folder)
        try:
            names = os.listdir(fd)  # noqa: PTH208 - below a descriptor
            for name in names:
                if name.startswith(PARTIAL_PREFIX):
                    os.unlink(name, dir_fd=fd)
        finally:
            os.close(fd)
        return names

    def free_bytes(self) -> int:
        """What the disk has left.

        Raises:
            OSError: it does not say.
        """
        self._begin_use()
        try:
            found = os.fstatvfs(self._entries_fd)
        finally:
            self._end_use()
        return found.f_bavail * found.f_frsize

    def check(self) -> None:
        """Make sure that what is at its path is still this folder.

        Raises:
            FolderGoneError: it was removed or replaced, or its disk is not mounted any more.
            OSError: it cannot be told.
        """
        self._begin_use()
        try:
            is_same = _read_folder_id(self.path) == self.mark.folder_id and os.path.samestat(
                os.fstat(self._entries_fd), (self.path / _ENTRIES).lstat()
            )
        except (FileNotFoundError, NotADirectoryError):
            is_same = False
        finally:
            self._end_use()
        if not is_same:
            raise FolderGoneError(f"{self.path} is not there any more")

    def set_aside(self) -> None:
        """Begin anew without entries. The old ones are out of the way at once.

        Raises:
            OSError: they may still be there.
        """
        with contextlib.suppress(FileNotFoundError):
            self.snapshot_path.unlink()
        (self.path / _ENTRIES).rename(self.path / f"{_OLD_PREFIX}{secrets.token_hex(8)}")
        entries_fd = _open_entries(self.path)
        os.close(self._entries_fd)
        self._entries_fd = entries_fd

    def remove_old(self) -> Iterator[None]:
        """Remove what was set aside, now or at an earlier time, one file at a step.

        Raises:
            OSError: some of it stays for the time being.
        """
        for old in sorted(self.path.glob(f"{_OLD_PREFIX}*")):
            for folder, folder_names, file_names in os.walk(old, topdown=False):
                for name in file_names:
                    Path(folder, name).unlink(missing_ok=True)
                    yield
                for name in folder_names:
                    Path(folder, name).rmdir()
            old.rmdir()

    def _read(self, place: Place, identity_bytes: int, *, is_at_once: bool, take: Take) -> ReadFile:
        head = bytearray(min(place.file_bytes, HEADER_BYTES + identity_bytes))
        content = take(place.file_bytes - len(head))
        beyond = bytearray(1)
        if is_at_once:
            file = OpenFile(open_if_cached(place.path, folder_fd=self._entries_fd))
        else:
            file = OpenFile(os.open(place.path, READ_FLAGS, dir_fd=self._entries_fd))
        flags = os.RWF_NOWAIT if is_at_once else 0
        try:
            found = os.preadv(file.fd, [head, content, beyond], 0, flags)
        except OSError as error:
            if is_at_once and error.errno == errno.EOPNOTSUPP:
                raise BlockingIOError from None  # Some file systems know no such reads: tmpfs.
            raise
        if found == place.file_bytes:
            return ReadFile(head, content, file)
        if is_at_once:
            # Of a file that is only partly in memory less is read, too.
            raise BlockingIOError
        whole = b"".join((head, content, beyond))[:found]
        return ReadFile(bytearray(whole[: len(head)]), Content(whole[len(head) :]), file)

    def _open_sub_folder(self, number: int) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        self._begin_use()
        try:
            return os.open(f"{number:02x}", flags, dir_fd=self._entries_fd)
        finally:
            self._end_use()

    def _begin_use(self) -> None:
        """Keep the descriptor: another file could get its number while a thread goes by it."""
        with self._using:
            if self._is_closed:
                raise FolderGoneError(f"{self.path} has been closed")
            self._users += 1

    def _end_use(self) -> None:
        with self._using:
            self._users -= 1
            if self._is_closed and not self._users:
                os.close(self._entries_fd)

    def _write(self, place: Place, buffers: list[Buffer], *, is_durable: bool) -> None:
        partial = f"{place.sub_folder:02x}/{PARTIAL_PREFIX}{next(self._partials)}"
        fd = os.open(partial, _WRITE_FLAGS, 0o600, dir_fd=self._entries_fd)
        try:
            try:
                _write_all(fd, buffers)
                if is_durable:
                    os.fdatasync(fd)
            finally:
                os.close(fd)
            os.rename(partial, place.path, src_dir_fd=self._entries_fd, dst_dir_fd=self._entries_fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial, dir_fd=self._entries_fd)
            raise


def open_folder(path: Path, *, expected: FolderMark | None = None) -> DiskFolder:
    """Lock a folder and make it ready, or find out why it cannot be used.

    Args:
        path: of the folder. It is made if only itself is missing.
        expected: the folder that was there before, if one was.

    Raises:
        DiskFolderInUseError: another process has locked it.
        FolderGoneError: an empty folder on another disk is there instead of `expected`: what was
            mounted is not mounted any more.
        OSError: it cannot be used.
    """
    with contextlib.ExitStack() as undo:
        if _make_folder(path):
            undo.callback(path.rmdir)
        mark = _mark_of(path)
        if mark.is_new and expected is not None and mark.device != expected.device:
            raise FolderGoneError(f"the disk of {path} is not mounted")
        undo.pop_all()
    path.chmod(0o700)
    lock_fd = _lock(path)
    try:
        if mark.is_new:
            replace_file(path / "folder-id", [mark.folder_id.encode()])
        _try_to_write(path)
        entries_fd = _open_entries(path)
    except BaseException:
        os.close(lock_fd)
        raise
    return DiskFolder(path, mark, lock_fd=lock_fd, entries_fd=entries_fd)


def make_shared_folder(path: Path) -> None:
    """Make a folder in which several workers have one each, if only itself is missing.

    What is wrong with it they find out.
    """
    with contextlib.suppress(OSError):
        _make_folder(path)


def _make_folder(path: Path) -> bool:
    try:
        path.mkdir(0o700)
    except FileExistsError:
        return False
    return True


def _mark_of(path: Path) -> FolderMark:
    device = path.stat().st_dev
    try:
        return FolderMark(_read_folder_id(path), device)
    except FileNotFoundError:
        return FolderMark(secrets.token_hex(_FOLDER_ID_BYTES), device, is_new=True)


def _read_folder_id(path: Path) -> str:
    with (path / "folder-id").open("rb") as file:
        return file.read(2 * _FOLDER_ID_BYTES).decode("ascii", "replace")


def _lock(path: Path) -> int:
    fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise DiskFolderInUseError(str(path)) from None
    except BaseException:
        os.close(fd)
        raise
    return fd


def _try_to_write(path: Path) -> None:
    """Find out whether the disk takes anything. That it is full does not matter here."""
    try:
        replace_file(path / "probe", [bytes(_PROBE_BYTES)])
    except OSError as error:
        if not is_full(error):
            raise


def _open_entries(path: Path) -> int:
    entries = path / _ENTRIES
    _make_folder(entries)
    for number in range(SUB_FOLDERS):
        _make_folder(entries / f"{number:02x}")
    return os.open(entries, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _write_all(fd: int, buffers: list[Buffer]) -> None:
    total = sum(memoryview(buffer).nbytes for buffer in buffers)
    written = os.writev(fd, buffers)
    if written == total:
        return
    # A disk that is getting full takes a part first, and says so at the next attempt.
    rest = memoryview(b"".join(bytes(buffer) for buffer in buffers))[written:]
    while rest:
        rest = rest[os.write(fd, rest) :]


def is_full(error: OSError) -> bool:
    """Whether an error says that there is no room."""
    return error.errno in _FULL
