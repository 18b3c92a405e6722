"""Content that was evicted while answers were still being sent from it. No I/O.

It takes memory until the last answer lets go of it, transport buffers included; so it is counted
until then. Nothing has to be done for each answer: the interpreter tells when content goes.
"""

import weakref
from functools import partial

from edge.content import Content, Holder, Slot


class Pins:
    """Counts what is evicted and still there.

    Attributes:
        bytes: of it.
    """

    __slots__ = ("_refs", "bytes")

    def __init__(self) -> None:
        self.bytes = 0
        # By identity: a reference is hashed as what it refers to, and some content has no hash.
        self._refs: dict[int, weakref.ref[Content | Slot]] = {}

    def note(self, holder: Holder) -> None:
        """What holds content was evicted; count it for as long as anybody holds it."""
        if not isinstance(holder, Content | Slot):
            return
        size = len(holder)
        self.bytes += size
        ref = weakref.ref(holder, partial(self._gone, size))
        self._refs[id(ref)] = ref

    def _gone(self, size: int, ref: "weakref.ref[Content | Slot]") -> None:
        self.bytes -= size
        del self._refs[id(ref)]
