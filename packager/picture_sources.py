# mypy: disallow-untyped-calls=False
"""Pictures in a file of music: where they are and what they show, found before they are read.

In ID3, FLAC and MP4 a picture's size stands before it, so that one of 100 MB costs nothing. In
comments of Ogg and items of APE it comes with everything else, up to a limit.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO, Final

import mutagen
from mutagen.flac import Picture
from mutagen.id3 import ID3, PictureType
from mutagen.mp4._atom import Atoms

from packager.bounded_reads import BoundedReads
from packager.cover_facts import CoverRefusal
from packager.flac_blocks import PICTURE, FlacBlock, read_flac_blocks
from packager.id3_frames import Id3Frame, Id3Tag, read_id3_tag, read_small_tag
from packager.picture import PictureError

PICTURE_BYTES_MAX: Final = 20 << 20

PICTURES_MAX: Final = 500
"""In one file; later ones are not looked at."""

# 20 MiB are 27 MiB in base64; mutagen copies them a few times.
_TAG_BYTES_MAX: Final = 32 << 20

_KIND_PEEK_BYTES: Final = 200
_ATOM_HEADER_BYTES: Final = 8
_DATA_HEADER_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class PictureSource:
    """A picture that has not been read yet.

    Attributes:
        kind: what it shows, as ID3 and FLAC count; 3 is the front cover.
        size_bytes: of the picture, or of what holds it.
        read: reads the picture while the file is open; raises `PictureError`, or anything that
            mutagen raises.
    """

    kind: int
    size_bytes: int
    read: Callable[[], bytes]

    @property
    def rank(self) -> int:
        """Front covers first, then pictures that tell nothing, then others."""
        order = (PictureType.COVER_FRONT, PictureType.OTHER)
        return order.index(self.kind) if self.kind in order else len(order)


def find_pictures(file: BinaryIO) -> list[PictureSource]:
    """The pictures in the tags of a file, the likeliest cover first.

    Raises:
        Exception: of any kind that mutagen raises.
    """
    return sorted(islice(_pictures(file), PICTURES_MAX), key=lambda source: source.rank)


def _pictures(file: BinaryIO) -> Iterator[PictureSource]:
    tag = read_id3_tag(file)
    if tag is not None:
        yield from _of_frames(file, tag)
    elif _is_mp4(file):
        yield from _of_atoms(file)
    elif blocks := list(read_flac_blocks(file)):
        yield from (_of_block(file, block) for block in blocks if block.kind == PICTURE)
    else:
        yield from _of_tags(file)


def _of_frames(file: BinaryIO, tag: Id3Tag) -> Iterator[PictureSource]:
    for frame in tag.frames:
        if frame.frame_id in {"APIC", "PIC"}:
            read = _refuse_packed if frame.is_packed else partial(_read_frame, file, tag, frame)
            yield PictureSource(_kind_of_frame(file, frame), frame.bytes, read)


def _refuse_packed() -> bytes:
    raise PictureError(CoverRefusal.UNREADABLE)  # It might unpack to anything.


def _read_frame(file: BinaryIO, tag: Id3Tag, frame: Id3Frame) -> bytes:
    pictures = ID3(BytesIO(read_small_tag(file, tag, [frame]))).getall("APIC")
    if not pictures:
        raise PictureError(CoverRefusal.UNREADABLE)
    return bytes(pictures[0].data)


def _kind_of_frame(file: BinaryIO, frame: Id3Frame) -> int:
    """The picture type behind the encoding and the media type (ID3v2.4.0 frames, 4.14)."""
    file.seek(frame.offset + frame.header_bytes)
    start = file.read(min(frame.bytes, _KIND_PEEK_BYTES))
    kind = start[4:5] if frame.frame_id == "PIC" else start[1:].partition(b"\0")[2][:1]
    return kind[0] if kind else PictureType.OTHER


def _of_block(file: BinaryIO, block: FlacBlock) -> PictureSource:
    file.seek(block.offset)
    kind = int.from_bytes(file.read(4), "big")
    return PictureSource(kind, block.bytes, partial(_read_block, file, block))


def _read_block(file: BinaryIO, block: FlacBlock) -> bytes:
    file.seek(block.offset)
    return bytes(Picture(file.read(block.bytes)).data)


def _is_mp4(file: BinaryIO) -> bool:
    file.seek(4)
    return file.read(4) == b"ftyp"


def _of_atoms(file: BinaryIO) -> Iterator[PictureSource]:
    file.seek(0)
    try:
        values = Atoms(file).path(b"moov", b"udta", b"meta", b"ilst")[-1]
    except KeyError:
        return
    for atom in values.children:
        if atom.name == b"covr":
            yield from _of_covr(file, atom.offset + _ATOM_HEADER_BYTES, atom.offset + atom.length)


def _of_covr(file: BinaryIO, position: int, stop: int) -> Iterator[PictureSource]:
    """A `covr` atom holds a `data` atom for each picture; the first one is the front."""
    kind = PictureType.COVER_FRONT
    while position + _DATA_HEADER_BYTES <= stop:
        file.seek(position)
        header = file.read(_ATOM_HEADER_BYTES)
        size = int.from_bytes(header[:4], "big")
        if size < _DATA_HEADER_BYTES or position + size > stop:
            return
        if header[4:] == b"data":
            start, length = position + _DATA_HEADER_BYTES, size - _DATA_HEADER_BYTES
            yield PictureSource(kind, length, partial(_read_bytes, file, start, length))
            kind = PictureType.OTHER
        position += size


def _read_bytes(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _of_tags(file: BinaryIO) -> Iterator[PictureSource]:
    """Pictures in formats whose tags are read as a whole."""
    file.seek(0)
    bounded = BoundedReads(file, bytes_max=_TAG_BYTES_MAX)
    try:
        found = mutagen.File(bounded, easy=False)
    except mutagen.MutagenError:
        if bounded.is_exhausted:
            raise PictureError(CoverRefusal.TOO_LARGE) from None
        raise
    tags: Any = None if found is None else found.tags
    if isinstance(tags, ID3):
        for frame in tags.getall("APIC"):
            yield PictureSource(int(frame.type), len(frame.data), partial(bytes, frame.data))
        return
    values = {} if tags is None else {name.lower(): value for name, value in tags.items()}
    for text in values.get("metadata_block_picture", ()):
        picture = Picture(base64.b64decode(str(text)))
        yield PictureSource(picture.type, len(picture.data), partial(bytes, picture.data))
    if (item := values.get("cover art (front)")) is not None:
        # The name of the picture's file comes first.
        data = bytes(item.value).partition(b"\0")[2]
        yield PictureSource(PictureType.COVER_FRONT, len(data), partial(bytes, data))
