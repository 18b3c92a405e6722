"""Reads `ftyp` and `moov` of a fragmented MP4 file with one audio track. No I/O.

Section numbers are those of ISO/IEC 14496-12.
"""

import uuid
from dataclasses import dataclass, field
from typing import Final

from packager.boxes import split_boxes
from packager.byte_cursor import ByteCursor
from packager.common_encryption import CONSTANT_IV_SIZE, SAMPLE_IV_SIZE
from packager.encoded_track import STREAMINFO_SIZE
from packager.format_error import FormatError
from packager.opus_head import dops_to_opus_head
from packager.renditions import Codec, Protection
from packager.sample_entries import (
    AUDIO_14496_3,
    AUDIO_SAMPLE_ENTRY,
    DECODER_CONFIG_DESCRIPTOR,
    DECODER_SPECIFIC_INFO,
    DFLA_STREAMINFO,
    ES_DESCRIPTOR,
)

INIT_BYTES_MAX: Final = 1 << 20

_PROTECTED_AUDIO: Final = b"enca"
# A size takes at most four groups of seven bits (ISO/IEC 14496-1 section 8.3.3).
_DESCRIPTOR_SIZE_GROUPS_MAX: Final = 4


class MovieHeaderError(FormatError):
    """The header of a fragmented MP4 file is damaged, or of a kind that is not read here."""

    reason = "movie_header"


@dataclass(frozen=True, slots=True)
class TrackProtection:
    """What a protected file says about its encryption; the key is not in it.

    Attributes:
        iv: the constant one of `cbcs`; empty for `cenc`, whose fragments tell that of each sample.
    """

    scheme: Protection
    kid: uuid.UUID
    iv: bytes


@dataclass(frozen=True, slots=True)
class TrackHeader:
    """What a file says about its one track.

    Attributes:
        config: AudioSpecificConfig for AAC; the 34 bytes of STREAMINFO for FLAC; the identification
            header for Opus, from `OpusHead` on.
        sample_rate_hz: the timescale of the track.
        bits: as in the sample entry: bits per sample of FLAC, 16 for other codecs.
        priming: samples to drop at the start.
        samples: length of what is heard after them; 0 if the file does not tell.
        default_duration: of a sample, in samples, unless its fragment tells another.
        default_size: of a sample, in bytes, unless its fragment tells another.
    """

    codec: Codec
    config: bytes = field(repr=False)
    sample_rate_hz: int
    channels: int
    bits: int
    priming: int
    samples: int
    track_id: int
    default_duration: int
    default_size: int
    protection: TrackProtection | None


def parse_movie_header(data: bytes) -> TrackHeader:
    """Read `ftyp` and `moov`.

    Raises:
        FormatError: they are damaged, too large, or not those of one AAC, FLAC or Opus track, clear
            or protected by `cbcs` or `cenc`.
    """
    if len(data) > INIT_BYTES_MAX:
        raise MovieHeaderError(f"a header of {len(data)} bytes is above {INIT_BYTES_MAX}")
    moov = _Container(_Container(data, "file").only(b"moov"), "moov")
    trak = _Container(moov.only(b"trak"), "trak")
    mvex = _Container(moov.only(b"mvex"), "mvex")
    mdia = _Container(trak.only(b"mdia"), "mdia")
    minf = _Container(mdia.only(b"minf"), "minf")
    stbl = _Container(minf.only(b"stbl"), "stbl")
    entry = _parse_sample_entry(stbl.only(b"stsd"))
    priming, samples = _parse_edit(trak, _parse_mehd(mvex))
    track_id, default_duration, default_size = _parse_trex(mvex.only(b"trex"))
    return TrackHeader(
        codec=entry.codec,
        config=entry.config,
        sample_rate_hz=_parse_timescale(mdia.only(b"mdhd")),
        channels=entry.channels,
        bits=entry.bits,
        priming=priming,
        samples=samples,
        track_id=track_id,
        default_duration=default_duration,
        default_size=default_size,
        protection=entry.protection,
    )


class _Container:
    """The boxes within a box."""

    def __init__(self, payload: bytes, name: str) -> None:
        self._name = name
        self._boxes = split_boxes(payload)

    def only(self, fourcc: bytes) -> bytes:
        """Payload of the one box of this kind."""
        payload = self.optional(fourcc)
        if payload is None:
            raise MovieHeaderError(f"`{self._name}` has no {fourcc!r}")
        return payload

    def optional(self, fourcc: bytes) -> bytes | None:
        """Payload of the one box of this kind, or None."""
        found = [box.payload for box in self._boxes if box.fourcc == fourcc]
        if len(found) > 1:
            raise MovieHeaderError(f"`{self._name}` has {len(found)} of {fourcc!r}")
        return found[0] if found else None


def _full_box(payload: bytes, name: str) -> tuple[int, ByteCursor]:
    """Version of a full box, and its fields."""
    cursor = ByteCursor(payload, name)
    version = cursor.integer(1)
    cursor.take(3)
    return version, cursor


def _parse_timescale(mdhd: bytes) -> int:
    """Section 8.4.2."""
    version, cursor = _full_box(mdhd, "mdhd")
    cursor.take(16 if version == 1 else 8)
    timescale = cursor.integer(4)
    if timescale == 0:
        raise MovieHeaderError("the timescale is 0")
    return timescale


def _parse_mehd(mvex: _Container) -> int:
    """Section 8.8.2: length of the whole, 0 if it is not told."""
    mehd = mvex.optional(b"mehd")
    if mehd is None:
        return 0
    version, cursor = _full_box(mehd, "mehd")
    return cursor.integer(8 if version == 1 else 4)


def _parse_trex(trex: bytes) -> tuple[int, int, int]:
    """Section 8.8.3: track ID, default duration, default size."""
    _, cursor = _full_box(trex, "trex")
    track_id = cursor.integer(4)
    cursor.take(4)
    return track_id, cursor.integer(4), cursor.integer(4)


def _parse_edit(trak: _Container, length: int) -> tuple[int, int]:
    """Section 8.6.6: priming and length; without an edit list all is heard, `length` samples."""
    edts = trak.optional(b"edts")
    if edts is None:
        return 0, length
    version, cursor = _full_box(_Container(edts, "edts").only(b"elst"), "elst")
    width = 8 if version == 1 else 4
    if cursor.integer(4) != 1:
        raise MovieHeaderError("there is not exactly one edit")
    samples, media_time = cursor.integer(width), cursor.integer(width)
    # An empty edit, media time -1, would delay the sound.
    if media_time >> (8 * width - 1):
        raise MovieHeaderError("the edit is an empty one")
    return media_time, samples


@dataclass(frozen=True, slots=True)
class _SampleEntry:
    codec: Codec
    config: bytes
    channels: int
    bits: int
    protection: TrackProtection | None


def _parse_sample_entry(stsd: bytes) -> _SampleEntry:
    """Section 8.5.2."""
    _, cursor = _full_box(stsd, "stsd")
    entries = cursor.integer(4), split_boxes(cursor.rest())
    if entries[0] != 1 or len(entries[1]) != 1:
        raise MovieHeaderError("there is not exactly one sample entry")
    (entry,) = entries[1]
    fields = ByteCursor(entry.payload, "sample entry")
    _, channels, bits, *_ = AUDIO_SAMPLE_ENTRY.unpack(fields.take(AUDIO_SAMPLE_ENTRY.size))
    boxes = _Container(fields.rest(), "sample entry")
    fourcc, protection = entry.fourcc, None
    if fourcc == _PROTECTED_AUDIO:
        fourcc, protection = _parse_sinf(boxes.only(b"sinf"))
    match fourcc:
        case b"fLaC":
            codec, config = Codec.FLAC, _parse_dfla(boxes.only(b"dfLa"))
        case b"mp4a":
            codec, config = Codec.AAC, _parse_esds(boxes.only(b"esds"))
        case b"Opus":
            codec, config = Codec.OPUS, dops_to_opus_head(boxes.only(b"dOps"))
        case _:
            raise MovieHeaderError(f"a sample entry of {fourcc!r} is not read here")
    return _SampleEntry(codec, config, channels, bits, protection)


def _parse_sinf(sinf: bytes) -> tuple[bytes, TrackProtection]:
    """Section 8.12.1: the original format, and how it is protected."""
    boxes = _Container(sinf, "sinf")
    original_format = ByteCursor(boxes.only(b"frma"), "frma").take(4)
    _, schm = _full_box(boxes.only(b"schm"), "schm")
    scheme = schm.take(4)
    tenc = _Container(boxes.only(b"schi"), "schi").only(b"tenc")
    match scheme:
        case b"cbcs":
            return original_format, _parse_tenc_of_cbcs(tenc)
        case b"cenc":
            return original_format, _parse_tenc_of_cenc(tenc)
        case _:
            raise MovieHeaderError(f"the protection scheme {scheme!r} is not read here")


def _parse_tenc_of_cbcs(tenc: bytes) -> TrackProtection:
    """ISO/IEC 23001-7 section 8.2, as `cbcs` uses it for audio."""
    version, cursor = _full_box(tenc, "tenc")
    _, pattern, is_protected, iv_size = cursor.take(4)
    kid = uuid.UUID(bytes=cursor.take(16))
    if (version, pattern, is_protected, iv_size) != (1, 0, 1, 0):
        raise MovieHeaderError("samples are not encrypted as a whole with a constant IV")
    if cursor.integer(1) != CONSTANT_IV_SIZE:
        raise MovieHeaderError(f"the constant IV has not {CONSTANT_IV_SIZE} bytes")
    return TrackProtection(Protection.CBCS, kid, cursor.take(CONSTANT_IV_SIZE))


def _parse_tenc_of_cenc(tenc: bytes) -> TrackProtection:
    """ISO/IEC 23001-7 section 8.2, as `cenc` uses it."""
    _, cursor = _full_box(tenc, "tenc")
    _, _, is_protected, iv_size = cursor.take(4)
    if (is_protected, iv_size) != (1, SAMPLE_IV_SIZE):
        raise MovieHeaderError(f"samples have no IVs of {SAMPLE_IV_SIZE} bytes")
    return TrackProtection(Protection.CENC, uuid.UUID(bytes=cursor.take(16)), b"")


def _parse_dfla(dfla: bytes) -> bytes:
    """STREAMINFO ("Encapsulation of FLAC in ISO Base Media File Format" section 3.3.2)."""
    _, cursor = _full_box(dfla, "dfLa")
    # The first block is STREAMINFO; whether it is also the last does not matter.
    if cursor.integer(4) & 0x7FFF_FFFF != int.from_bytes(DFLA_STREAMINFO, "big") & 0x7FFF_FFFF:
        raise MovieHeaderError("`dfLa` does not begin with STREAMINFO")
    return cursor.take(STREAMINFO_SIZE)


def _parse_esds(esds: bytes) -> bytes:
    """AudioSpecificConfig out of the elementary stream descriptor (ISO/IEC 14496-1, 7.2.6.5)."""
    _, cursor = _full_box(esds, "esds")
    descriptor = ByteCursor(_take_descriptor(cursor, ES_DESCRIPTOR), "ES descriptor")
    descriptor.take(2)
    if descriptor.integer(1) & 0xE0:
        raise MovieHeaderError("the ES descriptor refers to another stream")
    config = ByteCursor(
        _take_descriptor(descriptor, DECODER_CONFIG_DESCRIPTOR), "decoder configuration"
    )
    if config.integer(1) != AUDIO_14496_3:
        raise MovieHeaderError("the elementary stream is not MPEG-4 audio")
    config.take(12)
    return _take_descriptor(config, DECODER_SPECIFIC_INFO)


def _take_descriptor(cursor: ByteCursor, tag: int) -> bytes:
    """Contents of the next descriptor, which must be of this kind."""
    if cursor.integer(1) != tag:
        raise MovieHeaderError(f"there is no descriptor of kind {tag}")
    size = 0
    for _ in range(_DESCRIPTOR_SIZE_GROUPS_MAX):
        group = cursor.integer(1)
        size = size << 7 | group & 0x7F
        if not group & 0x80:
            return cursor.take(size)
    raise MovieHeaderError("the size of a descriptor has no end")
