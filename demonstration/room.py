"""The room: a small reverberation after Schroeder, combs in parallel and all-passes in series.

Every recursion looks back by at least the length of a delay line, so whole blocks of that length
are computed at once. State is kept between calls: cutting the input elsewhere changes nothing.
"""

from typing import Final

import numpy as np

from demonstration.oscillators import Samples

# In samples, without common divisors, so that echoes do not fall together. The right side is a
# little longer than the left: that makes it wide.
_COMBS: Final = (1553, 1613, 1789, 1867, 2011, 2179)
_ALL_PASSES: Final = (241, 557)
_RIGHT_LONGER: Final = 29
_PRE_DELAY: Final = 883
_COMB_FEEDBACK: Final = 0.83
_ALL_PASS_GAIN: Final = 0.6
# Share of the neighbouring sample in the feedback: high tones die away sooner, as in a room.
_DAMPING: Final = 0.32


class _Delay:
    """What went in `length` samples ago."""

    def __init__(self, length: int) -> None:
        self._kept = np.zeros(length)

    def run(self, block: Samples) -> Samples:
        joined = np.concatenate((self._kept, block))
        self._kept = joined[len(block) :].copy()
        return joined[: len(block)]


class _Comb:
    """y[n] = x[n] + g ((1 - d) y[n - D] + d y[n - D - 1])."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._history = np.zeros(length + 1)

    def run(self, block: Samples) -> Samples:
        size, length = len(block), self._length
        line = np.concatenate((self._history, block))
        for start in range(0, size, length):
            count = min(length, size - start)
            fed_back = line[start + 1 : start + 1 + count] * (1.0 - _DAMPING)
            fed_back += line[start : start + count] * _DAMPING
            fed_back *= _COMB_FEEDBACK
            line[start + length + 1 : start + length + 1 + count] += fed_back
        self._history = line[size:].copy()
        return line[length + 1 :]


class _AllPass:
    """y[n] = x[n - D] - g x[n] + g y[n - D], as one line w[n] = x[n] + g w[n - D]."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._history = np.zeros(length)

    def run(self, block: Samples) -> Samples:
        size, length = len(block), self._length
        line = np.concatenate((self._history, block))
        for start in range(0, size, length):
            count = min(length, size - start)
            fed_back = line[start : start + count] * _ALL_PASS_GAIN
            line[start + length : start + length + count] += fed_back
        self._history = line[size:].copy()
        return line[:size] - _ALL_PASS_GAIN * line[length:]


class _Side:
    def __init__(self, longer: int) -> None:
        self._delay = _Delay(_PRE_DELAY + longer)
        self._combs = [_Comb(length + longer) for length in _COMBS]
        self._all_passes = [_AllPass(length + longer) for length in _ALL_PASSES]

    def run(self, block: Samples) -> Samples:
        delayed = self._delay.run(block)
        wet = np.zeros(len(block))
        for comb in self._combs:
            wet += comb.run(delayed)
        wet *= 1.0 / len(self._combs)
        for all_pass in self._all_passes:
            wet = all_pass.run(wet)
        return wet


class Room:
    """Answers a stereo signal with the sound of the room alone."""

    def __init__(self) -> None:
        self._left = _Side(0)
        self._right = _Side(_RIGHT_LONGER)

    def run(self, block: Samples) -> Samples:
        """The room's answer to the next `(n, 2)` samples, of the same shape."""
        # Most of what one ear hears of a room comes from its own side, some from the other.
        left = block[:, 0] * 0.8 + block[:, 1] * 0.2
        right = block[:, 1] * 0.8 + block[:, 0] * 0.2
        return np.stack((self._left.run(left), self._right.run(right)), axis=1)
