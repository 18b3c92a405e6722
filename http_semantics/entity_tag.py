"""Entity tags: RFC 9110 section 8.8.3, and the lists of them in conditional requests."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

# More tags than any client has versions of one file.
TAGS_MAX: Final = 64

# etagc: any visible character but the quote, and obs-text. A backslash escapes nothing here.
_ENTITY_TAG: Final = re.compile(r'(?P<weak>W/)?"(?P<opaque>[\x21\x23-\x7e\x80-\U0010ffff]*)"')
_GAP: Final = re.compile(r"[ \t,]*")


class AnyTag(Enum):
    """The list that is a lone asterisk: any current representation."""

    ANY = "*"


ANY: Final = AnyTag.ANY


@dataclass(frozen=True, slots=True)
class EntityTag:
    """One entity tag, without its quotes."""

    opaque: str
    is_weak: bool = False

    def field_value(self) -> str:
        """As it stands in a field."""
        return f'{"W/" if self.is_weak else ""}"{self.opaque}"'


EntityTags = tuple[EntityTag, ...] | AnyTag


def parse_entity_tag(value: str) -> EntityTag | None:
    """Parse the value of an `ETag` field; None if it is not an entity tag."""
    match = _ENTITY_TAG.fullmatch(value.strip(" \t"))
    return None if match is None else _tag_of(match)


def parse_entity_tags(value: str) -> EntityTags:
    """Parse the value of an `If-Match` or `If-None-Match` field.

    Returns:
        The tags in their order, or `ANY`. From a malformed list, the tags before the fault: a tag
        that cannot be read matches nothing.
    """
    if value.strip(" \t") == "*":
        return ANY
    tags: list[EntityTag] = []
    position = _end_of_gap(value, 0)
    while position < len(value) and len(tags) < TAGS_MAX:
        match = _ENTITY_TAG.match(value, position)
        if match is None:
            break
        tags.append(_tag_of(match))
        position = _end_of_gap(value, match.end())
        if position == match.end():
            break  # Two tags without a comma between them.
    return tuple(tags)


def is_strong_match(first: EntityTag, second: EntityTag) -> bool:
    """Whether both are strong and the same (strong comparison)."""
    return first == second and not first.is_weak


def is_weak_match(first: EntityTag, second: EntityTag) -> bool:
    """Whether both are the same, weak or not (weak comparison)."""
    return first.opaque == second.opaque


def _tag_of(match: re.Match[str]) -> EntityTag:
    return EntityTag(match["opaque"], is_weak=match["weak"] is not None)


def _end_of_gap(value: str, position: int) -> int:
    match = _GAP.match(value, position)
    assert match is not None
    return match.end()
