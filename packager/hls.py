"""HLS playlists (RFC 8216) over byte ranges of fragmented MP4 files.

There are two flavors, because players want keys told differently and one of them takes the wrong
one when it sees both:

* `HlsFlavor.COMMON`: `master.m3u8` and `{rendition}.m3u8`, for Shaka Player and native players.
  Key format `identity`, whose URI gives the bare key.
* `HlsFlavor.HLS_JS`: `hls.m3u8` and `{rendition}.hls.m3u8`, for hls.js. Key format
  `org.w3.clearkey`, whose URI carries the KID.

Clear renditions are alike in both. The playlists of an album are those of its tracks one after
another, with a discontinuity between them.

Segments last as long as their timestamps say, the priming included: Shaka Player shifts a segment
by what its start in the playlist differs from its timestamp, the edit list then shifts it once
more, and what it was shifted by is not heard. Only the last one ends with what is heard, so that a
track is as long as its music and the next one of an album follows at once.
"""

import base64
import enum
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

from packager.album_presentation import AlbumPresentation, bit_rates_of, starts_of
from packager.presentation import (
    BESIDE_ITS_FILES,
    Presentation,
    References,
    duration_of,
    format_seconds,
    preference_of,
)
from packager.renditions import Codec, Protection
from packager.seek_index import RenditionFacts, Segment

MIME_TYPE: Final = "application/vnd.apple.mpegurl"

# `EXT-X-MAP` in a playlist of media segments asks for 6 (RFC 8216 section 7); 7 is what players
# know as fragmented MP4.
_VERSION: Final = 7
# Finer than the shortest sample, 5.2 us at 192 kHz: its time can be told back exactly.
_DURATION_DIGITS: Final = 6

# RFC 8216 section 4.3.2.4, and for CTR its successor, draft-pantos-hls-rfc8216bis.
_METHODS: Final = {Protection.CBCS: "SAMPLE-AES", Protection.CENC: "SAMPLE-AES-CTR"}


class HlsFlavor(enum.StrEnum):
    """For whom a playlist is; the value is the name of the multivariant playlist."""

    COMMON = "master.m3u8"
    HLS_JS = "hls.m3u8"


MULTIVARIANT_NAMES: Final = frozenset(flavor.value for flavor in HlsFlavor)
"""File names of multivariant playlists."""


@dataclass(frozen=True, slots=True)
class _Track:
    """One rendition of a track within a playlist.

    Attributes:
        segments: of the playlist, see `_segments_of`.
        durations_s: of these, in whole steps of what is written.
    """

    facts: RenditionFacts
    references: References
    segments: tuple[Segment, ...]
    durations_s: tuple[Fraction, ...]


def media_playlist_name(rendition: str, flavor: HlsFlavor) -> str:
    """File name of a rendition's media playlist."""
    return f"{rendition}.m3u8" if flavor is HlsFlavor.COMMON else f"{rendition}.hls.m3u8"


def encode_multivariant(presentation: Presentation, flavor: HlsFlavor) -> bytes:
    """The multivariant playlist of a track: every rendition as a variant."""
    return _encode_multivariant([[facts] for facts in presentation.renditions], flavor)


def encode_album_multivariant(album: AlbumPresentation, flavor: HlsFlavor) -> bytes:
    """The multivariant playlist of an album: every rendition that all of its tracks have."""
    variants = [[facts for facts, _ in album.tracks_of(name)] for name in album.rendition_names]
    return _encode_multivariant(variants, flavor)


def encode_media_playlist(facts: RenditionFacts, flavor: HlsFlavor) -> bytes:
    """The media playlist of one rendition: its segments as byte ranges of its file."""
    return _encode_media([(facts, BESIDE_ITS_FILES)], flavor)


def encode_album_media_playlist(album: AlbumPresentation, name: str, flavor: HlsFlavor) -> bytes:
    """The media playlist of one of `album.rendition_names`: that of its tracks, one by one."""
    return _encode_media(album.tracks_of(name), flavor)


def _encode_multivariant(variants: Sequence[Sequence[RenditionFacts]], flavor: HlsFlavor) -> bytes:
    """Variants of the preferred codec come first, the lowest rate before the others.

    Native players start with the first one. Variants stand alone, without `EXT-X-MEDIA`: where both
    refer to one playlist, hls.js loads it twice.
    """
    if flavor is HlsFlavor.HLS_JS:
        variants = _without_opus(variants)
    lines = _head()
    rates = {tracks[0].name: bit_rates_of(tracks) for tracks in variants}
    for first, *_ in sorted(
        variants, key=lambda tracks: (preference_of(tracks[0].codec), rates[tracks[0].name])
    ):
        peak_bps, average_bps = rates[first.name]
        attributes = (
            f"BANDWIDTH={peak_bps}",
            f"AVERAGE-BANDWIDTH={average_bps}",
            f'CODECS="{first.codec_string}"',
        )
        lines += (
            f"#EXT-X-STREAM-INF:{','.join(attributes)}",
            media_playlist_name(first.name, flavor),
        )
    return _encode(lines)


def _without_opus(
    variants: Sequence[Sequence[RenditionFacts]],
) -> Sequence[Sequence[RenditionFacts]]:
    """The variants to choose from for hls.js, which never leaves the codec that it starts with.

    That is the one of the lowest rate, so with Opus in the list nobody would hear anything better.
    Its media playlist is there for applications that want it.
    """
    others = [tracks for tracks in variants if tracks[0].codec is not Codec.OPUS]
    return others or variants


def _encode_media(tracks: Sequence[tuple[RenditionFacts, References]], flavor: HlsFlavor) -> bytes:
    starts = starts_of([duration_of(facts) for facts, _ in tracks])
    parts = [
        _track_of(facts, references, start_s)
        for (facts, references), start_s in zip(tracks, starts, strict=False)
    ]
    longest = max(duration for part in parts for duration in part.durations_s)
    lines = [
        *_head(),
        # No segment, rounded to the nearest second, is longer (RFC 8216 section 4.3.3.1).
        f"#EXT-X-TARGETDURATION:{max(1, int(longest + Fraction(1, 2)))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
    ]
    for index, part in enumerate(parts):
        if index:
            lines.append("#EXT-X-DISCONTINUITY")
        lines += _part_lines(part, flavor, is_first=index == 0)
    return _encode([*lines, "#EXT-X-ENDLIST"])


def _part_lines(part: _Track, flavor: HlsFlavor, *, is_first: bool) -> Iterator[str]:
    facts, url = part.facts, part.references.file_url(part.facts)
    # The key stands first: else that of the track before would hold for the header.
    if facts.protection is not Protection.CLEAR:
        yield _key_tag(facts, part.references, flavor)
    elif not is_first:
        yield "#EXT-X-KEY:METHOD=NONE"
    seek = facts.seek
    yield f'#EXT-X-MAP:URI="{url}",BYTERANGE="{seek.init_bytes}@{seek.init_offset}"'
    for segment, duration_s in zip(part.segments, part.durations_s, strict=True):
        yield f"#EXTINF:{format_seconds(duration_s, digits=_DURATION_DIGITS)},"
        yield f"#EXT-X-BYTERANGE:{segment.bytes}@{segment.offset}"
        yield url


def _head() -> list[str]:
    return ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]


def _encode(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _track_of(facts: RenditionFacts, references: References, start_s: Fraction) -> _Track:
    """A track that begins there."""
    segments = _segments_of(facts)
    durations_s = _durations_s(segments, facts.sample_rate_hz, start_s)
    return _Track(facts, references, segments, tuple(durations_s))


def _segments_of(facts: RenditionFacts) -> tuple[Segment, ...]:
    """The segments of the file, on the timeline of their timestamps up to the end of the music.

    One that is heard for no longer than the priming would begin after that end: it goes with the
    one before.
    """
    first, *later = facts.seek.segments
    starts = (first, *(s for s in later if s.start_samples + facts.priming < facts.samples))
    times = [0, *(s.start_samples + facts.priming for s in starts[1:]), facts.samples]
    offsets = [*(s.offset for s in starts), facts.seek.segments[-1].end]
    return tuple(
        Segment(offset, offset_end - offset, time, time_end - time)
        for (offset, offset_end), (time, time_end) in zip(
            pairwise(offsets), pairwise(times), strict=True
        )
    )


def _durations_s(
    segments: Iterable[Segment], sample_rate_hz: int, start_s: Fraction
) -> Iterator[Fraction]:
    """Durations in seconds, in whole steps of what is written, of segments from `start_s` on.

    The ends are rounded, not the durations: so these add up to the length without drift.
    """
    scale = 10**_DURATION_DIGITS
    previous = round(start_s * scale)
    for segment in segments:
        end = round((start_s + Fraction(segment.end_samples, sample_rate_hz)) * scale)
        yield Fraction(end - previous, scale)
        previous = end


def _key_tag(facts: RenditionFacts, references: References, flavor: HlsFlavor) -> str:
    """`EXT-X-KEY` (RFC 8216 section 4.3.2.4).

    The format `identity` has the key itself at its URI. The IVs of `cenc` are in the fragments.
    """
    kid = uuid.UUID(facts.kid)
    method = f"METHOD={_METHODS[facts.protection]}"
    if flavor is HlsFlavor.COMMON:
        constant_iv = (f"IV=0x{facts.iv}",) if facts.protection is Protection.CBCS else ()
        attributes = (f'URI="{references.key_url(facts)}"', *constant_iv, 'KEYFORMAT="identity"')
    else:
        uri = f"data:text/plain;base64,{base64.b64encode(kid.bytes).decode()}"
        attributes = (f'URI="{uri}"', f"KEYID=0x{kid.hex}", 'KEYFORMAT="org.w3.clearkey"')
    return f'#EXT-X-KEY:{",".join((method, *attributes))},KEYFORMATVERSIONS="1"'
