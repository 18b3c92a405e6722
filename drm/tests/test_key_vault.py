import asyncio
import contextlib
import sqlite3
import sys
import uuid
from pathlib import Path

import pytest

from drm.errors import KekError, VaultDamagedError, VaultUnavailableError
from drm.key_vault import KeyVault, open_key_vault
from drm.key_wrap import KeyEncryptionKey
from packager.renditions import KeyClass

TRACK = "0" * 21 + "A"
OTHER = "0" * 22

SCRIPT = """
import asyncio, pathlib, sys
from drm.key_vault import open_key_vault
from drm.key_wrap import KeyEncryptionKey

async def main():
    path, tracks = pathlib.Path(sys.argv[1]), sys.argv[2:]
    kek = KeyEncryptionKey(bytes(range(32)))
    async with open_key_vault(path, kek, busy_s=20, clock=lambda: 0.0) as vault:
        for track in tracks:
            keys = await vault.keys_of_track(track)
            print(sorted((name, str(key.kid)) for name, key in keys.by_class.items()))

asyncio.run(main())
"""


def alter(database: Path, statement: str, *parameters: object) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, parameters)


async def test_keys_are_random_and_of_version_4(vault: KeyVault):
    keys = [await vault.keys_of_track(track) for track in (TRACK, OTHER)]
    every = [key for one in keys for key in one.by_class.values()]
    assert {key.kid.version for key in every} == {4}
    assert len({key.key for key in every}) == len({key.kid for key in every}) == 10


async def test_keys_are_found_by_kid_with_what_they_are_for(vault: KeyVault):
    keys = await vault.keys_of_track(TRACK)
    await vault.keys_of_track(OTHER)
    kids = [key.kid for key in keys.by_class.values()]
    found = await vault.content_keys([*kids, uuid.UUID(int=0)])
    assert {one.key_class: one.content_key for one in found.values()} == keys.by_class
    assert {(one.track_id, one.key_version) for one in found.values()} == {(TRACK, 1)}
    assert found.keys() == set(kids)


async def test_a_vault_of_an_earlier_ladder_gets_the_keys_of_new_classes(
    database: Path, vault: KeyVault
):
    before = await vault.keys_of_track(TRACK)
    alter(database, "DELETE FROM content_keys WHERE key_class LIKE '%-ctr'")
    after = await vault.keys_of_track(TRACK)
    assert after.by_class.keys() == set(KeyClass)
    assert after.key_version == before.key_version
    for key_class in KeyClass:
        is_new = key_class in {KeyClass.LOSSY_CTR, KeyClass.LOSSLESS_CTR}
        assert (after.by_class[key_class] != before.by_class[key_class]) is is_new
    assert await vault.keys_of_track(TRACK) == after


async def test_keys_outlive_the_process(database: Path, kek: KeyEncryptionKey, vault: KeyVault):
    keys = await vault.keys_of_track(TRACK)
    async with open_key_vault(database, kek, busy_s=5, clock=lambda: 0.0) as again:
        assert await again.keys_of_track(TRACK) == keys


async def test_all_who_ask_at_once_are_given_the_same_keys(database: Path, kek: KeyEncryptionKey):
    async with contextlib.AsyncExitStack() as stack:
        vaults = [
            await stack.enter_async_context(
                open_key_vault(database, kek, busy_s=5, clock=lambda: 0.0)
            )
            for _ in range(3)
        ]
        asked = [vault.keys_of_track(TRACK) for vault in vaults * 2]
        first, *others = await asyncio.gather(*asked)
        assert all(keys == first for keys in others)


async def test_processes_that_start_at_once_agree_on_vault_and_keys(database: Path):
    tracks = [f"{number:022}" for number in range(10)]
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", SCRIPT, str(database), *tracks, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    outputs = [(await process.communicate())[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(outputs[0].splitlines()) == len(tracks)
    assert len(set(outputs)) == 1


async def test_a_key_class_that_is_new_gets_its_key_and_the_others_stay(
    database: Path, vault: KeyVault
):
    before = await vault.keys_of_track(TRACK)
    alter(database, "DELETE FROM content_keys WHERE key_class = 'sealed'")
    after = await vault.keys_of_track(TRACK)
    kept = (KeyClass.LOSSY, KeyClass.LOSSLESS)
    assert [after.by_class[one] for one in kept] == [before.by_class[one] for one in kept]
    assert after.by_class[KeyClass.SEALED] != before.by_class[KeyClass.SEALED]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE content_keys SET wrapped = zeroblob(44)", id="altered key"),
        pytest.param("UPDATE content_keys SET wrapped = x''", id="no key"),
        pytest.param(
            "UPDATE content_keys SET track_id = '0000000000000000000000'", id="moved to a track"
        ),
        pytest.param("UPDATE content_keys SET key_version = 2", id="another version"),
        pytest.param("UPDATE content_keys SET kid = kid || 'x'", id="impossible KID"),
        pytest.param("UPDATE content_keys SET key_class = key_class || 'x'", id="unknown class"),
        pytest.param(
            "UPDATE content_keys SET wrapped ="
            " (SELECT wrapped FROM content_keys WHERE key_class = 'lossy')",
            id="a key under another KID",
        ),
    ],
)
async def test_a_tampered_row_is_refused(database: Path, vault: KeyVault, statement: str):
    keys = await vault.keys_of_track(TRACK)
    alter(database, statement)
    with pytest.raises(VaultDamagedError, match="backup"):
        await vault.keys_of_track(OTHER if OTHER in statement else TRACK)
    if "kid =" not in statement:
        with pytest.raises(VaultDamagedError):
            await vault.content_keys([key.kid for key in keys.by_class.values()])


async def test_another_kek_does_not_open_the_vault(database: Path, vault: KeyVault):
    assert vault.kek == KeyEncryptionKey(bytes(range(32)))
    with pytest.raises(KekError, match="another key-encryption key"):
        async with open_key_vault(
            database, KeyEncryptionKey(bytes(32)), busy_s=1, clock=lambda: 0.0
        ):
            pass


async def test_a_row_with_a_track_id_that_is_not_ascii_is_refused(database: Path, vault: KeyVault):
    keys = await vault.keys_of_track(TRACK)
    alter(database, "UPDATE content_keys SET track_id = 'ö' || track_id")
    with pytest.raises(VaultDamagedError, match="backup"):
        await vault.content_keys([key.kid for key in keys.by_class.values()])


async def test_a_vault_of_another_release_is_left_alone(
    database: Path, kek: KeyEncryptionKey, vault: KeyVault
):
    await vault.ping()
    alter(database, "UPDATE vault SET schema_version = 2")
    with pytest.raises(VaultUnavailableError, match="schema 2"):
        async with open_key_vault(database, kek, busy_s=1, clock=lambda: 0.0):
            pass
    with pytest.raises(VaultUnavailableError):
        await vault.ping()


async def test_no_key_is_in_the_file(database: Path, vault: KeyVault):
    keys = await vault.keys_of_track(TRACK)
    files = b"".join(path.read_bytes() for path in database.parent.iterdir())
    assert TRACK.encode() in files
    assert not any(key.key in files for key in keys.by_class.values())
