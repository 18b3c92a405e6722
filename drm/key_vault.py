"""The key vault: content keys of tracks, wrapped at rest, and who may open it."""

import contextlib
import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from drm.errors import KekError, VaultDamagedError, VaultUnavailableError
from drm.key_wrap import NONCE_BYTES, KeyEncryptionKey, place_of_content_key
from drm.ports import StoredContentKey, TrackKeys
from drm.track_id import check_track_id
from drm.vault_database import SCHEMA_VERSION, Row, Transaction, VaultDatabase, open_database
from packager.content_key import KEY_SIZE, ContentKey
from packager.renditions import KeyClass

_FIRST_KEY_VERSION: Final = 1
# SQLite takes some 32 000 parameters; a license request has 32 at most.
KIDS_MAX: Final = 256

_COLUMNS: Final = "kid, track_id, key_class, key_version, wrapped"


class KeyVault:
    """Gives content keys by track and by KID. Made by `open_key_vault`.

    It is the adapter of `drm.ports.ContentKeys` for those who share the vault's machine.
    """

    def __init__(
        self, database: VaultDatabase, kek: KeyEncryptionKey, *, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._kek = kek
        self._clock = clock

    @property
    def database(self) -> VaultDatabase:
        """The file, for what else is kept in it."""
        return self._database

    @property
    def kek(self) -> KeyEncryptionKey:
        """The key that wraps what is kept in the file."""
        return self._kek

    async def keys_of_track(self, track_id: str) -> TrackKeys:
        """See `ContentKeys.keys_of_track`.

        However many processes ask for a new track at once, the first one to commit makes its keys
        and all are given these.

        Raises:
            TrackIdError: not a track id.
            VaultError: the vault cannot be read or written, or a key of the track is damaged.
        """
        check_track_id(track_id)
        query = f"SELECT {_COLUMNS} FROM content_keys WHERE track_id = ?"  # noqa: S608 - constant
        keys = self._track_keys(await self._database.read(query, (track_id,)))
        if keys is not None:
            return keys
        async with self._database.transaction() as transaction:
            await self._insert_missing(transaction, track_id)
            keys = self._track_keys(await transaction.execute(query, (track_id,)))
        assert keys is not None
        return keys

    async def content_keys(
        self, kids: Collection[uuid.UUID]
    ) -> Mapping[uuid.UUID, StoredContentKey]:
        """Keys by KID; a KID that is unknown is left out.

        Raises:
            VaultError: the vault cannot be read, or one of the keys is damaged.
        """
        assert len(kids) <= KIDS_MAX
        marks = ", ".join("?" * len(kids))
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM content_keys WHERE kid IN ({marks})",  # noqa: S608 - marks
            [str(kid) for kid in kids],
        )
        stored = [self._unwrap(row) for row in rows]
        return {one.content_key.kid: one for one in stored}

    async def ping(self) -> None:
        """Read from the vault, to see whether it can be read.

        Raises:
            VaultError: it cannot.
        """
        rows = await self._database.read("SELECT schema_version FROM vault")
        if rows != [(SCHEMA_VERSION,)]:
            raise VaultUnavailableError("the vault's own row is gone; restore it from a backup")

    def _track_keys(self, rows: list[Row]) -> TrackKeys | None:
        """The keys of the newest version, or None if a class has none yet."""
        stored = [self._unwrap(row) for row in rows]
        key_version = max((one.key_version for one in stored), default=0)
        by_class = {
            one.key_class: one.content_key for one in stored if one.key_version == key_version
        }
        if by_class.keys() != set(KeyClass):
            return None
        return TrackKeys(key_version, MappingProxyType(by_class))

    async def _insert_missing(self, transaction: Transaction, track_id: str) -> None:
        [(newest,)] = await transaction.execute(
            "SELECT MAX(key_version) FROM content_keys WHERE track_id = ?", (track_id,)
        )
        key_version = newest or _FIRST_KEY_VERSION
        for key_class in KeyClass:
            kid = uuid.uuid4()
            wrapped = self._kek.wrap(
                secrets.token_bytes(KEY_SIZE),
                nonce=secrets.token_bytes(NONCE_BYTES),
                place=place_of_content_key(
                    kid, track_id=track_id, key_class=key_class, key_version=key_version
                ),
            )
            await transaction.execute(
                "INSERT INTO content_keys"
                " (kid, track_id, key_class, key_version, wrapped, created_s)"
                " VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (track_id, key_class, key_version) DO NOTHING",
                (str(kid), track_id, str(key_class), key_version, wrapped, int(self._clock())),
            )

    def _unwrap(self, row: Row) -> StoredContentKey:
        kid_text, track_id, class_text, key_version, wrapped = row
        try:
            kid, key_class = uuid.UUID(kid_text), KeyClass(class_text)
        except ValueError:
            raise VaultDamagedError(
                "a stored key has an impossible KID or class; restore the vault from a backup"
            ) from None
        place = place_of_content_key(
            kid, track_id=track_id, key_class=key_class, key_version=key_version
        )
        key = ContentKey(kid, self._kek.unwrap(wrapped, place=place))
        return StoredContentKey(track_id, key_class, key_version, key)


@contextlib.asynccontextmanager
async def open_key_vault(
    path: Path, kek: KeyEncryptionKey, *, busy_s: float, clock: Callable[[], float]
) -> AsyncIterator[KeyVault]:
    """Open the vault in the file `path`; a new one is bound to `kek` for good.

    Raises:
        KekError: the vault was made with another key-encryption key.
        VaultError: the file cannot be used.
    """
    async with open_database(path, busy_s=busy_s) as database:
        async with database.transaction() as transaction:
            await _bind(transaction, kek, path=path)
        yield KeyVault(database, kek, clock=clock)


async def _bind(transaction: Transaction, kek: KeyEncryptionKey, *, path: Path) -> None:
    rows = await transaction.execute("SELECT schema_version, kek_check FROM vault")
    if not rows:
        check = kek.encode_check(nonce=secrets.token_bytes(NONCE_BYTES))
        await transaction.execute(
            "INSERT INTO vault (id, schema_version, kek_check) VALUES (1, ?, ?)",
            (SCHEMA_VERSION, check),
        )
        return
    [(schema_version, check)] = rows
    if schema_version != SCHEMA_VERSION:
        raise VaultUnavailableError(
            f"{path} has schema {schema_version} and this release reads {SCHEMA_VERSION}: "
            "use the release that made it"
        )
    if not kek.fits(check):
        raise KekError(
            f"{path} was made with another key-encryption key: give that one, "
            "or choose another database"
        )
