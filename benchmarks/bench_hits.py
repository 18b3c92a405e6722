"""CPU that our edge spends on a hit, with token check, metrics and access log on.

The same measurement as beside other caches (`make bench-peers`), and shorter.
"""

from typing import Final

from benchmarks.hits.contestants import FLOOR, OURS, GroupName
from benchmarks.hits.measuring import Effort
from benchmarks.hits.network import own_network
from benchmarks.hits.report import print_costs
from benchmarks.hits.running import measure_group
from benchmarks.hits.shapes import SHAPES
from loadtest.peers.process import find_program

_EFFORT: Final = Effort(rounds=3, seconds=2)


def memory() -> None:
    _measure(GroupName.MEMORY, GroupName.MEMORY_TLS)


def disk() -> None:
    _measure(GroupName.DISK, GroupName.DISK_TLS)


def _measure(*groups: GroupName) -> None:
    if find_program("wrk") is None:
        print("  wrk is not installed: apt-get install wrk")
        return
    with own_network() as network:
        print(f"  {network.sentence}")
        for group in groups:
            found = measure_group(group, servers=(OURS, FLOOR), shapes=list(SHAPES), effort=_EFFORT)
            print_costs(found.runs)
            for sentence in found.failures:
                print(f"  FAILED {sentence}")
