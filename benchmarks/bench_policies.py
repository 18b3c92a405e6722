"""Hit ratios of the eviction policies on audio, beside those of libcachesim; and what they cost.

`make bench-policies` installs libcachesim beside what tests; without it our policies stand alone.
Our LRU has to have exactly the hits of its LRU. Of two tiers, the second half of a replay counts.
`python -m benchmarks.bench_policies FILE…` replays traces of others, see `trace_files.py`.
"""

import importlib.util
import sys
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.audio_trace import Habits, Trace, requests_of
from benchmarks.replay import Hits, TwoTiers, identity, replay
from benchmarks.trace_files import read_trace
from edge.eviction.admission import AdmitAll, SecondRequest
from edge.eviction.policies import POLICIES, PolicyName
from edge.ports import EvictionPolicy

if TYPE_CHECKING:
    from benchmarks.peers import PeerTrace

SHARES: Final = (0.001, 0.01, 0.1)
TRACES: Final[Mapping[str, Habits]] = {
    "players that read on": Habits(),
    "players that ask by segments of 6 s": Habits(sessions=4_000, segment_s=6.0),
    "the first, with 30 % probes and a crawler": Habits(
        sessions=5_000, probe_share=0.3, scanned_tracks=12_000
    ),
}

# Shares of the working set.
MEMORY_SHARE: Final = 0.002
DISK_SHARES: Final = (0.02, 0.1)

# What disk holds, times this, is what the second request is waited for.
WINDOWS: Final = (2, 5, 10)


def main() -> None:
    for name, habits in TRACES.items():
        trace = Trace.of(requests_of(habits))
        working_set = trace.working_set_bytes
        print(f"  {name}: {len(trace):,} requests, {working_set / 1e9:.0f} GB")
        compare(trace, working_set)
        if name == next(iter(TRACES)):
            compare_tiers(trace, working_set)
    measure_costs()


def compare(trace: Trace, working_set: int) -> None:
    """Print byte hit ratios, ours and theirs, and how far our best is from the best of theirs."""
    sizes = [int(working_set * share) for share in SHARES]
    print("    byte hit ratio, % (hit ratio), at 0.1, 1 and 10 % of the working set")
    ours = {name.value: [replay(_made(name, size), trace) for size in sizes] for name in PolicyName}
    for name, row in ours.items():
        _print_row(f"ours: {name}", row)
    if importlib.util.find_spec("libcachesim") is None:
        print("    libcachesim is not installed: make bench-policies")
        return
    from benchmarks.peers import CEILING, PEERS, PeerTrace  # noqa: PLC0415

    with closing(PeerTrace(trace)) as peer_trace:
        theirs = {name: _peer_row(peer_trace, name, sizes) for name in PEERS}
        if theirs["LRU"] != ours["lru"]:
            raise SystemExit("our LRU is not LRU")
        _print_row(CEILING, _peer_row(peer_trace, CEILING, sizes))
    _print_distance(ours, theirs)


def _peer_row(trace: "PeerTrace", name: str, sizes: list[int]) -> list[Hits]:
    row = [trace.replay(name, size) for size in sizes]
    _print_row(name, row)
    return row


def _print_row(name: str, row: list[Hits]) -> None:
    cells = "  ".join(f"{hits.byte_hit_percent:5.2f} ({hits.hit_percent:5.2f})" for hits in row)
    print(f"    {name:14} {cells}", flush=True)


def _print_distance(ours: Mapping[str, list[Hits]], theirs: Mapping[str, list[Hits]]) -> None:
    columns = zip(*theirs.values(), strict=True)
    best = [max(hits.byte_hit_percent for hits in column) for column in columns]
    for name, row in ours.items():
        points = (hits.byte_hit_percent - most for hits, most in zip(row, best, strict=True))
        print(f"    {name} beside the best of theirs: {' '.join(f'{one:+.2f}' for one in points)}")


def compare_tiers(trace: Trace, working_set: int) -> None:
    """Print where bytes come from, and what is written, for memory in front of disk."""
    print(f"    two tiers, memory {MEMORY_SHARE:.1%} of the working set; % of requested bytes")
    mean_bytes = working_set // len(set(trace.object_ids))
    for share in DISK_SHARES:
        disk_bytes = int(working_set * share)
        held = disk_bytes // mean_bytes
        for memory, disk, window in _tier_choices():
            tiers = TwoTiers(
                memory=_made(memory, int(working_set * MEMORY_SHARE)),
                disk=_made(disk, disk_bytes),
                admission=SecondRequest(window=window * held) if window else AdmitAll(),
            )
            traffic = tiers.replay(trace, warm_up=len(trace) // 2)
            admitted = f"second of {window} x" if window else "all"
            print(
                f"    {memory:7} disk {share:3.0%} {disk:7} {admitted:13}"
                f" memory {100 * traffic.memory_bytes / traffic.bytes:5.2f}"
                f" origin {100 * traffic.origin_bytes / traffic.bytes:5.2f}"
                f" written {100 * traffic.written_bytes / traffic.bytes:5.2f}",
                flush=True,
            )


def _tier_choices() -> list[tuple[PolicyName, PolicyName, int]]:
    lru, clock, s3fifo = PolicyName.LRU, PolicyName.CLOCK, PolicyName.S3FIFO
    return [
        (lru, lru, 0),
        *((s3fifo, disk, 0) for disk in (lru, clock, s3fifo)),
        *((s3fifo, lru, window) for window in WINDOWS),
        *((s3fifo, disk, 5) for disk in (clock, s3fifo)),
        (lru, lru, 5),
    ]


def measure_costs() -> None:
    """Print what a hit, an insertion with its eviction, and a kept entry cost."""
    print("  cost of policies with 20,000 entries")
    for name in PolicyName:
        entries = [object() for _ in range(20_000)]
        tracemalloc.start()
        policy: EvictionPolicy[object] = POLICIES[name](
            bytes_max=len(entries) * (256 << 10), id_of=id
        )
        for entry in entries:
            policy.put(entry, 256 << 10)
        entry_bytes = tracemalloc.get_traced_memory()[0] / len(entries)
        tracemalloc.stop()
        get_ns = min(_get_ns(policy, entries) for _ in range(5))
        put_us = min(_put_us(policy) for _ in range(5))
        print(
            f"    {name:7} {get_ns:4.0f} ns a get, {put_us:4.1f} us a put with an eviction,", end=""
        )
        print(f" {entry_bytes:4.0f} bytes an entry")


def _get_ns(policy: EvictionPolicy[object], entries: list[object]) -> float:
    get = policy.get
    begin_ns = time.process_time_ns()
    for entry in entries:
        get(entry)
    return (time.process_time_ns() - begin_ns) / len(entries)


def _put_us(policy: EvictionPolicy[object]) -> float:
    strange = [object() for _ in range(5_000)]
    begin_ns = time.process_time_ns()
    for entry in strange:
        policy.put(entry, 256 << 10)
    taken_us = (time.process_time_ns() - begin_ns) / 1000 / len(strange)
    for entry in strange:
        policy.remove(entry)
    return taken_us


def _made(name: PolicyName, bytes_max: int) -> EvictionPolicy[int]:
    return POLICIES[name](bytes_max=bytes_max, id_of=identity)


def main_of_files(paths: Sequence[str]) -> None:
    """Compare on traces of others."""
    for path in paths:
        trace = read_trace(Path(path))
        print(f"  {path}: {len(trace):,} requests, {trace.working_set_bytes / 1e9:.3f} GB")
        compare(trace, trace.working_set_bytes)


if __name__ == "__main__":
    main_of_files(sys.argv[1:])
