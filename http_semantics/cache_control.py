"""The `Cache-Control` field: RFC 9111 section 5.2. Directives are parsed leniently, as it asks."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# What a cache that cannot hold more may use instead: RFC 9111 section 1.2.2.
DELTA_SECONDS_MAX: Final = 1 << 31

# Directives by name in lower case, with their argument, unquoted; None where there is none.
Directives = Mapping[str, str | None]
NO_DIRECTIVES: Final[Directives] = MappingProxyType({})

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - RFC 9110 section 5.6.2
_DIRECTIVE: Final = re.compile(
    rf'(?P<name>{_TOKEN})(?:=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]*)))?[ \t]*(?:,|$)'
)
_ELEMENT_REST: Final = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)*,?')
_DIGITS: Final = re.compile(r"[0-9]+")

# Their argument narrows them to the fields that it names: RFC 9111 sections 5.2.2.4 and 5.2.2.7.
_QUALIFIED: Final = frozenset({"no-cache", "private"})


def parse_directives(value: str) -> Directives:
    """Parse the value of a `Cache-Control` field; several lines are joined with commas before.

    Of a directive that is given twice the first counts (RFC 9111 section 4.2.1), but `no-cache` and
    `private` add up: the most restrictive one is to be honoured. What is no directive is left out.
    """
    directives: dict[str, str | None] = {}
    position = 0
    while position < len(value):
        if value[position] in " \t,":
            position += 1
            continue
        match = _DIRECTIVE.match(value, position)
        if match is None:
            rest = _ELEMENT_REST.match(value, position)
            assert rest is not None
            position = max(rest.end(), position + 1)
            continue
        name, argument = match["name"].lower(), _argument(match)
        if name in _QUALIFIED and name in directives:
            directives[name] = _both(directives[name], argument)
        directives.setdefault(name, argument)
        position = match.end()
    return directives


def field_names(directives: Directives, name: str) -> frozenset[str] | None:
    """The fields, in lower case, that a qualified `no-cache` or `private` is about.

    Returns:
        None if the directive is absent, or has no argument that names a field: then, if it is
        there, it is about the whole response.
    """
    names = (directives.get(name) or "").split(",")
    return frozenset(text.strip(" \t").lower() for text in names if text.strip(" \t")) or None


def delta_seconds(directives: Directives, name: str) -> int | None:
    """Argument of a directive such as `max-age`, in seconds.

    Returns:
        None if the directive is absent; 0 if its argument is not a number: what cannot be read
        counts as stale (RFC 9111 section 4.2.1).
    """
    if name not in directives:
        return None
    return parse_delta_seconds(directives[name] or "") or 0


def parse_delta_seconds(text: str) -> int | None:
    """A non-negative number of seconds, held at `DELTA_SECONDS_MAX`; None if it is not one."""
    if _DIGITS.fullmatch(text) is None:
        return None
    digits = text.lstrip("0") or "0"
    return DELTA_SECONDS_MAX if len(digits) > 10 else min(int(digits), DELTA_SECONDS_MAX)


def _both(first: str | None, second: str | None) -> str | None:
    """The argument of a directive that was given twice."""
    return f"{first}, {second}" if first and second else None


def _argument(match: re.Match[str]) -> str | None:
    quoted: str | None = match["quoted"]
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted)
    plain: str | None = match["plain"]
    return plain
