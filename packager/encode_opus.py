"""Opus by libopus, through FFmpeg: always at 48 kHz, in frames of 20 ms.

The decoder of Opus predicts from what it decoded before. Where it goes on from another track, or
begins in the middle of music, it needs 80 ms and more of context to converge (RFC 7845 section 4.6
asks as much of a player that seeks); else a track begins up to 10 dB too loud.

The bit rate is constrained: this is the rung for the narrowest links. Packets then average the rate
asked for within 2 %; without the constraint music takes up to 16 % more.
"""

from typing import Final

import av
from av.codec.context import Flags

from packager.encoded_track import EncodedTrack
from packager.frame_encoder import encode_frames, layout_of
from packager.lossy_feed import LossyFeed
from packager.opus_head import OPUS_RATE_HZ
from packager.packet_spool import PacketSpool
from packager.renditions import FRAME_SAMPLES, Codec

_FRAME_SAMPLES: Final = FRAME_SAMPLES[Codec.OPUS]

PRIMING: Final = 312
"""What libopus announces as pre-skip at 48 kHz for music: 6.5 ms."""

LEAD_MIN: Final = 5 * _FRAME_SAMPLES
"""How much context before a track is of use: 100 ms, all that there is of it."""

# Bytes of `OpusHead` (RFC 7845 section 5.1) that hold the pre-skip.
_PRE_SKIP: Final = slice(10, 12)


def encode_opus(feed: LossyFeed, *, bitrate_bps: int, spool: PacketSpool) -> EncodedTrack:
    """Encode samples, at least one, into packets.

    Args:
        feed: what to encode, at 48 kHz.
        bitrate_bps: for all channels together.
        spool: takes the packets.
    """
    assert feed.sample_rate_hz == OPUS_RATE_HZ
    encoder = _open_encoder(feed, bitrate_bps)
    config = bytes(encoder.extradata or b"")
    assert encoder.frame_size == _FRAME_SAMPLES
    assert int.from_bytes(config[_PRE_SKIP], "little") == PRIMING
    encode_frames(encoder, feed, priming=PRIMING, spool=spool)
    return EncodedTrack(
        codec=Codec.OPUS,
        config=config,
        sample_rate_hz=OPUS_RATE_HZ,
        channels=feed.channels,
        bits=0,
        bitrate_bps=bitrate_bps,
        frame_samples=_FRAME_SAMPLES,
        last_frame_samples=_FRAME_SAMPLES,
        priming=PRIMING + feed.lead,
        samples=feed.samples,
        packet_sizes=spool.sizes,
    )


def _open_encoder(feed: LossyFeed, bitrate_bps: int) -> av.AudioCodecContext:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = OPUS_RATE_HZ
    encoder.layout = layout_of(feed.channels)
    encoder.format = "flt"
    encoder.bit_rate = bitrate_bps
    encoder.options = {"application": "audio", "frame_duration": "20", "vbr": "constrained"}
    encoder.flags |= Flags.bitexact
    encoder.thread_count = 1
    encoder.open()
    return encoder
