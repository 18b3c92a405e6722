"""Objects as files: what `FolderStore` does in a thread. Raises OSError as it comes.

Beside each object `name` lies `.name.sha256` with a line for its digest and length. It is written
before the object takes its name. When an object is replaced, the new and the old line stand in it
until the new object is in place: whenever a process is killed, the object that is there has its
line. A sidecar whose object did not come, or has gone, is removed by whoever lists the folder.
Names that begin with a dot are ours; keys never do.
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.whole_file import sync_folder
from origin.errors import ObjectConflictError, ObjectDamagedError, ObjectMissingError
from origin.ports import IfAbsent, IfMatch, ObjectContent, ObjectHead, PutCondition

CHUNK_BYTES: Final = 1 << 20

_LINE: Final = re.compile(r"([0-9a-f]{64}) (\d{1,19})", re.ASCII)

_SIDECAR: Final = re.compile(r"\.(.+)\.sha256", re.ASCII)

# How old a sidecar without an object must be to be removed. Needed only where locks do not work: a
# writer holds one until the object is there.
_ORPHAN_AGE_S: Final = 86_400

# Two lines at most, and nobody else writes there.
_SIDECAR_BYTES_MAX: Final = 4096

# A reader that meets a replacement looks again; each time somebody has put another object.
_LOOKS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Digest:
    """What a sidecar says about one content of its object."""

    sha256: str
    size_bytes: int


class ObjectFiles:
    """Objects under `root`. `partials` is a folder of this process on the same file system."""

    def __init__(self, root: Path, *, partials: Path, locks: Path) -> None:
        self._root = root
        self._partials = partials
        self._locks = locks
        self._numbers = itertools.count()

    def path_of(self, key: str) -> Path:
        """Where the object with this checked key is."""
        return self._root / key

    def put(
        self, key: str, source: bytes | Path, sha256: str | None, condition: PutCondition | None
    ) -> ObjectHead:
        """See `ObjectStore.put`."""
        partial = self._partials / f"{next(self._numbers)}"
        try:
            digest = _write(partial, source)
            if sha256 not in (None, digest.sha256):
                raise ObjectDamagedError(key, "the bytes to put are not those they should be")
            stat = self._put_partial(key, partial, digest, condition)
        finally:
            partial.unlink(missing_ok=True)
        return _head_of(key, digest, stat)

    def head(self, key: str) -> ObjectHead | None:
        """See `ObjectStore.head`."""
        path = self.path_of(key)
        for _ in range(_LOOKS_MAX):
            try:
                stat = path.stat()
                digests = _read_sidecar(path)
            except (FileNotFoundError, NotADirectoryError):
                return None
            if not _is_same(stat, path):
                continue
            candidates = [one for one in digests if one.size_bytes == stat.st_size]
            if len(candidates) == 1:
                return _head_of(key, candidates[0], stat)
            if not candidates:
                raise ObjectDamagedError(key, _problem_of(digests, stat.st_size))
            # A process was killed between the two names of a replacement.
            content = self._try_verify(path, candidates, None)
            if content is not None:
                return _head_of(key, content, stat)
            if _is_same(stat, path):
                raise ObjectDamagedError(key, "its SHA-256 is not that of what was put")
        raise ObjectConflictError(key)

    def verify(self, key: str, sink: list[bytes] | None = None) -> ObjectHead:
        """Read a whole object and check its digest; its bytes go to `sink` if there is one.

        Raises:
            ObjectMissingError: there is none.
            ObjectDamagedError: its digest is not that of what was put.
        """
        path = self.path_of(key)
        for _ in range(_LOOKS_MAX):
            head = self.head(key)
            if head is None:
                raise ObjectMissingError(key)
            chunks: list[bytes] = []
            try:
                before = path.stat()
                digest = self._try_verify(
                    path, [Digest(head.sha256, head.size_bytes)], None if sink is None else chunks
                )
            except FileNotFoundError:
                continue
            if digest is not None:
                if sink is not None:
                    sink.extend(chunks)
                return head
            if _is_same(before, path) and before.st_mtime == head.modified_s:
                raise ObjectDamagedError(key, "its SHA-256 is not that of what was put")
        raise ObjectConflictError(key)

    def check_opened(self, content: ObjectContent, descriptor: int) -> None:
        """Refuse a file that was opened as an object with this content and is not.

        Raises:
            ObjectMissingError: the object is gone.
            ObjectConflictError: it has another content.
            ObjectDamagedError: its length is not that of what was put.
        """
        path = self.path_of(content.key)
        for _ in range(_LOOKS_MAX):
            head = self.head(content.key)
            if head is None:
                raise ObjectMissingError(content.key)
            stat = os.fstat(descriptor)
            if head.sha256 != content.sha256 or not os.path.samestat(stat, path.stat()):
                raise ObjectConflictError(content.key)
            if (stat.st_mtime, stat.st_size) == (head.modified_s, content.size_bytes):
                return
            # It was touched between the two looks.
        raise ObjectConflictError(content.key)

    def touch(self, key: str) -> None:
        """See `ObjectStore.touch`. What is noted beside the object names no time."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.utime(self.path_of(key))

    def delete(self, key: str) -> bool:
        """See `ObjectStore.delete`."""
        path = self.path_of(key)
        with self._locked(key):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return False
            _sidecar_of(path).unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):  # Another delete removed the folder.
                sync_folder(path.parent)
        self._remove_empty_folders(path.parent)
        return True

    def keys(self, prefix: str, after: str) -> Iterator[str]:
        """Keys with this prefix that sort after `after`, in order."""
        return self._walk(self._root / prefix, prefix, after)

    def check(self) -> None:
        """Write, read and remove a small file."""
        probe = self._partials / f"{next(self._numbers)}"
        try:
            probe.write_bytes(b"probe")
            probe.read_bytes()
        finally:
            probe.unlink(missing_ok=True)

    def _put_partial(
        self, key: str, partial: Path, digest: Digest, condition: PutCondition | None
    ) -> os.stat_result:
        path = self.path_of(key)
        for _ in range(_LOOKS_MAX):
            try:
                _make_folders(path.parent)
                with self._locked(key):
                    self._publish(key, partial, digest, condition)
                    return path.stat()
            except FileNotFoundError:
                # Whoever deletes the last object of a folder removes the folder too, perhaps
                # just after it was made for this one.
                if not partial.exists():
                    raise
        raise ObjectConflictError(key)

    def _publish(
        self, key: str, partial: Path, digest: Digest, condition: PutCondition | None
    ) -> None:
        """Give the partial file its name, and its digest beside it. The key is locked."""
        path = self.path_of(key)
        is_there = path.exists()
        self._check_condition(key, condition, is_there=is_there)
        old = [one for one in _known_digests(path) if one != digest] if is_there else []
        try:
            self._write_sidecar(path, [digest, *old])
            if is_there:
                partial.replace(path)
            else:
                # Unlike a rename, a link never replaces: true even where locks do not work.
                path.hardlink_to(partial)
        except FileExistsError as error:
            raise ObjectConflictError(key) from error
        except OSError:
            if not is_there and not path.exists():
                _sidecar_of(path).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
        if old:
            self._write_sidecar(path, [digest])

    def _check_condition(self, key: str, condition: PutCondition | None, *, is_there: bool) -> None:
        if isinstance(condition, IfAbsent) and is_there:
            raise ObjectConflictError(key)
        if isinstance(condition, IfMatch):
            head = self.head(key) if is_there else None
            if head is None or head.etag != condition.etag:
                raise ObjectConflictError(key)

    def _write_sidecar(self, path: Path, digests: list[Digest]) -> None:
        lines = "".join(f"{one.sha256} {one.size_bytes}\n" for one in digests)
        partial = self._partials / f"{next(self._numbers)}"
        try:
            _write(partial, lines.encode())
            partial.replace(_sidecar_of(path))
        finally:
            partial.unlink(missing_ok=True)

    def _try_verify(
        self, path: Path, digests: list[Digest], sink: list[bytes] | None
    ) -> Digest | None:
        """Which of `digests` the file has; None if it has none of them."""
        digest = hashlib.sha256()
        size_bytes = 0
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += len(chunk)
                if sink is not None:
                    sink.append(chunk)
        found = Digest(digest.hexdigest(), size_bytes)
        return found if found in digests else None

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[int]:
        """Hold the lock that serves this key (and others) among all processes on the store.

        What it yields is the descriptor of the lock's file.
        """
        name = hashlib.sha256(key.encode()).hexdigest()[:2]
        handle = os.open(self._locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)

    def _walk(self, folder: Path, prefix: str, after: str) -> Iterator[str]:
        """Keys below a folder in the order of their characters: a folder sorts with its "/"."""
        try:
            with os.scandir(folder) as entries:
                found = [one.name + "/" * one.is_dir(follow_symlinks=False) for one in entries]
        except (FileNotFoundError, NotADirectoryError):
            return
        names = sorted(name for name in found if not name.startswith("."))
        for orphan in _sidecars_in(found) - set(names):
            self._remove_orphan(prefix + orphan)
        for name in names:
            key = prefix + name
            if not name.endswith("/"):
                if key > after:
                    yield key
            elif key > after or after.startswith(key):
                yield from self._walk(folder / name, key, after)

    def _remove_orphan(self, key: str) -> None:
        """Remove what an object's writer left beside it that was killed, if it is long ago."""
        path = self.path_of(key)
        # Whoever may only read leaves it there.
        with contextlib.suppress(OSError), self._locked(key) as handle:
            os.utime(handle)  # Both times are the file system's own.
            age_s = os.fstat(handle).st_mtime - _sidecar_of(path).stat().st_mtime
            if age_s > _ORPHAN_AGE_S and not path.exists():
                _sidecar_of(path).unlink()
                self._remove_empty_folders(path.parent)

    def _remove_empty_folders(self, folder: Path) -> None:
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:
                return  # Not empty, or somebody else was first: both are fine.
            folder = folder.parent


def _write(path: Path, source: bytes | Path) -> Digest:
    """Write a new file through to the disk, hashing on the way."""
    digest = hashlib.sha256()
    size_bytes = 0
    with path.open("xb") as file:
        for chunk in _chunks_of(source):
            digest.update(chunk)
            file.write(chunk)
            size_bytes += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Digest(digest.hexdigest(), size_bytes)


def _chunks_of(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _make_folders(folder: Path) -> None:
    """Make a folder and those above it; the new names are on the disk afterwards.

    Raises:
        FileNotFoundError: somebody removed one of them meanwhile.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        # There was something, and it is no folder; or by now there is nothing at all.
        kind = NotADirectoryError if folder.exists() else FileNotFoundError
        raise kind(error.errno, error.strerror, str(folder)) from error
    for one in missing:
        sync_folder(one.parent)


def _sidecar_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")


def _sidecars_in(names: Iterable[str]) -> set[str]:
    """Names of the objects whose sidecars are among the names in a folder."""
    matches = (_SIDECAR.fullmatch(name) for name in names)
    return {match[1] for match in matches if match is not None}


def _read_sidecar(path: Path) -> list[Digest]:
    """Digests noted beside an object; none if the note is lost or is not one."""
    try:
        with _sidecar_of(path).open("rb") as file:
            text = file.read(_SIDECAR_BYTES_MAX).decode("ascii", errors="replace")
    except FileNotFoundError:
        return []
    matches = (_LINE.fullmatch(line) for line in text.splitlines())
    return [Digest(match[1], int(match[2])) for match in matches if match is not None]


def _known_digests(path: Path) -> list[Digest]:
    """Digests that may be those of the object that is there, by its length."""
    size_bytes = path.stat().st_size
    return [one for one in _read_sidecar(path) if one.size_bytes == size_bytes]


def _head_of(key: str, digest: Digest, stat: os.stat_result) -> ObjectHead:
    # The digest serves as entity tag: equal bytes, equal tag, however often they are put.
    return ObjectHead(key, digest.size_bytes, digest.sha256, digest.sha256, stat.st_mtime)


def _is_same(stat: os.stat_result, path: Path) -> bool:
    """Whether the file with this name is still the one that `stat` describes."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (now.st_ino, now.st_mtime_ns, now.st_size) == (
        stat.st_ino,
        stat.st_mtime_ns,
        stat.st_size,
    )


def _problem_of(digests: list[Digest], size_bytes: int) -> str:
    if not digests:
        return "its digest is not known"
    return f"it has {size_bytes} bytes, {digests[0].size_bytes} were put"
