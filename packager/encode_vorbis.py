"""Vorbis in Ogg by libvorbis, through libsndfile.

FFmpeg's own `vorbis` encoder is an experiment that ignores the bit rate, and the `av` wheels carry
no libvorbis any more. libsndfile writes whole files: its output, with a random serial number, is
only a spool, from which `packager.ogg` makes the final file.
"""

from collections.abc import Iterable
from typing import BinaryIO, Final

import numpy as np
import soundfile

from packager.pcm import FloatBlock

# More at a time overflows libvorbis's stack.
_WRITE_FRAMES_MAX: Final = 1 << 16


def encode_vorbis(
    blocks: Iterable[FloatBlock],
    *,
    sample_rate_hz: int,
    channels: int,
    quality: int,
    file: BinaryIO,
) -> int:
    """Encode samples into an Ogg file.

    Args:
        blocks: floating point, full scale is 1.
        sample_rate_hz: of the samples.
        channels: 1 or 2.
        quality: as `oggenc -q` counts it, 0 to 10; 5 gives about 160 kbit/s of stereo.
        file: empty, with a descriptor, open for writing.

    Returns:
        How many samples were encoded, per channel.
    """
    samples = 0
    with soundfile.SoundFile(
        file.fileno(),
        "w",
        samplerate=sample_rate_hz,
        channels=channels,
        format="OGG",
        subtype="VORBIS",
        compression_level=1 - quality / 10,
        closefd=False,
    ) as ogg:
        for block in blocks:
            for start in range(0, len(block), _WRITE_FRAMES_MAX):
                part = block[start : start + _WRITE_FRAMES_MAX]
                ogg.write(np.ascontiguousarray(part))
                samples += len(part)
    return samples
