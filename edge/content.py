"""What holds content of slices. No I/O.

Content is either a piece of memory of its own, or a view of a slot of the arena's file. Both are
kept by whoever holds a view, transport buffers included, and both can be told to have gone.
"""

import ctypes
from collections.abc import Callable
from typing import TypeAlias


class Content(bytearray):
    """Content of a slice in memory of its own, of which it can be known when it goes."""

    __slots__ = ("__weakref__",)


class Slot:
    """A place in the arena's file while somebody holds it, or any view of it.

    Attributes:
        offset: of its first byte in the file.
        length: of the content in it.
        is_lent: the kernel may still send its pages when nobody here holds it any more.
        let_go: called at the end of its life.
    """

    __slots__ = ()  # Those of the type that `slot_type_of` makes: ctypes allows none above it.

    offset: int
    length: int
    is_lent: bool
    let_go: "Callable[[Slot], None]"

    def __len__(self) -> int:
        return self.length

    def lend(self) -> None:
        """The kernel is about to be given its pages."""
        self.is_lent = True  # type: ignore[misc]

    def shorten(self, length: int) -> None:
        """Its content has turned out shorter."""
        self.length = length  # type: ignore[misc]

    def __del__(self) -> None:
        self.let_go(self)


SliceContent: TypeAlias = bytearray | memoryview
Holder: TypeAlias = bytearray | Slot


def slot_type_of(slot_bytes: int) -> type[Slot]:
    """The type of slots of so many bytes. It makes them with `from_address`, and checks nothing."""

    class _Slot(Slot, ctypes.c_ubyte * slot_bytes):  # type: ignore[misc]
        __slots__ = ("is_lent", "length", "let_go", "offset")

    return _Slot


def holder_of(content: SliceContent) -> Holder:
    """What a piece of content, as an arena hands it out, is kept by."""
    if not isinstance(content, memoryview):
        return content
    assert isinstance(content.obj, Slot)
    return content.obj


def content_of(holder: Holder) -> SliceContent:
    """The other way round."""
    if not isinstance(holder, Slot):
        return holder
    return memoryview(holder).cast("B")[: holder.length]  # type: ignore[arg-type]
