"""Inspection of a master: all of it is decoded once, and refused if anything is wrong with it."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from packager.decode import MasterFormat, open_master
from packager.downmix import STEREO, DownMix
from packager.edges import EdgeKeeper
from packager.errors import MasterTooCostlyError, NoSamplesError
from packager.fingerprint import Fingerprinter
from packager.inspection_result import Inspection
from packager.job_limits import inspection_allowance_s
from packager.jobs import MasterFacts, OnProgress
from packager.loudness_meter import LoudnessMeter
from packager.master_file import hash_file, open_regular_file
from packager.pcm import FloatBlock, HiddenDepthError, quantizer_of, to_float
from packager.sample_rates import lossy_rate_hz, resampled_length

# Of the whole inspection; hashing a file takes far less than decoding it.
_HASHING_SHARE: Final = 0.1

CpuClock = Callable[[], float]


class _Allowance:
    """The processor's time that a master may take, by the bytes it has."""

    def __init__(self, size: int, clock: CpuClock) -> None:
        self._clock = clock
        self._end_s = clock() + inspection_allowance_s(size)

    def check(self, samples: int) -> None:
        if self._clock() > self._end_s:
            raise MasterTooCostlyError(f"the file is too small for more than {samples} samples")


class _Examination:
    """All that listens to a master's samples while they pass."""

    def __init__(self, form: MasterFormat) -> None:
        self._edges = EdgeKeeper(form.sample_rate_hz, form.channels)
        self._meter = LoudnessMeter(form.sample_rate_hz, form.layout)
        self._mix = DownMix(form.layout, form.silent)
        self._stereo_meter = (
            LoudnessMeter(form.sample_rate_hz, "stereo") if form.channels > STEREO else None
        )

        self._fingerprinter = Fingerprinter(form.sample_rate_hz)

    def add(self, block: FloatBlock) -> None:
        self._edges.add(block)
        self._fingerprinter.add(block)
        self._meter.add(block)
        if self._stereo_meter is not None:
            self._stereo_meter.add(self._mix.mix(block))

    def finish(self, facts: MasterFacts, folder: Path) -> Inspection:
        head, tail = self._edges.write(folder)
        stereo = self._stereo_meter
        return Inspection(
            facts=facts,
            loudness=self._meter.finish(),
            stereo_loudness=None if stereo is None else stereo.finish(),
            fingerprint=self._fingerprinter.finish(),
            head=head,
            tail=tail,
        )


def inspect_master(
    path: Path, *, edges: Path, on_progress: OnProgress, cpu_clock: CpuClock = time.process_time
) -> Inspection:
    """Decode all of a master and describe it.

    Args:
        path: the master's file.
        edges: a folder to write its head and its tail into, see `packager.edges`.
        on_progress: is told how far it is.
        cpu_clock: the processor's time in seconds that was spent so far; limits what a small file
            may cost.

    Raises:
        MasterError: it cannot be taken.
        ScratchError: the edges cannot be written.
    """
    with open_regular_file(path) as (file, size):
        allowance = _Allowance(size, cpu_clock)

        def watch(samples: int) -> None:
            allowance.check(samples)
            share = min(1.0, file.tell() / size)
            on_progress(_HASHING_SHARE + (1 - _HASHING_SHARE) * share)

        sha256 = hash_file(
            file, lambda done: on_progress(_HASHING_SHARE * done / max(1, size))
        ).hex()
        try:
            facts, examination = _examine(file, size, sha256, watch, has_hidden_depth=False)
        except HiddenDepthError:
            facts, examination = _examine(file, size, sha256, watch, has_hidden_depth=True)
    return examination.finish(facts, edges)


def _examine(
    file: BinaryIO, size: int, sha256: str, watch: Callable[[int], None], *, has_hidden_depth: bool
) -> tuple[MasterFacts, _Examination]:
    pcm_sha256 = hashlib.sha256()
    with open_master(file, size, has_hidden_depth=has_hidden_depth) as master:
        form = master.format
        examination = _Examination(form)
        quantizer = quantizer_of(form.kind, seed=bytes.fromhex(sha256), silent=form.silent)
        for block in master.blocks():
            pcm_sha256.update(quantizer.quantize(block).data)
            examination.add(to_float(block, form.kind))
            watch(master.samples)
        samples = master.samples
    lossy_hz = lossy_rate_hz(form.sample_rate_hz)
    if resampled_length(samples, from_hz=form.sample_rate_hz, to_hz=lossy_hz) == 0:
        raise NoSamplesError(f"{samples} samples are less than one at {lossy_hz} Hz")
    facts = MasterFacts(
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
    return facts, examination
