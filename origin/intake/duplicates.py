"""Looks up whether the audio of a track is that of another one in the store.

Each process keeps an index of the fingerprints in the store and reads those that it does not know
yet before it looks something up, but lists them at most every `_LIST_S`: a copy that another origin
took in within that time may be missed. A duplicate is told and never refused: two releases may
well have one recording.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from origin.errors import (
    ObjectDamagedError,
    ObjectMissingError,
    ObjectTooLargeError,
)
from origin.intake.fingerprint_index import FingerprintIndex, Words
from origin.intake.upload import Duplicate
from origin.intake.upload_json import DUPLICATES_MAX
from origin.object_key import FINGERPRINTS_PREFIX, fingerprint_key
from origin.ports import ObjectStore
from origin.track_id import is_id
from packager.fingerprint import (
    DUPLICATE_SIMILARITY,
    ITEMS_MAX,
    FingerprintError,
    decode_fingerprint,
    similarity,
)

logger = logging.getLogger(__name__)

TRACKS_MAX: Final = 50_000

_PAGE: Final = 1000
_READERS: Final = 8
_LIST_S: Final = 30.0
_FINGERPRINT_BYTES_MAX: Final = 4 * ITEMS_MAX


class Duplicates:
    """Tracks in an object store by the sound of them.

    Args:
        store: where the fingerprints are.
        monotonic: seconds since any moment.
    """

    def __init__(self, store: ObjectStore, *, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        self._index = FingerprintIndex(tracks_max=TRACKS_MAX)
        self._skipped: set[str] = set()
        self._listed_s: float | None = None
        self._lock = asyncio.Lock()

    async def find(self, track_id: str) -> tuple[Duplicate, ...]:
        """Other tracks with the audio of this one, the most similar first.

        Raises:
            StoreError: the store cannot be read.
        """
        fingerprint = await self._read(track_id)
        if fingerprint is None or not len(fingerprint):
            return ()
        async with self._lock:
            await self._refresh()
            self._index.add(track_id, fingerprint)
            candidates = await asyncio.to_thread(
                self._index.candidates, fingerprint, limit=DUPLICATES_MAX + 1
            )
        found = []
        for candidate in candidates:
            if candidate.track_id == track_id:
                continue
            other = await self._read(candidate.track_id)
            if other is None:
                continue  # Removed since.
            alike = await asyncio.to_thread(similarity, fingerprint.tolist(), other.tolist())
            if alike >= DUPLICATE_SIMILARITY:
                found.append(Duplicate(candidate.track_id, round(alike, 3)))
        return tuple(sorted(found, key=lambda one: -one.similarity)[:DUPLICATES_MAX])

    async def _refresh(self) -> None:
        """Read the fingerprints that are not known yet."""
        now_s = self._monotonic()
        if self._listed_s is not None and now_s - self._listed_s < _LIST_S:
            return
        after = ""
        while not self._index.is_full:
            page = await self._store.list_keys(FINGERPRINTS_PREFIX, after=after, limit=_PAGE)
            await self._take(page.keys)
            if not page.has_more or not page.keys:
                break
            after = page.keys[-1]
        else:
            logger.warning("the index of fingerprints is full", extra={"tracks": len(self._index)})
        self._listed_s = now_s

    async def _take(self, keys: Sequence[str]) -> None:
        names = [key.removeprefix(FINGERPRINTS_PREFIX).removesuffix(".bin") for key in keys]
        new = [
            name
            for name in names
            if is_id(name) and name not in self._index and name not in self._skipped
        ]
        for start in range(0, len(new), _READERS):
            some = new[start : start + _READERS]
            read = await asyncio.gather(*(self._read(name) for name in some))
            for name, fingerprint in zip(some, read, strict=True):
                if fingerprint is None or not len(fingerprint):
                    self._skipped.add(name)
                else:
                    self._index.add(name, fingerprint)

    async def _read(self, track_id: str) -> Words | None:
        """A fingerprint; None if there is none that can be read."""
        try:
            found = await self._store.read(
                fingerprint_key(track_id), size_max=_FINGERPRINT_BYTES_MAX
            )
            return np.array(decode_fingerprint(found.content), dtype=np.uint32)
        except ObjectMissingError:
            return None
        except (ObjectDamagedError, ObjectTooLargeError, FingerprintError) as error:
            logger.warning("a fingerprint cannot be read", extra={"reason": error.reason})
            return None
