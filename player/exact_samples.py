"""Cuts decoded samples to what is heard, counts them and takes their digest. No I/O."""

import hashlib
from typing import Final

from packager.renditions import FRAME_SAMPLES, Codec
from packager.seek_index import RenditionFacts
from player.decoder import Pcm
from player.errors import WrongLengthError

# What a decoder may return beyond the end: the rest of the last frame. FLAC has none.
_PADDING_MAX: Final = {
    Codec.FLAC: 0,
    Codec.AAC: 2 * FRAME_SAMPLES[Codec.AAC],
    Codec.VORBIS: 8192,
    Codec.OPUS: 2 * FRAME_SAMPLES[Codec.OPUS],
}


class ExactSamples:
    """Drops the priming, keeps the recorded length, and insists on it."""

    def __init__(self, facts: RenditionFacts) -> None:
        self._facts = facts
        self._to_drop = facts.priming
        self._kept = 0
        self._beyond = 0
        self._digest = hashlib.sha256()

    @property
    def count(self) -> int:
        """Samples per channel that were kept so far."""
        return self._kept

    def cut(self, samples: Pcm) -> Pcm:
        """The part of the next decoded samples that is heard; it may be empty."""
        dropped = min(self._to_drop, len(samples))
        self._to_drop -= dropped
        heard = samples[dropped:]
        kept = heard[: self._facts.samples - self._kept]
        self._beyond += len(heard) - len(kept)
        self._kept += len(kept)
        self._digest.update(kept.tobytes())
        return kept

    def close(self) -> str:
        """The SHA-256 of all samples kept, hexadecimal.

        Raises:
            WrongLengthError: there were fewer than recorded, or more than padding explains.
        """
        if self._kept < self._facts.samples or self._beyond > _PADDING_MAX[self._facts.codec]:
            raise WrongLengthError(self._kept + self._beyond, self._facts.samples)
        return self._digest.hexdigest()
