"""Reading a part of a representation: from memory, from fills under way, from new ones."""

from collections.abc import AsyncGenerator
from typing import Final

from edge.content import SliceContent
from edge.coverage import Presence
from edge.errors import SessionBusyError, SliceGoneError
from edge.fields import SESSION_FIELD, Fields
from edge.filling import Reader
from edge.fills import Fills
from edge.representation import Representation
from edge.slices import SliceStore
from http_semantics.byte_range import ByteSlice

# So many fills that ended, since sessions of others ask for too much, are followed in a row.
_FOLLOWED_MAX: Final = 8


class Reading:
    """Reads representations.

    Args:
        store: slices, complete and not.
        fills: what is under way, and the way to more.
    """

    def __init__(self, store: SliceStore, fills: Fills) -> None:
        self._store = store
        self._fills = fills
        self._coverage = fills.coverage

    def content_at_once(
        self, representation: Representation, part: ByteSlice, *, is_first: bool = False
    ) -> SliceContent | None:
        """The bytes of a part that lies within one stored slice; else None. None waits for a disk.

        Args:
            representation: whose bytes.
            part: which of them.
            is_first: they have come for this very request.
        """
        size = representation.slice_bytes
        number = part.start // size
        offset = number * size
        if part.stop > offset + size:
            return None
        stored = self._store.get(representation, number)
        if stored is None:
            copied = self._store.files.copy(
                representation, number, part.start - offset, part.stop - offset
            )
            if copied is not None:
                return copied
            stored = self._store.take_down_at_once(representation, number)
        if stored is None or not stored.has(part.start - offset, part.stop - offset):
            return None
        if not (stored.is_settled or is_first):
            self._store.note_again(stored)
        content = stored.content
        if part.stop - part.start == len(content):
            return content
        return memoryview(content)[part.start - offset : part.stop - offset]

    def presence(self, representation: Representation, part: ByteSlice) -> Presence:
        """Look, without using anything or asking for it.

        What may be on disk, where nobody knows yet what is there, counts as there.

        Raises:
            SliceGoneError: some of it is missing and cannot be fetched on its own.
        """
        presence = self._coverage.presence(representation, part)
        is_missing = presence in {Presence.SOME, Presence.NONE}
        if is_missing and self._may_be_here(representation, part):
            return Presence.ALL
        if is_missing and not representation.has_strong_validator:
            self._store.retire(representation)
            raise SliceGoneError("a missing part cannot be told from another version's")
        return presence

    def extra_bytes(self, representation: Representation, part: ByteSlice) -> int:
        """How much is fetched beyond a part if it is read now."""
        return self._coverage.extra_bytes(representation, part)

    def _may_be_here(self, representation: Representation, part: ByteSlice) -> bool:
        return all(
            self._store.may_take_down(representation, number)
            or self._store.has(representation, number)
            for number in representation.numbers_of(part)
        )

    async def confirm(
        self, representation: Representation, part: ByteSlice, fields: Fields
    ) -> None:
        """Wait until the upstream has begun to send what is not there yet of a part.

        Raises:
            EdgeError: it will not come, since there is another version by now, for instance.
        """
        absent = next(self._coverage.absent(representation, part), None)
        if absent is None:
            return
        # What is on its way was asked for before, and says nothing of what has to be asked for.
        missing = self._coverage.first_missing(representation, part)
        position = absent[0] if missing is None else missing
        run = self._fills.follow(representation, position, stop=part.stop, fields=fields)
        if run.is_answered:
            return
        try:
            await run.wait_for(position)
        except SessionBusyError as error:
            if error.session == fields.get(SESSION_FIELD):
                raise  # Else it says nothing of this one; the reader will ask anew.

    async def read(
        self,
        representation: Representation,
        part: ByteSlice,
        fields: Fields,
        *,
        is_first: bool = False,
    ) -> AsyncGenerator[memoryview, None]:
        """The bytes of a part in their order, each as soon as it is there.

        Args:
            representation: all bytes are of this version.
            part: which of them; it may go on behind an end that is not known yet.
            fields: of requests to the upstream, should some be needed.
            is_first: what is there has come for this very request.

        Raises:
            EdgeError: bytes are missing and will not come.
        """
        with self._coverage.reading(representation, part) as reader:
            reader.arrivals = -1 if is_first else self._store.arrivals
            followed = 0
            while reader.position < reader.stop:
                length = representation.complete_length
                if length is not None and reader.stop > length:
                    reader.stop = length  # It is known by now.
                    continue
                self._ask_ahead(representation, reader, fields)
                try:
                    data = await self._next(representation, reader, fields)
                except SessionBusyError as error:
                    followed += 1
                    if error.session == fields.get(SESSION_FIELD) or followed > _FOLLOWED_MAX:
                        raise
                    continue
                if data:
                    yield data
                    reader.move(len(data))
                    followed = 0

    async def bring(
        self, representation: Representation, part: ByteSlice, fields: Fields
    ) -> AsyncGenerator[int, None]:
        """Have what is missing of a part fetched, for nobody to read yet; the rest is left alone.

        Yields:
            The number of each slice that the part touches, when as much of it is there.

        Raises:
            EdgeError: bytes are missing and will not come.
        """
        size = representation.slice_bytes
        with self._coverage.reading(representation, part) as reader:
            while reader.position < part.stop:
                length = representation.complete_length
                end = part.stop if length is None else min(part.stop, length)
                if reader.position >= end:
                    return
                stop = min(end, (reader.position // size + 1) * size)
                here = ByteSlice(reader.position, stop)
                absent = next(self._coverage.absent(representation, here), None)
                if absent is None:
                    yield reader.position // size
                    reader.position = stop
                    continue
                run = self._fills.follow(representation, absent[0], stop=reader.stop, fields=fields)
                await run.wait_for(min(run.stop, stop) - 1)

    async def _next(
        self, representation: Representation, reader: Reader, fields: Fields
    ) -> memoryview:
        """Bytes at a reader's position, within one slice; nothing if he has to look again."""
        position, size = reader.position, representation.slice_bytes
        number, offset = divmod(position, size)
        stop = min(reader.stop, (number + 1) * size)
        stored = self._store.get(representation, number)
        if stored is not None and stored.has(offset, offset + 1):
            if not stored.is_settled and stored.arrived <= reader.arrivals:
                self._store.note_again(stored)
            return stored.view(offset, offset + stop - position)
        data = self._coverage.at_hand(representation, position, stop)
        if data:
            return data
        if self._store.may_take_down(representation, number):
            copied = self._store.files.copy(
                representation, number, offset, offset + stop - position
            )
            if copied is not None:
                return copied
            stored = await self._store.take_down(representation, number)
            if stored is not None:
                return stored.view(offset, offset + stop - position)
        run = self._fills.follow(representation, position, stop=reader.stop, fields=fields)
        found = await run.wait_for(position)
        if found is None:
            return memoryview(b"")
        return found.view(offset, offset + stop - position)

    def _ask_ahead(self, representation: Representation, reader: Reader, fields: Fields) -> None:
        """Have the next slice fetched while this one is being sent."""
        size = representation.slice_bytes
        number, offset = divmod(reader.position, size)
        position = (number + 1) * size
        if offset or position >= reader.stop or not representation.has_strong_validator:
            return
        length = representation.complete_length
        if length is None or position >= length:
            return
        part = ByteSlice(position, position + 1)
        if self.presence(representation, part) is Presence.NONE:
            self._fills.follow(representation, position, stop=reader.stop, fields=fields)
