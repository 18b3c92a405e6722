import asyncio
import contextlib
import sqlite3
import stat
from pathlib import Path

import pytest

from drm.errors import VaultDamagedError, VaultUnavailableError
from drm.vault_database import VaultDatabase, open_database

INSERT = "INSERT INTO vault (id, schema_version, kek_check) VALUES (1, 1, x'00')"
COUNT = "SELECT COUNT(*) FROM vault"


async def test_the_file_is_the_owners_alone_and_survives_a_crash(database: Path):
    async with open_database(database, busy_s=5) as opened:
        async with opened.transaction() as transaction:
            await transaction.execute(INSERT)
        assert await opened.read("PRAGMA journal_mode") == [("wal",)]
        assert await opened.read("PRAGMA synchronous") == [(2,)]
        modes = {stat.S_IMODE(path.stat().st_mode) for path in database.parent.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700


async def test_an_error_in_a_transaction_undoes_it(database: Path):
    async with open_database(database, busy_s=5) as opened:
        with pytest.raises(ZeroDivisionError):
            async with opened.transaction() as transaction:
                await transaction.execute(INSERT)
                raise ZeroDivisionError
        assert await opened.read(COUNT) == [(0,)]


async def test_a_cancelled_transaction_is_undone_and_does_not_block_the_next(database: Path):
    async with open_database(database, busy_s=5) as opened:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), opened.transaction() as transaction:
                await transaction.execute(INSERT)
        async with opened.transaction():
            assert await opened.read(COUNT) == [(0,)]


async def test_readers_do_not_see_what_is_not_committed(database: Path):
    async with open_database(database, busy_s=5) as opened:
        async with opened.transaction() as transaction:
            await transaction.execute(INSERT)
            assert await opened.read(COUNT) == [(0,)]
        assert await opened.read(COUNT) == [(1,)]


async def test_the_change_mark_moves_with_commits_of_anyone(database: Path):
    async with open_database(database, busy_s=5) as one, open_database(database, busy_s=5) as other:
        marks = [await one.change_mark(), await one.change_mark()]
        assert len(set(marks)) == 1
        for writer in (one, other):
            async with writer.transaction() as transaction:
                await transaction.execute(INSERT.replace("INSERT", "INSERT OR REPLACE"))
            marks.append(await one.change_mark())
        assert len(set(marks)) == 3


async def test_many_may_make_the_file_at_once(database: Path):
    async with contextlib.AsyncExitStack() as stack:
        opened = [stack.enter_async_context(open_database(database, busy_s=5)) for _ in range(6)]
        databases = await asyncio.gather(*opened)
        async with databases[0].transaction() as transaction:
            await transaction.execute(INSERT)
        assert [await one.read(COUNT) for one in databases] == [[(1,)]] * 6


async def test_a_lock_that_is_kept_is_told_as_trouble_that_may_pass(database: Path):
    async with open_database(database, busy_s=0.5) as opened:
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(VaultUnavailableError, match="locked") as raised:
                async with opened.transaction():
                    pass
        assert raised.value.retryable
        async with opened.transaction():
            pass


@pytest.mark.parametrize(
    "lock",
    [
        pytest.param(("BEGIN EXCLUSIVE",), id="by a writer"),
        pytest.param(("BEGIN", "SELECT * FROM other"), id="by a reader"),
    ],
)
async def test_a_file_that_is_locked_from_the_start_is_not_waited_for_forever(
    database: Path, lock: tuple[str, ...]
):
    database.parent.mkdir()
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("CREATE TABLE other (id)")
        for statement in lock:
            holder.execute(statement).fetchall()
        with pytest.raises(VaultUnavailableError):
            async with open_database(database, busy_s=0.05):
                pass


@pytest.fixture
def no_database(database: Path) -> Path:
    database.parent.mkdir()
    database.write_bytes(b"music, not keys " * 100)
    return database


async def test_what_is_no_database_is_refused(no_database: Path):
    with pytest.raises(VaultDamagedError, match="backup"):
        async with open_database(no_database, busy_s=1):
            pass


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(VaultUnavailableError, match=r"keys\.sqlite"):
        async with open_database(tmp_path / "file" / "keys.sqlite", busy_s=1):
            pass


async def test_a_wrong_statement_is_an_error_of_the_vault(database: Path):
    async with open_database(database, busy_s=1) as opened:
        assert isinstance(opened, VaultDatabase)
        with pytest.raises(VaultUnavailableError):
            await opened.read("SELECT * FROM nowhere")
