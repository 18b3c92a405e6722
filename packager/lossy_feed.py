"""What a lossy encoder is fed: floating point, one or two channels, at the rendition's rate.

    feed = LossyFeed(blocks, source=source, to_hz=48_000, context=context)
    for block in feed.blocks(): ...     # context before, what is heard, context after
    feed.lead, feed.samples             # lengths of the first two, the second known by now

Samples come from the decoder without dither and keep their level; above full scale they are not
clipped until far beyond what any recording has.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np

from packager.context import NO_CONTEXT, Context, lead_frames
from packager.downmix import DownMix
from packager.pcm import Block, FloatBlock, SampleKind, to_float
from packager.resample import resampled
from packager.sample_rates import resampled_length

LEVEL_MAX: Final = 16.0
"""24 dB above full scale. Floating point can hold any number, and given absurd ones the search of
AAC's coder for quantizers does not end."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a master's blocks are.

    Attributes:
        kind: of the samples.
        layout: of the channels, in FFmpeg's words.
        silent: positions of the channels that only pad the layout.
    """

    kind: SampleKind
    layout: str
    sample_rate_hz: int
    silent: tuple[int, ...] = ()


class LossyFeed:
    """One pass over a master, converted for one rendition.

    Args:
        blocks: as decoded.
        source: what they are.
        to_hz: sample rate of the rendition.
        context: what surrounds the master, at its own rate and with its own channels.
        lead_min: how many samples of the context before an encoder wants, at its own rate.
    """

    def __init__(
        self,
        blocks: Iterable[Block],
        *,
        source: Source,
        to_hz: int,
        context: Context = NO_CONTEXT,
        lead_min: int = 0,
    ) -> None:
        self._blocks = blocks
        self._source = source
        self._to_hz = to_hz
        self._mix = DownMix(source.layout, source.silent)
        frames, self.lead = lead_frames(
            len(context.before), from_hz=source.sample_rate_hz, to_hz=to_hz, wanted=lead_min
        )
        self._before = _bounded(context.before[len(context.before) - frames :])
        self._after = _bounded(context.after)
        self._heard = 0

    @property
    def channels(self) -> int:
        """1 or 2."""
        return self._mix.channels

    @property
    def sample_rate_hz(self) -> int:
        """Of the rendition."""
        return self._to_hz

    @property
    def samples(self) -> int:
        """How many are heard; known once `blocks` has been read to the end."""
        return resampled_length(self._heard, from_hz=self._source.sample_rate_hz, to_hz=self._to_hz)

    def blocks(self) -> Iterator[FloatBlock]:
        """All samples, the context included. To be called once."""
        parts = chain([self._before], self._floats(), [self._after])
        mixed = (self._mix.mix(block) for block in parts if len(block))
        from_hz = self._source.sample_rate_hz
        if from_hz == self._to_hz:
            return mixed
        return resampled(mixed, from_hz=from_hz, to_hz=self._to_hz, channels=self.channels)

    def _floats(self) -> Iterator[FloatBlock]:
        for block in self._blocks:
            self._heard += len(block)
            samples = to_float(block, self._source.kind)
            yield _bounded(samples) if self._source.kind is SampleKind.FLOAT else samples


def _bounded(block: FloatBlock) -> FloatBlock:
    if block.max(initial=0) <= LEVEL_MAX and block.min(initial=0) >= -LEVEL_MAX:
        return block
    return np.clip(block, -LEVEL_MAX, LEVEL_MAX)
