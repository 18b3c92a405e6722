"""What is known of a cover once its sizes are made, and of pictures that are no good. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from packager.format_error import FormatError
from packager.json_fields import JsonFields

COVER_SIZES: Final = (128, 480, 1200)
"""Longest sides in pixels: in a list, on a page, and on the whole screen."""

DIGEST_CHARACTERS: Final = 32

REFUSALS_MAX: Final = 16

_NAMES_BESIDE: Final = ("cover", "folder", "front", "album")
_SUFFIXES_BESIDE: Final = ("jpg", "jpeg", "png", "webp", "gif")

_SHA256_CHARACTERS: Final = 64


class CoverExtension(StrEnum):
    """How the name of a cover's file ends."""

    JPG = "jpg"
    PNG = "png"


class CoverRefusal(StrEnum):
    """Why a picture does not become a cover; stable, so dashboards can rely on it."""

    TOO_LARGE = "too_large"
    """More bytes than `packager.cover.PICTURE_BYTES_MAX`."""
    UNKNOWN_FORMAT = "unknown_format"
    """Neither JPEG nor PNG nor WebP nor GIF, by its first bytes."""
    TOO_MANY_PIXELS = "too_many_pixels"
    """By the size in its header; it was not decoded."""
    BROKEN = "broken"
    """It says what it is, but cannot be decoded."""
    UNREADABLE = "unreadable"
    """The tags or the file around it cannot be read."""


@dataclass(frozen=True, slots=True)
class CoverSize:
    """One size of a cover.

    Attributes:
        size: longest side that was asked for; a smaller picture is not made larger.
        width: in pixels; likewise the height.
        bytes: size of the file.
        sha256: of the file, hexadecimal.
        extension: of the file's name.
    """

    size: int
    width: int
    height: int
    bytes: int
    sha256: str
    extension: CoverExtension


@dataclass(frozen=True, slots=True)
class CoverFacts:
    """A cover in all its sizes.

    Attributes:
        digest: 32 hexadecimal digits that follow from the bytes of all sizes. Another release, or
            another processor, may scale the same picture to other bytes: it has another digest.
        sizes: smallest first.
    """

    digest: str
    sizes: tuple[CoverSize, ...]


@dataclass(frozen=True, slots=True)
class CoverFinding:
    """What a search for a cover came to.

    Attributes:
        cover: None if there is no picture that is good.
        refusals: of the pictures that came before the one that was taken.
    """

    cover: CoverFacts | None
    refusals: tuple[CoverRefusal, ...] = ()


def name_beside(names: Iterable[str]) -> str | None:
    """Of the names in a master's folder, that of the picture which is likeliest its cover."""
    best: tuple[int, int, str] | None = None
    for name in names:
        stem, _, suffix = name.lower().rpartition(".")
        if stem in _NAMES_BESIDE and suffix in _SUFFIXES_BESIDE:
            rank = (_NAMES_BESIDE.index(stem), _SUFFIXES_BESIDE.index(suffix), name)
            best = rank if best is None else min(best, rank)
    return None if best is None else best[2]


def cover_file_name(digest: str, size: CoverSize) -> str:
    """Name of the file of one size."""
    return f"{digest}-{size.size}.{size.extension}"


def cover_to_json(cover: CoverFacts) -> dict[str, object]:
    """`cover` as objects that any JSON encoder takes."""
    return {"digest": cover.digest, "sizes": [asdict(size) for size in cover.sizes]}


def cover_from_json(value: object, path: str, error: type[Exception]) -> CoverFacts:
    """Undo `cover_to_json`; all members are there, and no other.

    Args:
        value: what should be a cover.
        path: names it in errors.
        error: what to raise if a member is missing or wrong; it takes a message.
    """
    members = JsonFields(value, path, error)
    cover = CoverFacts(
        digest=members.hexadecimal("digest", sizes=(DIGEST_CHARACTERS,)),
        sizes=members.items(
            "sizes",
            lambda item, path: _size_of(JsonFields(item, path, error)),
            count_min=1,
            count_max=len(COVER_SIZES),
        ),
    )
    members.finish()
    return cover


def finding_to_json(finding: CoverFinding) -> dict[str, object]:
    """`finding` for the pipe from a worker."""
    cover = None if finding.cover is None else cover_to_json(finding.cover)
    return {"cover": cover, "refusals": list(finding.refusals)}


def finding_from_json(value: Mapping[str, object]) -> CoverFinding:
    """Undo `finding_to_json`.

    Raises:
        FormatError: a member is missing or wrong.
    """
    members = JsonFields(value, "finding", FormatError)
    cover = members.take("cover")
    return CoverFinding(
        cover=None if cover is None else cover_from_json(cover, "finding.cover", FormatError),
        refusals=members.items("refusals", _refusal_of, count_max=REFUSALS_MAX),
    )


def _refusal_of(value: object, path: str) -> CoverRefusal:
    return JsonFields({"reason": value}, path, FormatError).choice("reason", CoverRefusal)


def _size_of(members: JsonFields) -> CoverSize:
    size = CoverSize(
        size=members.integer("size", minimum=1),
        width=members.integer("width", minimum=1),
        height=members.integer("height", minimum=1),
        bytes=members.integer("bytes", minimum=1),
        sha256=members.hexadecimal("sha256", sizes=(_SHA256_CHARACTERS,)),
        extension=members.choice("extension", CoverExtension),
    )
    members.finish()
    return size
