"""The lossless rung: FLAC by FFmpeg at the master's rate and depth."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import av

from packager.encoded_track import EncodedTrack
from packager.packet_spool import PacketSpool
from packager.pcm import LAYOUTS, Block
from packager.renditions import Codec
from packager.streaminfo import StreamInfo, decode_streaminfo, encode_streaminfo

# Level 8 takes twice as long for 2 % less, 12 eleven times as long for 3 %; 0 to 2 save nothing, as
# what the prediction leaves is more to write.
_LEVEL: Final = 5

# FFmpeg's name of side data with a new decoder configuration. The encoder's own is spoiled by then.
_STREAMINFO_TOLD: Final = "new_extradata"


@dataclass(frozen=True, slots=True)
class FlacEncoding:
    """The outcome.

    Attributes:
        pcm_sha256: digest of the samples that the stream decodes to, hexadecimal.
    """

    track: EncodedTrack
    pcm_sha256: str


def encode_flac(
    blocks: Iterable[Block], *, sample_rate_hz: int, channels: int, bits: int, spool: PacketSpool
) -> FlacEncoding:
    """Encode quantized samples, at least one, into packets.

    Args:
        blocks: see `packager.pcm`.
        sample_rate_hz: of the samples.
        channels: 1 to 8.
        bits: 16 or 24.
        spool: takes the packets.
    """
    encoder = _open_encoder(sample_rate_hz, channels, bits)
    sha256, samples = hashlib.sha256(), 0
    for block in blocks:
        sha256.update(block.data)
        frame = av.AudioFrame.from_ndarray(
            block.reshape(1, -1), format=encoder.format.name, layout=encoder.layout
        )
        frame.sample_rate = sample_rate_hz
        frame.pts = samples
        samples += len(block)
        spool.write_encoded(encoder.encode(frame))
    last = encoder.encode(None)
    spool.write_encoded(last)
    info = StreamInfo(
        block_samples_min=encoder.frame_size,
        block_samples_max=encoder.frame_size,
        frame_bytes_min=min(spool.sizes),
        frame_bytes_max=max(spool.sizes),
        sample_rate_hz=sample_rate_hz,
        channels=channels,
        bits=bits,
        samples=samples,
        md5=_md5_in(last),
    )
    return FlacEncoding(_track_of(info, spool), sha256.hexdigest())


def _open_encoder(sample_rate_hz: int, channels: int, bits: int) -> av.AudioCodecContext:
    encoder = av.CodecContext.create("flac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = sample_rate_hz
    encoder.layout = LAYOUTS[channels - 1]
    encoder.format = "s16" if bits == 16 else "s32"
    encoder.options = {"compression_level": str(_LEVEL)}
    encoder.thread_count = 1
    encoder.open()
    return encoder


def _md5_in(packets: "Iterable[av.Packet[av.AudioStream]]") -> bytes:
    """The MD5 of all samples, which the encoder counts and tells beside its last packets."""
    told = [
        decode_streaminfo(bytes(data))
        for packet in packets
        for data in packet.iter_sidedata()
        if data.data_type == _STREAMINFO_TOLD
    ]
    assert told
    assert told[-1] is not None
    return told[-1].md5


def _track_of(info: StreamInfo, spool: PacketSpool) -> EncodedTrack:
    frame_samples = info.block_samples_max
    last_frame_samples = info.samples - (len(spool.sizes) - 1) * frame_samples
    assert 0 < last_frame_samples <= frame_samples
    return EncodedTrack(
        codec=Codec.FLAC,
        config=encode_streaminfo(info),
        sample_rate_hz=info.sample_rate_hz,
        channels=info.channels,
        bits=info.bits,
        bitrate_bps=spool.total_bytes * 8 * info.sample_rate_hz // info.samples,
        frame_samples=frame_samples,
        last_frame_samples=last_frame_samples,
        priming=0,
        samples=info.samples,
        packet_sizes=spool.sizes,
    )
