"""The bytes of uploads in the object store, as parts."""

import logging
import secrets
from collections.abc import AsyncIterator, Iterable
from typing import Final

from origin.errors import ObjectDamagedError, ObjectMissingError, ObjectTooLargeError, StoreError
from origin.intake.errors import UploadDamagedError
from origin.intake.upload import PART_BYTES, PARTS_PREFIX, Part, is_folder, part_key
from origin.ports import ObjectStore

logger = logging.getLogger(__name__)

_PAGE: Final = 1000
_NONCE_BYTES: Final = 4


class PartStore:
    """Parts in an object store, in a folder for each upload (`Upload.folder`).

    Every method raises `StoreError` if the store fails.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, folder: str, offset: int, content: bytes) -> Part:
        """Store some bytes under a name that was never used; they are no part of it yet."""
        assert 0 < len(content) <= PART_BYTES
        part = Part(offset, len(content), secrets.token_hex(_NONCE_BYTES))
        await self._store.put(part_key(folder, part), content)
        return part

    async def read(self, folder: str, part: Part) -> bytes:
        """The bytes of a part.

        Raises:
            UploadDamagedError: they are not there, or not those that were put.
        """
        try:
            found = await self._store.read(part_key(folder, part), size_max=PART_BYTES)
        except (ObjectMissingError, ObjectDamagedError, ObjectTooLargeError) as error:
            raise UploadDamagedError(str(error)) from error
        if len(found.content) != part.size_bytes:
            raise UploadDamagedError(f"the part at {part.offset} has another length")
        return found.content

    async def discard(self, folder: str, parts: Iterable[Part]) -> None:
        """Remove parts that belong to nothing. What stays is removed with the upload."""
        try:
            for part in parts:
                await self._store.delete(part_key(folder, part))
        except StoreError as error:
            logger.warning("parts of an upload stay behind", extra={"reason": error.reason})

    async def clear(self, folder: str) -> None:
        """Remove all that was ever stored for an upload."""
        while True:
            page = await self._store.list_keys(f"{PARTS_PREFIX}{folder}/", limit=_PAGE)
            for key in page.keys:
                await self._store.delete(key)
            if not page.has_more:
                return

    async def folders(self) -> AsyncIterator[str]:
        """Folders that there are parts in."""
        after = ""
        while True:
            page = await self._store.list_keys(PARTS_PREFIX, after=after, limit=_PAGE)
            names = dict.fromkeys(
                key.removeprefix(PARTS_PREFIX).rpartition("/")[0] for key in page.keys
            )
            for folder in filter(is_folder, names):
                yield folder
            if not page.has_more:
                return
            # Past all parts of the last one: "z" sorts after what their names are made of.
            after = f"{PARTS_PREFIX}{list(names)[-1]}/z"
