"""What a master says about itself in words: cleaned, bounded, and as we keep it. No I/O."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from origin.trade_codes import parse_barcode, parse_isrc

TEXT_LENGTH_MAX: Final = 500
ARTISTS_MAX: Final = 50
"""Artists of a track, and whatever else there may be several of."""

UNTITLED: Final = "Untitled"

# Embeddings, overrides and isolates of the bidirectional algorithm (UAX #9): they would reach
# beyond the text and turn around what stands next to it. Right-to-left text itself is fine.
_BIDI_CONTROLS: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))

# Longer input is cut before the work that looks at every character.
_RAW_LENGTH_MAX: Final = 20 * TEXT_LENGTH_MAX

_NUMBER: Final = re.compile(
    r"\s*([0-9]{1,4})\s*(?:/\s*(?:([0-9]{1,4})\s*)?.*)?", re.ASCII | re.DOTALL
)
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?", re.ASCII)
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})[./]([0-9]{2})[./]([0-9]{2})", re.ASCII)

# The shape of a language tag of RFC 5646; ID3 asks for the three letters of ISO 639-2.
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,4}", re.ASCII)
_NO_LANGUAGE: Final = {"xxx", "und"}

_YES: Final = {"1", "true", "yes"}

# "Simon &amp; Garfunkel" holds a semicolon and a space, but no second artist.
_CHARACTER_REFERENCE_END: Final = re.compile(r"&(?:#[0-9]+|#x[0-9a-f]+|[a-z]+)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tags:
    """What a master says about itself.

    Attributes:
        title: never empty.
        artists: in their order; empty if unknown.
        date: `2001`, `2001-02` or `2001-02-03`.
        isrc: ISO 3901, 12 characters without hyphens.
        discs: how many the album has.
        tracks: how many the disc has.
        title_sort: the title as it is filed; likewise the others.
        publisher: the label that the tags name.
        barcode: the album's GTIN as 13 digits, or 14 if it is one of a case of albums.
        is_compilation: of several artists, by the flag for it.
        languages: RFC 5646 or ISO 639-2, in lower case.
    """

    title: str
    artists: tuple[str, ...] = ()
    album: str | None = None
    album_artist: str | None = None
    disc: int | None = None
    track: int | None = None
    date: str | None = None
    isrc: str | None = None
    discs: int | None = None
    tracks: int | None = None
    title_sort: str | None = None
    artist_sort: str | None = None
    album_sort: str | None = None
    album_artist_sort: str | None = None
    composers: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    copyright: str | None = None
    publisher: str | None = None
    barcode: str | None = None
    is_compilation: bool = False
    languages: tuple[str, ...] = ()


def clean_text(raw: str) -> str:
    """One line without control characters, of at most `TEXT_LENGTH_MAX` characters.

    Control characters and line ends become spaces, runs of white space one space. Half of a
    surrogate pair, which no encoding of UTF-8 may carry, becomes U+FFFD.
    """
    cut = raw[:_RAW_LENGTH_MAX].translate(_BIDI_CONTROLS)
    shown = "".join(_shown(character) for character in cut)
    # A combining mark cut from its letter is harmless; half of a pair cannot arise in Python.
    return " ".join(shown.split())[:TEXT_LENGTH_MAX].strip()


def make_tags(values: Mapping[str, Iterable[str]], *, file_stem: str) -> Tags:
    """Tags from raw values by name.

    Args:
        values: lists under the names of `packager.tag_names.NAMES`; all of them may be missing
            and anything may be in them.
        file_stem: stands in for a missing title.
    """
    disc, discs = _numbers(_first(values, "discnumber"))
    track, tracks = _numbers(_first(values, "tracknumber"))
    return Tags(
        title=_first(values, "title") or clean_text(file_stem) or UNTITLED,
        artists=_artists(values),
        album=_first(values, "album"),
        album_artist=_first(values, "albumartist"),
        disc=disc,
        track=track,
        date=_date(_first(values, "date")),
        isrc=_checked(values, "isrc", parse_isrc),
        discs=discs or _numbers(_first(values, "disctotal"))[0],
        tracks=tracks or _numbers(_first(values, "tracktotal"))[0],
        title_sort=_first(values, "titlesort"),
        artist_sort=_first(values, "artistsort"),
        album_sort=_first(values, "albumsort"),
        album_artist_sort=_first(values, "albumartistsort"),
        composers=_several(values, "composer"),
        genres=_several(values, "genre"),
        copyright=_first(values, "copyright"),
        publisher=_first(values, "label"),
        barcode=_checked(values, "barcode", parse_barcode),
        is_compilation=(_first(values, "compilation") or "").lower() in _YES,
        languages=_languages(values),
    )


def tag_values(tags: Tags) -> dict[str, tuple[str, ...]]:
    """Values by the names of `packager.tag_names.NAMES`, for a file that is downloaded."""
    values: dict[str, tuple[str | int | None, ...]] = {
        "title": (tags.title,),
        "artist": tags.artists,
        "album": (tags.album,),
        "albumartist": (tags.album_artist,),
        "discnumber": (tags.disc,),
        "disctotal": (tags.discs,),
        "tracknumber": (tags.track,),
        "tracktotal": (tags.tracks,),
        "date": (tags.date,),
        "isrc": (tags.isrc,),
        "titlesort": (tags.title_sort,),
        "artistsort": (tags.artist_sort,),
        "albumsort": (tags.album_sort,),
        "albumartistsort": (tags.album_artist_sort,),
        "composer": tags.composers,
        "genre": tags.genres,
        "copyright": (tags.copyright,),
        "label": (tags.publisher,),
        "barcode": (tags.barcode,),
        "compilation": ("1" if tags.is_compilation else None,),
        "language": tags.languages,
    }
    told = {name: tuple(str(one) for one in some if one) for name, some in values.items()}
    return {name: some for name, some in told.items() if some}


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    return "\ufffd" if category == "Cs" else character


def _first(values: Mapping[str, Iterable[str]], name: str) -> str | None:
    """The first value that is not empty once it is clean.

    Formats that separate values by NUL have been taken apart by now: here it is a stray one, and
    what follows it still belongs to the title.
    """
    return next((text for raw in values.get(name, ()) if (text := clean_text(raw))), None)


def _texts(values: Mapping[str, Iterable[str]], name: str) -> Iterator[str]:
    """All values of a name, clean and not empty."""
    # Some programs copy the NUL between values of ID3v2.4 into formats that give it no meaning.
    parts = (part for raw in values.get(name, ()) for part in raw[:_RAW_LENGTH_MAX].split("\0"))
    return (text for part in parts if (text := clean_text(part)))


def _artists(values: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The artists one by one where the tags tell them so, else as they are credited."""
    single = _several(values, "artists")
    return single if len(single) > 1 else _several(values, "artist") or single


def _several(values: Mapping[str, Iterable[str]], name: str) -> tuple[str, ...]:
    """Different values of a name; a single one may be several joined by semicolons."""
    unique = tuple(islice(dict.fromkeys(_texts(values, name)), ARTISTS_MAX))
    return _split(unique[0]) if len(unique) == 1 else unique


def _split(text: str) -> tuple[str, ...]:
    """The parts that a semicolon and a space join, or `text` alone if there may be doubt.

    A comma, a slash and an ampersand are in too many names ("AC/DC") to tell anything.
    """
    parts = [part.strip() for part in text.split("; ")]
    whole = all(part and part.count("(") == part.count(")") for part in parts)
    if not whole or any(_CHARACTER_REFERENCE_END.search(part) for part in parts[:-1]):
        return (text,)
    return tuple(dict.fromkeys(parts))[:ARTISTS_MAX]


def _numbers(text: str | None) -> tuple[int | None, int | None]:
    """The number and the total of `3` or `03/12`; 0 means unknown in MP4."""
    match = _NUMBER.fullmatch(text or "")
    if match is None:
        return None, None
    return int(match[1]) or None, int(match[2] or 0) or None


def _date(text: str | None) -> str | None:
    match = _DATE.match(_YEAR_FIRST.sub(r"\1-\2-\3", text or ""))
    if match is None or match[0].startswith("0000"):
        return None
    year, *rest = match[0].split("-")
    for part, last in zip(rest, (12, 31), strict=False):
        if not 1 <= int(part) <= last:
            return year  # `2001-00-00` is how some write that they know the year alone.
    return match[0]


def _checked(
    values: Mapping[str, Iterable[str]], name: str, parse: Callable[[str], str | None]
) -> str | None:
    """The first value that is what it should be."""
    return next((code for text in _texts(values, name) if (code := parse(text))), None)


def _languages(values: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    lower = (text.lower() for text in _several(values, "language"))
    known = (text for text in lower if _LANGUAGE.fullmatch(text) and text not in _NO_LANGUAGE)
    return tuple(dict.fromkeys(known))
