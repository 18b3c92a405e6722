"""`sidx` and `moof` of a fragmented MP4 file with one audio track.

Section numbers are those of ISO/IEC 14496-12.
"""

import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from packager.boxes import HEADER_SIZE, encode_box, encode_full_box
from packager.common_encryption import SAMPLE_IV_SIZE, CommonEncryption
from packager.encoded_track import EncodedTrack
from packager.movie_header import TRACK_ID, has_roll_group
from packager.segments import Segment

REFERENCE_SIZE_MAX: Final = (1 << 31) - 1
REFERENCES_MAX: Final = (1 << 16) - 1

DEFAULT_BASE_IS_MOOF: Final = 0x020000
TRUN_DATA_OFFSET: Final = 0x000001
TRUN_SAMPLE_DURATION: Final = 0x000100
TRUN_SAMPLE_SIZE: Final = 0x000200

# Each subsegment starts with a sample that can be decoded at once: SAP type 1.
_STARTS_WITH_SAP: Final = 0x9000_0000

_FULL_BOX_SIZE: Final = HEADER_SIZE + 4
_MFHD_SIZE: Final = _FULL_BOX_SIZE + 4
_TFHD_SIZE: Final = _FULL_BOX_SIZE + 4
_TFDT_SIZE: Final = _FULL_BOX_SIZE + 8
_TRUN_SIZE: Final = _FULL_BOX_SIZE + 8
_SBGP_SIZE: Final = _FULL_BOX_SIZE + 16
_SAIZ_SIZE: Final = _FULL_BOX_SIZE + 5
_SAIO_SIZE: Final = _FULL_BOX_SIZE + 8
_SENC_HEAD_SIZE: Final = _FULL_BOX_SIZE + 4


@dataclass(frozen=True, slots=True)
class Fragment:
    """A run of packets that share one `moof` and one `mdat`.

    Attributes:
        sequence_number: counted from 1.
        first_packet: index of its first packet.
        packet_count: how many it holds.
        decode_time: when its first packet is decoded, in samples from the first one decoded.
        payload_bytes: size of its packets.
        has_durations: whether it has a packet that is not as long as the others.
    """

    sequence_number: int
    first_packet: int
    packet_count: int
    decode_time: int
    payload_bytes: int
    has_durations: bool


def fragment_size(
    fragment: Fragment, track: EncodedTrack, protection: CommonEncryption | None
) -> int:
    """Bytes of `moof` and `mdat` together."""
    return _moof_size(fragment, track, protection) + HEADER_SIZE + fragment.payload_bytes


def _moof_size(fragment: Fragment, track: EncodedTrack, protection: CommonEncryption | None) -> int:
    return (
        HEADER_SIZE  # moof
        + _MFHD_SIZE
        + HEADER_SIZE  # traf
        + _TFHD_SIZE
        + _TFDT_SIZE
        + _TRUN_SIZE
        + fragment.packet_count * (8 if fragment.has_durations else 4)
        + (_SBGP_SIZE if has_roll_group(track) else 0)
        + _sample_ivs_size(fragment, protection)
    )


def _sample_ivs_size(fragment: Fragment, protection: CommonEncryption | None) -> int:
    """Bytes of the boxes around the IVs of samples, if they have any."""
    if protection is None or not protection.has_sample_ivs:
        return 0
    return _SAIZ_SIZE + _SAIO_SIZE + _SENC_HEAD_SIZE + fragment.packet_count * SAMPLE_IV_SIZE


def encode_moof(
    fragment: Fragment, track: EncodedTrack, protection: CommonEncryption | None
) -> bytes:
    """Section 8.8.4. The `mdat` box is to follow at once."""
    size = _moof_size(fragment, track, protection)
    moof = encode_box(
        b"moof",
        encode_full_box(b"mfhd", struct.pack(">I", fragment.sequence_number)),
        encode_box(
            b"traf",
            encode_full_box(b"tfhd", struct.pack(">I", TRACK_ID), flags=DEFAULT_BASE_IS_MOOF),
            encode_full_box(b"tfdt", struct.pack(">Q", fragment.decode_time), version=1),
            _encode_trun(fragment, track, size + HEADER_SIZE),
            _encode_sbgp(fragment) if has_roll_group(track) else b"",
            # The last boxes, so that the IVs end where `moof` ends.
            _encode_sample_ivs(fragment, protection, size),
        ),
    )
    assert len(moof) == size
    return moof


def _encode_sample_ivs(
    fragment: Fragment, protection: CommonEncryption | None, moof_size: int
) -> bytes:
    """The IV of each sample (ISO/IEC 23001-7 section 7), and where it is, counted from `moof`."""
    if protection is None or not protection.has_sample_ivs:
        return b""
    count = fragment.packet_count
    offset = moof_size - count * SAMPLE_IV_SIZE
    return b"".join(
        (
            encode_full_box(b"saiz", struct.pack(">BI", SAMPLE_IV_SIZE, count)),
            encode_full_box(b"saio", struct.pack(">II", 1, offset)),
            encode_full_box(
                b"senc",
                struct.pack(">I", count),
                protection.sample_ivs(fragment.first_packet, count),
            ),
        )
    )


def _encode_trun(fragment: Fragment, track: EncodedTrack, data_offset: int) -> bytes:
    """Section 8.8.8: the size of each sample, and its duration where one differs."""
    first, count = fragment.first_packet, fragment.packet_count
    table = array("I", track.packet_sizes[first : first + count])
    flags = TRUN_DATA_OFFSET | TRUN_SAMPLE_SIZE
    if fragment.has_durations:
        flags |= TRUN_SAMPLE_DURATION
        sizes, table = table, array("I", [track.frame_samples]) * (2 * count)
        table[1::2] = sizes
        table[-2] = track.last_frame_samples
    if sys.byteorder == "little":
        table.byteswap()
    return encode_full_box(
        b"trun", struct.pack(">Ii", count, data_offset), table.tobytes(), flags=flags
    )


def _encode_sbgp(fragment: Fragment) -> bytes:
    """Section 8.9.2: all samples belong to the first group that `moov` describes."""
    return encode_full_box(b"sbgp", struct.pack(">4s3I", b"roll", 1, fragment.packet_count, 1))


def sidx_size(segment_count: int) -> int:
    """Bytes of a `sidx` with so many references."""
    return _FULL_BOX_SIZE + 28 + 12 * segment_count


def encode_sidx(segments: Sequence[Segment], timescale_hz: int) -> bytes:
    """Section 8.16.3: sizes and durations of all segments, the first of which follows at once.

    Times are on the presentation timeline, after the edit list: they start at 0 and the durations
    add up to the length of what is heard.
    """
    assert len(segments) <= REFERENCES_MAX
    table = array("I")
    for segment in segments:
        assert segment.bytes <= REFERENCE_SIZE_MAX
        table.extend((segment.bytes, segment.duration_samples, _STARTS_WITH_SAP))
    if sys.byteorder == "little":
        table.byteswap()
    return encode_full_box(
        b"sidx",
        struct.pack(">IIQQHH", TRACK_ID, timescale_hz, 0, 0, 0, len(segments)),
        table.tobytes(),
        version=1,
    )
