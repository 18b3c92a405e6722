"""Signing keys in the vault: rotation, retirement and the revocation epoch."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from drm.errors import SigningKeyError, VaultUnavailableError
from drm.key_vault import KeyVault
from drm.key_wrap import NONCE_BYTES, place_of_signing_key
from drm.signing_keys import KEYS_MAX, SEED_BYTES, KeySet, SigningKey, key_set_of
from drm.vault_database import Row, Transaction


@dataclass(frozen=True, slots=True)
class StoredSigningKey:
    """A signing key that is live.

    Attributes:
        created_s: when it was made, in seconds since the epoch.
    """

    key: SigningKey
    created_s: int


@dataclass(frozen=True, slots=True)
class LiveSigningKeys:
    """All live signing keys, oldest first; never none.

    Attributes:
        not_issued_before_s: the revocation epoch, in seconds since the epoch.
    """

    keys: tuple[StoredSigningKey, ...]
    not_issued_before_s: int

    def __post_init__(self) -> None:
        assert self.keys

    def signing_key(self, *, now_s: float, lead_s: float) -> SigningKey:
        """The key that signs: the newest one that has been published for `lead_s` seconds.

        Edges fetch keys from time to time. A key that signed at once would make tokens that they
        do not know yet.
        """
        published = [one for one in self.keys if one.created_s + lead_s <= now_s]
        return published[-1].key if published else self.keys[0].key

    def key_set(self) -> KeySet:
        """What edges need for checking tokens."""
        return key_set_of(
            (one.key.verification_key for one in self.keys),
            not_issued_before_s=self.not_issued_before_s,
        )


class SigningKeyStore:
    """Keeps signing keys in the vault's file, wrapped like content keys."""

    def __init__(self, vault: KeyVault, *, clock: Callable[[], float]) -> None:
        self._database = vault.database
        self._kek = vault.kek
        self._clock = clock

    async def change_mark(self) -> int:
        """See `VaultDatabase.change_mark`: when it is the same, `live` is the same."""
        return await self._database.change_mark()

    async def live(self) -> LiveSigningKeys:
        """All keys that are not retired; the very first one is made here.

        Raises:
            VaultError: the vault cannot be used, or a key is damaged.
        """
        rows = await self._live_rows()
        if not rows:
            await self._create_first()
            rows = await self._live_rows()
        if not rows:
            raise VaultUnavailableError("the vault's own row is gone; restore it from a backup")
        keys = tuple(
            StoredSigningKey(self._unwrap(kid, wrapped), created_s)
            for kid, wrapped, created_s, _ in rows
        )
        return LiveSigningKeys(keys, not_issued_before_s=rows[0][3])

    async def rotate(self) -> StoredSigningKey:
        """Make a new key and return it; all others stay live until they are retired.

        Raises:
            SigningKeyError: there are as many live keys as edges take.
            VaultError: the vault cannot be written.
        """
        async with self._database.transaction() as transaction:
            if await _count_live(transaction) >= KEYS_MAX:
                raise SigningKeyError(f"{KEYS_MAX} keys are live: retire some of them first")
            return await self._insert(transaction)

    async def retire(self, kid: str) -> None:
        """Refuse tokens of the key `kid` from now on.

        Raises:
            SigningKeyError: there is no such live key, or it is the only one.
            VaultError: the vault cannot be written.
        """
        async with self._database.transaction() as transaction:
            if await _count_live(transaction) == 1:
                raise SigningKeyError("the only live key cannot be retired: rotate first")
            retired = await transaction.execute(
                "UPDATE signing_keys SET retired_s = ? WHERE kid = ? AND retired_s IS NULL"
                " RETURNING kid",
                (int(self._clock()), kid),
            )
            if not retired:
                raise SigningKeyError("there is no live signing key of that kid")

    async def revoke_before(self, epoch_s: int) -> None:
        """Refuse all tokens that were issued before `epoch_s`. The epoch never moves back.

        Raises:
            SigningKeyError: the epoch lies in the future: new tokens would be refused, too.
            VaultError: the vault cannot be written.
        """
        if epoch_s > self._clock():
            raise SigningKeyError("the revocation epoch cannot lie in the future")
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE vault SET not_issued_before_s = MAX(not_issued_before_s, ?)", (epoch_s,)
            )

    async def _live_rows(self) -> list[Row]:
        return await self._database.read(
            "SELECT kid, wrapped, created_s, not_issued_before_s FROM signing_keys, vault"
            " WHERE retired_s IS NULL ORDER BY number"
        )

    async def _create_first(self) -> None:
        async with self._database.transaction() as transaction:
            if await _count_live(transaction) == 0:
                await self._insert(transaction)

    async def _insert(self, transaction: Transaction) -> StoredSigningKey:
        key = SigningKey(secrets.token_bytes(SEED_BYTES))
        wrapped = self._kek.wrap(
            key.seed, nonce=secrets.token_bytes(NONCE_BYTES), place=place_of_signing_key(key.kid)
        )
        created_s = int(self._clock())
        await transaction.execute(
            "INSERT INTO signing_keys (kid, wrapped, created_s) VALUES (?, ?, ?)",
            (key.kid, wrapped, created_s),
        )
        return StoredSigningKey(key, created_s)

    def _unwrap(self, kid: str, wrapped: bytes) -> SigningKey:
        return SigningKey(self._kek.unwrap(wrapped, place=place_of_signing_key(kid)))


async def _count_live(transaction: Transaction) -> int:
    [(count,)] = await transaction.execute(
        "SELECT COUNT(*) FROM signing_keys WHERE retired_s IS NULL"
    )
    assert isinstance(count, int)
    return count
