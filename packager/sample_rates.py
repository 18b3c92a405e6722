"""Sample rates, channels and exact lengths of the renditions of a master. No I/O."""

from typing import Final

from packager.opus_head import OPUS_RATE_HZ
from packager.renditions import Codec

CHANNELS_MAX: Final = 2
"""Of the lossy rungs."""

_FAMILY_OF_44100: Final = frozenset({11_025, 22_050, 44_100, 88_200, 176_400})


def lossy_rate_hz(master_rate_hz: int) -> int:
    """The sample rate of the AAC and Vorbis rungs for a master of `master_rate_hz`."""
    return 44_100 if master_rate_hz in _FAMILY_OF_44100 else 48_000


def rendition_rate_hz(codec: Codec, master_rate_hz: int) -> int:
    """The sample rate of a rendition for a master of `master_rate_hz`."""
    match codec:
        case Codec.FLAC:
            return master_rate_hz
        case Codec.OPUS:
            return OPUS_RATE_HZ
        case Codec.AAC | Codec.VORBIS:
            return lossy_rate_hz(master_rate_hz)


def lossy_channels(master_channels: int) -> int:
    """How many channels the lossy rungs have: mono stays mono, all else becomes stereo."""
    return min(master_channels, CHANNELS_MAX)


def resampled_length(samples: int, *, from_hz: int, to_hz: int) -> int:
    """round(samples * to_hz / from_hz), half up, in integers."""
    return (2 * samples * to_hz + from_hz) // (2 * from_hz)
