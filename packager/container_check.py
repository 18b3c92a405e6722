"""What a file's container says about its own completeness, read without decoding.

Decoders pass over much of what is missing: a chunk that ends with the file, a lost Ogg page, an
MP3 that stops at a frame. Containers know better, each in its own way, and are asked here:

* RIFF, RF64, Wave64, AIFF, CAF and AU: the audio chunk's size; for RIFF and RF64, that what
  follows it is no audio either, and that the header does not contradict itself.
* ISO BMFF (MP4, M4A, MOV): the sizes of the top-level boxes, and that there is a `moov`.
* Matroska and WebM: the size of the segment.
* Ogg: see `packager.ogg_check`.
* MP3: see `packager.mpeg_check`; with a Xing or Info header, the number of bytes and of frames.

FLAC needs nothing here: STREAMINFO has the length and an MD5, frames have checksums, and
`packager.decode` compares them all. What no one can tell is the end of a stream that was never
given a length: ADTS, MP3 without such a header, WAV written to a pipe, Matroska recorded live.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

from packager.errors import ChannelCountError, SampleFormatError
from packager.mpeg_check import is_frame_header, walk_frames
from packager.ogg_check import find_ogg_tear
from packager.tear import Tear, find_short_end

# A file may hold any number of chunks; one with more than this before its audio is not music.
_CHUNKS_MAX: Final = 4096

# Sizes that programs write when they do not know the size, mostly to a pipe.
_UNKNOWN_RIFF_SIZES: Final = frozenset({0, 0x7FFF_F000, 0x7FFF_FFFF, 0xFFFF_FFFF})
# WAVE_FORMAT_PCM, _IEEE_FLOAT and _EXTENSIBLE.
_PCM_TAGS: Final = frozenset({0x0001, 0x0003, 0xFFFE})
_UNKNOWN_CAF_SIZE: Final = (1 << 64) - 1
_UNKNOWN_AU_SIZE: Final = (1 << 32) - 1

# Tags that are put behind a RIFF file without being a part of it.
_FOREIGN_TAGS: Final = (b"ID3", b"TAG")

# Some writers fill a sector or a block with zeros.
_PADDING_BYTES_MAX: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class ContainerCheck:
    """What was found.

    Attributes:
        is_audio_container: whether the first bytes are those of a container listed above.
        tear: the first thing that is wrong, or None.
        mpeg_frames: how many frames the Xing or Info header of an MP3 announces, or None.
        audio_end: where the audio ends, if there is more behind it that decoders would stumble
            over; else None.
        is_open_ended: whether the length was not known when it was written: the file's end is
            the audio's.
    """

    is_audio_container: bool
    tear: Tear | None = None
    mpeg_frames: int | None = None
    audio_end: int | None = None
    is_open_ended: bool = False


@dataclass(frozen=True, slots=True)
class _ChunkForm:
    """How a family of formats writes its chunks."""

    start: int
    id_bytes: int
    size_bytes: int
    order: Literal["little", "big"]
    alignment: int
    has_header_in_size: bool = False

    @property
    def header_bytes(self) -> int:
        return self.id_bytes + self.size_bytes


@dataclass(frozen=True, slots=True)
class _Chunk:
    fourcc: bytes
    start: int
    size: int


_RIFF: Final = _ChunkForm(start=12, id_bytes=4, size_bytes=4, order="little", alignment=2)
_AIFF: Final = _ChunkForm(start=12, id_bytes=4, size_bytes=4, order="big", alignment=2)
_WAVE64: Final = _ChunkForm(
    start=40, id_bytes=16, size_bytes=8, order="little", alignment=8, has_header_in_size=True
)
_CAF: Final = _ChunkForm(start=8, id_bytes=4, size_bytes=8, order="big", alignment=1)


def check_container(file: BinaryIO, size: int) -> ContainerCheck:
    """Ask the container of `file`, which is `size` bytes long, whether anything is missing.

    Raises:
        ChannelCountError: a WAV file announces no channel at all, which decoders do not tell from
            a file without audio.
        SampleFormatError: the header of a WAV file contradicts itself.
    """
    start = _id3_end(file)
    head = _read_at(file, start, 16)
    for is_match, check in _CONTAINERS:
        if is_match(head):
            return check(file, size)
    if head[:4] == b"fLaC":
        return ContainerCheck(is_audio_container=True)
    return _check_mpeg(file, start, size)


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _id3_end(file: BinaryIO) -> int:
    """Where the audio starts: after an ID3v2 tag (its section 3.1), if there is one."""
    head = _read_at(file, 0, 10)
    if len(head) < 10 or head[:3] != b"ID3":
        return 0
    size = 0
    for octet in head[6:10]:
        size = size << 7 | octet & 0x7F
    has_footer = bool(head[5] & 0x10)
    return 10 + size + (10 if has_footer else 0)


def _chunks(file: BinaryIO, size: int, form: _ChunkForm) -> Iterator[_Chunk]:
    position = form.start
    for _ in range(_CHUNKS_MAX):
        # Before the read: the sum of sizes may be more than a file can be seeked to.
        if position + form.header_bytes > size:
            return
        header = _read_at(file, position, form.header_bytes)
        length = int.from_bytes(header[form.id_bytes :], form.order)
        if form.has_header_in_size:
            length = max(0, length - form.header_bytes)
        position += form.header_bytes
        yield _Chunk(header[:4], position, length)
        position += length + -length % form.alignment


def _check_riff(file: BinaryIO, size: int) -> ContainerCheck:
    large_size: int | None = None
    frame_bytes = 0
    for chunk in _chunks(file, size, _RIFF):
        if chunk.fourcc == b"ds64":
            large_size = int.from_bytes(_read_at(file, chunk.start + 8, 8), "little")
        elif chunk.fourcc == b"fmt ":
            frame_bytes = _pcm_frame_bytes(_read_at(file, chunk.start, 16))
        elif chunk.fourcc == b"data":
            is_large = chunk.size == 0xFFFF_FFFF and large_size is not None
            if not is_large and chunk.size in _UNKNOWN_RIFF_SIZES:
                return ContainerCheck(is_audio_container=True, is_open_ended=True)
            length = large_size if is_large and large_size is not None else chunk.size
            return _check_riff_end(file, size, _Chunk(b"data", chunk.start, length), frame_bytes)
    return _checked(Tear("the file ends before its audio starts", sample=0))


def _check_riff_end(file: BinaryIO, size: int, data: _Chunk, frame_bytes: int) -> ContainerCheck:
    end = data.start + data.size
    if end > size:
        sample = (size - data.start) // frame_bytes if frame_bytes else None
        return _checked(find_short_end(end, size, sample))
    if _is_riff_tail(_read_at(file, end, 9), size - end, is_odd=bool(data.size % 2)):
        return _checked(None)
    sample = data.size // frame_bytes if frame_bytes else None
    return _checked(Tear(f"the audio goes on behind its announced end at byte {end}", sample))


def _is_riff_tail(head: bytes, count: int, *, is_odd: bool) -> bool:
    """Whether what follows the audio is another chunk, a foreign tag or padding.

    Args:
        head: its first bytes.
        count: how many there are in all.
        is_odd: whether there should be a byte of padding, which some writers leave out.
    """
    if count < 8:
        return True
    if not any(head):
        return count <= _PADDING_BYTES_MAX
    return _is_tail_name(head) or (is_odd and _is_tail_name(head[1:]))


def _is_tail_name(head: bytes) -> bool:
    name = head[:4]
    is_fourcc = name.isascii() and name.decode().isprintable() and name != b"data"
    return is_fourcc or head.startswith(_FOREIGN_TAGS)


def _pcm_frame_bytes(form: bytes) -> int:
    """Bytes per sample of all channels, from a `fmt ` chunk; 0 unless it is PCM or float."""
    if len(form) < 16:
        return 0
    tag, channels, frame_bytes, bits = struct.unpack("<HH8xHH", form)
    if channels == 0:
        raise ChannelCountError(0)
    if tag not in _PCM_TAGS:
        return 0
    if frame_bytes != channels * -(-bits // 8) or bits == 0:
        # Decoders go by one or the other, and make noise of the audio if it is the wrong one.
        raise SampleFormatError(
            f"the header says {channels} channels of {bits} bits, and {frame_bytes} bytes for all"
        )
    return int(frame_bytes)


def _checked(tear: Tear | None) -> ContainerCheck:
    return ContainerCheck(is_audio_container=True, tear=tear)


def _by_chunk(form: _ChunkForm, fourcc: bytes) -> Callable[[BinaryIO, int], ContainerCheck]:
    def check(file: BinaryIO, size: int) -> ContainerCheck:
        for chunk in _chunks(file, size, form):
            if chunk.fourcc == fourcc:
                if form is _CAF and chunk.size == _UNKNOWN_CAF_SIZE:
                    return ContainerCheck(is_audio_container=True, is_open_ended=True)
                return _checked(find_short_end(chunk.start + chunk.size, size))
        return _checked(Tear("the file ends before its audio starts", sample=0))

    return check


def _by_tear(
    find_tear: Callable[[BinaryIO, int], Tear | None],
) -> Callable[[BinaryIO, int], ContainerCheck]:
    return lambda file, size: _checked(find_tear(file, size))


def _check_au(file: BinaryIO, size: int) -> ContainerCheck:
    start, length = struct.unpack(">II", _read_at(file, 4, 8).ljust(8, b"\0"))
    if length == _UNKNOWN_AU_SIZE:
        return ContainerCheck(is_audio_container=True, is_open_ended=True)
    return _checked(find_short_end(start + length, size))


def _mp4_tear(file: BinaryIO, size: int) -> Tear | None:
    position = 0
    has_movie = False
    for _ in range(_CHUNKS_MAX * 64):  # A fragmented file has two boxes for every few seconds.
        if position >= size:
            break
        header = _read_at(file, position, 16)
        length = int.from_bytes(header[:4], "big")
        has_movie |= header[4:8] == b"moov"
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8 or position + length > size:
            return Tear(f"a box at byte {position} goes beyond the file's end, {size}")
        position += length
    return None if has_movie else Tear("the file has no `moov` box", sample=0)


def _matroska_tear(file: BinaryIO, size: int) -> Tear | None:
    # An EBML header, then the segment (RFC 8794 section 11.2, RFC 9559 section 5.1).
    position = 4
    length, position = _ebml_size(file, position)
    # Compared with the end first: not every number is a position that a file can have.
    start = size if length is None else position + length
    if start >= size or _read_at(file, start, 4) != b"\x18\x53\x80\x67":
        return Tear("the file ends before its audio starts", sample=0)
    length, position = _ebml_size(file, start + 4)
    return None if length is None else find_short_end(position + length, size)


def _ebml_size(file: BinaryIO, position: int) -> tuple[int | None, int]:
    """An element's data size (RFC 8794 section 6), None if unknown, and where its data start."""
    head = _read_at(file, position, 8)
    if not head or not head[0]:
        return None, position + 1
    octets = 9 - head[0].bit_length()
    value = int.from_bytes(head[:octets], "big") & (1 << 7 * octets) - 1
    is_unknown = value == (1 << 7 * octets) - 1
    return None if is_unknown else value, position + octets


def _check_mpeg(file: BinaryIO, start: int, size: int) -> ContainerCheck:
    """Walk an MP3, and read the Xing or Info header that encoders hide in its first frame."""
    head = _read_at(file, start, 64)
    if len(head) < 64 or not is_frame_header(head):
        return ContainerCheck(is_audio_container=start > 0)
    walk = walk_frames(file, start, size)
    announced, announced_end = _read_xing(head, start)
    tear = find_short_end(announced_end, size) or walk.tear
    if walk.tear is not None and announced is not None and walk.count > announced:
        tear = None  # All that was announced is there: what follows is another file.
    return ContainerCheck(
        is_audio_container=announced is not None,
        tear=tear,
        mpeg_frames=announced or None,
        audio_end=walk.end if walk.end < size and tear is None and walk.tear is None else None,
    )


def _read_xing(head: bytes, start: int) -> tuple[int | None, int]:
    """How many frames are announced, 0 if that is left out and None without a header; their end."""
    is_mpeg1 = head[1] & 0x18 == 0x18
    is_mono = head[3] & 0xC0 == 0xC0
    side_bytes = (17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17)
    tag = head[4 + side_bytes :]
    if tag[:4] not in (b"Xing", b"Info"):
        return None, 0
    flags, *fields = struct.unpack_from(">III", tag, 4)
    numbers = iter(fields)
    frames = next(numbers) if flags & 1 else 0
    return frames, start + next(numbers) if flags & 2 else 0


_CONTAINERS: Final[
    tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], ContainerCheck]], ...]
] = (
    (lambda head: head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE", _check_riff),
    (
        lambda head: head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"),
        _by_chunk(_AIFF, b"SSND"),
    ),
    (lambda head: head[:4] == b"riff", _by_chunk(_WAVE64, b"data")),
    (lambda head: head[:4] == b"caff", _by_chunk(_CAF, b"data")),
    (lambda head: head[:4] == b".snd", _check_au),
    (lambda head: head[:4] == b"OggS", _by_tear(find_ogg_tear)),
    (lambda head: head[4:8] == b"ftyp", _by_tear(_mp4_tear)),
    (lambda head: head[:4] == b"\x1a\x45\xdf\xa3", _by_tear(_matroska_tear)),
)
