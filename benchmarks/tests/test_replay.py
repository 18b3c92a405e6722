"""Replays count what they ought to; policies have the hit ratios that they were chosen for."""

from collections import OrderedDict
from dataclasses import replace
from functools import cache

import pytest

from benchmarks.audio_trace import PROBES_FROM, Habits, Trace, requests_of
from benchmarks.replay import TwoTiers, identity, replay
from benchmarks.tests.small_traces import SMALL
from edge.eviction.admission import Admission, AdmitAll, SecondRequest
from edge.eviction.policies import POLICIES, PolicyName
from edge.ports import EvictionPolicy

BY_SEGMENTS = replace(SMALL, sessions=150, segment_s=6.0)
PROBED = replace(SMALL, probe_share=0.5)
CRAWLED = replace(SMALL, scanned_tracks=2000, scan_tracks_per_s=2.0)


@cache
def trace_of(habits: Habits) -> Trace:
    return Trace.of(requests_of(habits))


def policy_of(name: PolicyName, bytes_max: int) -> EvictionPolicy[int]:
    return POLICIES[name](bytes_max=bytes_max, id_of=identity)


def byte_hit_percent(name: PolicyName, habits: Habits, share: float) -> float:
    trace = trace_of(habits)
    bytes_max = int(trace.working_set_bytes * share)
    return replay(policy_of(name, bytes_max), trace).byte_hit_percent


def test_lru_has_the_hits_of_the_definition():
    trace = trace_of(SMALL)
    bytes_max = trace.working_set_bytes // 50
    kept: OrderedDict[int, int] = OrderedDict()
    hits = taken = 0
    for object_id, size in zip(trace.object_ids, trace.sizes, strict=True):
        if object_id in kept:
            hits += 1
            kept.move_to_end(object_id)
            continue
        kept[object_id] = size
        taken += size
        while taken > bytes_max:
            taken -= kept.popitem(last=False)[1]
    assert replay(policy_of(PolicyName.LRU, bytes_max), trace).hits == hits


# Recorded; a change of more than 0.2 points has to be meant.
RECORDED = {
    (PolicyName.LRU, "read on"): (2.94, 15.93),
    (PolicyName.CLOCK, "read on"): (3.13, 16.84),
    (PolicyName.S3FIFO, "read on"): (10.20, 22.13),
    (PolicyName.LRU, "by segments"): (57.54, 62.25),
    (PolicyName.CLOCK, "by segments"): (57.47, 62.02),
    (PolicyName.S3FIFO, "by segments"): (57.99, 63.66),
}


@pytest.mark.parametrize(("name", "trace"), RECORDED)
def test_byte_hit_ratios_stay_where_they_are(name: PolicyName, trace: str):
    habits = {"read on": SMALL, "by segments": BY_SEGMENTS}[trace]
    measured = [byte_hit_percent(name, habits, share) for share in (0.01, 0.1)]
    assert measured == pytest.approx(RECORDED[name, trace], abs=0.2)


def hit_bytes_kept(name: PolicyName, disturbed: Habits) -> float:
    """The share of the listeners' hits that is left when others come between."""
    bytes_max = trace_of(SMALL).working_set_bytes // 50
    quiet, loud = (
        replay(policy_of(name, bytes_max), trace_of(habits), counted_below=PROBES_FROM)
        for habits in (SMALL, disturbed)
    )
    return loud.hit_bytes / quiet.hit_bytes


def test_probes_do_not_push_the_working_set_out_of_memory():
    assert hit_bytes_kept(PolicyName.S3FIFO, PROBED) > 0.99


def test_probes_as_large_as_slices_take_a_fifth_where_lru_loses_half():
    whole_slices = replace(PROBED, probe_bytes=256 << 10)
    assert hit_bytes_kept(PolicyName.S3FIFO, whole_slices) > 0.8
    assert hit_bytes_kept(PolicyName.LRU, whole_slices) < 0.55


def test_a_crawler_does_not_push_the_working_set_out_of_memory():
    assert hit_bytes_kept(PolicyName.S3FIFO, CRAWLED) > 0.92
    assert hit_bytes_kept(PolicyName.LRU, CRAWLED) < 0.87


def tiers_of(admission: Admission) -> TwoTiers:
    working_set = trace_of(SMALL).working_set_bytes
    return TwoTiers(
        memory=policy_of(PolicyName.LRU, working_set // 500),
        disk=policy_of(PolicyName.LRU, working_set // 10),
        admission=admission,
    )


def second_request() -> SecondRequest:
    return SecondRequest(window=5 * trace_of(SMALL).working_set_bytes // 10 // (230 << 10))


@pytest.mark.parametrize("disturbed", [PROBED, CRAWLED], ids=["probes", "a crawler"])
def test_admission_keeps_what_is_asked_for_once_off_the_disk(disturbed: Habits):
    quiet = tiers_of(second_request()).replay(trace_of(SMALL), warm_up=0)
    loud = tiers_of(second_request()).replay(trace_of(disturbed), warm_up=0)
    saved = [traffic.memory_bytes + traffic.disk_bytes for traffic in (quiet, loud)]
    assert saved[1] > 0.99 * saved[0]


def test_admission_writes_a_fraction_and_asks_the_origin_no_more():
    trace = trace_of(SMALL)
    eager = tiers_of(AdmitAll()).replay(trace, warm_up=len(trace) // 2)
    choosy = tiers_of(second_request()).replay(trace, warm_up=len(trace) // 2)
    assert choosy.written_bytes < eager.written_bytes / 3
    assert choosy.origin_bytes < eager.origin_bytes


def test_each_byte_of_two_tiers_comes_from_one_place():
    trace = trace_of(SMALL)
    traffic = tiers_of(AdmitAll()).replay(trace, warm_up=0)
    assert traffic.bytes == trace.requested_bytes
    assert traffic.written_bytes == traffic.origin_bytes
