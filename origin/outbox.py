"""The outbox: what edges have to purge, kept in the object store until all of them were told.

A change is noted before it is made, and the note is released afterwards. A process that dies in
between leaves a note that is not released: at worst something is purged that has not changed.
Notes are objects `outbox/{id}.json`, whose ids sort by time.
"""

import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from origin.errors import (
    ObjectDamagedError,
    ObjectMissingError,
    ObjectTooLargeError,
    RecordError,
    StoreError,
)
from origin.object_key import OUTBOX_PREFIX, outbox_key
from origin.ports import ObjectStore
from packager.json_fields import JsonFields

logger = logging.getLogger(__name__)

TAGS_MAX: Final = 64
"""Tags of one note."""

_TAG_LENGTH_MAX: Final = 128
_NOTE_BYTES_MAX: Final = 64 << 10

# So many are known of; an edge that is away lets them gather. Of new ones so many are read at once.
_NOTES_MAX: Final = 20_000
_NOTES_READ_MAX: Final = 256
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be purged everywhere.

    Attributes:
        note_id: sorts by time.
        tags: surrogate keys, such as `track:{id}`.
        noted_s: seconds since the epoch.
        is_released: whether the change is done; if not, it is under way, or its process died.
    """

    note_id: str
    tags: tuple[str, ...]
    noted_s: int
    is_released: bool


class Outbox:
    """Notes in `store`; `clock` tells seconds since the epoch."""

    def __init__(self, store: ObjectStore, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    @contextlib.asynccontextmanager
    async def announcing(self, tags: Sequence[str]) -> AsyncIterator[None]:
        """Have `tags` purged once the change that is made in the block is done.

        If the block fails, its change may have been made all the same, so the note stays.

        Raises:
            StoreError: the note cannot be kept; the block is not entered.
        """
        assert 0 < len(tags) <= TAGS_MAX
        note_id = f"{int(self._clock() * 1000):015d}-{secrets.token_hex(4)}"
        note = Note(note_id, tuple(tags), int(self._clock()), is_released=False)
        await self._store.put(outbox_key(note_id), _encode(note))
        try:
            yield
        finally:
            released = Note(note_id, note.tags, note.noted_s, is_released=True)
            await self._store.put(outbox_key(note_id), _encode(released))

    async def notes(self, *, known: Iterable[Note] = ()) -> list[Note]:
        """The notes that there are, oldest first.

        A note that cannot be read is dropped: nobody could act on it.

        Args:
            known: what this told before. Released ones do not change, and are not read again; of
                the others some hundred are read, and the rest the next time.

        Raises:
            StoreError: the store cannot be read.
        """
        kept = {outbox_key(note.note_id): note for note in known if note.is_released}
        found: list[Note] = []
        after, has_more, unread = "", True, _NOTES_READ_MAX
        while has_more and len(found) < _NOTES_MAX:
            page = await self._store.list_keys(OUTBOX_PREFIX, after=after, limit=_PAGE)
            for key in page.keys:
                note = kept.get(key)
                if note is None and unread > 0:
                    unread -= 1
                    note = await self._read(key)
                found += [] if note is None else [note]
            after, has_more = page.keys[-1] if page.keys else after, page.has_more
        return found

    async def drop(self, note: Note) -> None:
        """Forget a note that all edges have been told.

        Raises:
            StoreError: the store cannot be written.
        """
        await self._store.delete(outbox_key(note.note_id))

    async def _read(self, key: str) -> Note | None:
        note_id = key.removeprefix(OUTBOX_PREFIX).removesuffix(".json")
        try:
            stored = await self._store.read(key, size_max=_NOTE_BYTES_MAX)
            return _decode(note_id, stored.content)
        except ObjectMissingError:
            return None  # Another origin was faster.
        except (RecordError, ObjectDamagedError, ObjectTooLargeError) as error:
            logger.warning("a note to the edges is lost", extra={"reason": error.reason})
            with contextlib.suppress(StoreError):
                await self._store.delete(key)
            return None


def _encode(note: Note) -> bytes:
    return orjson.dumps(
        {"tags": note.tags, "noted_s": note.noted_s, "is_released": note.is_released}
    )


def _decode(note_id: str, data: bytes) -> Note:
    try:
        fields = JsonFields(orjson.loads(data), "note", RecordError)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"a note of the outbox is not JSON: {error}") from error
    return Note(
        note_id=note_id,
        tags=fields.texts("tags", count_max=TAGS_MAX, length_max=_TAG_LENGTH_MAX),
        noted_s=fields.integer("noted_s"),
        is_released=fields.boolean("is_released"),
    )
