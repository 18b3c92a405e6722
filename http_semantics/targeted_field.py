"""Targeted cache control: RFC 9213, whose fields are Dictionaries of cache directives."""

from typing import Final

from http_semantics.cache_control import Directives
from http_semantics.structured_field import Item, Member, Token, parse_dictionary

CDN_CACHE_CONTROL: Final = "CDN-Cache-Control"

# An Integer, or nothing that can be read: section 2.1.
_NUMERIC: Final = frozenset({"max-age", "s-maxage", "stale-if-error", "stale-while-revalidate"})

# Stands for an argument of a wrong type; as a number of seconds it counts as stale.
_UNREADABLE: Final = ""


def parse_targeted(value: str) -> Directives | None:
    """Parse the value of a targeted field; several lines are joined with commas before.

    Returns:
        None if the field is to be ignored: malformed, or empty. A number of a wrong type is held as
        an argument that cannot be read; any other argument of a wrong type is left out, so that the
        directive restricts as much as it can.
    """
    members = parse_dictionary(value)
    if not members:
        return None
    return {
        name: _argument(name, member)
        for name, member in members.items()
        if not isinstance(member, Item) or member.value is not False
    }


def _argument(name: str, member: Member) -> str | None:
    value = member.value if isinstance(member, Item) else None
    if name in _NUMERIC:
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if is_integer else _UNREADABLE
    if isinstance(value, Token):
        return value.text
    return value if isinstance(value, str) else None
