"""Tags as JSON, as they stand in a track's record. No I/O."""

from dataclasses import fields
from typing import Final

from origin.tags import ARTISTS_MAX, TEXT_LENGTH_MAX, Tags
from packager.json_fields import JsonFields

_LISTS: Final = frozenset({"artists", "composers", "genres", "languages"})
_NUMBERS: Final = frozenset({"disc", "track", "discs", "tracks"})


def tags_to_json(tags: Tags) -> dict[str, object]:
    """`tags` as objects that any JSON encoder takes."""
    members = {field.name: getattr(tags, field.name) for field in fields(tags)}
    return {name: list(member) if name in _LISTS else member for name, member in members.items()}


def tags_from_json(members: JsonFields) -> Tags:
    """Undo `tags_to_json`; all members are there, and no other.

    Raises:
        Exception: the one that `members` was made with; something is missing, wrong or too long.
    """
    tags = Tags(**{field.name: _take(members, field.name) for field in fields(Tags)})  # type: ignore[arg-type]
    members.finish()
    return tags


def _take(members: JsonFields, name: str) -> object:
    if name == "title":
        return members.text(name, length_max=TEXT_LENGTH_MAX)
    if name == "is_compilation":
        return members.boolean(name)
    if name in _LISTS:
        return members.texts(name, count_max=ARTISTS_MAX, length_max=TEXT_LENGTH_MAX)
    if name in _NUMBERS:
        return members.optional_integer(name)
    return members.optional_text(name, length_max=TEXT_LENGTH_MAX)
