"""Masters for tests: short, made from seeds, in many formats; and the same files damaged."""

import io
import struct
import tempfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt
import soundfile

from packager.inspection import inspect_master
from packager.jobs import MasterFacts

Samples = npt.NDArray[np.float64]

FRAMES: Final = 20_000


def music(frames: int = FRAMES, channels: int = 2, *, seed: int = 1) -> Samples:
    """Noise over a few tones, within full scale: nothing in it repeats."""
    generator = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / 44_100
    tones = sum(np.sin(2 * np.pi * pitch * time) for pitch in (196, 247, 294, 3_100))
    noise = generator.uniform(-0.05, 0.05, (frames, channels))
    return np.asarray(0.18 * tones + noise)


def sound_file(
    samples: Samples, *, rate: int = 44_100, form: str = "WAV", subtype: str = "PCM_16"
) -> bytes:
    """A file written by libsndfile."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


def ffmpeg_file(samples: Samples, *, codec: str, form: str, rate: int = 44_100) -> bytes:
    """A file written by FFmpeg."""
    file = io.BytesIO()
    whole = np.round(samples * 32_767).astype(np.int16)
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.layout = "stereo" if samples.shape[1] == 2 else "mono"
        for start in range(0, len(whole), 1024):
            packed = np.ascontiguousarray(whole[start : start + 1024]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(
                packed, format="s16", layout=stream.codec_context.layout
            )
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def wav_header(
    *,
    channels: int = 2,
    rate: int = 44_100,
    data: bytes = bytes(4000),
    announced: int | None = None,
    bits: int = 16,
) -> bytes:
    """A WAV file, header by hand: what no library would write."""
    size = len(data) if announced is None else announced
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * width, width, bits)
    return b"".join(
        (
            b"RIFF",
            struct.pack("<I", (36 + size) & 0xFFFF_FFFF),
            b"WAVEfmt ",
            struct.pack("<I", 16),
            form,
            b"data",
            struct.pack("<I", size),
            data,
        )
    )


def flipped(data: bytes, *, at: float = 0.5) -> bytes:
    """The same file with a few bits of three bytes turned around."""
    damaged = bytearray(data)
    for step in range(3):
        damaged[int(len(data) * at) + 7 * step] ^= 0x5A
    return bytes(damaged)


def cut(data: bytes, *, at: float = 0.66) -> bytes:
    """The first part of the file."""
    return data[: int(len(data) * at)]


def saved(folder: Path, data: bytes, name: str = "master") -> Path:
    """A file with these bytes."""
    path = folder / name
    path.write_bytes(data)
    return path


def facts_of(path: Path) -> MasterFacts:
    """What an inspection finds; no file is left of it."""
    with tempfile.TemporaryDirectory() as edges:
        return inspect_master(path, edges=Path(edges), on_progress=lambda _: None).facts


def inflating_tag(kind: str, size: int) -> bytes:
    """An ID3v2.4 tag with one compressed frame of `size` zero bytes (ID3v2.4 section 4.1.2)."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    packed = b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()
    # Compressed, with a data length indicator.
    content = _synchsafe(size & 0x0FFF_FFFF) + packed
    frame = kind.encode() + _synchsafe(len(content)) + b"\0\x09" + content
    return b"ID3\x04\0\0" + _synchsafe(len(frame)) + frame


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
