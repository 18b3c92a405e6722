"""Selecting a stored response by the request's fields: `Vary`, RFC 9111 section 4.1."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from multidict import MultiMapping

# More fields than anyone selects by; each costs every request a look-up.
NAMES_MAX: Final = 16

_REMEMBERED_LENGTH_MAX: Final = 256

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ELEMENT: Final = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)+')
_PARAMETER: Final = re.compile(r'(?:[^";]|"(?:[^"\\]|\\.)*"?)+')
_QUALITY: Final = re.compile(r"(?i:q)[ \t]*=[ \t]*([01](?:\.[0-9]{0,3})?)")

# RFC 9110 sections 8.4.1.1 and 8.4.1.3.
_SAME_CODINGS: Final[Mapping[str, str]] = MappingProxyType(
    {"x-gzip": "gzip", "x-compress": "compress"}
)


@dataclass(frozen=True, slots=True)
class Selecting:
    """The request fields that a stored response was selected by.

    Attributes:
        names: in lower case, sorted.
        values: theirs, normalised; None where the request had no such field.
    """

    names: tuple[str, ...] = ()
    values: tuple[str | None, ...] = ()


# Of a response without `Vary`: any request matches.
EMPTY: Final = Selecting()


def selecting_of(vary: str | None, request_fields: MultiMapping[str]) -> Selecting | None:
    """What a response with this `Vary` is selected by, for the request that it answers.

    Args:
        vary: all its lines, joined with commas; None if there is none.
        request_fields: of the request as it was received, or sent on.

    Returns:
        None if nothing can match it: `*`, what is no field name, or over `NAMES_MAX` of them.
    """
    if vary is None:
        return EMPTY
    names = {name for text in vary.split(",") if (name := text.strip(" \t").lower())}
    if not names:
        return EMPTY
    if "*" in names or len(names) > NAMES_MAX or not all(map(_NAME.fullmatch, names)):
        return None
    ordered = tuple(sorted(names))
    return Selecting(ordered, _values(ordered, request_fields))


def matches(selecting: Selecting, request_fields: MultiMapping[str]) -> bool:
    """Whether a request selects the response that `selecting` was noted for."""
    return not selecting.names or selecting.values == _values(selecting.names, request_fields)


def choose(
    stored: Sequence[tuple[Selecting, float]], request_fields: MultiMapping[str]
) -> int | None:
    """Choose among the stored responses of one target.

    A response without `Vary` says nothing of responses that came later and have one: a resource
    that varies may leave it out where nothing was preferred (section 4.1).

    Args:
        stored: what each of them is selected by, and its date in seconds since the epoch.
        request_fields: of the request that is to be answered.

    Returns:
        Place of the most recent one that matches; None if none does.
    """
    varied_s = max((date_s for selecting, date_s in stored if selecting.names), default=None)
    best: int | None = None
    for place, (selecting, date_s) in enumerate(stored):
        is_superseded = not selecting.names and varied_s is not None and date_s <= varied_s
        if is_superseded or not matches(selecting, request_fields):
            continue
        if best is None or date_s >= stored[best][1]:
            best = place
    return best


def _values(names: tuple[str, ...], fields: MultiMapping[str]) -> tuple[str | None, ...]:
    return tuple(_value(name, fields.getall(name, ())) for name in names)


def _value(name: str, lines: Sequence[str]) -> str | None:
    """A field in the form that all fields of the same meaning have; None if it is absent."""
    if not lines:
        return None
    text = ",".join(lines)
    if name not in _PREFERENCES:
        return ",".join(_elements(text))
    # Browsers all send the same few; what is long is none of them, and not worth remembering.
    read = _preferences if len(text) <= _REMEMBERED_LENGTH_MAX else _preferences.__wrapped__
    return read(name, text)


@lru_cache(maxsize=256)
def _preferences(name: str, text: str) -> str:
    """A list of preferences; weights give the order, not the places (RFC 9110 section 12.4.2)."""
    read = _PREFERENCES[name]
    return ",".join(sorted({_preference(one, read) for one in _elements(text) if one}))


def _elements(text: str) -> list[str]:
    return [element.strip(" \t") for element in _ELEMENT.findall(text)]


def _preference(element: str, read: Callable[[str], str]) -> str:
    """One choice and its weight."""
    parts = [part.strip(" \t") for part in _PARAMETER.findall(element)]
    weight = ""
    texts: list[str] = []
    for part in parts:
        quality = _QUALITY.fullmatch(part)
        if quality is None:
            texts.append(part)
        else:
            weight = f";q={float(quality[1]):g}"
    return _joined(texts, read) + ("" if weight == ";q=1" else weight)


def _joined(texts: Iterable[str], read: Callable[[str], str]) -> str:
    choice, *parameters = [*texts] or [""]
    return ";".join((read(choice), *(_parameter(text) for text in parameters)))


def _parameter(text: str) -> str:
    """A parameter; its name is alike in both cases, its value need not be."""
    name, separator, value = text.partition("=")
    return name.strip(" \t").lower() + separator + value.strip(" \t")


def _coding(text: str) -> str:
    return _SAME_CODINGS.get(text.lower(), text.lower())


# Fields that list preferences, and how to read one choice: RFC 9110 section 12.5.
_PREFERENCES: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "accept": str.lower,
        "accept-charset": str.lower,
        "accept-encoding": _coding,
        "accept-language": str.lower,
    }
)
