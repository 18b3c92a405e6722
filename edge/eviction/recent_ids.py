"""Which ids were noted lately, in a few bytes for each: Bloom filters that take turns. No I/O.

Ids are noted in the newest filter; when it is full another one begins, and what is in the oldest
one is forgotten. A set of integers would be exact and take 80 bytes for each. All bits of an id are
in one word of its filter (F. Putze et al., "Cache-, Hash- and Space-Efficient Bloom Filters",
2007), so a question is one comparison for each generation.
"""

from array import array
from collections import deque
from typing import Final

# Of a hundred strange ids, a full filter takes less than one for its own.
BITS_EACH: Final = 16
WORD_BITS: Final = 64

# The odd constants of SplitMix64: ids need not be digests.
_FIRST_FACTOR: Final = 0xBF58476D1CE4E5B9
_SECOND_FACTOR: Final = 0x94D049BB133111EB
_MASK: Final = (1 << 64) - 1


class RecentIds:
    """Remembers ids by generations.

    Args:
        generations: how many are remembered.
        ids_each: how many ids a generation has at most.
    """

    def __init__(self, *, generations: int, ids_each: int) -> None:
        assert generations > 1
        assert ids_each > 0
        self._ids_each = ids_each
        self._words = -(-ids_each * BITS_EACH // WORD_BITS)
        self._filters = deque(
            (self._empty_filter() for _ in range(generations)), maxlen=generations
        )
        self._noted = 0

    @property
    def memory_bytes(self) -> int:
        """What is taken, however much is remembered."""
        return len(self._filters) * self._words * WORD_BITS // 8

    def __contains__(self, number: int) -> bool:
        return self.age(number) is not None

    def age(self, number: int) -> int | None:
        """How many generations began since an id was noted; None if it is not remembered."""
        word, bits = self._place_of(number)
        for age, words in enumerate(self._filters):
            if words[word] & bits == bits:
                return age
        return None

    def note(self, number: int) -> None:
        """Remember an id."""
        if self._noted >= self._ids_each:
            self.turn()
        word, bits = self._place_of(number)
        self._filters[0][word] |= bits
        self._noted += 1

    def turn(self) -> None:
        """Begin another generation, and forget the oldest one."""
        self._filters.appendleft(self._empty_filter())
        self._noted = 0

    def _empty_filter(self) -> "array[int]":
        return array("Q", bytes(self._words * WORD_BITS // 8))

    def _place_of(self, number: int) -> tuple[int, int]:
        """The word of an id, and five of its bits."""
        mixed = (number ^ number >> 30) * _FIRST_FACTOR & _MASK
        mixed = (mixed ^ mixed >> 27) * _SECOND_FACTOR & _MASK
        bits = (
            1 << (mixed & 63)
            | 1 << (mixed >> 6 & 63)
            | 1 << (mixed >> 12 & 63)
            | 1 << (mixed >> 18 & 63)
            | 1 << (mixed >> 24 & 63)
        )
        return (mixed >> 30) % self._words, bits
