"""Frames of an ID3v2 tag, found without reading them: a picture may be larger than memory is.

Sections are those of the ID3v2.4.0 structure, unless another version is named.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from packager.iff_chunks import read_chunks

FRAMES_MAX: Final = 2_000

HEADER_BYTES: Final = 10
_UNSYNCHRONISED: Final = 0x80
_EXTENDED: Final = 0x40
_FRAME_HEADER_BYTES: Final = {2: 6, 3: 10, 4: 10}
_FRAME_ID_CHARACTERS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")

# Compression and encryption in the second byte of a frame's flags (section 4.1.2, and 3.3.1 of
# version 2.3).
_PACKED: Final = {2: 0, 3: 0xC0, 4: 0x0C}


@dataclass(frozen=True, slots=True)
class Id3Frame:
    """A frame of a tag.

    Attributes:
        frame_id: such as `TIT2`; three characters in version 2.2.
        offset: of its header in the file.
        header_bytes: of its header.
        bytes: of what follows its header.
        is_packed: whether it is compressed or encrypted.
    """

    frame_id: str
    offset: int
    header_bytes: int
    bytes: int
    is_packed: bool

    @property
    def stop(self) -> int:
        """Where the next frame begins."""
        return self.offset + self.header_bytes + self.bytes


@dataclass(frozen=True, slots=True)
class Id3Tag:
    """A tag whose frames can be found.

    Attributes:
        version: 2, 3 or 4.
        is_unsynchronised: whether zeros were put after 0xFF; in version 4 alone.
        frames: those that fit into the tag, in their order.
    """

    version: int
    is_unsynchronised: bool
    frames: tuple[Id3Frame, ...]


def read_id3_tag(file: BinaryIO) -> Id3Tag | None:
    """The frames of the ID3v2 tag at the start of a file, or in its chunk in WAV and AIFF.

    Returns:
        None if there is none, or if its sizes do not tell where its frames are: in versions 2.2
        and 2.3 unsynchronisation adds bytes that they do not count.
    """
    start = _find(file)
    if start is None:
        return None
    file.seek(start)
    header = file.read(HEADER_BYTES).ljust(HEADER_BYTES, b"\xff")
    version, flags, size = header[3], header[5], _syncsafe(header[6:])
    if version not in _FRAME_HEADER_BYTES or size is None:
        return None
    if flags & _UNSYNCHRONISED and version != 4:
        return None
    stop = start + HEADER_BYTES + size
    first = start + HEADER_BYTES
    if flags & _EXTENDED:
        extended = file.read(4)
        first += (_syncsafe(extended) or 0) if version == 4 else 4 + int.from_bytes(extended, "big")
    frames = tuple(_frames(file, version, first, stop))
    return Id3Tag(version, bool(flags & _UNSYNCHRONISED), frames)


def read_small_tag(file: BinaryIO, tag: Id3Tag, frames: Iterable[Id3Frame]) -> bytes:
    """A tag of its own that holds these frames of `tag` and no other."""
    parts: list[bytes] = []
    for frame in frames:
        file.seek(frame.offset)
        parts.append(file.read(frame.header_bytes + frame.bytes))
    content = b"".join(parts)
    size = bytes(len(content) >> shift & 0x7F for shift in (21, 14, 7, 0))
    flags = _UNSYNCHRONISED if tag.is_unsynchronised else 0
    return b"ID3" + bytes((tag.version, 0, flags)) + size + content


def _find(file: BinaryIO) -> int | None:
    file.seek(0)
    if file.read(3) == b"ID3":
        return 0
    for chunk in read_chunks(file):
        if chunk.fourcc in {b"ID3 ", b"id3 "}:
            file.seek(chunk.offset)
            return chunk.offset if file.read(3) == b"ID3" else None
    return None


def _frames(file: BinaryIO, version: int, first: int, stop: int) -> Iterator[Id3Frame]:
    position = first
    for _ in range(FRAMES_MAX):
        frame = _read_frame(file, version, position, stop)
        if frame is None:
            return
        yield frame
        position = frame.stop


def _read_frame(file: BinaryIO, version: int, offset: int, stop: int) -> Id3Frame | None:
    header_bytes = _FRAME_HEADER_BYTES[version]
    file.seek(offset)
    header = file.read(header_bytes)
    characters = 3 if version == 2 else 4
    if len(header) < header_bytes or not _FRAME_ID_CHARACTERS.issuperset(header[:characters]):
        return None  # Padding, or the end.
    size_bytes = header[characters : 2 * characters]
    sizes = [int.from_bytes(size_bytes, "big")]
    if version == 4:
        # Sizes are syncsafe (section 6.2), but iTunes once wrote plain ones.
        sizes.insert(0, sizes[0] if (safe := _syncsafe(size_bytes)) is None else safe)
    for size in sizes:
        if _is_frame_end(file, offset + header_bytes + size, stop):
            return Id3Frame(
                frame_id=header[:characters].decode("ascii"),
                offset=offset,
                header_bytes=header_bytes,
                bytes=size,
                is_packed=bool(header[-1] & _PACKED[version]),
            )
    return None


def _is_frame_end(file: BinaryIO, position: int, stop: int) -> bool:
    """Whether a frame may end here: another one, padding, or the end of the tag follows."""
    if position >= stop:
        return position == stop
    file.seek(position)
    after = file.read(3)
    return not any(after) or _FRAME_ID_CHARACTERS.issuperset(after)


def _syncsafe(data: bytes) -> int | None:
    """A number of seven bits a byte, or None if it is none."""
    if len(data) != 4 or max(data) > 0x7F:
        return None
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]
