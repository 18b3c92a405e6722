"""Small masters for tests, made in a moment."""

from pathlib import Path

import numpy as np
import soundfile


def write_master(
    path: Path, *, seconds: float = 0.3, hz: float = 440.0, rate_hz: int = 44_100
) -> Path:
    """Write a stereo tone in the format that the suffix names (`.wav`, `.flac`, `.aiff`, `.ogg`).

    Another `hz` gives other bytes.
    """
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    left = 0.4 * np.sin(2 * np.pi * hz * times)
    right = 0.3 * np.sin(2 * np.pi * 1.5 * hz * times)
    soundfile.write(path, np.stack([left, right], axis=1).astype(np.float32), rate_hz)
    return path
