"""The exact length of a rendition (ARCHITECTURE.md, "Exact length"), worked out from the master.

It is stated here a second time and in other terms than the packager's, so that one can check
the other.
"""

from fractions import Fraction
from typing import Final

_FAMILY_44100: Final = frozenset({11025, 22050, 44100, 88200, 176400})


def exact_length(rendition: str, *, samples: int, sample_rate_hz: int) -> tuple[int, int]:
    """Samples and sample rate that a rendition must have."""
    if rendition == "flac":
        return samples, sample_rate_hz
    is_opus = rendition.startswith("opus-")
    rate_hz = 44100 if sample_rate_hz in _FAMILY_44100 and not is_opus else 48000
    scaled = Fraction(samples * rate_hz, sample_rate_hz)
    return int(scaled + Fraction(1, 2)), rate_hz
