"""What the disk tier did since the start. Plain numbers; metrics read them."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class DiskCounts:
    """Counts of all folders.

    Attributes:
        hits: entries that were read and found sound.
        thread_reads: reads that a thread had to do.
        misses: look-ups of what is not there.
        collisions: files that hold something else with the same digest.
        damaged: files that are not what was written.
        written: entries that were written.
        written_bytes: and their files' bytes.
        evicted: entries that went for want of room.
        dropped: writes and reads that were not made, by reason.
        errors: of the disks, by name.
    """

    hits: int = 0
    thread_reads: int = 0
    misses: int = 0
    collisions: int = 0
    damaged: int = 0
    written: int = 0
    written_bytes: int = 0
    evicted: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
