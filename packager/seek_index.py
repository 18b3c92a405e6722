"""The seek index of a rendition: where which samples are, for players without a manifest.

Times are as in `packager.segments`.
"""

from dataclasses import dataclass
from typing import Final

import orjson

from packager.format_error import FormatError
from packager.json_fields import JsonFields
from packager.renditions import FRAME_SAMPLES, Codec, Container, Protection
from packager.segments import SeekIndex, Segment

__all__ = [
    "NO_JOINS",
    "JoinsWith",
    "RenditionFacts",
    "SeekIndex",
    "SeekIndexError",
    "Segment",
    "decode_seek_index",
    "encode_seek_index",
    "facts_from_json",
    "facts_to_json",
]

# 12 hours in segments of 6 s are 7200 entries of at most 100 bytes.
JSON_BYTES_MAX: Final = 4 << 20
SEGMENTS_MAX: Final = 32_768

_TEXT_MAX: Final = 128


class SeekIndexError(FormatError):
    """The JSON of a seek index is malformed, or contradicts itself."""

    reason = "seek_index"


@dataclass(frozen=True, slots=True)
class RenditionFacts:
    """All that is known about one packaged rendition.

    Attributes:
        name: of its profile, such as `aac-160`.
        codec_string: RFC 6381 `codecs` parameter, such as `mp4a.40.2`.
        mime: media type of the file, without parameters.
        bitrate_bps: average over the file.
        bandwidth_bps: peak over about a segment's time, for manifests.
        bits: bits per sample, 16 or 24; 0 for a lossy codec.
        samples: exact length of what is heard.
        priming: samples that a decoder returns before it and that must be dropped.
        bytes: size of the file.
        sha256: of the protected file, hexadecimal.
        clear_sha256: of the same file without protection, hexadecimal.
        kid: identifier of the content key as UUID text; empty for a clear file.
        iv: hexadecimal: the first counter block of a sealed file or the constant IV of `cbcs`, 32
            digits; the IV of the first sample of `cenc`, 16 digits; empty for a clear file.
    """

    name: str
    codec: Codec
    codec_string: str
    container: Container
    mime: str
    bitrate_bps: int
    bandwidth_bps: int
    sample_rate_hz: int
    channels: int
    bits: int
    samples: int
    priming: int
    bytes: int
    sha256: str
    clear_sha256: str
    kid: str
    protection: Protection
    iv: str
    seek: SeekIndex


@dataclass(frozen=True, slots=True)
class JoinsWith:
    """The audio around its track that a rendition was encoded with.

    Attributes:
        before: SHA-256 of the end of what precedes it, hexadecimal; empty for none.
        after: of the beginning of what follows, likewise.
    """

    before: str
    after: str


NO_JOINS: Final = JoinsWith("", "")


def padding_of(facts: RenditionFacts) -> int:
    """Samples that a decoder returns after what is heard and that must be cut off.

    The last frame of AAC and Opus is a whole one; FLAC and Vorbis end where the music does.
    """
    frame_samples = FRAME_SAMPLES.get(facts.codec, 1)
    return -(facts.priming + facts.samples) % frame_samples


def encode_seek_index(facts: RenditionFacts, joins: JoinsWith = NO_JOINS) -> bytes:
    """The JSON document that is served as `{rendition}.json`; the same arguments, the same bytes.

    Args:
        facts: of the rendition.
        joins: what its version records, so a document that never changes may tell it.
    """
    joins_with = {"before": joins.before or None, "after": joins.after or None}
    return orjson.dumps({**facts_to_json(facts), "joins_with": joins_with})


def decode_seek_index(data: bytes) -> RenditionFacts:
    """Read the facts in what `encode_seek_index` wrote.

    Raises:
        SeekIndexError: it is too large, no JSON, or not a consistent seek index.
    """
    if len(data) > JSON_BYTES_MAX:
        raise SeekIndexError(f"a seek index of {len(data)} bytes is above {JSON_BYTES_MAX}")
    try:
        return facts_from_json(orjson.loads(data))
    except orjson.JSONDecodeError as error:
        raise SeekIndexError(f"a seek index that is not JSON: {error}") from error


def facts_to_json(facts: RenditionFacts) -> dict[str, object]:
    """`facts` as objects that any JSON encoder takes."""
    seek = facts.seek
    return {
        "rendition": facts.name,
        "codec": facts.codec.value,
        "codec_string": facts.codec_string,
        "container": facts.container.value,
        "mime": facts.mime,
        "protection": facts.protection.value,
        "kid": facts.kid,
        "iv": facts.iv,
        "bitrate_bps": facts.bitrate_bps,
        "bandwidth_bps": facts.bandwidth_bps,
        "sample_rate_hz": facts.sample_rate_hz,
        "timescale_hz": facts.sample_rate_hz,
        "channels": facts.channels,
        "bits": facts.bits,
        "samples": facts.samples,
        "priming": facts.priming,
        "padding": padding_of(facts),
        "bytes": facts.bytes,
        "sha256": facts.sha256,
        "clear_sha256": facts.clear_sha256,
        "init": {"offset": seek.init_offset, "bytes": seek.init_bytes},
        "index": {"offset": seek.index_offset, "bytes": seek.index_bytes},
        "segments": [
            {
                "offset": segment.offset,
                "bytes": segment.bytes,
                "start": segment.start_samples,
                "duration": segment.duration_samples,
            }
            for segment in seek.segments
        ],
    }


def facts_from_json(value: object) -> RenditionFacts:
    """Undo `facts_to_json`. Members that it does not know are passed over.

    Raises:
        SeekIndexError: a member is missing, of another type, or contradicts the others.
    """
    fields = JsonFields(value, "seek index", SeekIndexError)
    facts = RenditionFacts(
        name=fields.text("rendition", length_max=_TEXT_MAX),
        codec=fields.choice("codec", Codec),
        codec_string=fields.text("codec_string", length_max=_TEXT_MAX),
        container=fields.choice("container", Container),
        mime=fields.text("mime", length_max=_TEXT_MAX),
        bitrate_bps=fields.integer("bitrate_bps"),
        bandwidth_bps=fields.integer("bandwidth_bps"),
        sample_rate_hz=fields.integer("sample_rate_hz", minimum=1),
        channels=fields.integer("channels", minimum=1),
        bits=fields.integer("bits"),
        samples=fields.integer("samples"),
        priming=fields.integer("priming"),
        bytes=fields.integer("bytes"),
        sha256=fields.hexadecimal("sha256", sizes=(64,)),
        clear_sha256=fields.hexadecimal("clear_sha256", sizes=(64,)),
        kid=fields.text("kid", length_max=_TEXT_MAX),
        protection=fields.choice("protection", Protection),
        iv=fields.hexadecimal("iv", sizes=(0, 16, 32)),
        seek=_seek_of(fields),
    )
    _check_layout(facts)
    return facts


def _seek_of(fields: JsonFields) -> SeekIndex:
    init, index = fields.fields("init"), fields.fields("index")
    return SeekIndex(
        init_offset=init.integer("offset"),
        init_bytes=init.integer("bytes"),
        index_offset=index.integer("offset"),
        index_bytes=index.integer("bytes"),
        segments=fields.items("segments", _segment_of, count_min=1, count_max=SEGMENTS_MAX),
    )


def _segment_of(value: object, path: str) -> Segment:
    fields = JsonFields(value, path, SeekIndexError)
    return Segment(
        offset=fields.integer("offset"),
        bytes=fields.integer("bytes", minimum=1),
        start_samples=fields.integer("start"),
        duration_samples=fields.integer("duration", minimum=1),
    )


def _check_layout(facts: RenditionFacts) -> None:
    """Refuse segments that overlap, leave gaps, or do not fill the file's end and length."""
    seek = facts.seek
    position = max(seek.init_offset + seek.init_bytes, seek.index_offset + seek.index_bytes)
    start_samples = 0
    for segment in seek.segments:
        if (segment.offset, segment.start_samples) != (position, start_samples):
            raise SeekIndexError(f"a segment starts at byte {segment.offset}, not at {position}")
        position += segment.bytes
        start_samples += segment.duration_samples
    if (position, start_samples) != (facts.bytes, facts.samples):
        raise SeekIndexError(
            f"segments end at byte {position} and sample {start_samples}, "
            f"the file at byte {facts.bytes} and sample {facts.samples}"
        )
