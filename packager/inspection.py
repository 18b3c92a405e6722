"""Inspection of a master: all of it is decoded once, and refused if anything is wrong with it."""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from typing_extensions import Buffer, override

from packager.decode import open_master
from packager.errors import MasterUnreadableError, NoSamplesError
from packager.jobs import MasterFacts, OnProgress
from packager.pcm import HiddenDepthError, quantizer_of
from packager.resample import lossy_rate_hz, resampled_length

_HASH_BYTES: Final = 1 << 20
_BUFFER_BYTES: Final = 1 << 18

# Of the whole inspection; hashing a file takes far less than decoding it.
_HASHING_SHARE: Final = 0.1


def inspect_master(path: Path, *, on_progress: OnProgress) -> MasterFacts:
    """Decode all of a master and describe it.

    Raises:
        MasterError: it cannot be taken.
    """
    with open_regular_file(path) as (file, size):
        sha256 = hash_file(
            file, lambda done: on_progress(_HASHING_SHARE * done / max(1, size))
        ).hex()
        try:
            return _facts_of(file, size, sha256, on_progress, has_hidden_depth=False)
        except HiddenDepthError:
            return _facts_of(file, size, sha256, on_progress, has_hidden_depth=True)


class _MasterFile(io.FileIO):
    """Tells failures of the master apart from those of what is written beside it."""

    @override
    def readinto(self, buffer: Buffer, /) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise MasterUnreadableError(f"reading it failed: {error.strerror}") from error


@contextmanager
def open_regular_file(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a master for reading; yields the file and its size.

    Raises:
        MasterUnreadableError: it cannot be opened or, later, read; or it is a folder, a pipe or a
            device.
    """
    try:
        # A pipe would block here for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise MasterUnreadableError(f"the file cannot be opened: {error}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise MasterUnreadableError("the path is not that of a regular file")
    with io.BufferedReader(_MasterFile(descriptor), _BUFFER_BYTES) as file:
        yield file, status.st_size


def hash_file(file: BinaryIO, on_bytes: OnProgress) -> bytes:
    """SHA-256 of a file's bytes; `on_bytes` is told how many are done."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_HASH_BYTES))
    file.seek(0)
    done = 0
    while count := file.readinto(buffer):  # type: ignore[attr-defined]
        digest.update(buffer[:count])
        done += count
        on_bytes(done)
    return digest.digest()


def _facts_of(
    file: BinaryIO, size: int, sha256: str, on_progress: OnProgress, *, has_hidden_depth: bool
) -> MasterFacts:
    pcm_sha256 = hashlib.sha256()
    with open_master(file, size, has_hidden_depth=has_hidden_depth) as master:
        form = master.format
        quantizer = quantizer_of(form.kind, seed=bytes.fromhex(sha256))
        for block in master.blocks():
            pcm_sha256.update(quantizer.quantize(block).data)
            share = min(1.0, file.tell() / size)
            on_progress(_HASHING_SHARE + (1 - _HASHING_SHARE) * share)
        samples = master.samples
    lossy_hz = lossy_rate_hz(form.sample_rate_hz)
    if resampled_length(samples, from_hz=form.sample_rate_hz, to_hz=lossy_hz) == 0:
        raise NoSamplesError(f"{samples} samples are less than one at {lossy_hz} Hz")
    return MasterFacts(
        codec=form.codec,
        container=form.container,
        sample_rate_hz=form.sample_rate_hz,
        channels=form.channels,
        bits=form.kind.bits,
        is_lossless_of_master=form.kind.is_kept,
        samples=samples,
        pcm_sha256=pcm_sha256.hexdigest(),
        sha256=sha256,
        bytes=size,
    )
