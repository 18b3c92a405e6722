"""Who a request was forwarded for: `Forwarded` (RFC 7239) and `X-Forwarded-For`. No I/O.

Each proxy adds whom it heard the request from at the end. What stands before the first element of a
trusted proxy was written by anybody.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

# More proxies than this are in no chain; the farthest are dropped.
_HOPS_MAX: Final = 32

_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR: Final = re.compile(rf'\s*({_NAME})=({_NAME}|"(?:[^"\\]|\\.)*")\s*(;|,|$)')
_NODE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::[0-9]{1,5})?")


def forwarded_for(values: Iterable[str]) -> list[str | None]:
    """Addresses in the values of `Forwarded`, that of the nearest hop last.

    An element that tells none, or a name of its proxy's own, is None; so is all that stands before
    something malformed.
    """
    found: list[str | None] = []
    for value in values:
        found += _elements(value)
    return found[-_HOPS_MAX:]


def x_forwarded_for(values: Iterable[str]) -> list[str | None]:
    """The same for `X-Forwarded-For`."""
    parts = [part for value in values for part in value.split(",")]
    return [_node(part.strip()) for part in parts[-_HOPS_MAX:]]


def _elements(value: str) -> list[str | None]:
    found: list[str | None] = []
    told: str | None = None
    position = 0
    while position < len(value):
        match = _PAIR.match(value, position)
        if match is None:
            return [None]
        name, node, end = match.groups()
        if name.lower() == "for":
            told = _node(_unquoted(node))
        if end != ";":
            found.append(told)
            told = None
        position = match.end()
    return found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _node(text: str) -> str | None:
    """An address, with or without a port; IPv6 stands in brackets, or alone."""
    match = _NODE.fullmatch(text)
    if "%" in text:  # A zone means something on one machine only.
        return None
    try:
        return str(ipaddress.ip_address(match[1].strip("[]") if match else text))
    except ValueError:
        return None
