"""AAC-LC by FFmpeg's encoder, with its slower and better coder, `twoloop`.

The encoder starts with 1024 samples of priming. The last frame is filled up with silence, so that
every packet lasts 1024 samples: players that cut by timestamps then lose nothing at the end.
"""

from collections.abc import Iterable
from typing import Final

import av
import numpy as np
from av.codec.context import Flags

from packager.encoded_track import EncodedTrack
from packager.packet_spool import PacketSpool
from packager.pcm import FloatBlock, rechunk
from packager.renditions import Codec

FRAME_SAMPLES: Final = 1024
PRIMING: Final = 1024


def encode_aac(
    blocks: Iterable[FloatBlock],
    *,
    sample_rate_hz: int,
    channels: int,
    bitrate_bps: int,
    spool: PacketSpool,
) -> EncodedTrack:
    """Encode samples, at least one, into packets.

    Args:
        blocks: floating point, full scale is 1.
        sample_rate_hz: of the samples.
        channels: 1 or 2.
        bitrate_bps: for all channels together.
        spool: takes the packets.
    """
    encoder = _open_encoder(sample_rate_hz, channels, bitrate_bps)
    samples = position = 0
    for block in rechunk(blocks, FRAME_SAMPLES):
        samples += len(block)
        frame = av.AudioFrame.from_ndarray(
            _full(block), format="fltp", layout="mono" if channels == 1 else "stereo"
        )
        frame.sample_rate = sample_rate_hz
        frame.pts = position
        position += FRAME_SAMPLES
        spool.write_encoded(encoder.encode(frame))
    spool.write_encoded(encoder.encode(None))
    assert len(spool.sizes) == -(-(samples + PRIMING) // FRAME_SAMPLES)
    assert encoder.extradata is not None
    return EncodedTrack(
        codec=Codec.AAC,
        config=bytes(encoder.extradata),
        sample_rate_hz=sample_rate_hz,
        channels=channels,
        bits=0,
        bitrate_bps=bitrate_bps,
        frame_samples=FRAME_SAMPLES,
        last_frame_samples=FRAME_SAMPLES,
        priming=PRIMING,
        samples=samples,
        packet_sizes=spool.sizes,
    )


def _open_encoder(sample_rate_hz: int, channels: int, bitrate_bps: int) -> av.AudioCodecContext:
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = sample_rate_hz
    encoder.layout = "mono" if channels == 1 else "stereo"
    encoder.format = "fltp"
    encoder.bit_rate = bitrate_bps
    encoder.options = {"aac_coder": "twoloop"}
    encoder.flags |= Flags.bitexact  # Else the first packet carries the library's name.
    encoder.thread_count = 1
    encoder.open()
    return encoder


def _full(block: FloatBlock) -> FloatBlock:
    """One row per channel, filled up to a whole frame with silence."""
    rows = np.zeros((block.shape[1], FRAME_SAMPLES), np.float32)
    rows[:, : len(block)] = block.T
    return rows
