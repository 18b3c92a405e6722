"""Errors of packaging, by whose fault they are.

* PackagerError
    * MasterError: the master cannot be taken; another try with the same bytes ends the same
        * MasterUnreadableError: no such file, or no right to read it
        * EmptyMasterError: a file without a byte
        * NotAudioError: no audio in a format that is read
        * TornMasterError: audio that breaks off or is damaged
        * MasterChangedError: other bytes than those that were inspected
        * UnsupportedMasterError: sound, but outside of what is packaged
            * ChannelCountError
            * SampleRateError
            * MasterTooLongError
            * MasterTooCostlyError
            * NoSamplesError
            * SampleFormatError
    * WorkerError: this machine failed; the same job may succeed later
        * WorkerDiedError
        * WorkerTimeoutError: its job took too long, and it was killed
        * WorkerStartError
        * PoolBusyError
        * ScratchError: no room, or no right, to write

A worker process hands its errors to its parent by `reason` and attributes (`encode_error`), and
they come out as the same classes (`decode_error`). A programming mistake is an AssertionError.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar


class PackagerError(Exception):
    """Base of all errors that packaging raises on purpose.

    Attributes:
        status: HTTP status for a caller if nothing better is known.
        retryable: whether the same call may succeed later.
        reason: stable label for metrics and problem documents.
        title: what went wrong, in a few words.
        advice: what whoever can act on it should do.
        fact_names: the attributes that make an equal error again when passed to the constructor.
    """

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    reason: ClassVar[str] = "packager"
    title: ClassVar[str] = "Packaging failed"
    advice: ClassVar[str] = "Report this as a defect, with the log of the packaging worker."
    fact_names: ClassVar[tuple[str, ...]] = ("detail",)

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail


class MasterError(PackagerError):
    """The master cannot be taken."""

    status = 422
    reason = "master"
    title = "The master cannot be packaged"
    advice = "Provide another file of this recording."


class MasterUnreadableError(MasterError):
    """The file is not there, is no regular file, or may not be read."""

    reason = "master_unreadable"
    title = "The master cannot be read"
    advice = "Check that the path names a file, and its permissions."


class EmptyMasterError(MasterError):
    """The file has no bytes at all."""

    reason = "empty_master"
    title = "The file is empty"
    advice = "The copy has probably failed: copy the file again."


class NotAudioError(MasterError):
    """The file is no audio in a format that is read here."""

    reason = "not_audio"
    title = "The file is not audio"
    advice = "Provide an audio file, such as FLAC, WAV, AIFF, ALAC, AAC, MP3, Vorbis or Opus."


class TornMasterError(MasterError):
    """The audio breaks off, has a hole, or is damaged.

    Attributes:
        sample: the first sample that is missing or damaged, as far as it can be told; samples are
            counted from 0 at the master's rate.
    """

    reason = "torn_master"
    title = "The master is torn"
    advice = "Copy or rip it again: audio from this sample on is missing or damaged."
    fact_names: ClassVar[tuple[str, ...]] = ("detail", "sample")

    def __init__(self, detail: str, *, sample: int) -> None:
        super().__init__(f"{detail}; it breaks at sample {sample}")
        self.detail = detail
        self.sample = sample


class MasterChangedError(MasterError):
    """The master's bytes are not the ones that were inspected."""

    status = 409
    reason = "master_changed"
    title = "The master has changed since it was inspected"
    advice = "Restore the original file, or ingest the new one as a track of its own."


class UnsupportedMasterError(MasterError):
    """The audio is sound, but outside of what is packaged."""

    reason = "unsupported_master"
    title = "This kind of master is not supported"
    advice = "Convert it to FLAC with 1 to 8 channels at 8000 to 192000 Hz."


class ChannelCountError(UnsupportedMasterError):
    """No channel, or more of them than FLAC can carry."""

    reason = "channel_count"
    title = "The number of channels is not supported"
    advice = "Provide a mix of 1 to 8 channels."
    fact_names: ClassVar[tuple[str, ...]] = ("channels",)

    def __init__(self, channels: int) -> None:
        super().__init__(f"the audio has {channels} channels, which is not 1 to 8")
        self.channels = channels


class ChannelLayoutError(UnsupportedMasterError):
    """Channels that no layout of FLAC has all places for: players would take some for others."""

    reason = "channel_layout"
    title = "The channel layout is not supported"
    advice = (
        "Mix the master to stereo, 5.1, 6.1 or 7.1: FLAC has no place for channels left and right "
        "of the center (7.1 wide), above the listener, or both beside and behind a back center."
    )
    fact_names: ClassVar[tuple[str, ...]] = ("layout",)

    def __init__(self, layout: str) -> None:
        super().__init__(f"FLAC has no places for the channels of {layout[:40]}")
        self.layout = layout[:40]


class SampleRateError(UnsupportedMasterError):
    """A sample rate outside of the range that is packaged."""

    reason = "sample_rate"
    title = "The sample rate is not supported"
    advice = "Convert the master to a rate of 8000 to 192000 Hz."
    fact_names: ClassVar[tuple[str, ...]] = ("sample_rate_hz",)

    def __init__(self, sample_rate_hz: int) -> None:
        super().__init__(f"the audio runs at {sample_rate_hz} Hz, which is not 8000 to 192000 Hz")
        self.sample_rate_hz = sample_rate_hz


class MasterTooLongError(UnsupportedMasterError):
    """More hours than one track may have."""

    reason = "too_long"
    title = "The master is too long"
    advice = "Cut it into tracks of at most 12 hours."


class MasterTooCostlyError(UnsupportedMasterError):
    """Decoding takes far more time than the size of the file warrants."""

    reason = "too_costly"
    title = "The master takes too long to decode"
    advice = "It holds more audio than so few bytes should: cut it into shorter tracks."


class NoSamplesError(UnsupportedMasterError):
    """A sound file with nothing to hear in it."""

    reason = "no_samples"
    title = "The master has no samples"
    advice = "The recording or its export was empty: export it again."


class SampleFormatError(UnsupportedMasterError):
    """Samples that cannot be represented, or that change their format midway."""

    reason = "sample_format"
    title = "The sample format is not supported"


class WorkerError(PackagerError):
    """This machine could not do the job."""

    status = 503
    retryable = True
    reason = "worker"
    title = "The packaging worker failed"
    advice = "Try again; if it persists, look at the log of the packaging worker."


class WorkerDiedError(WorkerError):
    """The worker process ended in the middle of its job."""

    reason = "worker_died"
    title = "The packaging worker died"
    advice = "Try again; if it persists, give packaging workers more memory."


class WorkerTimeoutError(WorkerError):
    """A job took longer than it may, and its worker was killed."""

    reason = "worker_timeout"
    title = "A packaging job took too long"
    advice = "Try again; if it persists, look at what is special about this master."


class WorkerStartError(WorkerError):
    """A worker process could not be started, or is not what was asked for."""

    retryable = False
    reason = "worker_start"
    title = "The packaging worker does not start"
    advice = "Check the installation, the memory limit and the CPU class of packaging workers."


class PoolBusyError(WorkerError):
    """All workers are busy, and so many jobs wait already that no more are taken."""

    reason = "pool_busy"
    title = "Too many packaging jobs"
    advice = "Try again later, or allow more packaging workers."


class ScratchError(WorkerError):
    """The work file or the output cannot be written."""

    status = 507
    reason = "scratch"
    title = "The packaging work folder cannot be written"
    advice = "Free some space in the data folder, and check that it is writable."


def encode_error(error: PackagerError) -> dict[str, object]:
    """`error` as JSON values: its reason and its facts."""
    facts = {name: getattr(error, name) for name in error.fact_names}
    return {"reason": error.reason, "facts": facts}


def decode_error(value: Mapping[str, object]) -> PackagerError:
    """Undo `encode_error`. What it does not know comes out as a plain `PackagerError`."""
    facts = value.get("facts")
    kind = _CLASSES_BY_REASON.get(str(value.get("reason")))
    if kind is None or not isinstance(facts, dict) or set(facts) != set(kind.fact_names):
        return PackagerError(f"a packaging worker reported {value.get('reason')!r}")
    return kind(**facts)


def _family(kind: type[PackagerError]) -> Iterator[type[PackagerError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


_CLASSES_BY_REASON: Mapping[str, type[PackagerError]] = {
    kind.reason: kind for kind in _family(PackagerError)
}
