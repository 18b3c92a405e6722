"""Short masters of mixed kind, sound and broken, the same for the same seed.

Every one of them is other music, so none is the same track as another.
"""

import random
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float64]

_SECONDS: Final = (2.0, 10.0)
_WAV_RATES_HZ: Final = (8_000, 16_000, 22_050, 32_000, 44_100, 44_100, 44_100, 48_000, 96_000)
# One in so many is broken.
_BROKEN_EVERY: Final = 20


@dataclass(frozen=True, slots=True)
class MixedMaster:
    """A file, and what is to become of it.

    Attributes:
        kind: what it is, in words.
        is_sound: whether it is to be taken in.
        samples: of each channel; 0 for a broken one, and for a lossy one, whose encoder decides.
    """

    path: Path
    kind: str
    is_sound: bool
    samples: int


def write_mixed_masters(folder: Path, *, count: int, seed: int) -> Iterator[MixedMaster]:
    """Write `count` masters into `folder`, one after another."""
    choice = random.Random(seed)
    for number in range(count):
        maker = choice.choice(_BROKEN if number % _BROKEN_EVERY == _BROKEN_EVERY - 1 else _SOUND)
        yield maker(folder / f"{number:04d}", random.Random(choice.randrange(1 << 32)))


def _write_wav(stem: Path, choice: random.Random) -> MixedMaster:
    rate_hz, channels = choice.choice(_WAV_RATES_HZ), choice.choice((1, 2, 2, 2))
    width = choice.choice((2, 2, 3))
    sound = _sound(choice, rate_hz, channels)
    path = stem.with_suffix(".wav")
    scaled = np.round(sound * 8_000 * 256 ** (width - 2)).astype("<i4")
    octets = scaled.view(np.uint8).reshape(-1, 4)[:, :width]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(octets.tobytes())
    return MixedMaster(
        path, f"wav {rate_hz} Hz {8 * width} bits", is_sound=True, samples=len(sound)
    )


def _encoder(
    suffix: str, codec: str, sample_format: str, *, is_lossless: bool
) -> Callable[[Path, random.Random], MixedMaster]:
    def write(stem: Path, choice: random.Random) -> MixedMaster:
        rate_hz = 48_000 if codec == "libopus" else 44_100
        sound = _sound(choice, rate_hz, 2)
        path = stem.with_suffix(suffix)
        _encode(path, codec, sample_format, sound, rate_hz)
        return MixedMaster(
            path, suffix[1:], is_sound=True, samples=len(sound) if is_lossless else 0
        )

    return write


def _encode(path: Path, codec: str, sample_format: str, sound: Sound, rate_hz: int) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate_hz, layout="stereo", format=sample_format)
        assert isinstance(stream, av.AudioStream)
        packed = np.ascontiguousarray(np.round(sound * 8_000).astype("<i2")).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        frame.sample_rate = rate_hz
        frame.time_base = Fraction(1, rate_hz)
        frame.pts = 0
        resampler = av.AudioResampler(sample_format, "stereo", rate_hz, stream.frame_size or None)
        for converted in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(converted))
        file.mux(stream.encode(None))


def _write_torn(stem: Path, choice: random.Random) -> MixedMaster:
    """A FLAC file whose download was cut."""
    whole = _encoder(".flac", "flac", "s16", is_lossless=True)(stem, choice).path
    content = whole.read_bytes()
    whole.write_bytes(content[: choice.randrange(len(content) // 4, len(content) - 4)])
    return MixedMaster(whole, "torn flac", is_sound=False, samples=0)


def _write_text(stem: Path, choice: random.Random) -> MixedMaster:
    path = stem.with_suffix(".mp3")
    path.write_text(f"This is no music. {choice.random()}\n" * 50)
    return MixedMaster(path, "text", is_sound=False, samples=0)


def _write_noise(stem: Path, choice: random.Random) -> MixedMaster:
    path = stem.with_suffix(".flac")
    path.write_bytes(choice.randbytes(20_000))
    return MixedMaster(path, "noise", is_sound=False, samples=0)


def _write_playlist(stem: Path, choice: random.Random) -> MixedMaster:
    path = stem.with_suffix(".m3u8")
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:6", "#EXTINF:6,", f"file:///{choice.random()}.ts"]
    path.write_text("\n".join(lines))
    return MixedMaster(path, "playlist", is_sound=False, samples=0)


def _sound(choice: random.Random, rate_hz: int, channels: int) -> Sound:
    """Some partials that fade in and out, within -1 to 1."""
    generator = np.random.default_rng(choice.randrange(1 << 32))
    time_s = np.arange(round(choice.uniform(*_SECONDS) * rate_hz)) / rate_hz
    frequencies_hz = generator.uniform(60, min(3_000, rate_hz / 3), (4, 1, channels))
    phases = generator.uniform(0, 2 * np.pi, (4, 1, channels))
    partials = np.sin(2 * np.pi * frequencies_hz * time_s[None, :, None] + phases)
    noise = generator.normal(0, 0.01, (len(time_s), channels))
    mixed: Sound = partials.mean(axis=0) + noise
    return mixed


_SOUND: Final = (
    _write_wav,
    _write_wav,
    _encoder(".flac", "flac", "s16", is_lossless=True),
    _encoder(".mp3", "libmp3lame", "fltp", is_lossless=False),
    _encoder(".m4a", "aac", "fltp", is_lossless=False),
    _encoder(".opus", "libopus", "flt", is_lossless=False),
)
_BROKEN: Final = (_write_torn, _write_text, _write_noise, _write_playlist)
