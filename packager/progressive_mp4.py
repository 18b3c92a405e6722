"""`ftyp` and `moov` of an MP4 file that is played from its start on, as downloads are. No I/O.

Section numbers are those of ISO/IEC 14496-12. One audio track; `moov` stands before the samples,
and the edit list has the exact length. Creation times are zero, so that equal input gives equal
bytes.
"""

import struct
from typing import Final

from packager.boxes import encode_box, encode_box_header, encode_full_box
from packager.encoded_track import EncodedTrack
from packager.sample_entries import encode_sample_entry

_TRACK_ID: Final = 1
_UNITY_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
_FIXED_ONE: Final = 0x0001_0000
_VOLUME_FULL: Final = 0x0100
_LANGUAGE_UNDETERMINED: Final = 0x55C4
# Enabled, in the movie, in the preview.
_TRACK_FLAGS: Final = 0x000007
_DATA_IN_THIS_FILE: Final = 0x000001

# About a second of AAC: what a player reads at a time.
_CHUNK_PACKETS: Final = 43

# An AAC frame overlaps with the one before, so decoding starts one earlier (section 10.1).
_ROLL_FRAMES: Final = -1


def encode_progressive_header(track: EncodedTrack) -> bytes:
    """Everything before the first packet: `ftyp`, `moov`, and the header of `mdat`.

    Whoever puts something into `moov` moves the offsets of its chunks.
    """
    media_bytes = sum(track.packet_sizes)
    ftyp = encode_box(b"ftyp", b"M4A ", bytes(4), b"M4A ", b"mp42", b"isom")
    mdat = encode_box_header(b"mdat", media_bytes)
    offsets = _chunk_offsets(track)
    size = len(ftyp) + len(_encode_moov(track, offsets)) + len(mdat)
    return ftyp + _encode_moov(track, [size + offset for offset in offsets]) + mdat


def _chunk_offsets(track: EncodedTrack) -> list[int]:
    """Where chunks start, from the first packet on."""
    offsets: list[int] = []
    position = 0
    for index, size in enumerate(track.packet_sizes):
        if index % _CHUNK_PACKETS == 0:
            offsets.append(position)
        position += size
    return offsets


def _encode_moov(track: EncodedTrack, offsets: list[int]) -> bytes:
    """Sections 8.2.1 and 8.2.2."""
    mvhd = encode_full_box(
        b"mvhd",
        struct.pack(">QQIQ", 0, 0, track.sample_rate_hz, track.samples),
        struct.pack(">IH10x", _FIXED_ONE, _VOLUME_FULL),
        _UNITY_MATRIX,
        bytes(24),
        struct.pack(">I", _TRACK_ID + 1),
        version=1,
    )
    return encode_box(b"moov", mvhd, _encode_trak(track, offsets), _encode_udta())


def _encode_udta() -> bytes:
    """Section 8.10.1: room for tags as iTunes keeps them, behind the track.

    FFmpeg passes over values of free names that stand before it.
    """
    hdlr = encode_full_box(b"hdlr", bytes(4), b"mdirappl", bytes(9))
    return encode_box(b"udta", encode_full_box(b"meta", hdlr, encode_box(b"ilst")))


def _encode_trak(track: EncodedTrack, offsets: list[int]) -> bytes:
    """Section 8.3."""
    tkhd = encode_full_box(
        b"tkhd",
        struct.pack(">QQI4xQ8x", 0, 0, _TRACK_ID, track.samples),
        struct.pack(">hhH2x", 0, 0, _VOLUME_FULL),
        _UNITY_MATRIX,
        bytes(8),  # width and height
        version=1,
        flags=_TRACK_FLAGS,
    )
    # Section 8.6.6: what is heard starts after the priming and ends before the padding.
    edit = struct.pack(">IQqI", 1, track.samples, track.priming, _FIXED_ONE)
    edts = encode_box(b"edts", encode_full_box(b"elst", edit, version=1))
    mdhd = encode_full_box(
        b"mdhd",
        struct.pack(">QQI", 0, 0, track.sample_rate_hz),
        struct.pack(">QHH", track.coded_samples, _LANGUAGE_UNDETERMINED, 0),
        version=1,
    )
    hdlr = encode_full_box(b"hdlr", bytes(4), b"soun", bytes(12), b"Audio\0")
    dref = encode_full_box(
        b"dref", struct.pack(">I", 1), encode_full_box(b"url ", flags=_DATA_IN_THIS_FILE)
    )
    minf = encode_box(
        b"minf",
        encode_full_box(b"smhd", bytes(4)),
        encode_box(b"dinf", dref),
        _encode_stbl(track, offsets),
    )
    return encode_box(b"trak", tkhd, edts, encode_box(b"mdia", mdhd, hdlr, minf))


def _encode_stbl(track: EncodedTrack, offsets: list[int]) -> bytes:
    """Section 8.5.1: the sample entry, and where which packet is."""
    count = len(track.packet_sizes)
    sizes = struct.pack(f">{count}I", *track.packet_sizes)
    return encode_box(
        b"stbl",
        encode_full_box(b"stsd", struct.pack(">I", 1), encode_sample_entry(track, None)),
        # The last one keeps its whole duration: the note of iTunes counts the padding from there.
        encode_full_box(b"stts", struct.pack(">III", 1, count, track.frame_samples)),
        _encode_stsc(count),
        encode_full_box(b"stsz", struct.pack(">II", 0, count), sizes),
        _encode_chunk_offsets(offsets),
        encode_full_box(b"sgpd", struct.pack(">4sIIh", b"roll", 2, 1, _ROLL_FRAMES), version=1),
        encode_full_box(b"sbgp", struct.pack(">4sIII", b"roll", 1, count, 1)),
    )


def _encode_stsc(count: int) -> bytes:
    """Section 8.7.4: packets in each chunk; the last one may have fewer."""
    full, rest = divmod(count, _CHUNK_PACKETS)
    entries = [(1, _CHUNK_PACKETS, 1)] if full else []
    if rest:
        entries.append((full + 1, rest, 1))
    table = b"".join(struct.pack(">III", *entry) for entry in entries)
    return encode_full_box(b"stsc", struct.pack(">I", len(entries)), table)


def _encode_chunk_offsets(offsets: list[int]) -> bytes:
    """Section 8.7.5, with 64 bits: what is put into `moov` later may move them beyond 32."""
    table = struct.pack(f">{len(offsets)}Q", *offsets)
    return encode_full_box(b"co64", struct.pack(">I", len(offsets)), table)
