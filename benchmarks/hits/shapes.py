"""What is asked for: objects of several sizes, each with its content known. No I/O."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_KIB: Final = 1 << 10
_RANGE_REQUESTS: Final = 4096
_VERSION: Final = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request: a path, and which part of its content.

    Attributes:
        path: without anything that admits.
        start: first byte of it.
        stop: after the last one.
        is_range: whether a range is asked for.
    """

    path: str
    start: int
    stop: int
    is_range: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """Objects of one size, and how they are asked for.

    Attributes:
        name: on the command line.
        title: in tables.
        number: tells its paths from those of others.
        object_bytes: of each object.
        objects: how many there are; together they are larger than a processor's caches.
        range_bytes: what is asked for of an object; None asks for the whole.
        step_bytes: ranges begin at multiples of it.
    """

    name: str
    title: str
    number: int
    object_bytes: int
    objects: int
    range_bytes: int | None = None
    step_bytes: int = 1

    @property
    def answer_bytes(self) -> int:
        """Content of one answer."""
        return self.object_bytes if self.range_bytes is None else self.range_bytes

    def paths(self) -> list[str]:
        """Where the objects are: files of tracks, as players ask for them."""
        return [path_of(self.number, one) for one in range(self.objects)]

    def requests(self) -> Sequence[Wanted]:
        """What is asked for, one after the other at random."""
        if self.range_bytes is None:
            return [Wanted(path, 0, self.object_bytes, is_range=False) for path in self.paths()]
        chance = random.Random(self.number)
        steps = (self.object_bytes - self.range_bytes) // self.step_bytes
        paths = self.paths()
        starts = [chance.randint(0, steps) * self.step_bytes for _ in range(_RANGE_REQUESTS)]
        return [
            Wanted(chance.choice(paths), start, start + self.range_bytes, is_range=True)
            for start in starts
        ]


def track_of(number: int, object_number: int) -> str:
    """The id of a track."""
    return f"{number:04}{object_number:018}"


def path_of(number: int, object_number: int) -> str:
    """Where the file of a track is."""
    return f"/v1/audio/{track_of(number, object_number)}/{_VERSION}/flac.mp4"


SHAPES: Final = {
    shape.name: shape
    for shape in (
        Shape("4", "4 KiB", 1, 4 * _KIB, 200),
        Shape("64", "64 KiB", 2, 64 * _KIB, 200),
        Shape("256", "256 KiB", 3, 256 * _KIB, 128),
        Shape("1024", "1 MiB", 4, 1024 * _KIB, 64),
        Shape(
            "range",
            "64 KiB of 4 MiB",
            5,
            4096 * _KIB,
            32,
            range_bytes=64 * _KIB,
            step_bytes=64 * _KIB,
        ),
        Shape(
            "256-of-4096",
            "256 KiB of 4 MiB",
            5,
            4096 * _KIB,
            32,
            range_bytes=256 * _KIB,
            step_bytes=256 * _KIB,
        ),
        Shape(
            "1024-of-4096",
            "1 MiB of 4 MiB",
            5,
            4096 * _KIB,
            32,
            range_bytes=1024 * _KIB,
            step_bytes=1024 * _KIB,
        ),
        Shape("seek", "64 KiB of 4 MiB, anywhere", 5, 4096 * _KIB, 32, range_bytes=64 * _KIB),
    )
}
