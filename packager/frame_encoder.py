"""Encoders that take frames of one length and return as many packets, each of full duration.

Between what goes in and what a packet decodes to is a delay, the encoder's own priming. Every
packet is whole: players that cut by timestamps then lose nothing at the end.
"""

import av
import numpy as np

from packager.lossy_feed import LossyFeed
from packager.packet_spool import PacketSpool
from packager.pcm import FloatBlock, rechunk


def encode_frames(
    encoder: av.AudioCodecContext, feed: LossyFeed, *, priming: int, spool: PacketSpool
) -> None:
    """Encode all of `feed`, and keep the packets that reach to the end of what is heard.

    Args:
        encoder: open, for floating point.
        feed: what to encode.
        priming: samples that decoding gives before the first one of `feed`.
        spool: empty; takes the packets.
    """
    position, frame_samples = 0, encoder.frame_size
    for block in rechunk(feed.blocks(), frame_samples):
        frame = av.AudioFrame.from_ndarray(
            _as_wanted(block, encoder), format=encoder.format.name, layout=encoder.layout
        )
        frame.sample_rate = encoder.sample_rate
        frame.pts = position
        position += frame_samples
        spool.write_encoded(encoder.encode(frame))
    spool.write_encoded(encoder.encode(None))
    count = -(-(priming + feed.lead + feed.samples) // frame_samples)
    assert len(spool.sizes) >= count
    spool.keep(count)


def layout_of(channels: int) -> str:
    """FFmpeg's name for one or two channels."""
    return "mono" if channels == 1 else "stereo"


def _as_wanted(block: FloatBlock, encoder: av.AudioCodecContext) -> FloatBlock:
    """A whole frame, filled up with silence: one row per channel if planar, else one row."""
    missing = encoder.frame_size - len(block)
    if missing:
        block = np.pad(block, ((0, missing), (0, 0)))
    if encoder.format.is_planar:
        return np.ascontiguousarray(block.T)
    return np.ascontiguousarray(block).reshape(1, -1)
