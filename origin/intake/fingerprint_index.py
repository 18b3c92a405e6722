"""Finds tracks that may have the audio of another one, by votes of their fingerprints. No I/O.

A fingerprint is a row of 32-bit words, one for each moment. Of the words of a track a *sketch* is
kept: those whose scrambled value is smallest. Two fingerprints of one recording choose the same
ones as far as they have them in common, so the words that two sketches share are votes for it, and
the sketches of 50 000 tracks fit into 100 MB. Votes only name candidates; who is one is decided on
the whole fingerprints.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Positions = NDArray[np.intp]

SKETCH_WORDS: Final = 256

# Encoding touches the last bits first; with fewer of them copies vote for each other more often.
_KEPT_BITS: Final = np.uint32(0xFFFFFFF8)

# A word of silence or of a held tone is in many tracks, and no sign of anything.
_COMMON_MAX: Final = 64

# One vote may be chance, unless there are hardly any words to vote with.
_VOTES_MIN: Final = 2
_FEW_WORDS: Final = 16

_MERGE_RATIO: Final = 2

# Knuth's multiplier, near 2**32 divided by the golden ratio: scrambles well in its high bits.
_SCRAMBLE: Final = np.uint32(2_654_435_761)


class Candidate(NamedTuple):
    """A track that may have the same audio, and how many words vote for it."""

    track_id: str
    votes: int


class FingerprintIndex:
    """Sketches of tracks.

    Args:
        tracks_max: no more are kept; the first ones stay.
    """

    def __init__(self, *, tracks_max: int) -> None:
        assert tracks_max > 0
        self.tracks_max = tracks_max
        self._names: list[str] = []
        self._known: set[str] = set()
        # Each is over twice as long as the next one, so that there are few, and each word is moved
        # a few times in all.
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, track_id: str) -> bool:
        return track_id in self._known

    @property
    def is_full(self) -> bool:
        """Whether no more tracks are taken."""
        return len(self._names) >= self.tracks_max

    def add(self, track_id: str, fingerprint: Words) -> bool:
        """Add a track; False if there is no room for it. One that is known stays as it is."""
        if track_id in self._known:
            return True
        if self.is_full:
            return False
        words = sketch(fingerprint)
        tracks = np.full(len(words), len(self._names), dtype=np.uint32)
        self._names.append(track_id)
        self._known.add(track_id)
        run = _Run(words, tracks)
        while self._runs and len(self._runs[-1].words) <= _MERGE_RATIO * len(run.words):
            run = self._runs.pop().merged(run)
        self._runs.append(run)
        return True

    def candidates(self, fingerprint: Words, *, limit: int) -> Sequence[Candidate]:
        """The tracks with the most votes, most first; the track itself too if it is known."""
        words = sketch(fingerprint)
        spans = [run.spans_of(words) for run in self._runs]
        counts = sum((stops - starts for starts, stops in spans), np.zeros(len(words), np.int64))
        is_sign = (counts > 0) & (counts <= _COMMON_MAX)
        voting = [
            run.tracks_in(starts[is_sign], stops[is_sign])
            for run, (starts, stops) in zip(self._runs, spans, strict=True)
        ]
        found = np.concatenate([np.empty(0, np.uint32), *voting])
        tracks, votes = np.unique(found, return_counts=True)
        needed = _VOTES_MIN if len(words) >= _FEW_WORDS else 1
        best = sorted(zip(votes.tolist(), tracks.tolist(), strict=True), key=lambda one: -one[0])
        return [
            Candidate(self._names[track], count) for count, track in best[:limit] if count >= needed
        ]


def sketch(fingerprint: Words) -> Words:
    """The words that stand for a fingerprint, sorted."""
    words = np.unique(fingerprint & _KEPT_BITS)
    if len(words) > SKETCH_WORDS:
        scrambled = words * _SCRAMBLE
        words = np.sort(words[np.argpartition(scrambled, SKETCH_WORDS)[:SKETCH_WORDS]])
    return words


class _Run:
    """Words and the tracks that have them, sorted by word."""

    __slots__ = ("tracks", "words")

    def __init__(self, words: Words, tracks: Words) -> None:
        self.words = words
        self.tracks = tracks

    def merged(self, other: "_Run") -> "_Run":
        words = np.concatenate((self.words, other.words))
        order = np.argsort(words, kind="stable")
        return _Run(words[order], np.concatenate((self.tracks, other.tracks))[order])

    def spans_of(self, words: Words) -> tuple[Positions, Positions]:
        """Where each of these words begins and ends."""
        starts = np.searchsorted(self.words, words, side="left")
        return starts, np.searchsorted(self.words, words, side="right")

    def tracks_in(self, starts: Positions, stops: Positions) -> Words:
        """The tracks of some spans, once for each word that they have."""
        spans = zip(starts.tolist(), stops.tolist(), strict=True)
        found = [self.tracks[start:stop] for start, stop in spans]
        return np.concatenate(found) if found else np.empty(0, dtype=np.uint32)
