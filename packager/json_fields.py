"""Strict decoding of JSON objects from outside: each member is taken once, by its type.

A member that is missing, of another type or above its bounds raises the error that the caller
names, with the path of the member. `finish` also refuses what nobody took.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeVar, cast

INTEGER_MAX: Final = (1 << 63) - 1

_Item = TypeVar("_Item")
_Enum = TypeVar("_Enum", bound=StrEnum)


class JsonFields:
    """The members of one decoded JSON object.

    Args:
        value: what should be an object.
        path: names it in errors.
        error: what to raise; it takes a message.
    """

    def __init__(self, value: object, path: str, error: type[Exception]) -> None:
        if not isinstance(value, dict):
            raise error(f"{path} is not an object")
        self._members: dict[str, object] = dict(value)
        self._path = path
        self._error = error

    def take(self, name: str) -> object:
        """The member `name`, whatever it is."""
        try:
            return self._members.pop(name)
        except KeyError:
            raise self._error(f"{self._path}.{name} is missing") from None

    def integer(self, name: str, *, minimum: int = 0) -> int:
        """An integer of 63 bits, at least `minimum`."""
        value = self.take(name)
        # `bool` is a kind of `int` in Python, not in JSON.
        if type(value) is not int or not minimum <= value <= INTEGER_MAX:
            raise self._error(f"{self._path}.{name} is not an integer from {minimum} on")
        return value

    def optional_integer(self, name: str) -> int | None:
        """An integer from 0 on, or null."""
        return self.integer(name) if self._is_set(name) else None

    def number(self, name: str, minimum: float, maximum: float) -> float:
        """A number between two bounds; a whole one may be written as an integer."""
        value = self.take(name)
        if type(value) not in {int, float} or not minimum <= cast("float", value) <= maximum:
            raise self.error(name, f"is not a number from {minimum} to {maximum}")
        return float(cast("float", value))

    def boolean(self, name: str) -> bool:
        """True or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            raise self._error(f"{self._path}.{name} is neither true nor false")
        return value

    def text(self, name: str, *, length_max: int) -> str:
        """A string of at most `length_max` characters."""
        return self._text_of(self.take(name), f"{self._path}.{name}", length_max)

    def optional_text(self, name: str, *, length_max: int) -> str | None:
        """A string of at most `length_max` characters, or null."""
        return self.text(name, length_max=length_max) if self._is_set(name) else None

    def hexadecimal(self, name: str, *, sizes: tuple[int, ...]) -> str:
        """A string of lower-case hexadecimal digits, as many as `sizes` allows."""
        value = self.text(name, length_max=max(sizes))
        if len(value) not in sizes or not set(value) <= set("0123456789abcdef"):
            raise self._error(f"{self._path}.{name} is not hexadecimal of {sizes} digits")
        return value

    def choice(self, name: str, kind: type[_Enum]) -> _Enum:
        """A value of a closed set."""
        value = self.take(name)
        found = next((one for one in kind if one.value == value), None)
        if found is None:
            raise self._error(f"{self._path}.{name} is not one of {', '.join(kind)}")
        return found

    def fields(self, name: str) -> "JsonFields":
        """An object."""
        return JsonFields(self.take(name), f"{self._path}.{name}", self._error)

    def items(
        self,
        name: str,
        decode: Callable[[object, str], _Item],
        *,
        count_max: int,
        count_min: int = 0,
    ) -> tuple[_Item, ...]:
        """A list of so many items; `decode` gets each with its path."""
        value = self.take(name)
        path = f"{self._path}.{name}"
        if not isinstance(value, list) or not count_min <= len(value) <= count_max:
            raise self._error(f"{path} is not a list of {count_min} to {count_max} items")
        return tuple(decode(item, f"{path}[{index}]") for index, item in enumerate(value))

    def texts(self, name: str, *, count_max: int, length_max: int) -> tuple[str, ...]:
        """A list of strings."""
        return self.items(
            name, lambda item, path: self._text_of(item, path, length_max), count_max=count_max
        )

    def pairs(self, name: str, *, count_max: int) -> tuple[tuple[int, int], ...]:
        """A list of lists of two integers. There may be thousands: they are looked at in bulk."""
        value = self.take(name)
        if not isinstance(value, list) or len(value) > count_max:
            raise self.error(name, f"is not a list of 0 to {count_max} items")
        if not all(
            type(item) is list and len(item) == 2 and type(item[0]) is type(item[1]) is int
            for item in value
        ):
            raise self.error(name, "is not a list of pairs of integers")
        return tuple((first, second) for first, second in value)

    def error(self, name: str, detail: str) -> Exception:
        """The caller's error about the member `name`, for rules between members."""
        return self._error(f"{self._path}.{name} {detail}")

    def finish(self) -> None:
        """Refuse members that nobody took: they come from a release that knows more."""
        if self._members:
            raise self._error(f"{self._path} has unknown members: {', '.join(self._members)}")

    def _is_set(self, name: str) -> bool:
        if self._members.get(name, 0) is not None:
            return True
        del self._members[name]
        return False

    def _text_of(self, value: object, path: str, length_max: int) -> str:
        if not isinstance(value, str) or len(value) > length_max:
            raise self._error(f"{path} is not a string of at most {length_max} characters")
        return value
