"""Takes the members of a seek index out of decoded JSON, which comes from outside."""

from collections.abc import Mapping
from typing import Final, TypeVar

from packager.format_error import FormatError
from packager.renditions import Codec, Container, Protection

_INTEGER_MAX: Final = (1 << 63) - 1
_TEXT_MAX: Final = 128

_Enum = TypeVar("_Enum", Codec, Container, Protection)


class SeekIndexError(FormatError):
    """The JSON of a seek index is malformed, or contradicts itself."""

    reason = "seek_index"


class JsonFields:
    """Members of a decoded JSON object, each checked as it is taken."""

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, dict):
            raise SeekIndexError(f"`{name}` is not an object")
        self._members: Mapping[str, object] = value

    def member(self, name: str) -> object:
        """The member, of whatever type."""
        if name not in self._members:
            raise SeekIndexError(f"`{name}` is missing")
        return self._members[name]

    def integer(self, name: str, *, minimum: int = 0) -> int:
        """An integer from `minimum` to 2^63 - 1."""
        value = self.member(name)
        # `type`, since True is an int to isinstance.
        if type(value) is not int or not minimum <= value <= _INTEGER_MAX:
            raise SeekIndexError(f"`{name}` is not an integer of at least {minimum}")
        return value

    def text(self, name: str) -> str:
        """A short string."""
        value = self.member(name)
        if not isinstance(value, str) or len(value) > _TEXT_MAX:
            raise SeekIndexError(f"`{name}` is not a string of up to {_TEXT_MAX} characters")
        return value

    def hexadecimal(self, name: str, *, sizes: tuple[int, ...]) -> str:
        """A string of lower-case hexadecimal digits, as many as `sizes` allows."""
        value = self.text(name)
        if len(value) not in sizes or not set(value) <= set("0123456789abcdef"):
            raise SeekIndexError(f"`{name}` is not hexadecimal of {sizes} digits")
        return value

    def choice(self, name: str, kind: type[_Enum]) -> _Enum:
        """A value of a closed set."""
        value = self.text(name)
        try:
            return kind(value)
        except ValueError:
            raise SeekIndexError(f"`{name}` is not one of {', '.join(kind)}") from None
