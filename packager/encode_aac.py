"""AAC-LC by FFmpeg's encoder, with its slower and better coder, `twoloop`.

The encoder starts with 1024 samples of priming. Each frame overlaps with the one before, so two
frames of context make the first audible one what it is within the whole recording.

The level is the master's, but for frames with a peak above 0.95 of full scale: those the encoder
lowers to that peak, which no option of it prevents. So what is too loud is never clipped.
"""

from typing import Final

import av
from av.codec.context import Flags

from packager.encoded_track import EncodedTrack
from packager.frame_encoder import encode_frames, layout_of
from packager.lossy_feed import LossyFeed
from packager.packet_spool import PacketSpool
from packager.renditions import FRAME_SAMPLES, Codec

_FRAME_SAMPLES: Final = FRAME_SAMPLES[Codec.AAC]

PRIMING: Final = 1024

LEAD_MIN: Final = 2 * _FRAME_SAMPLES
"""How much context before a track is of use."""


def encode_aac(feed: LossyFeed, *, bitrate_bps: int, spool: PacketSpool) -> EncodedTrack:
    """Encode samples, at least one, into packets.

    Args:
        feed: what to encode.
        bitrate_bps: for all channels together.
        spool: takes the packets.
    """
    encoder = _open_encoder(feed, bitrate_bps)
    assert encoder.frame_size == _FRAME_SAMPLES
    encode_frames(encoder, feed, priming=PRIMING, spool=spool)
    assert encoder.extradata is not None
    return EncodedTrack(
        codec=Codec.AAC,
        config=bytes(encoder.extradata),
        sample_rate_hz=feed.sample_rate_hz,
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
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = feed.sample_rate_hz
    encoder.layout = layout_of(feed.channels)
    encoder.format = "fltp"
    encoder.bit_rate = bitrate_bps
    encoder.options = {"aac_coder": "twoloop"}
    encoder.flags |= Flags.bitexact  # Else the first packet carries the library's name.
    encoder.thread_count = 1
    encoder.open()
    return encoder
