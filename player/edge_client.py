"""Asks an edge over HTTP, and turns whatever goes wrong into the player's errors.

Redirects are not followed and nothing is decompressed: the token stays with the edge, and every
limit counts the bytes that arrive.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
import orjson

from http_semantics.byte_range import ByteSlice, ContentRange, parse_content_range
from http_semantics.problem import CONTENT_TYPE
from player.errors import (
    EdgeTimeoutError,
    EdgeUnreachableError,
    MalformedAnswerError,
    NotFoundError,
    PlayerError,
    StillPackagingError,
    TokenRefusedError,
    TruncatedBodyError,
    UnexpectedStatusError,
    WrongRangeError,
)

Wait = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""

# For one answer with its content; the origin holds a request for up to 10 s while it packages.
_ANSWER_S: Final = 60.0
_WAIT_S_MIN: Final = 0.2
_WAIT_S_MAX: Final = 15.0
_READ_BYTES: Final = 1 << 18
_PROBLEM_BYTES_MAX: Final = 64 << 10
_TOLD_CHARACTERS_MAX: Final = 500

_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Packaging:
    """What is asked for is not there yet.

    Attributes:
        progress: from 0 to 1 as the origin tells it; None if it does not.
        waited_s: for how long it has been waited for, in seconds.
    """

    progress: float | None
    waited_s: float


OnPackaging = Callable[[Packaging], None]
"""Is told each time before a pause."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How to wait for what is being packaged.

    Attributes:
        wait: how to pause before an attempt that the edge announced to be worth while.
        clock: seconds from the monotonic clock.
        packaging_s_max: in all, pauses and the time that requests are held.
        on_packaging: called before each pause.
    """

    wait: Wait
    clock: Callable[[], float]
    packaging_s_max: float
    on_packaging: OnPackaging | None = None


@dataclass(frozen=True, slots=True)
class MediaPart:
    """One range of a file as it arrived.

    Attributes:
        cache_status: the field as received, None without one.
    """

    data: bytes
    cache_status: str | None


class _NotReadyError(Exception):
    """A 503 that says when to come again."""

    def __init__(self, retry_after_s: float, told: str, progress: float | None) -> None:
        super().__init__(told)
        self.retry_after_s = retry_after_s
        self.told = told
        self.progress = progress


class EdgeClient:
    """One listener's requests.

    Args:
        session: sends them; it stays open.
        token: playback token, or empty.
        patience: with what is being packaged.
    """

    def __init__(self, session: aiohttp.ClientSession, token: str, *, patience: Patience) -> None:
        self._session = session
        self._fields = {"Accept-Encoding": "identity"}
        if token:
            self._fields["Authorization"] = f"Bearer {token}"
        self._patience = patience
        self._waited_s = 0.0

    async def read_document(self, url: str, *, bytes_max: int) -> bytes:
        """A small document, whole.

        Raises:
            PlayerError: it cannot be had.
        """

        async def attempt() -> bytes:
            async with self._answer("GET", url) as response:
                return await _read_body(response, bytes_max=bytes_max)

        return await self._persist(attempt)

    async def request_license(self, url: str, request: bytes, *, bytes_max: int) -> bytes:
        """The answer to a licence request.

        Raises:
            PlayerError: it cannot be had.
        """

        async def attempt() -> bytes:
            async with self._answer("POST", url, content=request) as response:
                return await _read_body(response, bytes_max=bytes_max)

        return await self._persist(attempt)

    async def read_range(self, url: str, part: ByteSlice, *, complete_length: int) -> MediaPart:
        """The bytes `part` of a file of `complete_length` bytes.

        Raises:
            PlayerError: they cannot be had.
        """

        async def attempt() -> MediaPart:
            value = f"bytes={part.start}-{part.stop - 1}"
            async with self._answer("GET", url, range_value=value) as response:
                _check_range(response, ContentRange(part, complete_length))
                data = await _read_body(response, bytes_max=part.length)
                if len(data) != part.length:
                    raise TruncatedBodyError(f"{len(data)} of {part.length} bytes arrived")
                return MediaPart(data, _field(response, "Cache-Status"))

        return await self._persist(attempt)

    async def _persist(self, attempt: Callable[[], Awaitable[_Result]]) -> _Result:
        """Try once more what broke on the way, and as long as need be what is being packaged."""
        is_second = False
        while True:
            begun_s = self._patience.clock()
            try:
                return await attempt()
            except _NotReadyError as error:
                self._waited_s += self._patience.clock() - begun_s
                await self._pause(error)
            except PlayerError as error:
                if is_second or not error.retryable:
                    raise
                is_second = True

    async def _pause(self, error: _NotReadyError) -> None:
        patience = self._patience
        delay_s = min(max(error.retry_after_s, _WAIT_S_MIN), _WAIT_S_MAX)
        if self._waited_s + delay_s > patience.packaging_s_max:
            raise StillPackagingError(self._waited_s, error.told) from None
        if patience.on_packaging is not None:
            patience.on_packaging(Packaging(error.progress, self._waited_s))
        self._waited_s += delay_s
        await patience.wait(delay_s)

    @asynccontextmanager
    async def _answer(
        self, method: str, url: str, *, range_value: str | None = None, content: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        fields = dict(self._fields)
        if range_value is not None:
            fields["Range"] = range_value
        if content is not None:
            fields["Content-Type"] = "application/json"
        try:
            async with (
                asyncio.timeout(_ANSWER_S),
                self._session.request(
                    method,
                    url,
                    headers=fields,
                    data=content,
                    allow_redirects=False,
                    raise_for_status=False,
                ) as response,
            ):
                await _refuse_failure(response)
                yield response
        except TimeoutError as error:
            raise EdgeTimeoutError(f"no answer within {_ANSWER_S:.0f} s") from error
        except aiohttp.ClientPayloadError as error:
            raise TruncatedBodyError("the connection ended within an answer") from error
        except aiohttp.ClientConnectionError as error:
            # Messages of the library may hold the URL, and with it a token.
            raise EdgeUnreachableError(
                f"the edge cannot be reached: {type(error).__name__}"
            ) from None
        except (aiohttp.ClientError, ValueError) as error:
            raise MalformedAnswerError(
                f"what answers does not speak HTTP as it should: {type(error).__name__}"
            ) from None


async def _read_body(response: aiohttp.ClientResponse, *, bytes_max: int) -> bytes:
    body = bytearray()
    while chunk := await response.content.read(_READ_BYTES):
        body += chunk
        if len(body) > bytes_max:
            raise MalformedAnswerError(f"an answer is larger than {bytes_max} bytes")
    return bytes(body)


async def _refuse_failure(response: aiohttp.ClientResponse) -> None:
    """Raise what an answer means that is no success."""
    status = response.status
    if status in {200, 206}:
        return
    problem = await _problem_of(response)
    told = _told_by(response, problem)
    retry_after = _field(response, "Retry-After") or ""
    if status in {401, 403}:
        raise TokenRefusedError(status, told)
    if status in {404, 410, 451}:
        raise NotFoundError(status, told)
    if status == 503 and _SECONDS.fullmatch(retry_after):
        raise _NotReadyError(float(retry_after), told, _progress_of(problem))
    raise UnexpectedStatusError(status, told)


async def _problem_of(response: aiohttp.ClientResponse) -> dict[str, object]:
    """Members of a problem document (RFC 9457); none if there is no such document."""
    if response.content_type != CONTENT_TYPE:
        return {}
    try:
        document: object = orjson.loads(await _read_body(response, bytes_max=_PROBLEM_BYTES_MAX))
    except (orjson.JSONDecodeError, MalformedAnswerError):
        return {}
    return document if isinstance(document, dict) else {}


def _told_by(response: aiohttp.ClientResponse, problem: dict[str, object]) -> str:
    """What a problem document says for people; at least the reason phrase."""
    parts = [problem.get("title"), problem.get("detail")]
    text = ": ".join(part for part in parts if isinstance(part, str) and part)
    text = text or response.reason or "no reason given"
    # It ends up on a terminal.
    return "".join(filter(str.isprintable, text))[:_TOLD_CHARACTERS_MAX]


def _progress_of(problem: dict[str, object]) -> float | None:
    progress = problem.get("progress")
    if isinstance(progress, bool) or not isinstance(progress, int | float):
        return None
    return float(progress) if 0 <= progress <= 1 else None


def _check_range(response: aiohttp.ClientResponse, expected: ContentRange) -> None:
    if response.status != 206:
        raise WrongRangeError("the edge answers a range with the whole file")
    told = _field(response, "Content-Range") or ""
    if parse_content_range(told) != expected:
        assert expected.part is not None
        raise WrongRangeError(
            f"asked for bytes {expected.part.start}-{expected.part.stop - 1} of "
            f"{expected.complete_length}, the edge answers {told[:80]!r}"
        )


def _field(response: aiohttp.ClientResponse, name: str) -> str | None:
    """Value of a field; lines of the same name are one list (RFC 9110 section 5.3)."""
    values = response.headers.getall(name, [])
    return ", ".join(values) if values else None
