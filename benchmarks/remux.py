"""A process that packages encoded audio: `python -m benchmarks.remux IN OUT SCHEME KID KEY IV`.

Reads a clear fragmented MP4 with one track and writes it encrypted by Common Encryption, in
fragments of our own, with a `sidx`. It imports what is needed for that and nothing else.
"""

import gc

# A process of a tenth of a second makes no garbage that would be worth looking for.
gc.disable()

# ruff: noqa: E402 - the imports are a good part of what is not to be looked through.
import os
import sys
import uuid
from array import array
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from packager.boxes import HEADER_SIZE
from packager.common_encryption import CommonEncryption
from packager.content_key import ContentKey
from packager.encoded_track import EncodedTrack
from packager.fmp4 import plan_file, render_stream
from packager.fmp4_reader import FragmentReader, Run
from packager.renditions import Codec, Protection


class ClearFile:
    """An fMP4 file whose `mdat` boxes hold nothing but the samples of the `moof` before.

    Attributes:
        track: its facts.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._payloads: list[tuple[int, int]] = []
        self._left = 0
        self.track = self._read_track()
        self._rest = iter(self._payloads)

    def read(self, size: int) -> bytes:
        """The next bytes of the samples, which lie one after another."""
        parts = []
        while size:
            if not self._left:
                offset, self._left = next(self._rest)
                self._file.seek(offset)
            part = self._file.read(min(size, self._left))
            self._left -= len(part)
            size -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_track(self) -> EncodedTrack:
        boxes = self._boxes()
        init = b"".join(head + self._file.read(size) for head, size in islice(boxes, 2))
        reader = FragmentReader(init)
        sizes = array("I")
        run: Run | None = None
        for head, size in boxes:
            if head[4:] == b"moof":
                run = reader.run(self._file.read(size))
                sizes.extend(run.sizes)
            elif head[4:] == b"mdat":
                self._payloads.append((self._file.tell(), size))
        assert run is not None
        header = reader.header
        return EncodedTrack(
            codec=header.codec,
            config=header.config,
            sample_rate_hz=header.sample_rate_hz,
            channels=header.channels,
            bits=header.bits if header.codec is Codec.FLAC else 0,
            bitrate_bps=sum(sizes) * 8 * header.sample_rate_hz // header.samples,
            frame_samples=header.default_duration,
            last_frame_samples=run.durations[-1],
            priming=header.priming,
            samples=header.samples,
            packet_sizes=sizes,
        )

    def _boxes(self) -> Iterator[tuple[bytes, int]]:
        """Header and payload size of each box; the file stands at the payload."""
        end = 0
        while head := self._file.read(HEADER_SIZE):
            size = int.from_bytes(head[:4], "big")
            end += size
            yield head, size - HEADER_SIZE
            self._file.seek(end)


def main() -> None:
    source, output, scheme, kid, key, iv = sys.argv[1:]
    content_key = ContentKey(uuid.UUID(kid), bytes.fromhex(key))
    protection = CommonEncryption(content_key, bytes.fromhex(iv), Protection(scheme))
    # Not by `pathlib`, which would have to be imported.
    with open(source, "rb") as clear, open(output, "wb", buffering=0) as encrypted:  # noqa: PTH123
        file = ClearFile(clear)
        encrypted.writelines(render_stream(plan_file(file.track, protection), file.read))


if __name__ == "__main__":
    main()
    # All is written; to take the interpreter down in order would cost a tenth of the whole.
    os._exit(0)
