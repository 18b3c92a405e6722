import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.boxes import split_boxes
from packager.encoded_track import EncodedTrack
from packager.progressive_mp4 import encode_progressive_header
from packager.tests.samples import AAC_TRACK, packets_of


def box(data: bytes, *path: bytes) -> bytes:
    for fourcc in path:
        (data,) = [one.payload for one in split_boxes(data) if one.fourcc == fourcc]
    return data


def table(header: bytes, fourcc: bytes, *, skip: int, form: str) -> list[tuple[int, ...]]:
    payload = box(moov_of(header), b"moov", b"trak", b"mdia", b"minf", b"stbl", fourcc)
    return list(struct.iter_unpack(form, payload[skip:]))


def moov_of(header: bytes) -> bytes:
    """All but the header of `mdat`, whose payload is written apart."""
    return header[: header.rindex(b"mdat") - 4]


def located(track: EncodedTrack) -> list[bytes]:
    """The packets, as a player finds them by the tables."""
    header = encode_progressive_header(track)
    file = header + b"".join(packets_of(track))
    sizes = [size for (size,) in table(header, b"stsz", skip=12, form=">I")]
    offsets = [offset for (offset,) in table(header, b"co64", skip=8, form=">Q")]
    runs = table(header, b"stsc", skip=8, form=">III")
    found: list[bytes] = []
    for number, offset in enumerate(offsets, 1):
        start = offset
        count = next(count for first, count, _ in reversed(runs) if first <= number)
        for _ in range(count):
            size = sizes[len(found)]
            found.append(file[start : start + size])
            start += size
    return found


def test_every_packet_is_where_the_tables_say():
    assert located(AAC_TRACK) == packets_of(AAC_TRACK)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=200))
def test_any_number_of_packets_is_found(sizes: list[int]):
    track = replace(AAC_TRACK, packet_sizes=sizes, priming=0, samples=1024 * len(sizes))
    assert located(track) == packets_of(track)


def test_the_edit_list_has_the_priming_and_the_exact_length():
    moov = moov_of(encode_progressive_header(AAC_TRACK))
    edit = box(moov, b"moov", b"trak", b"edts", b"elst")
    assert struct.unpack(">IQqI", edit[4:]) == (1, AAC_TRACK.samples, 1024, 0x10000)
    mvhd = box(moov, b"moov", b"mvhd")
    assert struct.unpack_from(">IQ", mvhd, 20) == (44_100, AAC_TRACK.samples)
    mdhd = box(moov, b"moov", b"trak", b"mdia", b"mdhd")
    assert struct.unpack_from(">IQ", mdhd, 20) == (44_100, AAC_TRACK.coded_samples)


@pytest.mark.parametrize("size", [100, 1 << 30])
def test_the_header_of_mdat_comes_last_and_has_its_size(size: int):
    track = replace(AAC_TRACK, packet_sizes=[size] * 8, priming=0, samples=8 * 1024)
    header = encode_progressive_header(track)
    end = header[header.rindex(b"mdat") - 4 :]
    large = struct.pack(">I4sQ", 1, b"mdat", 8 * size + 16)
    assert end == (struct.pack(">I4s", 8 * size + 8, b"mdat") if size == 100 else large)
