"""Masters for tests: short, made from seeds, in many formats; and the same files damaged."""

import io
import struct
import tempfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import mutagen.flac
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


PADDED: Final = (
    # 2.1, 3.1, 3.0 (back), 4.0, 4.1, 6.0, hexagonal, 6.1 (back), 7.0, and one without a name.
    (0xB, 3, "5.1", (0, 1, 3)),
    (0xF, 4, "5.1", (0, 1, 2, 3)),
    (0x103, 3, "6.1", (0, 1, 4)),
    (0x107, 4, "6.1", (0, 1, 2, 4)),
    (0x10F, 5, "6.1", (0, 1, 2, 3, 4)),
    (0x707, 6, "6.1", (0, 1, 2, 4, 5, 6)),
    (0x137, 6, "6.1", (0, 1, 2, 5, 6, 4)),
    (0x13F, 7, "6.1", (0, 1, 2, 3, 5, 6, 4)),
    (0x637, 7, "7.1", (0, 1, 2, 4, 5, 6, 7)),
    (0x9, 2, "5.1", (0, 3)),
)
"""Masters of layouts that FLAC lacks: speakers in the bits of WAV, channels, the layout that they
are padded to, and the place of each of their channels in it."""


def with_speakers(samples: npt.NDArray[Any], mask: int, *, rate: int = 44_100) -> bytes:
    """A WAV file that tells where its channels belong, with samples as they are."""
    bits, channels = 8 * samples.itemsize, samples.shape[1]
    width = samples.itemsize * channels
    form = struct.pack("<HHIIHH", 0xFFFE, channels, rate, rate * width, width, bits)
    form += struct.pack("<HHIH", 22, bits, mask, 3 if samples.dtype.kind == "f" else 1)
    form += bytes.fromhex("000000001000800000aa00389b71")
    data = np.ascontiguousarray(samples).tobytes()
    padding = bytes(len(data) % 2)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(data)) + data + padding
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def flac_with_speakers(samples: npt.NDArray[Any], mask: int) -> bytes:
    """A FLAC file that does so (RFC 9639 section 8.6.2)."""
    file = io.BytesIO()
    soundfile.write(file, samples, 44_100, format="FLAC", subtype="PCM_16")
    file.seek(0)
    tags = mutagen.flac.FLAC(file)  # type: ignore[no-untyped-call]
    tags["WAVEFORMATEXTENSIBLE_CHANNEL_MASK"] = f"0x{mask:04x}"
    file.seek(0)
    tags.save(file)
    return file.getvalue()


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
