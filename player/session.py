"""One play of one track: what is asked for, in which order, and how the parts run together.

    track record -> seek index -> licence -> ranges -> decrypt, decode, cut -> report

Ranges are fetched one after another over one connection, a little ahead of the decoder, which runs
in a thread. The licence is asked for before the first range, so nothing is fetched in vain.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Final

import aiohttp

from config.tasks import open_tasks
from drm.clear_key import encode_license_request
from packager.content_key import ContentKey
from packager.format_error import FormatError
from packager.renditions import Codec, Protection
from packager.seek_index import JSON_BYTES_MAX, RenditionFacts, decode_seek_index
from player.addresses import (
    license_url,
    parse_edge_url,
    resolve_within,
    seek_index_url,
    track_url,
)
from player.cache_results import CacheCounter
from player.decoder import pcm_format_of
from player.edge_client import EdgeClient, MediaPart, OnPackaging, Patience, Wait
from player.errors import MalformedAnswerError, PlayerError
from player.license_response import LICENSE_BYTES_MAX, decode_license
from player.playback_clock import PlaybackClock
from player.range_plan import plan_ranges
from player.rendition_playback import RenditionPlayback
from player.report import PlayReport, PlayRequest
from player.track_document import (
    TRACK_BYTES_MAX,
    TrackDocument,
    check_against_record,
    decode_track_document,
)

OnProgress = Callable[[float], None]
"""Is told which fraction of the track has been played, from 0 to 1."""

# Ranges that wait for the decoder. More would only hold more memory.
_READ_AHEAD: Final = 2


async def play(
    request: PlayRequest,
    *,
    session: aiohttp.ClientSession | None = None,
    clock: Callable[[], float],
    on_progress: OnProgress | None = None,
    on_packaging: OnPackaging | None = None,
    wait: Wait = asyncio.sleep,
) -> PlayReport:
    """Play a track as fast as it arrives, and check it.

    Args:
        request: what to play.
        session: sends the requests and stays open; None for one of its own.
        clock: seconds from the monotonic clock.
        on_progress: called on the event loop.
        on_packaging: likewise, each time that a rendition is still being packaged.
        wait: how to wait for a rendition that is being packaged.

    Raises:
        PlayerError: the track could not be played, or is not what the record says. No WAV file
            is left.
    """
    opened = nullcontext(session) if session is not None else _open_session()
    async with opened as sending:
        patience = Patience(
            wait, asyncio.get_running_loop().time, request.packaging_s_max, on_packaging
        )
        client = EdgeClient(sending, request.token, patience=patience)
        return await _Play(request, client, clock, on_progress).run()


@asynccontextmanager
async def _open_session() -> AsyncIterator[aiohttp.ClientSession]:
    # One connection, kept alive, as a player has one.
    connector = aiohttp.TCPConnector(limit=1)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=30.0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False
    ) as session:
        yield session


class _Play:
    """The state of one play."""

    def __init__(
        self,
        request: PlayRequest,
        client: EdgeClient,
        clock: Callable[[], float],
        on_progress: OnProgress | None,
    ) -> None:
        self._request = request
        self._client = client
        self._clock = clock
        self._on_progress = on_progress
        self._edge_url = parse_edge_url(request.edge_url)
        self._started_s = clock()
        self._cache = CacheCounter()

    async def run(self) -> PlayReport:
        document, url, facts = await self._find()
        gain_db = self._request.gain.gain_db(
            document.levels, is_mixed_down=facts.codec is not Codec.FLAC
        )
        key = await self._license(facts)
        listener = PlaybackClock(started_s=self._started_s, sample_rate_hz=facts.sample_rate_hz)
        out = self._request.out
        with RenditionPlayback.open(facts, key, out, gain_db=gain_db) as playback:
            await self._stream(url, facts, playback, listener)
            pcm_sha256 = await asyncio.to_thread(playback.finish)
        return PlayReport(
            track_id=self._request.track_id,
            title=document.title,
            rendition=facts.name,
            samples=facts.samples,
            sample_rate_hz=facts.sample_rate_hz,
            channels=facts.channels,
            pcm_format=pcm_format_of(facts).value,
            pcm_sha256=pcm_sha256,
            gain_db=gain_db,
            first_audio_ms=round(listener.first_audio_ms, 3),
            stalls=listener.stalls,
            bytes=facts.bytes,
            segments=len(facts.seek.segments),
            cache=self._cache.tally,
        )

    async def _find(self) -> tuple[TrackDocument, str, RenditionFacts]:
        """The track's record, address and facts of the rendition."""
        record_url = track_url(self._edge_url, self._request.track_id)
        data = await self._client.read_document(record_url, bytes_max=TRACK_BYTES_MAX)
        document = decode_track_document(data)
        entry = document.rendition(self._request.rendition)
        url = resolve_within(self._edge_url, record_url, entry.url)
        index = await self._client.read_document(seek_index_url(url), bytes_max=JSON_BYTES_MAX)
        try:
            facts = decode_seek_index(index)
        except FormatError as error:
            raise MalformedAnswerError(f"the seek index cannot be used: {error}") from error
        check_against_record(facts, entry)
        return document, url, facts

    async def _license(self, facts: RenditionFacts) -> ContentKey | None:
        if facts.protection is Protection.CLEAR:
            return None
        try:
            kid = uuid.UUID(facts.kid)
        except ValueError:
            raise MalformedAnswerError("the seek index has no KID that can be asked for") from None
        data = await self._client.request_license(
            license_url(self._edge_url),
            encode_license_request([kid]),
            bytes_max=LICENSE_BYTES_MAX,
        )
        return decode_license(data, kid)

    async def _stream(
        self, url: str, facts: RenditionFacts, playback: RenditionPlayback, listener: PlaybackClock
    ) -> None:
        """Fetch and decode side by side, until the end of the file."""
        parts: asyncio.Queue[MediaPart | PlayerError | None] = asyncio.Queue(_READ_AHEAD)
        async with open_tasks() as tasks:
            tasks.start(self._fetch(url, facts, parts))
            await self._consume(parts, facts, playback, listener)

    async def _fetch(
        self,
        url: str,
        facts: RenditionFacts,
        parts: "asyncio.Queue[MediaPart | PlayerError | None]",
    ) -> None:
        try:
            for one in plan_ranges(facts):
                part = await self._client.read_range(url, one, complete_length=facts.bytes)
                self._cache.add(part.cache_status)
                await parts.put(part)
            await parts.put(None)
        except PlayerError as error:
            await parts.put(error)

    async def _consume(
        self,
        parts: "asyncio.Queue[MediaPart | PlayerError | None]",
        facts: RenditionFacts,
        playback: RenditionPlayback,
        listener: PlaybackClock,
    ) -> None:
        played = 0
        while (part := await parts.get()) is not None:
            if isinstance(part, PlayerError):
                raise part
            samples = await asyncio.to_thread(playback.feed, part.data)
            listener.arrive(samples, now_s=self._clock())
            played += samples
            if self._on_progress is not None:
                self._on_progress(played / facts.samples)
