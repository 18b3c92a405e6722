"""The first and last samples of a master, kept for whoever is encoded next to it."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np

from packager.errors import ScratchError
from packager.inspection_result import Edge
from packager.pcm import FloatBlock

CONTEXT_MS: Final = 100

HEAD_NAME: Final = "head.f32"
TAIL_NAME: Final = "tail.f32"

_SILENCE_MS: Final = 10

# What is quieter at the very edge was faded out on purpose.
_SILENCE_DBFS: Final = -60.0


class EdgeKeeper:
    """Takes a master's samples in order and keeps its edges.

    Args:
        sample_rate_hz: of the samples.
        channels: of each block.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._frames = sample_rate_hz * CONTEXT_MS // 1000
        self._silence_frames = sample_rate_hz * _SILENCE_MS // 1000
        self._head: FloatBlock = np.zeros((0, channels), np.float32)
        self._tail: FloatBlock = self._head

    def add(self, block: FloatBlock) -> None:
        """Take the next samples."""
        if len(self._head) < self._frames:
            missing = self._frames - len(self._head)
            self._head = np.concatenate((self._head, block[:missing]))
        if len(block) < self._frames:
            block = np.concatenate((self._tail, block))
        # A copy: a view would keep all of the block.
        self._tail = block[-self._frames :].copy()

    def write(self, folder: Path) -> tuple[Edge, Edge]:
        """Write head and tail into a folder, as `HEAD_NAME` and `TAIL_NAME`.

        Raises:
            ScratchError: they cannot be written.
        """
        count = self._silence_frames
        head = _write(folder / HEAD_NAME, self._head, self._head[:count])
        tail = _write(folder / TAIL_NAME, self._tail, self._tail[-count:])
        return head, tail


def _write(path: Path, samples: FloatBlock, outermost: FloatBlock) -> Edge:
    data = samples.astype("<f4", copy=False).tobytes()
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ScratchError(f"writing to {path.parent} failed: {error.strerror}") from error
    peak = float(np.abs(outermost).max(initial=0.0))
    return Edge(
        frames=len(samples),
        sha256=hashlib.sha256(data).hexdigest(),
        is_silent=peak < 10 ** (_SILENCE_DBFS / 20),
    )
