"""The SQLite file of the key vault: connections, transactions and schema.

Several processes open one file at the same time: the running drm, and an ingest beside it. So every
write is one transaction that takes the write lock when it begins, and every commit is on the disk
when it returns (write-ahead log, synchronous FULL): a key that was given out is never lost.

Only wrapped keys pass through here; the driver may log what it executes.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import aiosqlite

from drm.errors import VaultDamagedError, VaultUnavailableError

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS vault (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        schema_version INTEGER NOT NULL,
        kek_check BLOB NOT NULL,
        not_issued_before_s INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS content_keys (
        kid TEXT PRIMARY KEY,
        track_id TEXT NOT NULL,
        key_class TEXT NOT NULL,
        key_version INTEGER NOT NULL,
        wrapped BLOB NOT NULL,
        created_s INTEGER NOT NULL,
        UNIQUE (track_id, key_class, key_version)
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS signing_keys (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        kid TEXT NOT NULL UNIQUE,
        wrapped BLOB NOT NULL,
        created_s INTEGER NOT NULL,
        retired_s INTEGER
    ) STRICT
    """,
)

# How long to wait before asking again for a lock that SQLite does not wait for by itself.
_RETRY_S: Final = 0.02

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

Row = tuple[Any, ...]


class Transaction:
    """A write transaction under way. Made by `VaultDatabase.transaction`."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement and return its rows."""
        rows = await self._connection.execute_fetchall(statement, parameters)
        return [tuple(row) for row in rows]


class VaultDatabase:
    """An open vault file. Made by `open_database`.

    Reads have a connection of their own: on the writer's they would see what is not committed yet.
    """

    def __init__(
        self, reader: aiosqlite.Connection, writer: aiosqlite.Connection, *, path: Path
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._writer_lock = asyncio.Lock()
        self._path = path

    async def read(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Rows of one query over what is committed.

        Raises:
            VaultError: the file cannot be read.
        """
        with _translated(self._path):
            rows = await self._reader.execute_fetchall(statement, parameters)
            return [tuple(row) for row in rows]

    async def change_mark(self) -> int:
        """A number that differs after every commit, of this or another process."""
        [(mark,)] = await self.read("PRAGMA data_version")
        assert isinstance(mark, int)
        return mark

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A write transaction: committed when the block ends, undone when it raises.

        Raises:
            VaultError: the file cannot be written, or another process keeps the lock.
        """
        async with self._writer_lock:
            with _translated(self._path):
                try:
                    await self._run("BEGIN IMMEDIATE")
                    yield Transaction(self._writer)
                    await self._run("COMMIT")
                except BaseException:
                    # A statement that we no longer wait for is still executed, BEGIN included. This
                    # one is queued behind it, also when we are cancelled again.
                    with contextlib.suppress(sqlite3.Error):
                        await self._run("ROLLBACK")
                    raise

    async def _run(self, statement: str) -> None:
        await self._writer.execute_fetchall(statement)


@contextlib.asynccontextmanager
async def open_database(path: Path, *, busy_s: float) -> AsyncIterator[VaultDatabase]:
    """Open the vault file, and make it with its schema if it is new.

    Args:
        path: the file; its folder is made when absent.
        busy_s: how long to wait for another process's lock before giving up.

    Raises:
        VaultUnavailableError: the file cannot be opened, made, or locked in time.
        VaultDamagedError: the file is no database.
    """
    with _translated(path):
        await asyncio.to_thread(_prepare_file, path)
        async with _connect(path, busy_s=busy_s) as writer:
            await _enter_wal(writer, path, busy_s=busy_s)
            async with _connect(path, busy_s=busy_s) as reader:
                database = VaultDatabase(reader, writer, path=path)
                async with database.transaction() as transaction:
                    for statement in _SCHEMA:
                        await transaction.execute(statement)
                yield database


@contextlib.asynccontextmanager
async def _connect(path: Path, *, busy_s: float) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(path, timeout=busy_s, isolation_level=None) as connection:
        await connection.execute_fetchall("PRAGMA synchronous = FULL")
        await connection.execute_fetchall("PRAGMA trusted_schema = OFF")
        yield connection


async def _enter_wal(connection: aiosqlite.Connection, path: Path, *, busy_s: float) -> None:
    """Turn the write-ahead log on.

    Two processes that do so at once may both be told "locked" without a wait, so we wait here.
    """
    try:
        async with asyncio.timeout(busy_s):
            while not await _is_wal(connection):  # noqa: ASYNC110 - other processes set no event
                await asyncio.sleep(_RETRY_S)
    except TimeoutError:
        raise VaultUnavailableError(
            f"{path}: no write-ahead log; end what holds the file, or move it to a local disk"
        ) from None


async def _is_wal(connection: aiosqlite.Connection) -> bool:
    try:
        rows = await connection.execute_fetchall("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return False
        raise
    return [tuple(row) for row in rows] == [("wal",)]


def _prepare_file(path: Path) -> None:
    """Make the file for the owner alone; SQLite gives its side files the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise VaultUnavailableError(f"{path}: {error.strerror}") from error


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Errors of SQLite as errors of the vault. They name the file and never a value."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
            raise VaultDamagedError(f"{path}: {error}; restore it from a backup") from error
        raise VaultUnavailableError(f"{path}: {error}") from error
