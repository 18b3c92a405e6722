import io
import struct
from array import array
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given

from packager.boxes import split_boxes
from packager.common_encryption import CommonEncryption
from packager.encoded_track import EncodedTrack
from packager.fmp4 import plan_file, render_file, render_stream
from packager.fmp4_reader import FragmentReader
from packager.format_error import FormatError
from packager.renditions import Codec
from packager.seek_index import SeekIndex
from packager.tests.samples import (
    AAC_TRACK,
    CBCS,
    CENC,
    FLAC_TRACK,
    KEY,
    OPUS_HEAD,
    OPUS_TRACK,
    TRACKS,
    packets_of,
)


def render(track: EncodedTrack, protection: CommonEncryption | None) -> tuple[SeekIndex, bytes]:
    plan = plan_file(track, protection)
    data = b"".join(render_file(plan, packets_of(track)))
    assert len(data) == plan.size_bytes
    return plan.seek, data


@pytest.mark.parametrize("protection", [CBCS, CENC], ids=["cbcs", "cenc"])
@given(TRACKS)
def test_every_segment_decrypts_alone_to_its_packets(
    protection: CommonEncryption, track: EncodedTrack
):
    seek, data = render(track, protection)
    reader = FragmentReader(data[: seek.init_bytes], KEY.key)
    samples = [
        sample
        for segment in seek.segments
        for sample in reader.samples(data[segment.offset : segment.offset + segment.bytes])
    ]
    assert [sample.data for sample in samples] == packets_of(track)
    assert [sample.decode_time for sample in samples] == [
        index * track.frame_samples for index in range(len(samples))
    ]
    assert sum(sample.duration for sample in samples) == track.coded_samples


@given(TRACKS)
def test_segments_are_heard_one_after_another_for_the_exact_length(track: EncodedTrack):
    seek = plan_file(track, None).seek
    time = 0
    for segment in seek.segments:
        assert segment.start_samples == time
        assert segment.duration_samples > 0
        time += segment.duration_samples
    assert time == track.samples


@given(TRACKS)
def test_the_index_points_at_real_boxes(track: EncodedTrack):
    seek, data = render(track, None)
    boxes = split_boxes(data)
    assert [box.fourcc for box in boxes[:3]] == [b"ftyp", b"moov", b"sidx"]
    assert boxes[2].offset == seek.index_offset == seek.init_bytes
    assert seek.index_offset + seek.index_bytes == seek.segments[0].offset
    starts = [box.offset for box in boxes if box.fourcc == b"moof"]
    assert starts == [segment.offset for segment in seek.segments]
    ends = [segment.offset + segment.bytes for segment in seek.segments]
    assert ends == [*starts[1:], len(data)]
    references = list(struct.iter_unpack(">III", boxes[2].payload[32:]))
    assert references == [
        (segment.bytes, segment.duration_samples, 0x9000_0000) for segment in seek.segments
    ]


@given(TRACKS)
def test_a_constant_iv_changes_no_offset(track: EncodedTrack):
    clear, protected = plan_file(track, None).seek, plan_file(track, CBCS).seek
    grown = protected.init_bytes - clear.init_bytes
    assert [segment.offset + grown for segment in clear.segments] == [
        segment.offset for segment in protected.segments
    ]


@given(TRACKS)
def test_an_iv_for_each_sample_changes_no_time(track: EncodedTrack):
    clear, protected = plan_file(track, None), plan_file(track, CENC)
    boxes = 17 + 20 + 16  # `saiz`, `saio` and `senc` without IVs
    for fragment, before, after in zip(
        clear.fragments, clear.seek.segments, protected.seek.segments, strict=True
    ):
        assert after.bytes - before.bytes == boxes + 8 * fragment.packet_count
        assert after.start_samples == before.start_samples


def test_the_first_segment_is_short_and_the_others_are_about_six_seconds():
    track = replace(AAC_TRACK, packet_sizes=[200] * 3000, samples=3000 * 1024 - 2000)
    seconds = [
        segment.duration_samples / track.sample_rate_hz
        for segment in plan_file(track, None).seek.segments
    ]
    assert 0.8 < seconds[0] <= 1
    assert all(5.9 < one <= 6 for one in seconds[1:-1])
    assert 0 < seconds[-1] <= 6


def test_the_first_segment_of_a_long_priming_is_still_heard():
    track = replace(OPUS_TRACK, priming=120_000, samples=500_000)
    plan = plan_file(track, None)
    first, second, *_ = plan.seek.segments
    assert (first.start_samples, first.duration_samples) == (0, 126 * 960 - 120_000)
    assert second.start_samples == plan.fragments[1].decode_time - 120_000


def test_a_day_of_sound_does_not_drift():
    rate, frame = 192_000, 4608
    samples = 24 * 3600 * rate + 17
    count = -(-samples // frame)
    track = replace(
        FLAC_TRACK,
        sample_rate_hz=rate,
        frame_samples=frame,
        last_frame_samples=samples - (count - 1) * frame,
        samples=samples,
        packet_sizes=array("I", [9000]) * count,
    )
    plan = plan_file(track, None)
    last = plan.seek.segments[-1]
    assert last.start_samples + last.duration_samples == samples
    assert plan.fragments[-1].decode_time == last.start_samples
    assert plan.size_bytes > 30 << 30


@pytest.mark.parametrize("protection", [CBCS, CENC], ids=["cbcs", "cenc"])
def test_rendering_is_deterministic(protection: CommonEncryption):
    assert render(AAC_TRACK, protection) == render(AAC_TRACK, protection)


def test_rendering_holds_one_fragment_at_a_time():
    track = replace(AAC_TRACK, packet_sizes=[200] * 3000, samples=3000 * 1024 - 2000)
    taken = 0

    def count_packets() -> Iterator[bytes]:
        nonlocal taken
        for packet in packets_of(track):
            taken += 1
            yield packet

    parts = render_file(plan_file(track, CBCS), count_packets())
    assert next(parts)
    assert taken == 0
    next(parts)
    assert taken == 43


@pytest.mark.parametrize(
    "packets",
    [
        pytest.param(packets_of(FLAC_TRACK)[:-1], id="one too few"),
        pytest.param([*packets_of(FLAC_TRACK), b"x"], id="one too many"),
        pytest.param([b"xx", *packets_of(FLAC_TRACK)[1:]], id="one of another size"),
    ],
)
def test_other_packets_than_planned_are_refused(packets: list[bytes]):
    with pytest.raises(FormatError, match="packets"):
        list(render_file(plan_file(FLAC_TRACK, None), packets))


@pytest.mark.parametrize("protection", [None, CBCS, CENC], ids=["clear", "cbcs", "cenc"])
def test_a_stream_of_packets_gives_the_same_file(protection: CommonEncryption | None):
    plan = plan_file(AAC_TRACK, protection)
    packets = packets_of(AAC_TRACK)
    stream = io.BytesIO(b"".join(packets))
    assert list(render_stream(plan, stream.read)) == list(render_file(plan, packets))


def test_a_stream_that_ends_too_early_is_refused():
    stream = io.BytesIO(b"".join(packets_of(FLAC_TRACK))[:-1])
    with pytest.raises(FormatError, match="end within"):
        list(render_stream(plan_file(FLAC_TRACK, None), stream.read))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"codec": Codec.VORBIS}, "codec", id="Vorbis"),
        pytest.param({"packet_sizes": []}, "a packet", id="no packets"),
        pytest.param({"packet_sizes": [1, 0]}, "possible size", id="empty packet"),
        pytest.param({"packet_sizes": [1 << 25]}, "possible size", id="huge packet"),
        pytest.param({"config": b""}, "configuration", id="no configuration"),
        pytest.param({"config": bytes(33)}, "configuration", id="short STREAMINFO"),
        pytest.param({"sample_rate_hz": 0}, "sample rate", id="no sample rate"),
        pytest.param({"channels": 0}, "channels", id="no channels"),
        pytest.param({"bitrate_bps": 1 << 32}, "bit rate", id="bit rate"),
        pytest.param({"last_frame_samples": 4097}, "frame duration", id="long last frame"),
        pytest.param({"codec": Codec.AAC}, "full last frame", id="cut AAC frame"),
        pytest.param({"codec": Codec.OPUS}, "configuration", id="no OpusHead"),
        pytest.param(
            {"codec": Codec.OPUS, "config": OPUS_HEAD}, "sample rate", id="Opus at 44.1 kHz"
        ),
        pytest.param({"samples": 0}, "to hear", id="nothing to hear"),
        pytest.param({"samples": FLAC_TRACK.samples + 1}, "all of its length", id="too short"),
        pytest.param(
            {"frame_samples": 1 << 30, "packet_sizes": [1] * 100, "samples": 1},
            "2\\^36",
            id="too long",
        ),
    ],
)
def test_a_track_that_cannot_be_is_refused(change: dict[str, object], message: str):
    with pytest.raises(FormatError, match=message):
        plan_file(replace(FLAC_TRACK, **change), None)  # type: ignore[arg-type]


def test_more_fragments_than_the_index_holds_are_refused():
    sizes = array("I", [1]) * 70_000
    track = replace(
        FLAC_TRACK, sample_rate_hz=1, last_frame_samples=4096, packet_sizes=sizes, samples=70_000
    )
    track = replace(track, samples=track.coded_samples)
    with pytest.raises(FormatError, match="fragments are above"):
        plan_file(track, None)


def test_a_fragment_that_the_index_cannot_refer_to_is_refused():
    sizes = array("I", [16 << 20]) * 200
    track = replace(FLAC_TRACK, frame_samples=1, last_frame_samples=1, samples=200)
    track = replace(track, packet_sizes=sizes)
    with pytest.raises(FormatError, match="a fragment of"):
        plan_file(track, None)
