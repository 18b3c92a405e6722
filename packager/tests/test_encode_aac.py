import io

import av
import numpy as np
import pytest

from packager.encode_aac import encode_aac
from packager.encoded_track import EncodedTrack
from packager.packet_spool import PacketSpool
from packager.pcm import rechunk
from packager.tests.masters import music


def encode(
    samples: np.ndarray, *, rate: int, block: int = 5000
) -> tuple[EncodedTrack, PacketSpool]:
    spool = PacketSpool(io.BytesIO())
    track = encode_aac(
        rechunk([samples.astype(np.float32)], block),
        sample_rate_hz=rate,
        channels=samples.shape[1],
        bitrate_bps=80_000 * samples.shape[1],
        spool=spool,
    )
    return track, spool


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
    track, spool = encode(music(frames, channels), rate=rate)
    assert len(spool.sizes) == -(-(frames + 1024) // 1024)
    assert (track.frame_samples, track.last_frame_samples) == (1024, 1024)
    assert (track.priming, track.samples, track.channels) == (1024, frames, channels)


def test_after_the_priming_come_the_samples_without_delay():
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(30_000)[:, None] / 44_100).repeat(2, axis=1)
    track, spool = encode(samples, rate=44_100)
    decoded = decode(track, spool)[track.priming : track.priming + track.samples]
    assert decoded.shape == samples.shape
    error = decoded[2000:-2000] - samples[2000:-2000]
    assert np.sqrt((error**2).mean()) < 0.01


def test_the_packets_do_not_depend_on_how_the_samples_are_cut():
    samples = music(12_000)
    packets = [
        list(encode(samples, rate=44_100, block=block)[1].packets()) for block in (777, 9000)
    ]
    assert packets[0] == packets[1]


def test_the_configuration_is_that_of_aac_lc():
    track, _ = encode(music(3000), rate=44_100)
    # Object type 2, rate index 4 (44100 Hz), 2 channels: ISO/IEC 14496-3 section 1.6.2.1.
    assert track.config[:2] == (2 << 11 | 4 << 7 | 2 << 3).to_bytes(2, "big")
