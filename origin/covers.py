"""The cover of a track as its record keeps it. No I/O.

Covers are stored under `covers/{digest}-{size}.{extension}`; the tracks of an album, which carry
the same picture, share them.
"""

from typing import TypeAlias

from origin.errors import RecordError
from packager.cover_facts import CoverFacts, CoverSize, cover_from_json, cover_to_json

CoverRecord: TypeAlias = CoverFacts
"""A record keeps what the packager told of a cover."""

__all__ = ["CoverRecord", "CoverSize", "cover_record_of", "cover_to_json"]


def cover_record_of(value: object, path: str) -> CoverRecord:
    """Undo `cover_to_json`; all members are there, and no other.

    Raises:
        RecordError: a member is missing or wrong.
    """
    return cover_from_json(value, path, RecordError)
