"""What a file's container says about its own completeness, read without decoding.

Decoders pass over much of what is missing: a chunk that ends with the file, a lost Ogg page, an
MP3 that stops at a frame. Containers know better, each in its own way, and are asked here:

* RIFF, RF64, Wave64, AIFF and CAF: the audio chunk's size.
* ISO BMFF (MP4, M4A, MOV): the sizes of the top-level boxes, and that there is a `moov`.
* Matroska and WebM: the size of the segment.
* Ogg: see `packager.ogg_check`.
* MPEG audio with a Xing or Info header: the number of bytes and of frames.

FLAC needs nothing here: STREAMINFO has the length and an MD5, frames have checksums, and
`packager.decode` compares them all. What no one can tell is the end of a stream that was never
given a length: ADTS, MP3 without such a header, WAV written to a pipe, Matroska recorded live.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

from packager.errors import ChannelCountError
from packager.ogg_check import Tear, find_ogg_tear

# A file may hold any number of chunks; one with more than this before its audio is not music.
_CHUNKS_MAX: Final = 4096

# Sizes that programs write when they do not know the size, mostly to a pipe.
_UNKNOWN_RIFF_SIZES: Final = frozenset({0, 0x7FFF_F000, 0x7FFF_FFFF, 0xFFFF_FFFF})
# WAVE_FORMAT_PCM, _IEEE_FLOAT and _EXTENSIBLE.
_PCM_TAGS: Final = frozenset({0x0001, 0x0003, 0xFFFE})
_UNKNOWN_CAF_SIZE: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class ContainerCheck:
    """What was found.

    Attributes:
        is_audio_container: whether the first bytes are those of a container listed above.
        tear: the first thing that is wrong, or None.
        mpeg_frames: how many frames the Xing or Info header of an MP3 announces, or None.
    """

    is_audio_container: bool
    tear: Tear | None = None
    mpeg_frames: int | None = None


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
    """
    start = _id3_end(file)
    head = _read_at(file, start, 16)
    for is_match, find_tear in _CONTAINERS:
        if is_match(head):
            return ContainerCheck(is_audio_container=True, tear=find_tear(file, size))
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


def _riff_tear(file: BinaryIO, size: int) -> Tear | None:
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
                return None
            length = large_size if is_large and large_size is not None else chunk.size
            sample = (size - chunk.start) // frame_bytes if frame_bytes else None
            return _short_chunk(chunk.start + length, size, sample)
    return Tear("the file ends before its audio starts", sample=0)


def _pcm_frame_bytes(form: bytes) -> int:
    """Bytes per sample of all channels, from a `fmt ` chunk; 0 unless it is PCM or float."""
    if len(form) < 16:
        return 0
    tag, channels, frame_bytes = struct.unpack("<HH8xH2x", form)
    if channels == 0:
        raise ChannelCountError(0)
    return int(frame_bytes) if tag in _PCM_TAGS else 0


def _chunk_tear(form: _ChunkForm, fourcc: bytes) -> Callable[[BinaryIO, int], Tear | None]:
    def find_tear(file: BinaryIO, size: int) -> Tear | None:
        for chunk in _chunks(file, size, form):
            if chunk.fourcc == fourcc:
                is_unknown = form is _CAF and chunk.size == _UNKNOWN_CAF_SIZE
                return None if is_unknown else _short_chunk(chunk.start + chunk.size, size)
        return Tear("the file ends before its audio starts", sample=0)

    return find_tear


def _short_chunk(end: int, size: int, sample: int | None = None) -> Tear | None:
    if end <= size:
        return None
    return Tear(f"the audio should end at byte {end}, the file ends at {size}", sample)


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
    if length is None or _read_at(file, position + length, 4) != b"\x18\x53\x80\x67":
        return Tear("the file ends before its audio starts", sample=0)
    length, position = _ebml_size(file, position + length + 4)
    return None if length is None else _short_chunk(position + length, size)


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
    """Read the Xing or Info header that encoders hide in the first frame of an MP3."""
    head = _read_at(file, start, 64)
    if len(head) < 64 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return ContainerCheck(is_audio_container=start > 0)
    is_mpeg1 = head[1] & 0x18 == 0x18
    is_mono = head[3] & 0xC0 == 0xC0
    side_bytes = (17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17)
    tag = head[4 + side_bytes :]
    if tag[:4] not in (b"Xing", b"Info"):
        return ContainerCheck(is_audio_container=False)
    flags, *fields = struct.unpack_from(">III", tag, 4)
    numbers = iter(fields)
    frames = next(numbers) if flags & 1 else None
    end = start + next(numbers) if flags & 2 else 0
    return ContainerCheck(
        is_audio_container=True, tear=_short_chunk(end, size), mpeg_frames=frames or None
    )


_CONTAINERS: Final[
    tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], Tear | None]], ...]
] = (
    (lambda head: head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE", _riff_tear),
    (
        lambda head: head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"),
        _chunk_tear(_AIFF, b"SSND"),
    ),
    (lambda head: head[:4] == b"riff", _chunk_tear(_WAVE64, b"data")),
    (lambda head: head[:4] == b"caff", _chunk_tear(_CAF, b"data")),
    (lambda head: head[:4] == b"OggS", find_ogg_tear),
    (lambda head: head[4:8] == b"ftyp", _mp4_tear),
    (lambda head: head[:4] == b"\x1a\x45\xdf\xa3", _matroska_tear),
)
