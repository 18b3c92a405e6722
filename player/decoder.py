"""Decodes packets of a rendition into interleaved samples by FFmpeg."""

import enum
from collections.abc import Iterator
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from packager.renditions import Codec
from packager.seek_index import RenditionFacts

# Checksums on, and no patching over: damage has to be heard of, not heard.
_OPTIONS: Final = {"err_detect": "crccheck+bitstream+buffer+explode"}
# FFmpeg's decoder of Opus would drop the pre-skip of its own accord; the priming is cut elsewhere,
# alike for all codecs.
_OPUS_OPTIONS: Final = {**_OPTIONS, "flags2": "+skip_manual"}

_DECODERS: Final = {
    Codec.FLAC: "flac",
    Codec.AAC: "aac",
    Codec.VORBIS: "vorbis",
    Codec.OPUS: "opus",
}


class PcmFormat(enum.StrEnum):
    """Samples as they come out, interleaved, little-endian."""

    S16 = "s16le"
    S32 = "s32le"
    """24 bits, shifted up: the low byte is zero."""
    F32 = "f32le"

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The same for numpy."""
        return np.dtype({"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}[self.value])


Pcm = NDArray[np.generic]
"""Samples of the shape `(frames, channels)`."""


class DecodingError(Exception):
    """The packets are not what their codec writes."""


def pcm_format_of(facts: RenditionFacts) -> PcmFormat:
    """How the samples of a rendition come out."""
    if facts.codec is not Codec.FLAC:
        return PcmFormat.F32
    return PcmFormat.S32 if facts.bits > 16 else PcmFormat.S16


class PacketDecoder:
    """Decodes one track.

    Args:
        facts: of the rendition.
        config: what the header holds for its decoder.

    Raises:
        DecodingError: the decoder does not take `config`.
    """

    def __init__(self, facts: RenditionFacts, config: bytes) -> None:
        self._facts = facts
        self._format = pcm_format_of(facts)
        context = av.CodecContext.create(_DECODERS[facts.codec], "r")
        assert isinstance(context, av.AudioCodecContext)
        context.extradata = config
        context.options = dict(_OPUS_OPTIONS if facts.codec is Codec.OPUS else _OPTIONS)
        context.thread_count = 1
        self._context = context
        try:
            context.open(strict=False)
        except av.FFmpegError as error:
            raise DecodingError(f"the decoder refuses the header: {error.strerror}") from error

    def decode(self, packet: bytes) -> Iterator[Pcm]:
        """Yield the samples that a packet decodes to.

        Raises:
            DecodingError: it is damaged, or still encrypted.
        """
        return self._run(packet)

    def flush(self) -> Iterator[Pcm]:
        """Yield the samples that the decoder still holds at the end.

        Raises:
            DecodingError: it ended within something.
        """
        return self._run(None)

    def _run(self, packet: bytes | None) -> Iterator[Pcm]:
        try:
            frames = self._context.decode(None if packet is None else av.Packet(packet))
        except av.FFmpegError as error:
            raise DecodingError(f"the decoder refuses a packet: {error.strerror}") from error
        for frame in frames:
            yield self._samples_of(frame)

    def _samples_of(self, frame: av.AudioFrame) -> Pcm:
        channels = frame.layout.nb_channels
        if (frame.sample_rate, channels) != (self._facts.sample_rate_hz, self._facts.channels):
            raise DecodingError(
                f"the decoder returns {channels} channels at {frame.sample_rate} Hz, which is not "
                "what the seek index says"
            )
        rows = frame.to_ndarray()
        samples = rows.T if frame.format.is_planar else rows.reshape(-1, channels)
        if samples.dtype != self._format.dtype:
            raise DecodingError(f"the decoder returns {frame.format.name}, not {self._format}")
        return np.ascontiguousarray(samples)
