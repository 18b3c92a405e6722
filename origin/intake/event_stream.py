"""Events of a label as a stream that others follow: Server-Sent Events.

WHATWG HTML, section 9.2. The id of an event is its number, so a follower that was cut off misses
nothing: it comes back with `Last-Event-ID`, to any origin on the store.
"""

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Final

import orjson

from origin.errors import StoreError
from origin.intake.errors import IntakeBusyError, UploadFieldError
from origin.intake.event_log import Event, EventLog

logger = logging.getLogger(__name__)

HEARTBEAT: Final = b": still here\n\n"

_GREETING: Final = b"retry: 2000\n\n"
_BATCH: Final = 100
_NUMBER_DIGITS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What streams may take.

    Attributes:
        streams_max: at a time, in this process.
        label_streams_max: of one label.
        poll_s: how often the store is asked for what other processes tell.
        heartbeat_s: longest silence.
        life_s: after so long a follower has to come back.
    """

    streams_max: int
    label_streams_max: int
    poll_s: float
    heartbeat_s: float = 15.0
    life_s: float = 3600.0


class EventStreams:
    """Streams of this process.

    Args:
        events: what there is to tell.
        limits: of the streams.
        monotonic: seconds since any moment.
        on_change: is told how many follow.
    """

    def __init__(
        self,
        events: EventLog,
        limits: StreamLimits,
        *,
        monotonic: Callable[[], float],
        on_change: Callable[[int], None],
    ) -> None:
        self._events = events
        self._limits = limits
        self._monotonic = monotonic
        self._on_change = on_change
        self._open: Counter[str] = Counter()
        self._is_closed = False

    def close(self) -> None:
        """End all streams."""
        self._is_closed = True
        self._events.wake()

    async def open(self, label: str, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """What to send to a new follower.

        Args:
            label: whose events.
            last_event_id: the last one that it has; None for what comes from now on, 0 for all.

        Raises:
            IntakeBusyError: as many follow as may.
            UploadFieldError: `last_event_id` is no number of an event.
            StoreError: the store cannot be read.
        """
        self._check_room(label)
        last = None if last_event_id is None else _parse_number(last_event_id)
        newest = await self._events.newest(label)
        return self._stream(label, newest if last is None else min(last, newest))

    async def _stream(self, label: str, last: int) -> AsyncGenerator[bytes, None]:
        # Others may have come since `open` looked, while the store was asked.
        self._check_room(label)
        self._count(label, 1)
        try:
            yield _GREETING
            async for content in self._follow(label, last):
                yield content
        except StoreError as error:
            # Its follower comes back.
            logger.info("a stream of events ends early", extra={"reason": error.reason})
        finally:
            self._count(label, -1)

    def _check_room(self, label: str) -> None:
        limits = self._limits
        if self._open.total() >= limits.streams_max:
            raise IntakeBusyError(f"{limits.streams_max} streams of events are open")
        if self._open[label] >= limits.label_streams_max:
            raise IntakeBusyError(f"{limits.label_streams_max} streams of the label are open")

    def _count(self, label: str, change: int) -> None:
        self._open[label] += change
        if not self._open[label]:
            del self._open[label]
        self._on_change(self._open.total())

    async def _follow(self, label: str, last: int) -> AsyncGenerator[bytes, None]:
        begun_s = told_s = self._monotonic()
        while not self._is_closed and self._monotonic() - begun_s < self._limits.life_s:
            events = await self._events.read(label, after=last, limit=_BATCH)
            for event in events:
                if event.number > last + 1:
                    yield _lost(last + 1, event.number - 1)
                yield _encode(event)
                last = event.number
            if events:
                told_s = self._monotonic()
                continue
            if self._monotonic() - told_s >= self._limits.heartbeat_s:
                told_s = self._monotonic()
                yield HEARTBEAT
            await self._events.wait(self._limits.poll_s)


def _parse_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS_MAX):
        raise UploadFieldError("Last-Event-ID", "it is no number of an event")
    return int(text)


def _encode(event: Event) -> bytes:
    # The content is JSON on one line.
    return b"id: %d\ndata: %b\n\n" % (event.number, event.content)


def _lost(first: int, last: int) -> bytes:
    """Tells a follower that was away for too long what it cannot have."""
    return b"event: lost\ndata: %b\n\n" % orjson.dumps({"first": first, "last": last})
