"""Purges: what of the stored content may no longer be used, or not without asking. No I/O.

Every purge has a number in one sequence. Whatever is stored carries the number of the last purge
that it was weighed against; at first that is the newest one from before its fill *began*. So a fill
that began before a purge never outlives it, however late it ends, and a look-up compares two
integers unless there was a purge in between.

What is remembered is bounded: when the oldest entry goes, its number becomes a floor, and content
from before the floor counts as purged.
"""

import itertools
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

from edge.fields import Fields
from edge.tags import tags_of

ApplyPurge = Callable[["Purge"], Awaitable[int]]
"""Puts a purge into effect, for good, and returns its number."""


class PurgeIncompleteError(Exception):
    """A purge is in effect here, and not on all other members of this cache.

    It will be told to them until it is.

    Attributes:
        failed: why not, by the members' names.
        sequence: its number here.
    """

    def __init__(self, failed: Mapping[str, str], *, sequence: int) -> None:
        super().__init__(f"not in effect on {', '.join(sorted(failed))}")
        self.failed = failed
        self.sequence = sequence


class Verdict(Enum):
    """What purges say of stored content."""

    SPARED = auto()
    STALE = auto()
    """It has to be validated before it is used again."""
    PURGED = auto()
    """As if it were not there."""


class _Scope(Enum):
    URL = auto()
    PREFIX = auto()
    TAG = auto()


@dataclass(frozen=True, slots=True)
class Purge:
    """What to purge.

    Attributes:
        urls: cache keys.
        prefixes: beginnings of cache keys.
        tags: see `edge.tags`.
        is_all: everything there is.
        is_soft: validate before the next use, rather than as if it were not there.
    """

    urls: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_all: bool = False
    is_soft: bool = False

    @property
    def entries(self) -> int:
        """How many things it names."""
        return len(self.urls) + len(self.prefixes) + len(self.tags) + int(self.is_all)


class Purges:
    """All purges since the start, as far as they still matter.

    Args:
        entries_max: URLs, prefixes and tags to remember, of soft and hard purges each.

    Attributes:
        sequence: number of the newest purge.
        applied: entries of all purges so far.
    """

    __slots__ = ("_hard", "_soft", "applied", "sequence")

    def __init__(self, *, entries_max: int) -> None:
        assert entries_max > 0
        self.sequence = 0
        self.applied: Counter[str] = Counter()
        self._hard = _Entries(entries_max)
        self._soft = _Entries(entries_max)

    @property
    def remembered(self) -> int:
        """How many entries are remembered."""
        return len(self._hard) + len(self._soft)

    @property
    def floor(self) -> int:
        """Content that was last weighed before this purge counts as purged."""
        return self._hard.floor

    def apply(self, purge: Purge) -> int:
        """Put a purge into effect; return its number."""
        self.restore(self.sequence + 1, purge)
        self.applied["soft" if purge.is_soft else "hard"] += purge.entries
        return self.sequence

    def restore(self, sequence: int, purge: Purge) -> None:
        """Put a purge of an earlier run into effect again, under the number it had.

        They come in the order of their numbers; see `history`.
        """
        assert sequence >= self.sequence
        self.sequence = sequence
        entries = self._soft if purge.is_soft else self._hard
        if purge.is_all:
            entries.add_all(sequence)
        entries.add(_Scope.URL, purge.urls, sequence)
        entries.add(_Scope.PREFIX, purge.prefixes, sequence)
        entries.add(_Scope.TAG, purge.tags, sequence)

    def rebase(self, older: Iterable[tuple[int, Purge]]) -> None:
        """Put purges of earlier runs into effect before those of this run.

        These move on by the number of the newest older one. What was weighed against them has a
        lower number than before then: all of them reach it, which at worst loses something.

        Args:
            older: in the order of their numbers.
        """
        own = self.history()
        self.sequence = 0
        self._hard, self._soft = self._hard.emptied(), self._soft.emptied()
        for sequence, purge in older:
            self.restore(sequence, purge)
        base = self.sequence
        for sequence, purge in own:
            self.restore(base + sequence, purge)

    def history(self) -> list[tuple[int, Purge]]:
        """Numbered purges that have the same effect as all until now, oldest first.

        The last one has the number of the newest purge, even if it purges nothing any more.
        """
        numbered = [*self._hard.history(is_soft=False), *self._soft.history(is_soft=True)]
        # What is all comes before what else has its number, which it would make forgotten.
        numbered.sort(key=lambda one: (one[0], not one[1].is_all))
        if not numbered or numbered[-1][0] < self.sequence:
            numbered.append((self.sequence, Purge()))
        return numbered

    def weigh(self, key: str, fields: Fields, *, since: int) -> Verdict:
        """What the purges after number `since` say of content with this key and these fields."""
        if self._hard.reach(key, fields, since):
            return Verdict.PURGED
        return Verdict.STALE if self._soft.reach(key, fields, since) else Verdict.SPARED


class _Entries:
    """What was purged, each with the number of the newest purge that named it."""

    __slots__ = ("_entries", "_entries_max", "_newest", "_prefix_lengths", "floor")

    def __init__(self, entries_max: int) -> None:
        self.floor = 0
        self._entries_max = entries_max
        # From the oldest to the newest.
        self._entries: OrderedDict[tuple[_Scope, str], int] = OrderedDict()
        self._newest = dict.fromkeys(_Scope, 0)
        self._prefix_lengths: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    def emptied(self) -> Self:
        """Another one like this in which there is nothing yet."""
        return type(self)(self._entries_max)

    def add_all(self, sequence: int) -> None:
        """Everything was purged: no older entry says anything more."""
        self.floor = sequence
        self._entries.clear()
        self._prefix_lengths.clear()

    def add(self, scope: _Scope, texts: Iterable[str], sequence: int) -> None:
        """Note that these were purged."""
        for text in texts:
            self._newest[scope] = sequence
            if self._entries.pop((scope, text), None) is None and scope is _Scope.PREFIX:
                self._prefix_lengths[len(text)] += 1
            self._entries[scope, text] = sequence
            if len(self._entries) > self._entries_max:
                self._forget_oldest()

    def history(self, *, is_soft: bool) -> Iterator[tuple[int, Purge]]:
        """What is remembered, as purges with their numbers."""
        if self.floor:
            yield self.floor, Purge(is_all=True, is_soft=is_soft)
        for sequence, group in itertools.groupby(self._entries.items(), lambda item: item[1]):
            texts: dict[_Scope, list[str]] = {scope: [] for scope in _Scope}
            for (scope, text), _ in group:
                texts[scope].append(text)
            urls, prefixes, tags = (tuple(texts[scope]) for scope in _Scope)
            yield sequence, Purge(urls, prefixes, tags, is_soft=is_soft)

    def reach(self, key: str, fields: Fields, since: int) -> bool:
        """Whether anything that was purged after number `since` is this content."""
        if since < self.floor:
            return True
        newest = self._newest
        if newest[_Scope.URL] > since and self._is_newer(_Scope.URL, key, since):
            return True
        if newest[_Scope.PREFIX] > since and any(
            self._is_newer(_Scope.PREFIX, key[:length], since) for length in self._prefix_lengths
        ):
            return True
        return newest[_Scope.TAG] > since and any(
            self._is_newer(_Scope.TAG, tag, since) for tag in tags_of(fields)
        )

    def _is_newer(self, scope: _Scope, text: str, since: int) -> bool:
        return self._entries.get((scope, text), 0) > since

    def _forget_oldest(self) -> None:
        (scope, text), sequence = self._entries.popitem(last=False)
        self.floor = max(self.floor, sequence)
        if scope is _Scope.PREFIX:
            self._prefix_lengths[len(text)] -= 1
            if not self._prefix_lengths[len(text)]:
                del self._prefix_lengths[len(text)]
