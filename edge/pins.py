"""Content that was evicted while answers were still being sent from it. No I/O.

It takes memory until the last answer lets go of it, transport buffers included; so it is counted
until then. Nothing has to be done for each answer: the interpreter tells when content goes.
"""

import weakref
from functools import partial


class Content(bytearray):
    """Content of a slice, of which it can be known when it goes."""

    __slots__ = ("__weakref__",)


class Pins:
    """Counts what is evicted and still there.

    Attributes:
        bytes: of it.
    """

    __slots__ = ("_refs", "bytes")

    def __init__(self) -> None:
        self.bytes = 0
        # By identity: a reference is hashed as what it refers to, and content has no hash.
        self._refs: dict[int, weakref.ref[Content]] = {}

    def note(self, content: bytearray) -> None:
        """Content was evicted; count it for as long as anybody holds it."""
        if not isinstance(content, Content):
            return
        size = len(content)
        self.bytes += size
        ref = weakref.ref(content, partial(self._gone, size))
        self._refs[id(ref)] = ref

    def _gone(self, size: int, ref: "weakref.ref[Content]") -> None:
        self.bytes -= size
        del self._refs[id(ref)]
