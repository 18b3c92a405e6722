"""Structured fields: Dictionaries and Lists as RFC 9651 section 4.2 parses them.

Parsing is strict, as the standard asks: a field with one fault in it is to be ignored whole.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final

_KEY: Final = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_NUMBER: Final = re.compile(r"(-?)(?:([0-9]{1,12})\.([0-9]{1,3})|([0-9]{1,15}))(?![0-9.])")
_STRING: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_TOKEN: Final = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~:/0-9A-Za-z]*")
_BYTES: Final = re.compile(r":([A-Za-z0-9+/=]*):")
_BOOLEAN: Final = re.compile(r"\?([01])")
_DISPLAY_STRING: Final = re.compile(r'%"((?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*)"')
_ESCAPE: Final = re.compile(r"\\(.)")
_PERCENT: Final = re.compile(rb"%([0-9a-f]{2})")
_SPACES: Final = re.compile(r" *")
_BETWEEN: Final = re.compile(r"[ \t]*,[ \t]*")
_END: Final = re.compile(r"[ \t]*\Z")


@dataclass(frozen=True, slots=True)
class Token:
    """A Token, which is not the same as the String of the same characters."""

    text: str


@dataclass(frozen=True, slots=True)
class Date:
    """A Date, in seconds since the epoch."""

    seconds: int


@dataclass(frozen=True, slots=True)
class DisplayString:
    """A Display String: text that may hold any character."""

    text: str


BareItem = bool | int | Decimal | str | bytes | Token | Date | DisplayString
Parameters = Mapping[str, BareItem]
NO_PARAMETERS: Final[Parameters] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Item:
    """A value with its parameters. A `str` is a String."""

    value: BareItem
    parameters: Parameters = field(default_factory=lambda: NO_PARAMETERS)


@dataclass(frozen=True, slots=True)
class InnerList:
    """A list of items within a List or Dictionary."""

    items: tuple[Item, ...]
    parameters: Parameters = field(default_factory=lambda: NO_PARAMETERS)


Member = Item | InnerList


class _SyntaxFaultError(ValueError):
    """The text is no structured field."""


def parse_list(value: str) -> tuple[Member, ...] | None:
    """Parse a List; several lines are joined with commas before. None if it is malformed."""
    members: list[Member] = []
    reader = _Reader(value)
    try:
        while reader.has_next_member(is_first=not members):
            members.append(reader.member())
    except _SyntaxFaultError:
        return None
    return tuple(members)


def parse_dictionary(value: str) -> Mapping[str, Member] | None:
    """Parse a Dictionary; several lines are joined with commas before. None if it is malformed.

    Of a key that is given twice the last value counts.
    """
    members: dict[str, Member] = {}
    reader = _Reader(value)
    is_first = True
    try:
        while reader.has_next_member(is_first=is_first):
            is_first = False
            key = reader.match(_KEY)[0]
            members[key] = reader.member() if reader.skip("=") else reader.true()
    except _SyntaxFaultError:
        return None
    return members


def strings_of(value: str) -> tuple[str, ...] | None:
    """Parse a List of Strings, parameters left out. None if it is malformed or holds others."""
    members = parse_list(value)
    if members is None:
        return None
    strings = tuple(
        member.value
        for member in members
        if isinstance(member, Item) and isinstance(member.value, str)
    )
    return strings if len(strings) == len(members) else None


class _Reader:
    """A position in the text of a field."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self.match(_SPACES)

    def has_next_member(self, *, is_first: bool) -> bool:
        """Step over what parts two members; False at the end of the field."""
        if is_first:
            return self._position < len(self._text)
        if _END.match(self._text, self._position):
            return False
        self.match(_BETWEEN)
        return True

    def member(self) -> Member:
        """An Item or an Inner List."""
        if not self.skip("("):
            return self.item()
        items: list[Item] = []
        self.match(_SPACES)
        while not self.skip(")"):
            items.append(self.item())
            if not self._text.startswith((" ", ")"), self._position):
                raise _SyntaxFaultError
            self.match(_SPACES)
        return InnerList(tuple(items), self.parameters())

    def item(self) -> Item:
        """A value with its parameters."""
        value = self._bare_item()
        return Item(value, self.parameters())

    def true(self) -> Item:
        """The value of a key that has none, with its parameters."""
        return Item(value=True, parameters=self.parameters())

    def parameters(self) -> Parameters:
        """What follows a value; of a key that is given twice the last one counts."""
        parameters: dict[str, BareItem] = {}
        while self.skip(";"):
            self.match(_SPACES)
            key = self.match(_KEY)[0]
            parameters[key] = self._bare_item() if self.skip("=") else True
        return parameters or NO_PARAMETERS

    def match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Read what has to come next."""
        match = pattern.match(self._text, self._position)
        if match is None:
            raise _SyntaxFaultError
        self._position = match.end()
        return match

    def skip(self, character: str) -> bool:
        """Read one character if it comes next; tell whether it did."""
        if not self._text.startswith(character, self._position):
            return False
        self._position += len(character)
        return True

    def _bare_item(self) -> BareItem:
        first = self._text[self._position : self._position + 1]
        read = _READERS.get(first)
        return Token(self.match(_TOKEN)[0]) if read is None else read(self)

    def number(self) -> int | Decimal:
        """An Integer or a Decimal."""
        match = self.match(_NUMBER)
        return Decimal(match[0]) if match[4] is None else int(match[0])


def _date(reader: _Reader) -> Date:
    reader.skip("@")
    seconds = reader.number()
    if isinstance(seconds, Decimal):
        raise _SyntaxFaultError
    return Date(seconds)


def _octets(reader: _Reader) -> bytes:
    text = reader.match(_BYTES)[1]
    try:
        # Missing padding is to be tolerated: section 4.2.7.
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except Base64Error as error:
        raise _SyntaxFaultError from error


def _display_string(reader: _Reader) -> DisplayString:
    text = reader.match(_DISPLAY_STRING)[1].encode()
    octets = _PERCENT.sub(lambda match: bytes.fromhex(match[1].decode()), text)
    try:
        return DisplayString(octets.decode())
    except UnicodeDecodeError as error:
        raise _SyntaxFaultError from error


# How to read a value that begins with this character; any other one begins a Token.
_READERS: Final[Mapping[str, Callable[[_Reader], BareItem]]] = MappingProxyType(
    {
        '"': lambda reader: _ESCAPE.sub(r"\1", reader.match(_STRING)[1]),
        ":": _octets,
        "?": lambda reader: reader.match(_BOOLEAN)[1] == "1",
        "%": _display_string,
        "@": _date,
        **dict.fromkeys("-0123456789", _Reader.number),
    }
)
