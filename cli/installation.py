"""A one-machine installation: the folder that holds everything, and what runs in it.

DATA/store/              masters, records, packaged renditions
DATA/drm/keys.sqlite     content keys and token-signing keys, wrapped
DATA/drm/kek             the key that wraps them
DATA/scratch/            work files of packaging
DATA/run/attacca.json    the listeners' URLs and the operator's credential while `up` runs
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Self

from config.credentials import Credential

_RUN_FILE_BYTES_MAX: Final = 1 << 16


class InstallationError(Exception):
    """The data folder cannot be used as asked; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """What `attacca up` tells the other commands.

    Attributes:
        urls_by_listener: `edge`, `admin`, `origin`, `drm` and their like.
        operator: what every call that issues or administers needs.
    """

    urls_by_listener: dict[str, str]
    operator: Credential = field(repr=False)


class Installation:
    """The folder of a one-machine installation."""

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()

    @classmethod
    def at(cls, data: str) -> Self:
        """The installation in the folder that `--data` names."""
        return cls(Path(data).expanduser())

    @property
    def store(self) -> Path:
        """Folder of the object store."""
        return self.data / "store"

    @property
    def scratch(self) -> Path:
        """Folder of packaging's work files."""
        return self.data / "scratch"

    @property
    def drm_database(self) -> Path:
        """The key store's database."""
        return self.data / "drm" / "keys.sqlite"

    @property
    def kek(self) -> Path:
        """The file with the key-encryption key."""
        return self.data / "drm" / "kek"

    @property
    def run_file(self) -> Path:
        """Where `up` tells what it listens on."""
        return self.data / "run" / "attacca.json"

    def create(self) -> None:
        """Make the folders, closed to others.

        Raises:
            InstallationError: they cannot be made.
        """
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.store, self.scratch, self.kek.parent, self.run_file.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise InstallationError(
                f"the data folder {self.data} cannot be made: {error.strerror}; "
                "choose another with --data"
            ) from error

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder, so that two `up` never run in it.

        Raises:
            InstallationError: another process holds it.
        """
        with self._lock() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InstallationError(
                    f"`attacca up` already runs in {self.data}; stop it, or choose another "
                    "folder with --data"
                ) from None
            yield

    def _lock(self) -> IO[str]:
        path = self.run_file.parent / "lock"
        try:
            return path.open("a")
        except OSError as error:
            raise InstallationError(f"{path} cannot be written: {error.strerror}") from error

    def check(self) -> None:
        """Refuse a folder that nothing was ever kept in.

        Raises:
            InstallationError: it is none of ours.
        """
        if not self.store.is_dir():
            raise InstallationError(
                f"there is no library in {self.data}: name its folder with --data, or begin one "
                "with `attacca ingest`"
            )

    @contextlib.contextmanager
    def announced(self, running: Running) -> Iterator[None]:
        """Tell other commands of `running` until the block is left."""
        document = {**running.urls_by_listener, "operator_credential": running.operator.reveal()}
        partial = self.run_file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(document, file, indent=2)
        partial.replace(self.run_file)
        try:
            yield
        finally:
            self.run_file.unlink(missing_ok=True)

    def running(self) -> Running:
        """What runs in this folder.

        Raises:
            InstallationError: nothing does.
        """
        try:
            return read_running(self.run_file)
        except PermissionError as error:
            raise InstallationError(
                f"{self.run_file} may not be read: it is another user's"
            ) from error
        except (OSError, ValueError) as error:
            raise InstallationError(
                f"nothing runs in {self.data}: start `attacca up`, or name the folder that it "
                "runs in with --data"
            ) from error


def read_running(file: Path) -> Running:
    """What a file in the form of `DATA/run/attacca.json` tells.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not of that form. The message shows nothing of it.
    """
    with file.open("rb") as opened:
        document = json.loads(opened.read(_RUN_FILE_BYTES_MAX))
    if not isinstance(document, dict) or not all(
        isinstance(value, str) for value in document.values()
    ):
        raise ValueError("not an object of texts")
    operator = Credential(document.pop("operator_credential", ""))
    return Running(document, operator)


def find_running(installation: Installation, file: Path | None) -> Running:
    """What runs in the data folder or, if a file is named, what that tells.

    Raises:
        InstallationError: nothing does, or the file tells nothing.
    """
    if file is None:
        return installation.running()
    try:
        return read_running(file)
    except (OSError, ValueError) as error:
        raise InstallationError(
            f"{file} does not tell what runs: it needs the URLs `edge`, `origin` and `drm`, and "
            "`operator_credential`, as DATA/run/attacca.json has them"
        ) from error
