"""Strict decoding of JSON objects: each member is taken once, by its type; none may be left over.

Used for records in the store. Members of another type, above their bounds, missing or unknown
raise `RecordError` with the path of the member.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import orjson

from origin.errors import RecordError

INTEGER_MAX: Final = (1 << 63) - 1

_Item = TypeVar("_Item")


class JsonFields:
    """The members of one JSON object. `path` names it in errors."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise RecordError(f"{path} is not an object")
        self._members: dict[str, object] = dict(value)
        self._path = path

    def take(self, name: str) -> object:
        """The member `name`, whatever it is."""
        try:
            return self._members.pop(name)
        except KeyError:
            raise RecordError(f"{self._path}.{name} is missing") from None

    def integer(self, name: str, *, minimum: int = 0) -> int:
        """An integer of 63 bits, at least `minimum`."""
        value = self.take(name)
        # `bool` is a kind of `int` in Python, not in JSON.
        if type(value) is not int or not minimum <= value <= INTEGER_MAX:
            raise RecordError(f"{self._path}.{name} is not an integer from {minimum} on")
        return value

    def optional_integer(self, name: str) -> int | None:
        """An integer from 0 on, or null."""
        return self.integer(name) if self._is_set(name) else None

    def boolean(self, name: str) -> bool:
        """True or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            raise RecordError(f"{self._path}.{name} is neither true nor false")
        return value

    def text(self, name: str, *, length_max: int) -> str:
        """A string of at most `length_max` characters."""
        return _text_of(self.take(name), f"{self._path}.{name}", length_max)

    def optional_text(self, name: str, *, length_max: int) -> str | None:
        """A string of at most `length_max` characters, or null."""
        return self.text(name, length_max=length_max) if self._is_set(name) else None

    def fields(self, name: str) -> "JsonFields":
        """An object."""
        return JsonFields(self.take(name), f"{self._path}.{name}")

    def items(
        self, name: str, decode: Callable[[object, str], _Item], *, count_max: int
    ) -> tuple[_Item, ...]:
        """A list of at most `count_max` items; `decode` gets each with its path."""
        value = self.take(name)
        path = f"{self._path}.{name}"
        if not isinstance(value, list) or len(value) > count_max:
            raise RecordError(f"{path} is not a list of at most {count_max} items")
        return tuple(decode(item, f"{path}[{index}]") for index, item in enumerate(value))

    def texts(self, name: str, *, count_max: int, length_max: int) -> tuple[str, ...]:
        """A list of strings."""
        return self.items(
            name, lambda item, path: _text_of(item, path, length_max), count_max=count_max
        )

    def finish(self) -> None:
        """Refuse members that nobody took: they come from a release that knows more."""
        if self._members:
            raise RecordError(f"{self._path} has unknown members: {', '.join(self._members)}")

    def _is_set(self, name: str) -> bool:
        if self._members.get(name, 0) is not None:
            return True
        del self._members[name]
        return False


def parse_json(data: bytes, path: str, *, schema: int) -> JsonFields:
    """Read a record whose member `schema` must be `schema`.

    Raises:
        RecordError: it is no JSON object, or was written under another schema.
    """
    try:
        fields = JsonFields(orjson.loads(data), path)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"{path} is not JSON: {error}") from error
    found = fields.integer("schema")
    if found != schema:
        raise RecordError(f"{path} has schema {found}; this release reads {schema}")
    return fields


def _text_of(value: object, path: str, length_max: int) -> str:
    if not isinstance(value, str) or len(value) > length_max:
        raise RecordError(f"{path} is not a string of at most {length_max} characters")
    return value
