"""Reads the content of a request, as long as it comes and is fast enough."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from aiohttp import StreamReader, web_exceptions
from aiohttp.client_exceptions import ClientPayloadError
from aiohttp.http_exceptions import HttpProcessingError

from origin.errors import NO_STORE
from origin.intake.errors import IntakeRequestError, SlowContentError

# A rate is known after so long.
_WINDOW_S: Final = 10.0
_BITS: Final = 8

# What aiohttp raises from a content whose connection is lost (RuntimeError: before the read began),
# or that is no HTTP.
_CUT: Final = (
    ConnectionError,
    ClientPayloadError,
    HttpProcessingError,
    web_exceptions.HTTPException,
    RuntimeError,
)


class ContentCutError(IntakeRequestError):
    """The content ended before its end; its sender is not there to be told."""

    reason = "content_cut"
    title = "The content ended early"
    advice = "Ask for the offset with HEAD, then go on from there."


class ContentStoppedError(ContentCutError):
    """The origin stops, and takes no more of the content than has come."""

    status = 503
    retryable = True
    reason = "content_stopped"
    title = "The origin stops"
    headers: Mapping[str, str] = MappingProxyType(
        {**NO_STORE, "Retry-After": "2", "Connection": "close"}
    )


class Contents:
    """The contents that are being read, so that they can be stopped."""

    def __init__(self) -> None:
        self._streams: set[StreamReader] = set()

    @contextlib.contextmanager
    def reading(self, stream: StreamReader) -> Iterator[None]:
        """Let a content be stopped while the block runs."""
        self._streams.add(stream)
        try:
            yield
        finally:
            self._streams.discard(stream)

    def stop(self) -> None:
        """End all of them: whoever reads them finds that they were stopped."""
        for stream in self._streams:
            stream.set_exception(_StoppedError())


class _StoppedError(ConnectionError):
    """Nothing more is taken from a content."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How slow a content may be.

    Attributes:
        idle_s: longest silence.
        rate_min_bps: slowest rate in bits a second, over all of a window of 10 s.
        monotonic: seconds since any moment.
    """

    idle_s: float
    rate_min_bps: int
    monotonic: Callable[[], float]


async def read_content(stream: StreamReader, pace: Pace) -> AsyncIterator[bytes]:
    """The content in chunks.

    The time that the caller takes for a chunk is not counted against the sender.

    Raises:
        ContentCutError: the connection was lost, or what came is no HTTP, or it was stopped.
        SlowContentError: nothing came for too long, or too little.
    """
    waited_s = 0.0
    received = 0
    while True:
        began_s = pace.monotonic()
        try:
            async with asyncio.timeout(pace.idle_s):
                chunk = await stream.readany()
        except TimeoutError:
            raise SlowContentError(f"nothing came for {pace.idle_s:g} s") from None
        except _StoppedError:
            raise ContentStoppedError("what came of the content is kept") from None
        except _CUT as error:
            raise ContentCutError("the connection was lost") from error
        waited_s += pace.monotonic() - began_s
        if not chunk:
            return
        yield chunk
        received += len(chunk)
        if waited_s >= _WINDOW_S:
            if received * _BITS < pace.rate_min_bps * waited_s:
                raise SlowContentError(f"less than {pace.rate_min_bps} bit/s came")
            waited_s, received = 0.0, 0
