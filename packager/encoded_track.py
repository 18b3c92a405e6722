"""What is known about an encoded track before its file is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from packager.renditions import Codec

STREAMINFO_SIZE: Final = 34
"""RFC 9639 section 8.2."""


@dataclass(frozen=True, slots=True)
class EncodedTrack:
    """The facts of one encoded stream; its packets are handed over apart.

    Attributes:
        config: AudioSpecificConfig for AAC; the 34 bytes of STREAMINFO for FLAC; the identification
            header for Opus, from `OpusHead` on (RFC 7845 section 5.1).
        sample_rate_hz: of the coded audio, and the timescale of its file.
        bits: bits per sample of FLAC; 0 for a lossy codec.
        bitrate_bps: nominal or average rate, for decoders' information.
        frame_samples: duration of every packet but the last one.
        last_frame_samples: duration of the last packet; as long as the others but for FLAC.
        priming: samples at the start that only warm up the decoder, to be dropped.
        samples: exact length of what is heard: after the priming, before the padding.
        packet_sizes: bytes of each packet, in order; an `array("I")` holds a long track compactly.
    """

    codec: Codec
    config: bytes
    sample_rate_hz: int
    channels: int
    bits: int
    bitrate_bps: int
    frame_samples: int
    last_frame_samples: int
    priming: int
    samples: int
    packet_sizes: Sequence[int]

    @property
    def coded_samples(self) -> int:
        """Duration of all packets: priming, what is heard, and padding."""
        return (len(self.packet_sizes) - 1) * self.frame_samples + self.last_frame_samples
