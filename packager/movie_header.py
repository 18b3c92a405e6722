"""`ftyp` and `moov` of a fragmented MP4 file with one audio track.

Section numbers are those of ISO/IEC 14496-12. Lengths of time are 64 bits wide throughout, so that
12 hours at 192 kHz fit, and creation times are zero, so that equal input gives equal bytes.
"""

import struct
from typing import Final

from packager.boxes import encode_box, encode_full_box
from packager.common_encryption import CommonEncryption, encode_pssh
from packager.encoded_track import EncodedTrack
from packager.renditions import Codec
from packager.sample_entries import encode_sample_entry

TRACK_ID: Final = 1

# Depends on no other sample: every one can be decoded from (section 8.8.3.1).
_SAMPLE_FLAGS: Final = 0x0200_0000

_UNITY_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
_FIXED_ONE: Final = 0x0001_0000
_VOLUME_FULL: Final = 0x0100
_LANGUAGE_UNDETERMINED: Final = 0x55C4
_TRACK_ENABLED_IN_MOVIE: Final = 0x000003
_DATA_IN_THIS_FILE: Final = 0x000001

# An AAC frame overlaps with the one before, so decoding starts one earlier (section 10.1).
_AAC_ROLL_FRAMES: Final = 1
# A decoder of Opus has converged after 80 ms ("Encapsulation of Opus in ISO Base Media File Format"
# section 4.3.6.2).
_OPUS_ROLL_SAMPLES: Final = 3840


def encode_movie_header(track: EncodedTrack, protection: CommonEncryption | None) -> bytes:
    """`ftyp` and `moov`: all that a decoder needs before the first fragment."""
    brands = (b"iso6", b"cmfc", b"dash", b"mp41")
    ftyp = encode_box(b"ftyp", b"iso6", bytes(4), *brands)
    pssh = () if protection is None else (encode_pssh([protection.key.kid]),)
    moov = encode_box(
        b"moov",
        _encode_mvhd(track),
        _encode_trak(track, protection),
        _encode_mvex(track),
        *pssh,
    )
    return ftyp + moov


def _encode_mvhd(track: EncodedTrack) -> bytes:
    """Section 8.2.2. Its length is 0, since `moov` itself has no samples; `mehd` tells it."""
    return encode_full_box(
        b"mvhd",
        struct.pack(">QQIQ", 0, 0, track.sample_rate_hz, 0),
        struct.pack(">IH10x", _FIXED_ONE, _VOLUME_FULL),
        _UNITY_MATRIX,
        bytes(24),
        struct.pack(">I", TRACK_ID + 1),
        version=1,
    )


def _encode_trak(track: EncodedTrack, protection: CommonEncryption | None) -> bytes:
    """Section 8.3."""
    tkhd = encode_full_box(
        b"tkhd",
        struct.pack(">QQI4xQ8x", 0, 0, TRACK_ID, 0),
        struct.pack(">hhH2x", 0, 0, _VOLUME_FULL),
        _UNITY_MATRIX,
        bytes(8),  # width and height
        version=1,
        flags=_TRACK_ENABLED_IN_MOVIE,
    )
    mdhd = encode_full_box(
        b"mdhd",
        struct.pack(">QQIQHH", 0, 0, track.sample_rate_hz, 0, _LANGUAGE_UNDETERMINED, 0),
        version=1,
    )
    hdlr = encode_full_box(b"hdlr", bytes(4), b"soun", bytes(12), b"Audio\0")
    minf = encode_box(
        b"minf",
        encode_full_box(b"smhd", bytes(4)),
        encode_box(b"dinf", _encode_dref()),
        _encode_stbl(track, protection),
    )
    return encode_box(b"trak", tkhd, _encode_edts(track), encode_box(b"mdia", mdhd, hdlr, minf))


def _encode_edts(track: EncodedTrack) -> bytes:
    """Section 8.6.5: what is heard starts after the priming and ends before the padding.

    Left out where all that is decoded is heard.
    """
    if track.priming == 0 and track.samples == track.coded_samples:
        return b""
    entry = struct.pack(">IQqI", 1, track.samples, track.priming, _FIXED_ONE)
    return encode_box(b"edts", encode_full_box(b"elst", entry, version=1))


def _encode_dref() -> bytes:
    """Section 8.7.2."""
    return encode_full_box(
        b"dref", struct.pack(">I", 1), encode_full_box(b"url ", flags=_DATA_IN_THIS_FILE)
    )


def _encode_stbl(track: EncodedTrack, protection: CommonEncryption | None) -> bytes:
    """Section 8.5: the sample entry; the tables are empty, as all samples are in fragments."""
    none = bytes(4)
    return encode_box(
        b"stbl",
        encode_full_box(b"stsd", struct.pack(">I", 1), encode_sample_entry(track, protection)),
        encode_full_box(b"stts", none),
        encode_full_box(b"stsc", none),
        encode_full_box(b"stsz", none, none),
        encode_full_box(b"stco", none),
        _encode_roll_group(track) if has_roll_group(track) else b"",
    )


def has_roll_group(track: EncodedTrack) -> bool:
    """Whether samples need some of those before them to be decoded exactly."""
    return track.codec is not Codec.FLAC


def _encode_roll_group(track: EncodedTrack) -> bytes:
    """Section 8.9.3: the one group, of samples that need so many before them."""
    frames = _AAC_ROLL_FRAMES
    if track.codec is Codec.OPUS:
        frames = -(-_OPUS_ROLL_SAMPLES // track.frame_samples)
    return encode_full_box(b"sgpd", struct.pack(">4sIIh", b"roll", 2, 1, -frames), version=1)


def _encode_mvex(track: EncodedTrack) -> bytes:
    """Section 8.8.1: the length of the whole, and what samples are unless a fragment differs."""
    return encode_box(
        b"mvex",
        encode_full_box(b"mehd", struct.pack(">Q", track.samples), version=1),
        encode_full_box(
            b"trex", struct.pack(">5I", TRACK_ID, 1, track.frame_samples, 0, _SAMPLE_FLAGS)
        ),
    )
