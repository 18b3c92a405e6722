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
_NAME: Final = re.compile(_TOKEN)
_ELEMENT_REST: Final = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)*,?')
_DIGITS: Final = re.compile(r"[0-9]+")

# Whoever wrote one of these meant to forbid something, whatever stands after it.
_FORBIDDING: Final = frozenset(
    {"no-cache", "no-store", "private", "must-revalidate", "proxy-revalidate"}
)

# Their argument narrows them to the fields that it names: RFC 9111 sections 5.2.2.4 and 5.2.2.7.
_QUALIFIED: Final = frozenset({"no-cache", "private"})


def parse_directives(value: str) -> Directives:
    """Parse the value of a `Cache-Control` field; several lines are joined with commas before.

    Of a directive that is given twice the first counts (RFC 9111 section 4.2.1), but `no-cache` and
    `private` add up: the most restrictive one is to be honoured. What is no directive is left out,
    but for the name of one that forbids something.
    """
    directives: dict[str, str | None] = {}
    position = 0
    while position < len(value):
        if value[position] in " \t,":
            position += 1
            continue
        match = _DIRECTIVE.match(value, position)
        if match is None:
            _add(directives, _forbidden_name(value, position), None)
            rest = _ELEMENT_REST.match(value, position)
            assert rest is not None
            position = max(rest.end(), position + 1)
            continue
        _add(directives, match["name"].lower(), _argument(match))
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


def _add(directives: dict[str, str | None], name: str | None, argument: str | None) -> None:
    if name is None:
        return
    if name in _QUALIFIED and name in directives:
        first = directives[name]
        directives[name] = f"{first}, {argument}" if first and argument else None
    directives.setdefault(name, argument)


def _forbidden_name(value: str, position: int) -> str | None:
    match = _NAME.match(value, position)
    name = "" if match is None else match[0].lower()
    return name if name in _FORBIDDING else None


def _argument(match: re.Match[str]) -> str | None:
    quoted: str | None = match["quoted"]
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted)
    plain: str | None = match["plain"]
    return plain
