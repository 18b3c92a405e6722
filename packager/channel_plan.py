"""Where the channels of a master go among those that FLAC has. No I/O.

FLAC has one layout for each number of channels (RFC 9639 section 9.1.3). A master of another layout
is padded to the smallest one that has a place for each of its channels; the places that it leaves
empty are silent. Nothing is mixed, so all that is heard stays as it is.

A single pair of surrounds is taken for what FLAC calls it: it does not tell those at the sides from
those in the back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from packager.pcm import Block

# By FFmpeg's names, the smallest first, and in FLAC's order. What differs from `pcm.LAYOUTS` has
# its surrounds at the sides, in the same places.
_LAYOUTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "mono": ("FC",),
        "stereo": ("FL", "FR"),
        "3.0": ("FL", "FR", "FC"),
        "quad": ("FL", "FR", "BL", "BR"),
        "quad(side)": ("FL", "FR", "SL", "SR"),
        "5.0": ("FL", "FR", "FC", "BL", "BR"),
        "5.0(side)": ("FL", "FR", "FC", "SL", "SR"),
        "5.1": ("FL", "FR", "FC", "LFE", "BL", "BR"),
        "5.1(side)": ("FL", "FR", "FC", "LFE", "SL", "SR"),
        "6.1": ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
        "7.1": ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
    }
)

# Beside a back center FLAC has the surrounds at the sides.
_SIDES: Final[Mapping[str, str]] = MappingProxyType({"BL": "SL", "BR": "SR"})


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """How the blocks of a master become blocks of one of FLAC's layouts.

    Attributes:
        layout: FFmpeg's name of it.
        sources: for each of its channels, which one of the master's it is; None for silence.
    """

    layout: str
    sources: tuple[int | None, ...]

    @property
    def silent(self) -> tuple[int, ...]:
        """Positions of the channels that the master does not have."""
        return tuple(place for place, source in enumerate(self.sources) if source is None)

    def place(self, block: Block, *, silence: int) -> Block:
        """The block with its channels in their places; itself where they are in them already.

        Args:
            block: as decoded.
            silence: the value of samples that nothing is heard of.
        """
        if self.sources == tuple(range(block.shape[1])):
            return block
        placed = np.full((len(block), len(self.sources)), silence, block.dtype)
        for place, source in enumerate(self.sources):
            if source is not None:
                placed[:, place] = block[:, source]
        return placed


def same_places(layout: str) -> ChannelPlan:
    """The plan for a master that has one of FLAC's layouts."""
    return ChannelPlan(layout, tuple(range(len(_LAYOUTS[layout]))))


def plan_channels(names: Sequence[str]) -> ChannelPlan | None:
    """The plan for a master with these channels.

    Args:
        names: FFmpeg's names of them, in the order of its blocks.

    Returns:
        None if no layout of FLAC has a place for each of them.
    """
    if not names or len(set(names)) < len(names):
        return None
    return _plan_for(names) or _plan_for(_with_sides(names))


def _plan_for(names: Sequence[str]) -> ChannelPlan | None:
    for layout, places in _LAYOUTS.items():
        if set(names) <= set(places):
            positions = {name: position for position, name in enumerate(names)}
            return ChannelPlan(layout, tuple(positions.get(place) for place in places))
    return None


def _with_sides(names: Sequence[str]) -> Sequence[str]:
    """The same with a pair in the back taken for one at the sides, unless there is one already."""
    if not set(names).isdisjoint(_SIDES.values()):
        return names
    return [_SIDES.get(name, name) for name in names]
