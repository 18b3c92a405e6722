"""Which of several things is for a server's name. No I/O."""

from collections.abc import Iterable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class ByName(Generic[_T]):
    """Finds what is for a name: an exact one first, then a wildcard, then the default.

    Args:
        entries: names with what is for them, of which the first is the default. A name that comes
            twice is for the first.
    """

    def __init__(self, entries: Iterable[tuple[Iterable[str], _T]]) -> None:
        self._exact: dict[str, _T] = {}
        self._parents: dict[str, _T] = {}
        all_of_them = [(tuple(names), one) for names, one in entries]
        assert all_of_them
        self.default = all_of_them[0][1]
        for names, one in all_of_them:
            for name in names:
                is_wildcard = name.startswith("*.")
                table = self._parents if is_wildcard else self._exact
                table.setdefault(name.removeprefix("*.").lower(), one)

    def find(self, name: str) -> _T:
        """What is for `name`; a wildcard stands for one label (RFC 9525 section 6.3)."""
        wanted = name.lower().removesuffix(".")
        found = self._exact.get(wanted)
        if found is None:
            found = self._parents.get(wanted.partition(".")[2])
        return self.default if found is None else found
