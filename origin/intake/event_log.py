"""Events of a label in the object store: numbered without a gap, so that followers miss none.

`events/{label}/{number}.json`. A number is taken by putting the object if it is absent; whoever
comes second takes the next one. An event may be told twice when a process was killed in between;
its content tells upload and state. The newest one is never removed: numbers are not used again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from origin.errors import (
    ObjectConflictError,
    ObjectDamagedError,
    ObjectMissingError,
    ObjectTooLargeError,
)
from origin.intake.upload import label_segment
from origin.object_key import check_key
from origin.ports import IfAbsent, ObjectStore

EVENTS_PREFIX: Final = "events/"
EVENT_BYTES_MAX: Final = 64 << 10
EVENTS_KEPT_MAX: Final = 10_000

_PAGE: Final = 1000
_TRIES_MAX: Final = 1000
_DIGITS: Final = 16

# Numbers of labels that are remembered; the others are found again by listing.
_LABELS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is stored."""

    number: int
    content: bytes


class EventLog:
    """Events in an object store. Every method raises `StoreError` if the store fails."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._pulse = asyncio.Event()

    async def append(self, label: str, document: Mapping[str, object]) -> int:
        """Tell an event; returns its number."""
        content = orjson.dumps(document)
        assert len(content) <= EVENT_BYTES_MAX
        for _ in range(_TRIES_MAX):
            number = await self.newest(label) + 1
            try:
                await self._store.put(_key_of(label, number), content, condition=IfAbsent())
            except ObjectConflictError:
                continue
            self._note(label, number)
            self.wake()
            return number
        raise ObjectConflictError(_prefix_of(label))

    async def newest(self, label: str) -> int:
        """The number of the newest event; 0 if there has been none."""
        newest = self._newest.get(label, 0)
        prefix = _prefix_of(label)
        while True:
            after = _key_of(label, newest) if newest else ""
            page = await self._store.list_keys(prefix, after=after, limit=_PAGE)
            if page.keys:
                newest = max(newest, _number_of(page.keys[-1]))
            if not page.has_more:
                break
        self._note(label, newest)
        return newest

    async def read(self, label: str, *, after: int, limit: int) -> tuple[Event, ...]:
        """Events with a higher number than `after`, in their order."""
        page = await self._store.list_keys(
            _prefix_of(label), after=_key_of(label, after), limit=limit
        )
        events = []
        for key in page.keys:
            try:
                found = await self._store.read(key, size_max=EVENT_BYTES_MAX)
            except (ObjectMissingError, ObjectDamagedError, ObjectTooLargeError):
                # It expired just now; or nobody can read it, and those behind it are to be told.
                continue
            events.append(Event(_number_of(key), found.content))
        return tuple(events)

    def wake(self) -> None:
        """End the waits of this process."""
        self._pulse.set()
        self._pulse = asyncio.Event()

    async def wait(self, limit_s: float) -> None:
        """Wait until this process tells an event, or for `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                await self._pulse.wait()
        except TimeoutError:
            return

    async def labels(self) -> tuple[str, ...]:
        """Labels that there are events of, as they stand in keys."""
        found: list[str] = []
        after = ""
        while True:
            page = await self._store.list_keys(EVENTS_PREFIX, after=after, limit=1)
            if not page.keys:
                return tuple(found)
            segment = page.keys[0].removeprefix(EVENTS_PREFIX).partition("/")[0]
            found.append(segment)
            after = f"{EVENTS_PREFIX}{segment}/z"

    async def expire(self, segment: str, *, before_s: float) -> None:
        """Remove events that are older, or too many, but not the newest one.

        Args:
            segment: a label as it stands in keys.
            before_s: by the store's clock, in seconds since the epoch.
        """
        prefix = f"{EVENTS_PREFIX}{segment}/"
        newest = await self.newest("" if segment == label_segment("") else segment)
        while True:
            page = await self._store.list_keys(prefix, limit=_PAGE)
            for key in page.keys:
                number = _number_of(key)
                if number >= newest:
                    return
                if number > newest - EVENTS_KEPT_MAX:
                    head = await self._store.head(key)
                    if head is not None and head.modified_s >= before_s:
                        return
                await self._store.delete(key)
            if not page.has_more:
                return

    def _note(self, label: str, number: int) -> None:
        self._newest[label] = max(number, self._newest.get(label, 0))
        self._newest.move_to_end(label)
        if len(self._newest) > _LABELS_MAX:
            self._newest.popitem(last=False)


def _prefix_of(label: str) -> str:
    return f"{EVENTS_PREFIX}{label_segment(label)}/"


def _key_of(label: str, number: int) -> str:
    return check_key(f"{_prefix_of(label)}{number:0{_DIGITS}d}.json")


def _number_of(key: str) -> int:
    digits = key.rpartition("/")[2].removesuffix(".json")
    return int(digits) if digits.isascii() and digits.isdigit() else 0
