"""Stereo of more than two channels, after ITU-R BS.775-3 annex 4. No I/O.

The front left and right stay as they are, the center goes to both at -3 dB, each surround to its
side at -3 dB, a single surround to both at -6 dB (annex 4, table 2); low-frequency effects are left
out. What the recommendation does not know goes the way of its neighbor: channels left and right of
the center count as left and right, the pairs at the side and at the back both as surrounds.

The sums are scaled so that the coefficients of each side add up to 1: no input within full scale
can exceed it, whatever it holds, and nothing has to be limited. The level is lower than that of
the channels for that (5.1 by 7.7 dB), by the same for every track of a layout, and loudness is
measured of what comes out. Channels that only pad a layout (`packager.channel_plan`) count for
nothing: a master is not made softer by what it does not have.

Only products and sums of single elements are used, which round alike on every processor; a product
of matrices would not.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from packager.pcm import FloatBlock

STEREO: Final = 2

_MINUS_3_DB: Final = 0.5**0.5

# FFmpeg's names of channels: what goes to the left, what to the right.
_SHARES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "FL": (1.0, 0.0),
        "FR": (0.0, 1.0),
        "FC": (_MINUS_3_DB, _MINUS_3_DB),
        "LFE": (0.0, 0.0),
        "BL": (_MINUS_3_DB, 0.0),
        "BR": (0.0, _MINUS_3_DB),
        "SL": (_MINUS_3_DB, 0.0),
        "SR": (0.0, _MINUS_3_DB),
        "BC": (0.5, 0.5),
        "FLC": (1.0, 0.0),
        "FRC": (0.0, 1.0),
    }
)

# Keeps the rounding of eight products and their sum in single precision below full scale.
_HEADROOM: Final = 1.0 - 2.0**-20


class DownMix:
    """Mixes blocks of one layout to what lossy renditions have: mono stays mono, stereo stereo.

    Args:
        layout: of the channels, in FFmpeg's words.
        silent: positions of channels that only pad the layout; they count for nothing.
    """

    def __init__(self, layout: str, silent: tuple[int, ...] = ()) -> None:
        names = [channel.name for channel in av.AudioLayout(layout).channels]
        self._is_needed = len(names) > STEREO
        self._channels = len(names)
        self._sides = _coefficients(names, silent) if self._is_needed else ()

    @property
    def channels(self) -> int:
        """Of what comes out: 1 or 2."""
        return min(self._channels, STEREO)

    def mix(self, block: FloatBlock) -> FloatBlock:
        """The block itself, or its mix to stereo."""
        assert block.shape[1] == self._channels
        if not self._is_needed:
            return block
        mixed = np.empty((len(block), STEREO), np.float32)
        for side, shares in enumerate(self._sides):
            mixed[:, side] = _weighted_sum(block, shares)
        return mixed


Shares = tuple[tuple[int, np.float32], ...]
"""Positions of channels and their coefficients; those of 0 are left out."""


def _coefficients(names: list[str], silent: tuple[int, ...]) -> tuple[Shares, ...]:
    shares = [
        (0.0, 0.0) if position in silent else _SHARES[name] for position, name in enumerate(names)
    ]
    # Both sides are scaled alike: a master may have more on the one than on the other.
    scale = _HEADROOM / max(sum(weights) for weights in zip(*shares, strict=True))
    return tuple(
        tuple(
            (position, np.float32(weight * scale))
            for position, weight in enumerate(weights)
            if weight
        )
        for weights in zip(*shares, strict=True)
    )


def _weighted_sum(block: FloatBlock, shares: Shares) -> npt.NDArray[np.float32]:
    if not shares:  # No channel of the master is heard on this side.
        return np.zeros(len(block), np.float32)
    (first, weight), *rest = shares
    total: npt.NDArray[np.float32] = block[:, first] * weight
    for position, weight in rest:
        total += block[:, position] * weight
    return total
