"""Tones to package: generated, encoded by FFmpeg, with the exact samples kept beside them."""

import io
from array import array
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from packager.encoded_track import EncodedTrack
from packager.renditions import Codec


@dataclass(frozen=True, slots=True)
class EncodedTone:
    """A track with its packets and the samples that went into them, one row for each channel."""

    track: EncodedTrack
    packets: list[bytes]
    pcm: NDArray[np.int32]


def make_tone(*, samples: int, sample_rate_hz: int, channels: int, bits: int) -> NDArray[np.int32]:
    """A chord with some noise, so that no frame is like another."""
    time = np.arange(samples) / sample_rate_hz
    noise = np.random.default_rng(7).normal(0, 0.02, (channels, samples))
    rows = [
        0.3 * np.sin(2 * np.pi * (220 + 55 * channel) * time) + noise[channel]
        for channel in range(channels)
    ]
    full_scale = 2 ** (bits - 1) - 1
    return np.array(np.round(np.stack(rows) * full_scale), dtype=np.int32)


def encode_flac(
    *, samples: int, sample_rate_hz: int = 44_100, channels: int = 2, bits: int = 16
) -> EncodedTone:
    """A tone as FLAC."""
    pcm = make_tone(samples=samples, sample_rate_hz=sample_rate_hz, channels=channels, bits=bits)
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[channels]
    sample_format = "s16" if bits == 16 else "s32"
    interleaved = pcm.T.astype(np.int16) if bits == 16 else pcm.T << (32 - bits)
    packets, config, frame = _encode(
        "flac", interleaved.reshape(1, -1), sample_format, layout, sample_rate_hz, None
    )
    track = EncodedTrack(
        codec=Codec.FLAC,
        config=config,
        sample_rate_hz=sample_rate_hz,
        channels=channels,
        bits=bits,
        bitrate_bps=800_000,
        frame_samples=frame,
        last_frame_samples=samples - (len(packets) - 1) * frame,
        priming=0,
        samples=samples,
        packet_sizes=array("I", map(len, packets)),
    )
    return EncodedTone(track, packets, pcm)


def encode_aac(*, samples: int, sample_rate_hz: int = 44_100, context: int = 0) -> EncodedTone:
    """A tone as AAC, 160 kbit/s stereo; its first `context` samples are priming."""
    pcm = make_tone(samples=samples, sample_rate_hz=sample_rate_hz, channels=2, bits=16)
    planar = (pcm / 32_768).astype(np.float32)
    packets, config, frame = _encode("aac", planar, "fltp", "stereo", sample_rate_hz, 160_000)
    track = EncodedTrack(
        codec=Codec.AAC,
        config=config,
        sample_rate_hz=sample_rate_hz,
        channels=2,
        bits=0,
        bitrate_bps=160_000,
        frame_samples=frame,
        last_frame_samples=frame,
        priming=1024 + context,
        samples=samples - context,
        packet_sizes=array("I", map(len, packets)),
    )
    return EncodedTone(track, packets, pcm[:, context:])


def encode_opus(*, samples: int, context: int = 0) -> EncodedTone:
    """A tone as Opus, 96 kbit/s stereo; its first `context` samples are priming.

    At lower rates Opus shifts the phase, so that a waveform does not tell its place any more.
    """
    pcm = make_tone(samples=samples, sample_rate_hz=48_000, channels=2, bits=16)
    interleaved = (pcm.T / 32_768).astype(np.float32).reshape(1, -1)
    packets, config, frame = _encode("libopus", interleaved, "flt", "stereo", 48_000, 96_000)
    track = EncodedTrack(
        codec=Codec.OPUS,
        config=config,
        sample_rate_hz=48_000,
        channels=2,
        bits=0,
        bitrate_bps=96_000,
        frame_samples=frame,
        last_frame_samples=frame,
        priming=int.from_bytes(config[10:12], "little") + context,
        samples=samples - context,
        packet_sizes=array("I", map(len, packets)),
    )
    return EncodedTone(track, packets, pcm[:, context:])


def _encode(
    codec: str,
    pcm: NDArray[np.generic],
    sample_format: str,
    layout: str,
    sample_rate_hz: int,
    bit_rate: int | None,
) -> tuple[list[bytes], bytes, int]:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate = sample_rate_hz
    context.layout = layout
    context.format = sample_format
    context.time_base = Fraction(1, sample_rate_hz)
    if bit_rate is not None:
        context.bit_rate = bit_rate
    context.open()
    step = context.frame_size * (1 if pcm.shape[0] > 1 else len(context.layout.channels))
    packets: list[bytes] = []
    for start in range(0, pcm.shape[1], step):
        part = np.ascontiguousarray(pcm[:, start : start + step])
        frame = av.AudioFrame.from_ndarray(part, format=sample_format, layout=layout)
        frame.sample_rate = sample_rate_hz
        frame.pts = start // step * context.frame_size
        packets += map(bytes, context.encode(frame))
    packets += [bytes(packet) for packet in context.encode(None) if packet.size]
    assert context.extradata is not None
    return packets, context.extradata, context.frame_size


def decode_file(data: bytes, *, key: bytes | None = None) -> NDArray[np.int32]:
    """All samples that FFmpeg returns for a file, one row for each channel, 24 bits as 32."""
    options = {} if key is None else {"decryption_key": key.hex()}
    with av.open(io.BytesIO(data), "r", options=options) as container:
        channels = container.streams.audio[0].channels
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    if frames[0].shape[0] == 1 and channels > 1:
        return np.concatenate([frame.reshape(-1, channels).T for frame in frames], axis=1)
    return np.concatenate(frames, axis=1)


def read_packets(data: bytes, *, key: bytes | None = None) -> list[bytes]:
    """All packets that FFmpeg's demuxer returns for a file."""
    options = {} if key is None else {"decryption_key": key.hex()}
    with av.open(io.BytesIO(data), "r", options=options) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]
