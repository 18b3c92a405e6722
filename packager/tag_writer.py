# mypy: disallow-untyped-calls=False
"""Tags, cover and gain in the form of each file that is downloaded, by mutagen.

ReplayGain 2.0 says how gains are named in all of them but Opus, which has its own (RFC 7845 section
5.2.1).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from mutagen._vorbis import VCommentDict
from mutagen.flac import FLAC, Picture, VCFLACDict
from mutagen.id3 import PictureType
from mutagen.mp4 import AtomDataType, MP4Cover, MP4FreeForm, MP4Tags

from packager.loudness import (
    AlbumLoudness,
    TrackGain,
    r128_gain,
    replaygain_gain_text,
    replaygain_peak_text,
)
from packager.picture import PictureError, PictureFormat, PictureHeader, parse_picture

VENDOR: Final = "Attacca"

_MEDIA_TYPES: Final = {PictureFormat.JPEG: "image/jpeg", PictureFormat.PNG: "image/png"}
_COVER_TYPES: Final = {
    PictureFormat.JPEG: AtomDataType.JPEG,
    PictureFormat.PNG: AtomDataType.PNG,
}
_BITS_PER_PIXEL: Final = 24

# A block of FLAC holds 16 MiB.
_COVER_BYTES_MAX: Final = 8 << 20

_MP4_TEXTS: Final = {
    "title": "\xa9nam",
    "artist": "\xa9ART",
    "album": "\xa9alb",
    "albumartist": "aART",
    "date": "\xa9day",
    "titlesort": "sonm",
    "artistsort": "soar",
    "albumsort": "soal",
    "albumartistsort": "soaa",
    "composer": "\xa9wrt",
    "genre": "\xa9gen",
    "copyright": "cprt",
}
_MP4_FREEFORM: Final = {
    "isrc": "ISRC",
    "label": "LABEL",
    "barcode": "BARCODE",
    "language": "LANGUAGE",
}
_FREEFORM_PREFIX: Final = "----:com.apple.iTunes:"
_MP4_NUMBER_MAX: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class FileMetadata:
    """What a downloaded file says of itself.

    Attributes:
        tags: lists under `packager.tag_names.NAMES`.
        cover: a JPEG or PNG of up to 8 MiB; anything else is left out.
        track: loudness of the track.
        album: loudness of its album.
    """

    tags: Mapping[str, Sequence[str]]
    cover: bytes | None = field(default=None, repr=False)
    track: TrackGain | None = None
    album: AlbumLoudness | None = None


def vorbis_comments(metadata: FileMetadata) -> tuple[str, ...]:
    """Comments for Ogg Vorbis as `NAME=value`, the cover among them."""
    gains = _replaygain(metadata)
    pairs = [*_tag_pairs(metadata), *gains.items(), *_cover_pairs(metadata)]
    return tuple(f"{name.upper()}={value}" for name, value in pairs)


def opus_tags(metadata: FileMetadata) -> bytes:
    """The comment packet of Ogg Opus (RFC 7845 section 5.2), the cover in it."""
    comments = VCommentDict()
    comments.vendor = VENDOR
    for name, value in (*_tag_pairs(metadata), *_r128(metadata).items(), *_cover_pairs(metadata)):
        comments.append((name.upper(), value))
    return b"OpusTags" + bytes(comments.write(framing=False))


def tag_flac(header: BytesIO, metadata: FileMetadata) -> None:
    """Put tags and cover into the metadata blocks of a FLAC file, the frames of which follow."""
    file = FLAC(header)
    comments = VCFLACDict()
    comments.vendor = VENDOR
    for name, value in (*_tag_pairs(metadata), *_replaygain(metadata).items()):
        comments.append((name.upper(), value))
    file.tags = comments
    file.metadata_blocks.append(comments)
    if (picture := _picture_of(metadata)) is not None:
        file.add_picture(picture)
    header.seek(0)
    file.save(header, padding=_no_padding)


def tag_mp4(header: BytesIO, metadata: FileMetadata, notes: Mapping[str, str]) -> None:
    """Put tags and cover into `moov` of an MP4 file, the samples of which follow.

    Args:
        header: up to the header of `mdat`; offsets of chunks are moved along.
        metadata: to be put there.
        notes: more values by their names in iTunes.
    """
    tags = MP4Tags()
    tags.update(_mp4_values(metadata))
    for name, value in {**_replaygain(metadata), **notes}.items():
        tags[_FREEFORM_PREFIX + name] = [MP4FreeForm(value.encode())]
    header.seek(0)
    tags.save(header, padding=_no_padding)


def _no_padding(_: object) -> int:
    return 0


def _mp4_values(metadata: FileMetadata) -> dict[str, object]:
    tags = metadata.tags
    values: dict[str, object] = {
        atom: list(tags[name]) for name, atom in _MP4_TEXTS.items() if tags.get(name)
    }
    for name, text in _MP4_FREEFORM.items():
        if tags.get(name):
            values[_FREEFORM_PREFIX + text] = [MP4FreeForm(one.encode()) for one in tags[name]]
    for atom, kind in (("trkn", "track"), ("disk", "disc")):
        pair = (_number(tags, f"{kind}number"), _number(tags, f"{kind}total"))
        if any(pair):
            values[atom] = [pair]
    if tags.get("compilation"):
        values["cpil"] = True
    header = _cover_header(metadata)
    if header is not None and metadata.cover is not None:
        values["covr"] = [MP4Cover(metadata.cover, _COVER_TYPES[header.format])]
    return values


def _number(tags: Mapping[str, Sequence[str]], name: str) -> int:
    """A number, 0 for none."""
    text = next(iter(tags.get(name, ())), "")
    return min(int(text), _MP4_NUMBER_MAX) if text.isascii() and text.isdigit() else 0


def _tag_pairs(metadata: FileMetadata) -> list[tuple[str, str]]:
    return [(name, value) for name, values in metadata.tags.items() for value in values]


def _replaygain(metadata: FileMetadata) -> dict[str, str]:
    return {
        f"replaygain_{whose}_{what}": text
        for whose, gain in (("track", metadata.track), ("album", metadata.album))
        if gain is not None
        for what, text in (
            ("gain", replaygain_gain_text(gain.integrated_lufs)),
            ("peak", replaygain_peak_text(gain.true_peak_dbtp)),
        )
    }


def _r128(metadata: FileMetadata) -> dict[str, str]:
    return {
        f"r128_{whose}_gain": str(r128_gain(gain.integrated_lufs))
        for whose, gain in (("track", metadata.track), ("album", metadata.album))
        if gain is not None
    }


def _cover_pairs(metadata: FileMetadata) -> list[tuple[str, str]]:
    picture = _picture_of(metadata)
    if picture is None:
        return []
    return [("metadata_block_picture", base64.b64encode(picture.write()).decode("ascii"))]


def _picture_of(metadata: FileMetadata) -> Picture | None:
    """The cover as FLAC has it (RFC 9639 section 8.8)."""
    header = _cover_header(metadata)
    if header is None:
        return None
    picture = Picture()
    picture.type = PictureType.COVER_FRONT
    picture.mime = _MEDIA_TYPES[header.format]
    picture.width, picture.height, picture.depth = header.width, header.height, _BITS_PER_PIXEL
    picture.data = metadata.cover
    return picture


def _cover_header(metadata: FileMetadata) -> PictureHeader | None:
    """What the cover is; None if there is none that these files may carry."""
    if metadata.cover is None or len(metadata.cover) > _COVER_BYTES_MAX:
        return None
    try:
        header = parse_picture(metadata.cover)
    except PictureError:
        return None
    return header if header.format in _MEDIA_TYPES else None
