"""What a master says about itself in words: cleaned, bounded, and as we keep it. No I/O."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

TEXT_LENGTH_MAX: Final = 500
ARTISTS_MAX: Final = 50
UNTITLED: Final = "Untitled"

# Embeddings, overrides and isolates of the bidirectional algorithm (UAX #9): they would reach
# beyond the text and turn around what stands next to it. Right-to-left text itself is fine.
_BIDI_CONTROLS: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))

# Longer input is cut before the work that looks at every character.
_RAW_LENGTH_MAX: Final = 20 * TEXT_LENGTH_MAX

_NUMBER: Final = re.compile(r"\s*([0-9]{1,4})\s*(?:/.*)?", re.ASCII | re.DOTALL)
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?", re.ASCII)
_ISRC: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tags:
    """What a master says about itself.

    Attributes:
        title: never empty.
        artists: in their order; empty if unknown.
        date: `2001`, `2001-02` or `2001-02-03`.
        isrc: ISO 3901, 12 characters without hyphens.
    """

    title: str
    artists: tuple[str, ...] = ()
    album: str | None = None
    album_artist: str | None = None
    disc: int | None = None
    track: int | None = None
    date: str | None = None
    isrc: str | None = None


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
        values: lists under `title`, `artist`, `album`, `albumartist`, `discnumber`,
            `tracknumber`, `date` and `isrc`; all of them may be missing and anything may be in
            them.
        file_stem: stands in for a missing title.
    """
    return Tags(
        title=_first(values, "title") or clean_text(file_stem) or UNTITLED,
        artists=_artists(values),
        album=_first(values, "album"),
        album_artist=_first(values, "albumartist"),
        disc=_number(_first(values, "discnumber")),
        track=_number(_first(values, "tracknumber")),
        date=_date(_first(values, "date")),
        isrc=_isrc(_first(values, "isrc")),
    )


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    return "\ufffd" if category == "Cs" else character


def _first(values: Mapping[str, Iterable[str]], name: str) -> str | None:
    """The first value that is not empty once it is clean."""
    return next((text for raw in values.get(name, ()) if (text := clean_text(raw))), None)


def _artists(values: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    # ID3v2.4 separates several values of one frame by NUL.
    parts = (part for raw in values.get("artist", ()) for part in raw[:_RAW_LENGTH_MAX].split("\0"))
    unique = dict.fromkeys(text for part in parts if (text := clean_text(part)))
    return tuple(unique)[:ARTISTS_MAX]


def _number(text: str | None) -> int | None:
    """The number of `3` or `3/12`; 0 means unknown in MP4."""
    match = _NUMBER.fullmatch(text or "")
    return (int(match[1]) or None) if match else None


def _date(text: str | None) -> str | None:
    match = _DATE.match(text or "")
    return match[0] if match else None


def _isrc(text: str | None) -> str | None:
    code = (text or "").replace("-", "").replace(" ", "").upper()
    return code if _ISRC.fullmatch(code) else None
