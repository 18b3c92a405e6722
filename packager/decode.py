"""Decoding of masters: whatever audio FFmpeg reads, streamed, and refused where it is torn.

FFmpeg sees a master only through a file object, may open no protocol by itself, and picks from a
list of formats that hold audio: a playlist, a `concat` script or a session description is a list
of other files and addresses to fetch, which is nothing that a master may ask for.

What is refused as torn: an error of a decoder or demuxer with checksums on, a packet marked as
corrupt, timestamps with a hole, what `packager.container_check` finds, fewer samples than FLAC's
STREAMINFO or a lossless container announces, an MD5 of FLAC that differs, fewer frames than the
Xing header of an MP3 announces, a sample that is no number or infinite in single precision.

Channels come in one of FLAC's layouts: `packager.channel_plan` says how.

What is not noticed, because nothing in the file tells: flipped bits in formats without checksums
(WAV, AIFF, ALAC, the payload of MP3 and AAC), and a missing end where no length was ever written
(ADTS, MP3 without a Xing header, WAV from a pipe, live Matroska).
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Final, cast

import av
import numpy as np
from av.container import InputContainer

from packager.channel_plan import ChannelPlan, plan_channels, same_places
from packager.container_check import ContainerCheck, check_container
from packager.errors import (
    ChannelCountError,
    ChannelLayoutError,
    EmptyMasterError,
    MasterError,
    MasterTooLongError,
    NoSamplesError,
    NotAudioError,
    SampleFormatError,
    SampleRateError,
    TornMasterError,
    UnsupportedMasterError,
)
from packager.file_part import FilePart
from packager.flac_frame import HEAD_BYTES_MAX, first_sample
from packager.pcm import LAYOUTS, Block, NotFiniteError, SampleKind, rechunk, refuse_not_finite
from packager.streaminfo import FlacMd5, StreamInfo, decode_streaminfo

CHANNELS_MAX: Final = 8
SAMPLE_RATE_HZ_MIN: Final = 8_000
SAMPLE_RATE_HZ_MAX: Final = 192_000
DURATION_S_MAX: Final = 12 * 3600

# Large enough that numpy's cost per call vanishes, small enough for 8 channels in float64.
BLOCK_FRAMES: Final = 1 << 14

_READ_BYTES: Final = 1 << 18

# FFmpeg's names of formats that hold audio and never refer to other files. Video containers are
# among them for their audio, and so that a film without sound can be told from what is no media.
_FORMATS: Final = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,loas,matroska,mlp,mov,"
    "mp3,mpc,mpc8,mpeg,mpegts,ogg,oma,rm,rso,shn,tak,truehd,tta,voc,w64,wav,wv,xwma"
)

# More than demuxers need for twelve hours of any sound format.
_TABLES_BYTES_MAX: Final = 128 << 20

_CONTAINER_OPTIONS: Final = {
    "format_whitelist": _FORMATS,
    "protocol_whitelist": "none",
    # No more than that: demuxers would also refuse what is odd in tags and pictures.
    "err_detect": "crccheck",
}
_DECODER_OPTIONS: Final = {"err_detect": "crccheck+bitstream+buffer+explode"}

_KINDS_BY_FORMAT: Final = {
    "u8": SampleKind.U8,
    "s16": SampleKind.S16,
    "s32": SampleKind.S24,
    "flt": SampleKind.FLOAT,
    "dbl": SampleKind.FLOAT,
}
_DTYPES_BY_FORMAT: Final = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}

# Channels that a file only counts, and other words for stereo: FLAC's own layout is as good.
_PLAIN_LAYOUTS: Final = re.compile(r"\d+ channels|downmix|binaural")

# A lost frame is 20 ms and more; codecs that start with a shorter one shift by a few.
_GAP_S_MAX: Final = Fraction(1, 100)

# Formats without a signature: FFmpeg takes them on a run of bytes that look like frame headers.
_GUESSED_FORMATS: Final = frozenset({"aac", "ac3", "dts", "eac3", "loas", "mp3", "mpeg", "mpegts"})

# Codecs whose containers announce the exact number of samples. The rest may pad or prime.
_EXACT_CODECS: Final = frozenset({"alac", "ape", "flac", "tak", "tta", "wavpack"})


@dataclass(frozen=True, slots=True)
class MasterFormat:
    """What a master is, known after its first frame.

    Attributes:
        codec: FFmpeg's name of it, such as `flac` or `pcm_s24le`.
        container: FFmpeg's short name of it, such as `wav`.
        channels: of the blocks, those that only pad the layout included.
        layout: of the channels, in FFmpeg's words; a usual one if the file names none.
        silent: positions of the channels that only pad the layout.
    """

    codec: str
    container: str
    sample_rate_hz: int
    channels: int
    layout: str
    silent: tuple[int, ...]
    kind: SampleKind


class MasterReader:
    """One pass over a master's samples. Made by `open_master`."""

    def __init__(
        self,
        container: InputContainer,
        check: ContainerCheck,
        *,
        has_hidden_depth: bool,
        is_inspected: bool,
    ) -> None:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise NotAudioError("the file has no audio in it")
        self._container = container
        self._stream = stream
        self._check = check
        self._has_hidden_depth = has_hidden_depth
        self._is_inspected = is_inspected
        self._samples = 0
        self._packets = 0
        self._decoded = 0
        self._base: int | None = None
        self._next_pts: int | Fraction | None = None
        self._ticks_per_sample: int | Fraction | None = None
        self._frames = self._decode()
        decoder = cast("av.AudioCodecContext | None", stream.codec_context)
        if decoder is None:
            raise UnsupportedMasterError("the file's codec is not known here")
        decoder.options = dict(_DECODER_OPTIONS)
        decoder.thread_count = 1  # With more, errors would arrive early, at no known sample.
        self._info = _streaminfo_of(decoder)
        has_md5 = self._info is not None and self._info.has_md5 and not is_inspected
        self._md5 = FlacMd5(self._info.bits) if self._info is not None and has_md5 else None
        self._first = self._first_frame()
        self.format = self._format_of(self._first)

    @property
    def samples(self) -> int:
        """How many have been read so far, per channel."""
        return self._samples

    def blocks(self) -> Iterator[Block]:
        """The samples as decoded, their channels in FLAC's places. To be called once.

        All blocks but the last have `BLOCK_FRAMES` frames.

        Raises:
            MasterError: the master turns out to be torn, too long, or to change its format.
        """
        return rechunk(self._arrays(), BLOCK_FRAMES)

    def _arrays(self) -> Iterator[Block]:
        frame: av.AudioFrame | None = self._first
        while frame is not None:
            block = self._array_of(frame)
            if self._md5 is not None:
                self._md5.update(block)
            self._samples += len(block)
            if self._samples > DURATION_S_MAX * self.format.sample_rate_hz:
                raise MasterTooLongError(f"the audio is longer than {DURATION_S_MAX // 3600} h")
            yield self._plan.place(block, silence=self.format.kind.silence)
            frame = next(self._frames, None)
        self._check_end()

    def _first_frame(self) -> av.AudioFrame:
        for frame in self._frames:
            if frame.samples > 0:
                return frame
        self._check_end()
        raise NoSamplesError

    def _decode(self) -> Iterator[av.AudioFrame]:
        try:
            for packet in self._container.demux(self._stream):
                # A file of no known length ends where it ends, and FFmpeg calls that incomplete.
                if packet.is_corrupt and not self._check.is_open_ended:
                    raise self._torn("a packet is incomplete")
                self._packets += packet.size > 0
                if not self._is_inspected:
                    self._check_order(packet)
                for frame in packet.decode():
                    if not self._is_inspected:
                        self._check_time(frame)
                    self._decoded += frame.samples
                    yield frame
        except av.FFmpegError as error:
            _raise_no_memory(error)
            raise self._decoding_error(error) from error

    def _decoding_error(self, error: av.FFmpegError) -> MasterError:
        is_guess = self._container.format.name in _GUESSED_FORMATS
        if self._samples == 0 and is_guess and not self._check.is_audio_container:
            return NotAudioError("what looked like audio could not be decoded")
        return self._torn(
            f"the {self._stream.codec_context.name} data are damaged ({error.strerror})"
        )

    def _check_order(self, packet: "av.Packet[av.AudioStream]") -> None:
        """Refuse a frame of FLAC that does not start where the one before ended."""
        info = self._info
        if info is None or not packet.size:
            return
        start = first_sample(bytes(memoryview(packet)[:HEAD_BYTES_MAX]), info)
        if start is None:
            return
        if self._base is None:
            # What was cut from a running stream has no length, and numbers that go on.
            self._base = 0 if info.samples else start
        if start != self._base + self._decoded:
            raise self._torn(f"the next frame starts at sample {start - self._base}")

    def _check_time(self, frame: av.AudioFrame) -> None:
        """Refuse a hole between the end of the last frame and the start of this one."""
        if not self._decoded:
            self._set_clock(frame)
        if frame.pts is None or self._ticks_per_sample is None:
            return
        if self._next_pts is not None and frame.pts > self._next_pts:
            self._check_hole(frame, frame.pts - self._next_pts)
        self._next_pts = frame.pts + frame.samples * self._ticks_per_sample

    def _check_hole(self, frame: av.AudioFrame, ticks: int | Fraction) -> None:
        assert frame.time_base is not None
        hole_s = ticks * frame.time_base
        if hole_s > _GAP_S_MAX + 2 * frame.time_base:
            raise self._torn(f"{round(hole_s * frame.sample_rate)} samples are missing")

    def _set_clock(self, frame: av.AudioFrame) -> None:
        """Settle in what steps the timestamps of frames count; usually each is a whole number."""
        is_ogg = self._container.format.name == "ogg"  # They jitter; its pages are checked.
        if frame.time_base and frame.sample_rate and not is_ogg:
            ticks = 1 / (frame.sample_rate * frame.time_base)
            self._ticks_per_sample = int(ticks) if ticks.denominator == 1 else ticks

    def _array_of(self, frame: av.AudioFrame) -> Block:
        channels = frame.layout.nb_channels
        if (frame.sample_rate, channels, frame.format.name) != self._signature:
            raise SampleFormatError(f"the audio changes its format at sample {self._samples}")
        dtype = _DTYPES_BY_FORMAT[frame.format.packed.name]
        if not frame.format.is_planar:
            count = frame.samples * channels
            packed: Block = np.frombuffer(frame.planes[0], dtype, count)  # type: ignore[call-overload]
            block = packed.reshape(-1, channels)
        else:
            # PyAV lists one plane too many for 8 of them.
            planes = frame.planes[:channels]
            block = np.stack([np.frombuffer(plane, dtype, frame.samples) for plane in planes], 1)  # type: ignore[call-overload]
        if self.format.kind is SampleKind.FLOAT:
            self._refuse_not_finite(block)
        return block

    def _refuse_not_finite(self, block: Block) -> None:
        try:
            refuse_not_finite(block)
        except NotFiniteError as error:
            self._samples += error.frame
            raise self._torn("a sample is infinite or no number") from error

    def _format_of(self, frame: av.AudioFrame) -> MasterFormat:
        decoder, channels = self._stream.codec_context, frame.layout.nb_channels
        if not 1 <= channels <= CHANNELS_MAX:
            raise ChannelCountError(channels)
        if not SAMPLE_RATE_HZ_MIN <= frame.sample_rate <= SAMPLE_RATE_HZ_MAX:
            raise SampleRateError(frame.sample_rate)
        kind = _KINDS_BY_FORMAT.get(frame.format.packed.name)
        if kind is None:
            raise SampleFormatError(f"samples of the form {frame.format.name} are not supported")
        if kind is SampleKind.S24 and (
            self._has_hidden_depth or _declared_bits(decoder, self._info) > 24
        ):
            kind = SampleKind.S32
        self._signature = (frame.sample_rate, channels, frame.format.name)
        self._plan = _plan_of(frame)
        return MasterFormat(
            codec=decoder.codec.name,
            container=self._container.format.name.partition(",")[0],
            sample_rate_hz=frame.sample_rate,
            channels=len(self._plan.sources),
            layout=self._plan.layout,
            silent=self._plan.silent,
            kind=kind,
        )

    def _check_end(self) -> None:
        """Compare what was read with what was announced."""
        tear = self._check.tear
        if tear is not None:
            raise self._torn(tear.detail)
        announced = self._announced_samples()
        if self._samples < announced:
            raise self._torn(f"{announced} samples are announced, {self._samples} are there")
        frames = self._check.mpeg_frames or 0
        if self._packets + 1 < frames:  # Some encoders count the header's own frame.
            raise self._torn(f"{frames} frames are announced, {self._packets} are there")
        if self._md5 is not None and self._info is not None:
            self._check_md5(self._md5.digest(), self._info)

    def _check_md5(self, digest: bytes, info: StreamInfo) -> None:
        if digest != info.md5:
            # Every frame has a good checksum, so it was written like this: none is to blame.
            raise TornMasterError("the MD5 of the samples is not the one in STREAMINFO", sample=0)

    def _announced_samples(self) -> int:
        if self._info is not None and self._info.samples:
            return self._info.samples
        stream = self._stream
        name = stream.codec_context.name
        if stream.duration is None or stream.time_base is None or name not in _EXACT_CODECS:
            return 0
        duration_s = (stream.duration - 2) * stream.time_base
        return int(duration_s * stream.codec_context.sample_rate)

    def _torn(self, detail: str) -> TornMasterError:
        return TornMasterError(detail, sample=self._samples)


@contextmanager
def open_master(
    file: BinaryIO, size: int, *, has_hidden_depth: bool = False, is_inspected: bool = False
) -> Iterator[MasterReader]:
    """Open `file` for one pass over its samples.

    Args:
        file: seekable; it stays the caller's.
        size: its bytes.
        has_hidden_depth: an earlier pass met `packager.pcm.HiddenDepthError`: samples of a codec
            that does not tell its depth were taken for 24 bits and have 32.
        is_inspected: an earlier pass over these very bytes found nothing wrong, so the MD5 in
            FLAC's STREAMINFO is not computed once more, nor are frames looked at for holes.

    Raises:
        MasterError: it is empty, no audio, torn, or of a kind that is not supported. Some of this
            shows only later, from `MasterReader.blocks`.
    """
    if size == 0:
        raise EmptyMasterError
    check = check_container(file, size)
    if check.tear is not None and check.tear.sample is not None:
        raise TornMasterError(check.tear.detail, sample=check.tear.sample)
    with _open_container(file, size, check) as container:
        yield MasterReader(
            container, check, has_hidden_depth=has_hidden_depth, is_inspected=is_inspected
        )


def _open_container(file: BinaryIO, size: int, check: ContainerCheck) -> InputContainer:
    try:
        return av.open(
            FilePart(file, size if check.audio_end is None else check.audio_end),
            "r",
            container_options=dict(_CONTAINER_OPTIONS),
            buffer_size=_READ_BYTES,
        )
    except (av.FFmpegError, ValueError) as error:
        _raise_no_memory(error)
        if check.is_audio_container:
            detail = check.tear.detail if check.tear else "the start of the file is damaged"
            raise TornMasterError(detail, sample=0) from error
        raise NotAudioError("no audio format that is read here fits the file's bytes") from error


def _raise_no_memory(error: Exception) -> None:
    """Let a lack of memory be that, not the master's fault; unless an absurd amount was asked."""
    if isinstance(error, av.FFmpegError) and error.errno == errno.ENOMEM and not _has_memory():
        raise MemoryError from error


def _has_memory() -> bool:
    try:
        bytearray(_TABLES_BYTES_MAX)
    except MemoryError:
        return False
    return True


def _plan_of(frame: av.AudioFrame) -> ChannelPlan:
    name, channels = frame.layout.name, frame.layout.nb_channels
    if channels == 1 or _PLAIN_LAYOUTS.fullmatch(name):  # A left channel alone is mono, too.
        return same_places(LAYOUTS[channels - 1])
    plan = plan_channels([channel.name for channel in frame.layout.channels])
    if plan is None:
        raise ChannelLayoutError(name)
    return plan


def _streaminfo_of(decoder: av.AudioCodecContext) -> StreamInfo | None:
    if decoder.name != "flac" or not decoder.extradata:
        return None
    return decode_streaminfo(bytes(decoder.extradata))


def _declared_bits(decoder: av.AudioCodecContext, info: StreamInfo | None) -> int:
    """Depth of a 32-bit integer codec's samples; 24 where the codec does not say."""
    if info is not None:
        return info.bits
    if decoder.name.startswith(("pcm_s32", "pcm_u32")):
        return 32
    cookie = bytes(decoder.extradata or b"")
    if decoder.name == "alac" and len(cookie) >= 36:
        return cookie[17]
    return 24
