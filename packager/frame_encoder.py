"""Encoders that take frames of one length and return as many packets, each of full duration.

Between what goes in and what a packet decodes to is a delay, the encoder's own priming. Every
packet is whole: players that cut by timestamps then lose nothing at the end.

Encoders need about a second until rate control and analysis have settled on the music; the context
of 50 to 100 ms is too short for that. So where there is one, it is played to the encoder forth and
back before, and the packets of this rehearsal are thrown away. A join is then as good as the rest;
without it, AAC lost 8 dB after one and Opus 4.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import av
import numpy as np

from packager.lossy_feed import LossyFeed
from packager.packet_spool import PacketSpool
from packager.pcm import FloatBlock

_REHEARSAL_S: Final = 1


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
    frame_samples = encoder.frame_size
    rehearsed = _rehearsal_frames(encoder, feed)
    blocks = _with_rehearsal(feed, rehearsed * frame_samples) if rehearsed else feed.blocks()
    position = 0
    for block in _in_whole_frames(blocks, frame_samples, feed.channels):
        # The encoder is handed frames of its length by a filter of PyAV, which cuts the block.
        frame = av.AudioFrame.from_ndarray(
            _as_wanted(block, encoder), format=encoder.format.name, layout=encoder.layout
        )
        frame.sample_rate = encoder.sample_rate
        frame.pts = position
        position += len(block)
        spool.write_encoded(encoder.encode(frame))
    spool.write_encoded(encoder.encode(None))
    count = -(-(priming + feed.lead + feed.samples) // frame_samples)
    spool.keep(rehearsed, rehearsed + count)
    assert len(spool.sizes) == count


def _in_whole_frames(
    blocks: Iterable[FloatBlock], frame_samples: int, channels: int
) -> Iterator[FloatBlock]:
    """The blocks, and then as much silence as fills the last frame."""
    samples = 0
    for block in blocks:
        if len(block):
            samples += len(block)
            yield block
    missing = -samples % frame_samples
    if missing:
        yield np.zeros((missing, channels), np.float32)


def _rehearsal_frames(encoder: av.AudioCodecContext, feed: LossyFeed) -> int:
    """How many; none without context, or with one so short that it would be a buzz."""
    if feed.lead < encoder.frame_size:
        return 0
    return -(-_REHEARSAL_S * encoder.sample_rate // encoder.frame_size)


def _with_rehearsal(feed: LossyFeed, count: int) -> Iterator[FloatBlock]:
    """The context before forth and back, `count` samples that lead to its start; then the feed."""
    blocks = feed.blocks()
    held: list[FloatBlock] = []
    while sum(map(len, held)) < feed.lead:
        held.append(next(blocks))
    opening = np.concatenate(held)
    context = opening[: feed.lead]
    turn = np.concatenate((context, context[::-1]))
    yield np.tile(turn, (-(-count // len(turn)), 1))[-count:]
    yield from chain([opening], blocks)


def layout_of(channels: int) -> str:
    """FFmpeg's name for one or two channels."""
    return "mono" if channels == 1 else "stereo"


def _as_wanted(block: FloatBlock, encoder: av.AudioCodecContext) -> FloatBlock:
    """One row per channel for an encoder of planar samples, else one row."""
    if encoder.format.is_planar:
        return np.ascontiguousarray(block.T)
    return np.ascontiguousarray(block).reshape(1, -1)
