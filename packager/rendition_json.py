"""The facts of a rendition as JSON: the seek index that is served, and part of a track's record."""

from collections.abc import Mapping
from typing import Final, TypeVar

import orjson

from packager.format_error import FormatError
from packager.renditions import Codec, Container, Protection
from packager.seek_index import RenditionFacts, SeekIndex, Segment

# 12 hours in segments of 6 s are 7200 entries of at most 100 bytes.
JSON_BYTES_MAX: Final = 4 << 20
SEGMENTS_MAX: Final = 32_768

_INTEGER_MAX: Final = (1 << 63) - 1
_TEXT_MAX: Final = 128

_Enum = TypeVar("_Enum", Codec, Container, Protection)


class SeekIndexError(FormatError):
    """The JSON of a seek index is malformed, or contradicts itself."""

    reason = "seek_index"


def encode_seek_index(facts: RenditionFacts) -> bytes:
    """The JSON document that is served as `{rendition}.json`; the same facts, the same bytes."""
    return orjson.dumps(facts_to_json(facts))


def decode_seek_index(data: bytes) -> RenditionFacts:
    """Read what `encode_seek_index` wrote.

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
    fields = _Fields(value, "seek index")
    facts = RenditionFacts(
        name=fields.text("rendition"),
        codec=fields.choice("codec", Codec),
        codec_string=fields.text("codec_string"),
        container=fields.choice("container", Container),
        mime=fields.text("mime"),
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
        kid=fields.text("kid"),
        protection=fields.choice("protection", Protection),
        iv=fields.hexadecimal("iv", sizes=(0, 32)),
        seek=_seek_of(fields),
    )
    _check_layout(facts)
    return facts


def _seek_of(fields: "_Fields") -> SeekIndex:
    init = _Fields(fields.member("init"), "init")
    index = _Fields(fields.member("index"), "index")
    entries = fields.member("segments")
    if not isinstance(entries, list) or not 0 < len(entries) <= SEGMENTS_MAX:
        raise SeekIndexError(f"`segments` is not a list of 1 to {SEGMENTS_MAX} entries")
    return SeekIndex(
        init_offset=init.integer("offset"),
        init_bytes=init.integer("bytes"),
        index_offset=index.integer("offset"),
        index_bytes=index.integer("bytes"),
        segments=tuple(_segment_of(_Fields(entry, "segment")) for entry in entries),
    )


def _segment_of(fields: "_Fields") -> Segment:
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


class _Fields:
    """Members of a decoded JSON object, each checked as it is taken."""

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, dict):
            raise SeekIndexError(f"`{name}` is not an object")
        self._members: Mapping[str, object] = value

    def member(self, name: str) -> object:
        """The member, of whatever type."""
        if name not in self._members:
            raise SeekIndexError(f"`{name}` is missing")
        return self._members[name]

    def integer(self, name: str, *, minimum: int = 0) -> int:
        """An integer from `minimum` to 2^63 - 1."""
        value = self.member(name)
        # `type`, since True is an int to isinstance.
        if type(value) is not int or not minimum <= value <= _INTEGER_MAX:
            raise SeekIndexError(f"`{name}` is not an integer of at least {minimum}")
        return value

    def text(self, name: str) -> str:
        """A short string."""
        value = self.member(name)
        if not isinstance(value, str) or len(value) > _TEXT_MAX:
            raise SeekIndexError(f"`{name}` is not a string of up to {_TEXT_MAX} characters")
        return value

    def hexadecimal(self, name: str, *, sizes: tuple[int, ...]) -> str:
        """A string of lower-case hexadecimal digits, as many as `sizes` allows."""
        value = self.text(name)
        if len(value) not in sizes or not set(value) <= set("0123456789abcdef"):
            raise SeekIndexError(f"`{name}` is not hexadecimal of {sizes} digits")
        return value

    def choice(self, name: str, kind: type[_Enum]) -> _Enum:
        """A value of a closed set."""
        value = self.text(name)
        try:
            return kind(value)
        except ValueError:
            raise SeekIndexError(f"`{name}` is not one of {', '.join(kind)}") from None
