"""Inspection of a master: all of it is decoded once, and refused if anything is wrong with it."""

import hashlib
from pathlib import Path
from typing import BinaryIO, Final

from packager.decode import open_master
from packager.errors import NoSamplesError
from packager.jobs import MasterFacts, OnProgress
from packager.master_file import hash_file, open_regular_file
from packager.pcm import HiddenDepthError, quantizer_of
from packager.resample import lossy_rate_hz, resampled_length

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
