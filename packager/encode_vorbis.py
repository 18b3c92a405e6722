"""Vorbis in Ogg by libvorbis, through libsndfile.

FFmpeg's own `vorbis` encoder is an experiment that ignores the bit rate, and the `av` wheels carry
no libvorbis any more. libsndfile writes whole files: its output, with a random serial number, is
only a spool, from which `packager.ogg` makes the final file.
"""

from typing import BinaryIO, Final

import numpy as np
import soundfile

from packager.lossy_feed import LossyFeed

# More at a time overflows libvorbis's stack.
_WRITE_FRAMES_MAX: Final = 1 << 16


def encode_vorbis(feed: LossyFeed, *, quality: int, file: BinaryIO) -> None:
    """Encode samples, at least one, into an Ogg file.

    Args:
        feed: what to encode, without context.
        quality: as `oggenc -q` counts it, 0 to 10; 5 gives about 160 kbit/s of stereo.
        file: empty, with a descriptor, open for writing.
    """
    with soundfile.SoundFile(
        file.fileno(),
        "w",
        samplerate=feed.sample_rate_hz,
        channels=feed.channels,
        format="OGG",
        subtype="VORBIS",
        compression_level=1 - quality / 10,
        closefd=False,
    ) as ogg:
        for block in feed.blocks():
            for start in range(0, len(block), _WRITE_FRAMES_MAX):
                ogg.write(np.ascontiguousarray(block[start : start + _WRITE_FRAMES_MAX]))
