"""A group from beginning to end: its origin, its tickets, its servers."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.hits.contestants import GroupName
from benchmarks.hits.measuring import Effort, Findings, Group
from benchmarks.hits.origin import running_origin
from benchmarks.hits.shapes import SHAPES
from benchmarks.hits.tickets import Tickets

# What a disk is for: parts of large files, whose records stay in memory while their slices do not.
_DISK_ONLY: Final = ("256-of-4096", "1024-of-4096")
_DISK_SHAPES: Final = (*_DISK_ONLY, "range")


def measure_group(
    group: GroupName, *, servers: Sequence[str], shapes: Sequence[str], effort: Effort
) -> Findings:
    """Measure the servers of one group; those that cannot take part there are left out."""
    able = _DISK_SHAPES if group.tier == "disk" else set(SHAPES).difference(_DISK_ONLY)
    taken = [one for one in shapes if one in able]
    wanted = [SHAPES[one] for one in taken]
    tickets = Tickets(wanted)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_origin(wanted, tickets.key_set) as origin,
    ):
        measured = Group(Path(folder), origin, tickets, name=group, effort=effort)
        return measured.measure(servers, wanted)
