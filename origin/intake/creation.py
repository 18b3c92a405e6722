"""Creates uploads, each once however often its creation is asked for under one key."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from origin.errors import ObjectConflictError
from origin.intake.errors import IdempotencyConflictError, UploadGoneError
from origin.intake.labels import Label
from origin.intake.ledger_store import LedgerStore
from origin.intake.upload import State, Upload
from origin.intake.upload_store import StoredUpload, UploadStore

_ID_DIGITS: Final = 32
_NONCE_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What a creation asks for.

    Attributes:
        key: its idempotency key, if it has one.
    """

    length: int
    metadata: Mapping[str, str]
    key: str | None

    def sha256(self) -> str:
        """What the request asks for, as a digest."""
        told = orjson.dumps([self.length, dict(self.metadata)], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(told).hexdigest()


class Creation:
    """Creates uploads. Every method raises `StoreError` if the store fails.

    Args:
        uploads: their records.
        ledgers: what labels have.
        expiry_s: how long an upload lives without growing.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        uploads: UploadStore,
        ledgers: LedgerStore,
        *,
        expiry_s: int,
        clock: Callable[[], float],
    ) -> None:
        self._uploads = uploads
        self._ledgers = ledgers
        self._expiry_s = expiry_s
        self._clock = clock

    async def create(self, label: Label, asked: NewUpload) -> tuple[StoredUpload, bool]:
        """Create an upload.

        Returns:
            The upload, and whether it is new.

        Raises:
            IdempotencyConflictError: the key was used for another request.
            UploadGoneError: the upload of this key has expired.
            UploadTooLargeError: it is larger than uploads of this label may be.
            QuotaExceededError: the label has what it may have.
        """
        upload_id = _id_of(label, asked.key)
        if asked.key is not None:
            there = await self._uploads.find(label.name, upload_id)
            if there is not None:
                return _same(there, asked), False
        await self._ledgers.open(label, upload_id, asked.length)
        now_s = int(self._clock())
        upload = Upload(
            upload_id=upload_id,
            nonce=secrets.token_hex(_NONCE_BYTES),
            label=label.name,
            length=asked.length,
            metadata=asked.metadata,
            request_sha256=asked.sha256(),
            created_s=now_s,
            expires_s=now_s + self._expiry_s,
        )
        try:
            return await self._uploads.add(upload), True
        except ObjectConflictError:
            # The same request, at the same time; or a put that was tried again.
            there = await self._uploads.find(label.name, upload_id)
            if there is None:
                raise
            return _same(there, asked), False


def _id_of(label: Label, key: str | None) -> str:
    """A new name; for a key always the same, so that nothing has to remember the two together."""
    if key is None:
        return secrets.token_hex(_ID_DIGITS // 2)
    return hashlib.sha256(f"{label.name}\0{key}".encode()).hexdigest()[:_ID_DIGITS]


def _same(there: StoredUpload, asked: NewUpload) -> StoredUpload:
    if there.upload.request_sha256 != asked.sha256():
        raise IdempotencyConflictError
    if there.upload.state is State.GONE:
        raise UploadGoneError
    return there
