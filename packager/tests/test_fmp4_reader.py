import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.boxes import encode_box, encode_full_box
from packager.common_encryption import CommonEncryption, encrypt_samples
from packager.fmp4 import plan_file, render_file
from packager.fmp4_reader import (
    FRAGMENT_SAMPLES_MAX,
    SEGMENT_BYTES_MAX,
    FragmentReader,
    Sample,
)
from packager.format_error import FormatError
from packager.movie_header import encode_movie_header
from packager.tests.samples import AAC_TRACK, CBCS, CENC, FLAC_TRACK, KEY, packets_of

INIT = encode_movie_header(FLAC_TRACK, None)
PLAN = plan_file(FLAC_TRACK, None)
FIRST, SECOND = (
    head + payload
    for head, payload in zip(
        *(iter(list(render_file(PLAN, packets_of(FLAC_TRACK)))[1:]),) * 2, strict=True
    )
)


def fragment(
    *,
    tfhd: bytes = struct.pack(">II", 0x020000, 1),
    tfdt: bytes = struct.pack(">II", 0, 7),
    trun: bytes = struct.pack(">IIi", 0x000001, 0, 0),
    mdat: bytes = b"abcdef",
) -> bytes:
    traf = encode_box(
        b"traf",
        encode_box(b"tfhd", tfhd),
        encode_box(b"tfdt", tfdt),
        encode_box(b"trun", trun),
    )
    return encode_box(b"moof", traf) + encode_box(b"mdat", mdat)


def read(segment: bytes) -> list[Sample]:
    return list(FragmentReader(INIT).samples(segment))


def test_samples_come_with_their_times():
    samples = read(FIRST + SECOND)
    assert [sample.data for sample in samples] == packets_of(FLAC_TRACK)
    assert samples[0].decode_time == 0
    assert samples[-1].decode_time == 29 * 4096
    assert (samples[0].duration, samples[-1].duration) == (4096, 100)


def test_other_boxes_are_passed_over():
    assert read(encode_box(b"styp", b"msdh") + FIRST + encode_box(b"free")) == read(FIRST)


@pytest.mark.parametrize("protection", [CBCS, CENC], ids=["cbcs", "cenc"])
def test_without_a_key_samples_stay_as_they_are_stored(protection: CommonEncryption):
    plan = plan_file(AAC_TRACK, protection)
    data = b"".join(render_file(plan, packets_of(AAC_TRACK)))
    init, media = data[: plan.seek.init_bytes], data[plan.seek.segments[0].offset :]
    stored = [sample.data for sample in FragmentReader(init).samples(media)]
    clear = [sample.data for sample in FragmentReader(init, KEY.key).samples(media)]
    wrong = [sample.data for sample in FragmentReader(init, bytes(16)).samples(media)]
    assert clear == packets_of(AAC_TRACK)
    assert stored != clear
    assert wrong != clear
    assert list(map(len, stored)) == list(map(len, clear)) == list(map(len, wrong))


def encrypted_fragment(senc: bytes) -> bytes:
    """A fragment with one sample of two bytes, whose boxes are right but for `senc`."""
    boxes = (
        encode_box(b"tfhd", struct.pack(">II", 0x020000, 1)),
        encode_box(b"tfdt", struct.pack(">II", 0, 0)),
    )
    trun_size = 24
    traf_size = 8 + sum(map(len, boxes)) + trun_size + len(senc)
    trun = encode_box(b"trun", struct.pack(">IIiI", 0x000201, 1, 8 + traf_size + 8, 2))
    assert len(trun) == trun_size
    return encode_box(b"moof", encode_box(b"traf", *boxes, trun, senc)) + encode_box(b"mdat", b"ab")


@pytest.mark.parametrize(
    ("senc", "message"),
    [
        pytest.param(b"", "no b'senc'", id="none"),
        pytest.param(
            encode_full_box(b"senc", struct.pack(">IQ", 1, 7), flags=2), "in parts", id="subsamples"
        ),
        pytest.param(
            encode_full_box(b"senc", struct.pack(">IQQ", 2, 7, 8)), "one IV", id="one too many"
        ),
        pytest.param(encode_full_box(b"senc", struct.pack(">II", 1, 7)), "`senc` ends", id="torn"),
    ],
)
def test_ivs_that_cannot_be_are_refused(senc: bytes, message: str):
    reader = FragmentReader(encode_movie_header(AAC_TRACK, CENC), KEY.key)
    with pytest.raises(FormatError, match=message):
        list(reader.samples(encrypted_fragment(senc)))


def test_an_iv_decrypts_its_sample():
    reader = FragmentReader(encode_movie_header(AAC_TRACK, CENC), KEY.key)
    senc = encode_full_box(b"senc", struct.pack(">I", 1), CENC.sample_ivs(0, 1))
    (sample,) = reader.samples(encrypted_fragment(senc))
    assert sample.data == encrypt_samples(CENC, b"ab", [2])


# `moof` with one sample: its `mdat` payload begins 8 bytes after this.
_ONE_SAMPLE_MOOF = len(fragment(trun=bytes(16), mdat=b"")) - 8


def test_defaults_of_the_fragment_go_before_those_of_the_file():
    segment = fragment(
        tfhd=struct.pack(">IIIII", 0x02001A, 1, 1, 55, 6),
        trun=struct.pack(">IIiI", 0x000005, 1, _ONE_SAMPLE_MOOF + 20, 0),
    )
    assert read(segment) == [Sample(b"abcdef", 7, 55)]


def test_columns_that_are_not_needed_are_passed_over():
    table = struct.pack(">8I", 10, 2, 0, 0, 20, 4, 0, 0)
    moof_size = len(fragment(trun=bytes(12) + table, mdat=b"")) - 8
    segment = fragment(trun=struct.pack(">IIi", 0x000F01, 2, moof_size + 8) + table)
    assert read(segment) == [Sample(b"ab", 7, 10), Sample(b"cdef", 17, 20)]


def trun_of(flags: int, count: int, offset: int, *sizes: int) -> bytes:
    return struct.pack(f">IIi{len(sizes)}I", flags, count, offset, *sizes)


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        pytest.param(encode_box(b"moof", b""), "pairs", id="moof alone"),
        pytest.param(encode_box(b"mdat") + encode_box(b"moof"), "not followed", id="wrong order"),
        pytest.param(FIRST[:-1], "ends after", id="torn"),
        pytest.param(bytes(SEGMENT_BYTES_MAX + 1), "above", id="too large"),
        pytest.param(encode_box(b"moof") + encode_box(b"mdat"), "0 boxes", id="no traf"),
        pytest.param(
            encode_box(b"moof", encode_box(b"traf", encode_full_box(b"tfhd")))
            + encode_box(b"mdat"),
            "`traf` has no b'tfdt'",
            id="no tfdt",
        ),
        pytest.param(fragment(tfhd=struct.pack(">II", 0x020000, 2)), "track", id="other track"),
        pytest.param(fragment(tfhd=struct.pack(">II", 0, 1)), "`moof`", id="other base"),
        pytest.param(
            fragment(tfhd=struct.pack(">IIQ", 0x020001, 1, 0)), "`moof`", id="base in the file"
        ),
        pytest.param(fragment(tfhd=b"\0\x02"), "`tfhd` ends", id="short tfhd"),
        pytest.param(fragment(tfdt=struct.pack(">II", 1 << 24, 0)), "`tfdt` ends", id="tfdt"),
        pytest.param(fragment(trun=trun_of(0, 0, 0)), "where its samples", id="no offset"),
        pytest.param(
            fragment(trun=trun_of(0x201, FRAGMENT_SAMPLES_MAX + 1, 0)), "above", id="too many"
        ),
        pytest.param(fragment(trun=trun_of(0x201, 2, 0, 1)), "`trun` ends", id="short table"),
        pytest.param(fragment(trun=trun_of(0x201, 1, 0, 1)), "outside", id="data in moof"),
        pytest.param(fragment(trun=trun_of(0x201, 1, -9, 1)), "outside", id="data before it"),
        pytest.param(
            fragment(trun=trun_of(0x201, 1, _ONE_SAMPLE_MOOF + 8, 7)), "outside", id="data after"
        ),
    ],
)
def test_a_damaged_fragment_is_refused(segment: bytes, message: str):
    with pytest.raises(FormatError, match=message):
        read(segment)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data, where, value: data[:where] + value + data[where:], id="insert"),
        pytest.param(
            lambda data, where, value: data[:where] + value + data[where + len(value) :],
            id="replace",
        ),
        pytest.param(lambda _data, _where, value: value, id="anything"),
    ],
)
@given(st.integers(0, 200), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(
    damage: Callable[[bytes, int, bytes], bytes], where: int, value: bytes
):
    try:
        samples = read(damage(FIRST, where, value))
    except FormatError:
        pass
    else:
        assert sum(len(sample.data) for sample in samples) <= len(FIRST) + len(value)
