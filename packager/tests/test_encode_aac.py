import io

import av
import numpy as np
import pytest

from packager.context import Context
from packager.encode_aac import LEAD_MIN, encode_aac
from packager.encoded_track import EncodedTrack
from packager.lossy_feed import LossyFeed
from packager.packet_spool import PacketSpool
from packager.tests.feeds import feed_of
from packager.tests.masters import music


def encode(feed: LossyFeed) -> tuple[EncodedTrack, PacketSpool]:
    spool = PacketSpool(io.BytesIO())
    return encode_aac(feed, bitrate_bps=80_000 * feed.channels, spool=spool), spool


def decode(track: EncodedTrack, spool: PacketSpool) -> np.ndarray:
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = track.config
    frames = [frame for packet in spool.packets() for frame in decoder.decode(av.Packet(packet))]
    return np.concatenate([frame.to_ndarray()[: track.channels] for frame in frames], axis=1).T


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("frames", [1, 1023, 1024, 1025, 2048, 10_007])
def test_there_are_packets_for_the_priming_and_the_whole_length(
    channels: int, rate: int, frames: int
):
    track, spool = encode(feed_of(music(frames, channels), rate=rate))
    assert len(spool.sizes) == -(-(frames + 1024) // 1024)
    assert (track.frame_samples, track.last_frame_samples) == (1024, 1024)
    assert (track.priming, track.samples, track.channels) == (1024, frames, channels)


@pytest.mark.parametrize("before", [0, 700, 4410])
@pytest.mark.parametrize("after", [0, 700, 4410])
def test_context_is_priming_and_padding(before: int, after: int):
    context = Context(music(before, seed=5).astype("f4"), music(after, seed=6).astype("f4"))
    feed = feed_of(music(10_007), rate=44_100, context=context, lead_min=LEAD_MIN)
    track, spool = encode(feed)
    assert (track.priming, track.samples) == (1024 + min(2048, before), 10_007)
    assert len(spool.sizes) == -(-(track.priming + 10_007) // 1024)


def test_after_the_priming_come_the_samples_without_delay():
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(30_000)[:, None] / 44_100).repeat(2, axis=1)
    track, spool = encode(feed_of(samples, rate=44_100))
    decoded = decode(track, spool)[track.priming : track.priming + track.samples]
    assert decoded.shape == samples.shape
    error = decoded[2000:-2000] - samples[2000:-2000]
    assert np.sqrt((error**2).mean()) < 0.01


def sine(level: float) -> np.ndarray:
    return level * np.sin(2 * np.pi * 440 * np.arange(30_000)[:, None] / 44_100).repeat(2, axis=1)


@pytest.mark.parametrize("level", [0.01, 0.1, 0.5, 0.94])
def test_the_level_is_kept(level: float):
    track, spool = encode(feed_of(sine(level), rate=44_100))
    decoded = decode(track, spool)[track.priming : track.priming + track.samples]
    assert np.std(decoded[5000:-5000]) == pytest.approx(np.std(sine(level)[5000:-5000]), rel=0.005)


@pytest.mark.parametrize("level", [1.0, 2.0, 8.0])
def test_what_is_too_loud_is_lowered_and_not_clipped(level: float):
    track, spool = encode(feed_of(sine(level), rate=44_100))
    decoded = decode(track, spool)[track.priming : track.priming + track.samples][5000:-5000]
    wanted = sine(level)[5000:-5000] * (0.95 / level)
    assert np.sqrt(((decoded - wanted) ** 2).mean()) < 0.02


def test_absurd_levels_come_to_an_end():
    track, spool = encode(feed_of(1e30 * music(20_000), rate=44_100))
    assert np.isfinite(decode(track, spool)).all()


def test_the_packets_do_not_depend_on_how_the_samples_are_cut():
    samples = music(12_000)
    packets = [
        list(encode(feed_of(samples, rate=44_100, block=block))[1].packets())
        for block in (777, 9000)
    ]
    assert packets[0] == packets[1]


def test_the_configuration_is_that_of_aac_lc():
    track, _ = encode(feed_of(music(3000), rate=44_100))
    # Object type 2, rate index 4 (44100 Hz), 2 channels: ISO/IEC 14496-3 section 1.6.2.1.
    assert track.config[:2] == (2 << 11 | 4 << 7 | 2 << 3).to_bytes(2, "big")
