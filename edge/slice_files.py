"""Slices that can be sent from files of the disk tier, past the memory tier.

The calls into the system are those of `edge.disk.verified_files`: none of them waits.
"""

import weakref
from collections.abc import Callable

from edge.content import Content, SliceContent
from edge.disk.verified_files import VerifiedFile
from edge.disk_shelf import DiskShelf
from edge.pins import Pins
from edge.purges import Purges
from edge.representation import Representation


class SliceFiles:
    """Knows the files of slices.

    Args:
        shelf: the disk, if there is one.
        purges: what may no longer be sent.
        is_purged: weighs a representation against them.
        pins: count what is copied.
    """

    def __init__(
        self,
        shelf: DiskShelf | None,
        purges: Purges,
        *,
        is_purged: Callable[[Representation], bool],
        pins: Pins,
    ) -> None:
        self._shelf = shelf
        self._purges = purges
        self._is_purged = is_purged
        self._pins = pins

    def find(
        self, representation: Representation, number: int, start: int, stop: int
    ) -> VerifiedFile | None:
        """A file from which bytes `[start, stop)` of a slice can be sent without waiting.

        That is a use of it on disk, but does not bring the slice into the memory tier: what the
        kernel has in memory need not be there twice.
        """
        known = representation.files
        if known is not None and representation.purge_sequence == self._purges.sequence:
            ref = known.get(number)
            file = None if ref is None else ref()
            if file is not None and file.sequence == self._purges.sequence:
                return file if file.may_be_sent(start, stop) else None
        return self._find(representation, number, start, stop)

    def copy(
        self, representation: Representation, number: int, start: int, stop: int
    ) -> memoryview | None:
        """Bytes `[start, stop)` of a slice, if that takes no waiting."""
        file = self.find(representation, number, start, stop)
        if file is None:
            return None
        try:
            return file.view(start, stop)
        except OSError:
            return None  # Somebody has cut the file; who reads all of it will see.

    def _find(
        self, representation: Representation, number: int, start: int, stop: int
    ) -> VerifiedFile | None:
        if self._shelf is None or self._is_purged(representation):
            return None
        file = self._shelf.verified_file(representation, number, start, stop)
        if file is not None:
            file.take = self._take
            if representation.files is None:
                representation.files = {}
            representation.files[number] = weakref.ref(file)
        return file

    def _take(self, length: int) -> SliceContent:
        """Memory for what is about to be sent, and kept by nobody: it counts like the evicted.

        It is the allocator's, whose pages are there; those of a slot would have to be made.
        """
        content = Content(length)
        self._pins.note(content)
        return content
