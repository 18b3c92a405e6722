"""Sample entries: what a decoder needs before the first sample, as boxes of `stsd`."""

import struct
from typing import Final

from packager.boxes import encode_box, encode_full_box
from packager.common_encryption import CommonEncryption, encode_sinf
from packager.encoded_track import STREAMINFO_SIZE, EncodedTrack
from packager.opus_head import opus_head_to_dops
from packager.renditions import Codec

# ISO/IEC 14496-12 section 12.2.3: data reference index, channels, bits per sample, sample rate.
AUDIO_SAMPLE_ENTRY: Final = struct.Struct(">6xH8xHHHHI")

# "Encapsulation of FLAC in ISO Base Media File Format" section 3.3.2: the last metadata block, of
# type STREAMINFO.
DFLA_STREAMINFO: Final = bytes((0x80, 0, 0, STREAMINFO_SIZE))

# ISO/IEC 14496-1 section 7.2.2.1 and tables 5 and 6.
ES_DESCRIPTOR: Final = 3
DECODER_CONFIG_DESCRIPTOR: Final = 4
DECODER_SPECIFIC_INFO: Final = 5
_SL_CONFIG_DESCRIPTOR: Final = 6
AUDIO_14496_3: Final = 0x40
_AUDIO_STREAM: Final = 0x05 << 2 | 1
_SL_PREDEFINED_MP4: Final = b"\x02"

_RATE_FIELD_MAX: Final = 65_535
# Bits per sample of a codec that has none: a template value (ISO/IEC 14496-12, 12.2.3.2).
_NO_BITS: Final = 16


def encode_sample_entry(track: EncodedTrack, protection: CommonEncryption | None) -> bytes:
    """The sample entry of `track`, or `enca` in place of it when protected."""
    fourcc, configuration = _encode_configuration(track)
    bits = track.bits if track.codec is Codec.FLAC else _NO_BITS
    fields = AUDIO_SAMPLE_ENTRY.pack(
        1, track.channels, bits, 0, 0, _rate_field(track.sample_rate_hz) << 16
    )
    if protection is None:
        return encode_box(fourcc, fields, configuration)
    return encode_box(b"enca", fields, configuration, encode_sinf(protection, fourcc))


def _encode_configuration(track: EncodedTrack) -> tuple[bytes, bytes]:
    """Four-character code of the codec's sample entry, and the box that configures a decoder."""
    match track.codec:
        case Codec.FLAC:
            return b"fLaC", encode_full_box(b"dfLa", DFLA_STREAMINFO, track.config)
        case Codec.AAC:
            return b"mp4a", encode_full_box(b"esds", _encode_es_descriptor(track))
        case Codec.OPUS:
            return b"Opus", encode_box(b"dOps", opus_head_to_dops(track.config))
        case Codec.VORBIS:
            raise AssertionError("Vorbis has no place in MP4")


def _rate_field(sample_rate_hz: int) -> int:
    """The rate as 16 bits hold it; decoders take the real one from their configuration.

    "Encapsulation of FLAC in ISO Base Media File Format" section 3.3.1: above 65535 Hz the greatest
    regular division of the rate, so 48000 for 96 and 192 kHz.
    """
    for divisor in range(1, 17):
        rate, remainder = divmod(sample_rate_hz, divisor)
        if rate <= _RATE_FIELD_MAX and remainder == 0:
            return rate
    return _RATE_FIELD_MAX


def _encode_es_descriptor(track: EncodedTrack) -> bytes:
    """The elementary stream descriptor of AAC (ISO/IEC 14496-1 section 7.2.6.5)."""
    largest = max(track.packet_sizes)
    decoder_config = (
        bytes((AUDIO_14496_3, _AUDIO_STREAM))
        + min(largest, 0xFFFFFF).to_bytes(3, "big")
        + _peak_bps(track, largest).to_bytes(4, "big")
        + track.bitrate_bps.to_bytes(4, "big")
        + _encode_descriptor(DECODER_SPECIFIC_INFO, track.config)
    )
    return _encode_descriptor(
        ES_DESCRIPTOR,
        # ES_ID is 0, as in a file the track names the stream (ISO/IEC 14496-14 section 4.1.2); no
        # flags.
        bytes(3)
        + _encode_descriptor(DECODER_CONFIG_DESCRIPTOR, decoder_config)
        + _encode_descriptor(_SL_CONFIG_DESCRIPTOR, _SL_PREDEFINED_MP4),
    )


def _peak_bps(track: EncodedTrack, largest: int) -> int:
    """Bit rate of the largest packet, as an upper bound of the peak."""
    return min(largest * 8 * track.sample_rate_hz // track.frame_samples, (1 << 32) - 1)


def _encode_descriptor(tag: int, payload: bytes) -> bytes:
    """A descriptor: tag, size in groups of seven bits (ISO/IEC 14496-1 section 8.3.3), payload."""
    groups = [len(payload) & 0x7F]
    rest = len(payload) >> 7
    while rest:
        groups.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((tag, *reversed(groups))) + payload
