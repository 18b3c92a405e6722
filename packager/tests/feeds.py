"""Feeds for tests of encoders."""

import numpy as np

from packager.context import NO_CONTEXT, Context
from packager.lossy_feed import LossyFeed, Source
from packager.pcm import SampleKind, rechunk


def feed_of(
    samples: np.ndarray,
    *,
    rate: int,
    to_hz: int | None = None,
    block: int = 5000,
    context: Context = NO_CONTEXT,
    lead_min: int = 0,
) -> LossyFeed:
    """Samples in floating point, one column for each channel, in blocks."""
    layout = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")[samples.shape[1] - 1]
    return LossyFeed(
        rechunk([samples.astype(np.float32)], block),
        source=Source(SampleKind.FLOAT, layout, rate),
        to_hz=to_hz or rate,
        context=context,
        lead_min=lead_min,
    )


def drained(feed: LossyFeed) -> np.ndarray:
    """All that it gives."""
    return np.concatenate(list(feed.blocks()))
