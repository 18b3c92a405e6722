"""Reading a part of a representation: from memory, from fills under way, from new ones."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from edge.errors import SessionBusyError
from edge.fields import SESSION_FIELD, Fields
from edge.fills import Fills
from edge.representation import Representation
from edge.slices import SliceStore
from http_semantics.byte_range import ByteSlice

# So many fills that ended, since sessions of others ask for too much, are followed in a row.
_FOLLOWED_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Presence:
    """How much of a part is in memory when a request for it arrives.

    Attributes:
        stored: slices that are complete.
        filling: slices that are being filled for somebody else.
        missing: slices that nobody is fetching.
    """

    stored: int
    filling: int
    missing: int


class Reading:
    """Reads representations.

    Args:
        store: complete slices.
        fills: what is under way, and the way to more.
    """

    def __init__(self, store: SliceStore, fills: Fills) -> None:
        self._store = store
        self._fills = fills

    def content_at_once(
        self, representation: Representation, part: ByteSlice
    ) -> bytearray | memoryview | None:
        """The bytes of a part that lies within one stored slice; else None. Never copies."""
        size = representation.slice_bytes
        number = part.start // size
        offset = number * size
        if part.stop > offset + size:
            return None
        stored = self._store.get(representation, number)
        if stored is None:
            return None
        content = stored.content
        if part.stop - part.start == len(content):
            return content
        return memoryview(content)[part.start - offset : part.stop - offset]

    def presence(self, representation: Representation, part: ByteSlice) -> Presence:
        """Look, without using anything or asking for it."""
        numbers = representation.numbers_of(part)
        stored = self._store.count(representation, numbers)
        filling = self._fills.count(representation, numbers)
        return Presence(stored, filling, len(numbers) - stored - filling)

    async def read(
        self, representation: Representation, part: ByteSlice, fields: Fields
    ) -> AsyncGenerator[memoryview, None]:
        """The bytes of a part in their order, each as soon as it is there.

        Args:
            representation: all bytes are of this version.
            part: which of them.
            fields: of requests to the upstream, should some be needed.

        Raises:
            EdgeError: bytes are missing and will not come.
        """
        size = representation.slice_bytes
        stop_number = representation.numbers_of(part).stop
        position, followed = part.start, 0
        while position < part.stop:
            number = position // size
            start = position - number * size
            stop = min(part.stop - number * size, size)
            stored = self._store.get(representation, number)
            if stored is not None:
                self._ask_ahead(representation, number + 1, stop_number, fields)
                yield memoryview(stored.content)[start:stop]
                position = number * size + stop
                continue
            filling = self._fills.ensure(representation, number, stop=stop_number, fields=fields)
            self._ask_ahead(representation, number + 1, stop_number, fields)
            try:
                while start < stop:
                    data = await filling.read(start, stop)
                    yield data
                    start += len(data)
                    followed = 0
            except SessionBusyError as error:
                followed += 1
                if error.session == fields.get(SESSION_FIELD) or followed > _FOLLOWED_MAX:
                    raise
            position = number * size + start

    def _ask_ahead(
        self, representation: Representation, number: int, stop: int, fields: Fields
    ) -> None:
        """Have the next slice fetched while this one is being sent."""
        if number >= stop or not representation.has_strong_validator:
            return
        if not self._store.has(representation, number) and not self._fills.find(
            representation, number
        ):
            self._fills.ensure(representation, number, stop=stop, fields=fields)
