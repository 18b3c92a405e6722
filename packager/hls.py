"""HLS playlists (RFC 8216) over byte ranges of fragmented MP4 files.

There are two flavors, because players want keys told differently and one of them takes the wrong
one when it sees both:

* `HlsFlavor.COMMON`: `master.m3u8` and `{rendition}.m3u8`, for Shaka Player and native players.
  Key format `identity`; the application gives the keys, by KID.
* `HlsFlavor.HLS_JS`: `hls.m3u8` and `{rendition}.hls.m3u8`, for hls.js. Key format
  `org.w3.clearkey`, whose URI carries the KID.

Clear renditions are alike in both.
"""

import base64
import enum
import uuid
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from packager.presentation import Presentation, file_name, format_seconds
from packager.renditions import Protection
from packager.seek_index import RenditionFacts

MIME_TYPE: Final = "application/vnd.apple.mpegurl"

# `EXT-X-MAP` in a playlist of media segments asks for 6 (RFC 8216 section 7); 7 is what players
# know as fragmented MP4.
_VERSION: Final = 7
# Finer than the shortest sample, 5.2 us at 192 kHz: its time can be told back exactly.
_DURATION_DIGITS: Final = 6


class HlsFlavor(enum.StrEnum):
    """For whom a playlist is; the value is the name of the multivariant playlist."""

    COMMON = "master.m3u8"
    HLS_JS = "hls.m3u8"


def media_playlist_name(rendition: str, flavor: HlsFlavor) -> str:
    """File name of a rendition's media playlist."""
    return f"{rendition}.m3u8" if flavor is HlsFlavor.COMMON else f"{rendition}.hls.m3u8"


def encode_multivariant(presentation: Presentation, flavor: HlsFlavor) -> bytes:
    """The multivariant playlist: every rendition as a variant, the lowest rate first.

    Native players start with the first one. Variants stand alone, without `EXT-X-MEDIA`: where both
    refer to one playlist, hls.js loads it twice.
    """
    lines = _head()
    for facts in sorted(presentation.renditions, key=lambda facts: facts.bandwidth_bps):
        attributes = (
            f"BANDWIDTH={max(facts.bandwidth_bps, facts.bitrate_bps)}",
            f"AVERAGE-BANDWIDTH={facts.bitrate_bps}",
            f'CODECS="{facts.codec_string}"',
        )
        lines += (
            f"#EXT-X-STREAM-INF:{','.join(attributes)}",
            media_playlist_name(facts.name, flavor),
        )
    return _encode(lines)


def encode_media_playlist(facts: RenditionFacts, flavor: HlsFlavor) -> bytes:
    """The media playlist of one rendition: its segments as byte ranges of its file."""
    name = file_name(facts)
    seek = facts.seek
    durations = list(_durations_s(facts))
    lines = [
        *_head(),
        # No segment, rounded to the nearest second, is longer (RFC 8216 section 4.3.3.1).
        f"#EXT-X-TARGETDURATION:{max(1, *(int(one + Fraction(1, 2)) for one in durations))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f'#EXT-X-MAP:URI="{name}",BYTERANGE="{seek.init_bytes}@{seek.init_offset}"',
    ]
    if facts.protection is not Protection.CLEAR:
        lines.append(_key_tag(facts, flavor))
    for segment, duration_s in zip(seek.segments, durations, strict=True):
        lines += (
            f"#EXTINF:{format_seconds(duration_s, digits=_DURATION_DIGITS)},",
            f"#EXT-X-BYTERANGE:{segment.bytes}@{segment.offset}",
            name,
        )
    return _encode([*lines, "#EXT-X-ENDLIST"])


def _head() -> list[str]:
    return ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]


def _encode(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _durations_s(facts: RenditionFacts) -> Iterator[Fraction]:
    """Durations in seconds, in whole steps of what is written.

    The ends are rounded, not the durations: so these add up to the length without drift.
    """
    scale = 10**_DURATION_DIGITS
    previous = 0
    for segment in facts.seek.segments:
        end_samples = segment.start_samples + segment.duration_samples
        end = round(Fraction(end_samples * scale, facts.sample_rate_hz))
        yield Fraction(end - previous, scale)
        previous = end


def _key_tag(facts: RenditionFacts, flavor: HlsFlavor) -> str:
    """`EXT-X-KEY` (RFC 8216 section 4.3.2.4).

    The URI holds the KID in both flavors. The format `identity` would have the key itself there,
    and none is published: Shaka Player takes those that the application sets (`drm.clearKeys`) over
    it, though not its license server, and with neither finds a key that decrypts nothing.
    """
    kid = uuid.UUID(facts.kid)
    uri = f"data:text/plain;base64,{base64.b64encode(kid.bytes).decode()}"
    if flavor is HlsFlavor.COMMON:
        attributes = f'IV=0x{facts.iv},KEYFORMAT="identity"'
    else:
        attributes = f'KEYID=0x{kid.hex},KEYFORMAT="org.w3.clearkey"'
    return f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{uri}",{attributes},KEYFORMATVERSIONS="1"'
