"""Reads objects of a bucket: heads, whole objects, ranges that go on where a body was cut.

Every answer tells the digest that was noted at the put, and is refused if it is not the one that
the caller expects. An entity tag would pin a read too, but needs a request more to be known, and a
copy of an object onto itself may change it. What comes back must be exactly the range asked for:
some servers answer 200 where RFC 9110 section 15.3.7 wants 206.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Final

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from http_semantics.http_date import parse_http_date
from origin.adapters.s3_connection import ATTEMPTS, S3Address, SessionCredentials, Slots
from origin.adapters.s3_errors import ERROR_BYTES_MAX, code_in, error_of, translated
from origin.errors import (
    ObjectConflictError,
    ObjectDamagedError,
    ObjectMissingError,
    ObjectTooLargeError,
    StoreError,
    StoreUnreachableError,
)
from origin.ports import ObjectContent, ObjectHead, StoredObject
from origin.signing import RequestSigner, SignedRequest

SHA256_NAME: Final = "sha256"
PUT_NAME: Final = "put"

_METADATA: Final = "X-Amz-Meta-"
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SERVER_TROUBLE: Final = {429, 500, 502, 503, 504}
_RETRY_PAUSE_S: Final = 0.1

# Cuts in a row, without much between them, after which the store counts as gone.
_CUTS_MAX: Final = 3
_MUCH_BYTES: Final = 1 << 20

_CUT: Final = (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError, TimeoutError)

Fields = CIMultiDictProxy[str]


class S3Reader:
    """Reads with signatures of our own. `clock` is the wall clock, in seconds."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: S3Address,
        *,
        signer: RequestSigner,
        credentials: SessionCredentials,
        slots: Slots,
        clock: Callable[[], float],
    ) -> None:
        self._session = session
        self._address = address
        self._signer = signer
        self._credentials = credentials
        self._slots = slots
        self._clock = clock

    async def fields(self, key: str) -> Fields | None:
        """The header fields of an object; None if there is none."""
        try:
            async with self._answer("HEAD", key, {}) as response:
                return response.headers
        except ObjectMissingError:
            return None

    async def head(self, key: str) -> ObjectHead | None:
        """See `ObjectStore.head`."""
        fields = await self.fields(key)
        return None if fields is None else self._head_of(key, fields)

    async def read(self, key: str, *, size_max: int) -> StoredObject:
        """See `ObjectStore.read`: one request for head and content."""
        head: ObjectHead | None = None
        chunks: list[bytes] = []
        try:
            async with self._answer("GET", key, {}) as response:
                head = self._head_of(key, response.headers)
                if head.size_bytes > size_max:
                    raise ObjectTooLargeError(key, size_bytes=head.size_bytes, size_max=size_max)
                async for chunk in response.content.iter_any():
                    chunks.append(chunk)  # noqa: PERF401 - what came before a cut is kept
        except StoreUnreachableError:
            if head is None:
                raise
        content = b"".join(chunks)
        if len(content) < head.size_bytes:
            rest = self._pieces(head, len(content), head.size_bytes)
            content = b"".join([content, *[chunk async for chunk in rest]])
        if hashlib.sha256(content).hexdigest() != head.sha256:
            raise ObjectDamagedError(key, "its SHA-256 is another one")
        return StoredObject(head, content)

    async def stream(
        self, content: ObjectContent, *, start: int, stop: int
    ) -> AsyncGenerator[bytes, None]:
        """See `ObjectStore.stream`."""
        assert 0 <= start <= stop <= content.size_bytes
        if start == stop:
            await self._check_there(content)
            return
        digest = hashlib.sha256() if stop - start == content.size_bytes else None
        left = stop - start
        async with contextlib.aclosing(self._pieces(content, start, stop)) as pieces:
            async for chunk in pieces:
                left -= len(chunk)
                if digest is not None:
                    digest.update(chunk)
                    if not left and digest.hexdigest() != content.sha256:
                        raise ObjectDamagedError(content.key, "its SHA-256 is another one")
                yield chunk

    async def _pieces(
        self, content: ObjectContent, start: int, stop: int
    ) -> AsyncGenerator[bytes, None]:
        """The bytes `[start, stop)`, asked for again from where an answer was cut."""
        cuts = 0
        cut_at = start
        while start < stop:
            try:
                async with contextlib.aclosing(self._answered(content, start, stop)) as chunks:
                    async for chunk in chunks:
                        start += len(chunk)
                        yield chunk
            except StoreUnreachableError:
                cuts = 1 if start - cut_at >= _MUCH_BYTES else cuts + 1
                cut_at = start
                if cuts >= _CUTS_MAX:
                    raise

    async def _answered(
        self, content: ObjectContent, start: int, stop: int
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of one answer to `[start, stop)`, all of them."""
        fields = {"Range": f"bytes={start}-{stop - 1}"}
        async with self._answer("GET", content.key, fields, is_slow=True) as response:
            if _digest_in(content.key, response.headers) != content.sha256:
                raise ObjectConflictError(content.key)
            _check_range(content, response, start=start, stop=stop)
            async for chunk in response.content.iter_any():
                yield chunk

    async def _check_there(self, content: ObjectContent) -> None:
        head = await self.head(content.key)
        if head is None:
            raise ObjectMissingError(content.key)
        if head.sha256 != content.sha256:
            raise ObjectConflictError(content.key)

    @contextlib.asynccontextmanager
    async def _answer(
        self, method: str, key: str, fields: Mapping[str, str], *, is_slow: bool = False
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer. What goes wrong while it is read is an error of the port, too.

        Args:
            method: of the request.
            key: of the object.
            fields: of the request, beside the signature.
            is_slow: whether it is read as fast as somebody else takes it; then it keeps no slot.
        """
        async with self._slots.one() as give_slot_back:
            with translated(key):
                response = await self._send_twice(method, key, fields)
                if is_slow:
                    give_slot_back()
                try:
                    yield response
                finally:
                    # What is read to its end has given its connection back already.
                    response.close()

    async def _send_twice(
        self, method: str, key: str, fields: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = await self._send(method, key, fields)
            except _CUT:
                if attempt == ATTEMPTS:
                    raise
            else:
                if response.status in {200, 206}:
                    return response
                if response.status not in _SERVER_TROUBLE or attempt == ATTEMPTS:
                    raise await _refusal_of(response, key)
                response.close()
            await asyncio.sleep(_RETRY_PAUSE_S)
        raise AssertionError("the last attempt returns or raises")

    async def _send(
        self, method: str, key: str, fields: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        path = self._address.path_of(key)
        signed = self._signer.sign(
            SignedRequest(method, self._address.host, path),
            await self._credentials.current(),
            now_s=self._clock(),
        )
        return await self._session.request(
            method,
            URL(f"{self._address.base_url}{path}", encoded=True),
            headers={**signed, **fields, "Accept-Encoding": "identity"},
            allow_redirects=False,
        )

    def _head_of(self, key: str, fields: Fields) -> ObjectHead:
        sha256 = _digest_in(key, fields)
        length = fields.get("Content-Length", "")
        etag = fields.get("ETag", "")
        if not length.isdecimal() or not etag:
            raise StoreError(f"object {key}: the store tells neither its length nor its entity tag")
        modified_s = parse_http_date(fields.get("Last-Modified", ""), now_s=self._clock())
        return ObjectHead(key, int(length), sha256, etag, float(modified_s or 0))


def _digest_in(key: str, fields: Fields) -> str:
    """The digest that was noted when an object was put."""
    sha256 = fields.get(_METADATA + SHA256_NAME, "")
    if _SHA256.fullmatch(sha256) is None:
        raise ObjectDamagedError(key, "its digest is not known")
    return sha256


def metadata_in(fields: Fields) -> dict[str, str]:
    """All that was noted when an object was put, by name."""
    return {
        name[len(_METADATA) :].lower(): value
        for name, value in fields.items()
        if name.lower().startswith(_METADATA.lower())
    }


def put_id_of(fields: Fields) -> str:
    """By which put an object came there."""
    return fields.get(_METADATA + PUT_NAME, "")


async def _refusal_of(response: aiohttp.ClientResponse, key: str) -> StoreError:
    """What an unsuccessful answer means."""
    content = b""
    try:
        if response.method != "HEAD":
            content = await response.content.read(ERROR_BYTES_MAX)
    finally:
        response.close()
    return error_of(response.status, code_in(content), key)


def _check_range(
    content: ObjectContent, response: aiohttp.ClientResponse, *, start: int, stop: int
) -> None:
    """Refuse what is not the range `[start, stop)` of an object with this content."""
    key, size_bytes = content.key, content.size_bytes
    told = response.headers.get("Content-Range", "")
    is_whole = stop - start == size_bytes and response.status == 200 and not told
    if not is_whole and told != f"bytes {start}-{stop - 1}/{size_bytes}":
        wanted = f"bytes {start}-{stop - 1} of {size_bytes}"
        raise StoreError(f"object {key}: asked for {wanted}, the store sends {told[:80]!r}")
    if response.headers.get("Content-Length") != str(stop - start):
        raise StoreError(f"object {key}: the store sends another length than that asked for")
