"""Accounts of labels in the object store; several origins write in one."""

from collections.abc import Callable
from typing import Final

from origin.errors import ObjectConflictError, ObjectMissingError
from origin.intake.errors import QuotaExceededError
from origin.intake.labels import Label
from origin.intake.ledger import (
    LEDGER_BYTES_MAX,
    LEDGERS_PREFIX,
    Ledger,
    decode_ledger,
    encode_ledger,
)
from origin.intake.upload import State, label_segment
from origin.intake.upload_store import UploadStore
from origin.object_key import check_key
from origin.ports import IfAbsent, IfMatch, ObjectStore, PutCondition

# Writers of one account that get in each other's way; each turn one of them succeeds.
_TRIES_MAX: Final = 100

# An upload is entered before it has a record; by then it has one, or never will.
_RECORD_WAIT_S: Final = 60

# Accounts are compared with what there is at most so often.
_RECONCILE_S: Final = 10


class LedgerStore:
    """Accounts in an object store. Every method raises `StoreError` if the store fails.

    Args:
        store: where they are.
        uploads: in the same store.
        clock: seconds since the epoch.
    """

    def __init__(
        self, store: ObjectStore, uploads: UploadStore, *, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._uploads = uploads
        self._clock = clock
        self._reconciled_s: dict[str, float] = {}

    async def open(self, label: Label, upload_id: str, length: int) -> None:
        """Enter a new upload; once, however often it is called.

        Raises:
            UploadTooLargeError: it is larger than uploads of this label may be.
            QuotaExceededError: there is no room for it.
        """

        def opened(ledger: Ledger) -> Ledger:
            return ledger.opened(upload_id, length, label.quota, now_s=self._clock())

        try:
            await self._change(label.name, opened)
        except QuotaExceededError as error:
            # A process that was killed may have left uploads open that are not.
            if not error.is_of_open_uploads or not self._is_time_to_reconcile(label.name):
                raise
            await self._reconcile(label.name)
            await self._change(label.name, opened)

    async def close(self, label: str, upload_id: str) -> None:
        """Enter that an upload is complete or gone."""
        await self._change(label, lambda ledger: ledger.closed(upload_id))

    def _is_time_to_reconcile(self, label: str) -> bool:
        """Not at each refusal: it reads every upload that is open."""
        now_s = self._clock()
        if abs(now_s - self._reconciled_s.get(label, 0.0)) < _RECONCILE_S:
            return False
        self._reconciled_s[label] = now_s
        return True

    async def _reconcile(self, label: str) -> None:
        ledger, _ = await self._read(label)
        closed = []
        for upload_id, since_s in ledger.open_since_s.items():
            found = await self._uploads.find(label, upload_id)
            if found is None:
                is_open = self._clock() - since_s < _RECORD_WAIT_S
            else:
                is_open = found.upload.state is State.RECEIVING
            if not is_open:
                closed.append(upload_id)
        await self._change(label, lambda latest: latest.closed(*closed))

    async def _change(self, label: str, change: Callable[[Ledger], Ledger]) -> None:
        key = _key_of(label)
        for _ in range(_TRIES_MAX):
            ledger, condition = await self._read(label)
            changed = change(ledger)
            if changed == ledger:
                return
            try:
                await self._store.put(key, encode_ledger(changed), condition=condition)
            except ObjectConflictError:
                continue
            return
        raise ObjectConflictError(key)

    async def _read(self, label: str) -> tuple[Ledger, PutCondition]:
        try:
            found = await self._store.read(_key_of(label), size_max=LEDGER_BYTES_MAX)
        except ObjectMissingError:
            return Ledger(), IfAbsent()
        return decode_ledger(found.content), IfMatch(found.head.etag)


def _key_of(label: str) -> str:
    return check_key(f"{LEDGERS_PREFIX}{label_segment(label)}.json")
