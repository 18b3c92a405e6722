"""Who owns a span: rendezvous hashing among nodes, and among the workers of a node. No I/O.

A span is an aligned part of a representation's content, so long that an audio file usually has one.
Every member computes the same order of owners for it, from the members' names alone: each name is
hashed together with the cache key and the span's number, and the largest weight owns it (highest
random weight; Thaler and Ravishankar, 1998). So a member that joins takes its share and nothing
else moves, one that leaves gives away what it had, and whoever finds the first owner dead knows the
next one.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from xxhash import xxh3_64_intdigest

SPAN_BYTES: Final = 16 << 20

# Hash values are spread over (0, 1), both ends left out, since a logarithm is taken: 52 bits of
# them, so that a half more is exact.
_UNUSED_BITS: Final = 12
_HASH_VALUES: Final = 1 << 52

# Its owner keeps the record.
RECORD_SPAN: Final = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may own spans.

    Attributes:
        name: known to all members alike.
        weight: its share, beside those of the others.
    """

    name: str
    weight: float = 1.0
    seed: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        assert self.weight > 0
        object.__setattr__(self, "seed", xxh3_64_intdigest(self.name.encode()))


def span_of(position: int) -> int:
    """The span that holds a byte."""
    return position // SPAN_BYTES


def span_end(position: int) -> int:
    """Where the span ends that holds a byte."""
    return (position // SPAN_BYTES + 1) * SPAN_BYTES


def ranked(candidates: Iterable[Candidate], key: str, span: int = RECORD_SPAN) -> list[str]:
    """Names of the candidates, the owner of a span first, and after each who owns it without him.

    Args:
        candidates: in any order.
        key: the cache key.
        span: its number; that of the record without one.
    """
    data = f"{span} {key}".encode(errors="surrogateescape")
    weighed = [(_weight(one, data), one.name) for one in candidates]
    weighed.sort(reverse=True)
    return [name for _, name in weighed]


def _weight(candidate: Candidate, data: bytes) -> float:
    """Grows with the candidate's own weight such that its share does in proportion."""
    spread = ((xxh3_64_intdigest(data, candidate.seed) >> _UNUSED_BITS) + 0.5) / _HASH_VALUES
    return -candidate.weight / math.log(spread)
