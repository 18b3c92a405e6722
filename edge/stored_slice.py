"""A slice as it is kept in memory, and pieces of slices that are sent from there or from a file."""

from dataclasses import dataclass, field

from edge.content import Holder, SliceContent, Slot, content_of
from edge.disk.verified_files import VerifiedFile
from edge.representation import Representation
from edge.spans import Spans


@dataclass(slots=True, eq=False)
class StoredSlice:
    """A slice. Whoever reads it keeps it alive; nobody writes to what is there.

    Attributes:
        owner: whose slice.
        number: of the slice.
        holder: keeps its content, which is as long as the slice.
        arena_offset: where the content begins in the arena's file; -1 if it is not there.
        spans: which bytes of it are there; None for all.
        arrived: number of the arrival with which it came; later ones have larger numbers.
        is_settled: it needs no thought any more whether it is worth a place on disk.
        is_mirror: somebody else owns it; the memory has but a share for such.
    """

    owner: Representation
    number: int
    holder: Holder = field(repr=False)
    spans: Spans | None = None
    arrived: int = 0
    is_settled: bool = True
    is_mirror: bool = False
    arena_offset: int = field(init=False)

    def __post_init__(self) -> None:
        holder = self.holder
        self.arena_offset = holder.offset if isinstance(holder, Slot) else -1

    @property
    def content(self) -> SliceContent:
        """All of it. Any view of it keeps it."""
        return content_of(self.holder)

    def lend(self) -> None:
        """Its pages are given to the kernel, by `os.sendfile` for instance: call it before that."""
        if isinstance(self.holder, Slot):
            self.holder.lend()

    def has(self, start: int, stop: int) -> bool:
        """Whether bytes `[start, stop)` are there."""
        return self.spans is None or self.spans.covers(start, stop)

    def view(self, start: int, stop: int) -> memoryview:
        """The bytes from `start` on that are there in one piece, at most up to `stop`."""
        if self.spans is not None:
            stop = min(stop, self.spans.end_at(start))
        return memoryview(self.content)[start:stop]


Piece = tuple[StoredSlice | VerifiedFile, int, int]
"""Bytes `[start, stop)` of a slice, counted from its own start: in memory, or in a file."""
