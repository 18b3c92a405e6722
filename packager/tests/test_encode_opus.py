import io

import av
import numpy as np
import pytest

from packager.context import Context
from packager.encode_opus import LEAD_MIN, encode_opus
from packager.encoded_track import EncodedTrack
from packager.lossy_feed import LossyFeed
from packager.packet_spool import PacketSpool
from packager.tests.feeds import feed_of
from packager.tests.masters import music

RATE = 48_000


def encode(feed: LossyFeed, *, bitrate_bps: int = 24_000) -> tuple[EncodedTrack, PacketSpool]:
    spool = PacketSpool(io.BytesIO())
    return encode_opus(feed, bitrate_bps=bitrate_bps, spool=spool), spool


def decode(track: EncodedTrack, spool: PacketSpool) -> np.ndarray:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.extradata = track.config
    frames = [frame for packet in spool.packets() for frame in decoder.decode(av.Packet(packet))]
    packed = [frame.to_ndarray().reshape(-1, track.channels) for frame in frames]
    # The decoder has dropped what the configuration announces, from the first packet.
    missing = 960 * len(spool.sizes) - sum(map(len, packed))
    silence = np.zeros((missing, track.channels))
    return np.concatenate([silence, *packed]) / (32_768 if packed[0].dtype.kind == "i" else 1)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [1, 647, 648, 649, 960, 1608, 10_007])
def test_there_are_packets_for_the_priming_and_the_whole_length(channels: int, frames: int):
    track, spool = encode(feed_of(music(frames, channels), rate=RATE))
    assert len(spool.sizes) == -(-(frames + 312) // 960)
    assert (track.frame_samples, track.last_frame_samples) == (960, 960)
    assert (track.priming, track.samples, track.channels) == (312, frames, channels)
    assert track.sample_rate_hz == RATE


@pytest.mark.parametrize("before", [0, 700, 4800])
@pytest.mark.parametrize("after", [0, 700, 4800])
def test_context_is_priming_and_padding(before: int, after: int):
    context = Context(music(before, seed=5).astype("f4"), music(after, seed=6).astype("f4"))
    feed = feed_of(music(10_007), rate=RATE, context=context, lead_min=LEAD_MIN)
    track, spool = encode(feed)
    assert (track.priming, track.samples) == (312 + min(4800, before), 10_007)
    assert len(spool.sizes) == -(-(track.priming + 10_007) // 960)


def test_every_packet_lasts_20_ms():
    _, spool = encode(feed_of(music(20_000), rate=RATE))
    # RFC 6716 section 3.1: configurations of 20 ms, one frame in a packet.
    for packet in spool.packets():
        config, frames = packet[0] >> 3, packet[0] & 3
        assert frames == 0
        assert config % 4 == 3 if config >= 16 else config % 4 == 1 or config in {13, 15}


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_other_rates_are_resampled_to_48_khz(rate: int):
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate)[:, None] / rate).repeat(2, axis=1)
    track, spool = encode(feed_of(samples, rate=rate, to_hz=RATE), bitrate_bps=96_000)
    assert track.samples == RATE
    decoded = decode(track, spool)[track.priming : track.priming + track.samples]
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE)[:, None] / RATE).repeat(2, axis=1)
    error = decoded[4000:-4000] - expected[4000:-4000]
    assert np.sqrt((error**2).mean()) < 0.02


@pytest.mark.parametrize(("channels", "bitrate_bps"), [(2, 24_000), (1, 16_000)])
def test_the_rate_is_about_what_was_asked_for(channels: int, bitrate_bps: int):
    samples = music(5 * RATE, channels)
    _, spool = encode(feed_of(samples, rate=RATE), bitrate_bps=bitrate_bps)
    assert 8 * spool.total_bytes / 5 == pytest.approx(bitrate_bps, rel=0.1)


def test_absurd_levels_come_to_an_end():
    track, spool = encode(feed_of(1e30 * music(20_000), rate=RATE))
    assert np.isfinite(decode(track, spool)).all()


def test_the_packets_do_not_depend_on_how_the_samples_are_cut():
    samples = music(12_000)
    packets = [
        list(encode(feed_of(samples, rate=RATE, block=block))[1].packets()) for block in (777, 9000)
    ]
    assert packets[0] == packets[1]


@pytest.mark.parametrize("channels", [1, 2])
def test_the_configuration_is_the_identification_header(channels: int):
    track, _ = encode(feed_of(music(3000, channels), rate=RATE))
    # RFC 7845 section 5.1: version 1, channels, pre-skip 312.
    assert track.config[:12] == b"OpusHead\x01" + bytes((channels,)) + (312).to_bytes(2, "little")
