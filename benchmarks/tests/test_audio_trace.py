"""The model of listeners: reproducible, in order, and like what was published."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from benchmarks.audio_trace import PROBES_FROM, SLICE_BYTES, Catalogue, Habits, Trace, requests_of
from benchmarks.tests.small_traces import SMALL


def test_a_seed_decides_everything():
    first, again = Trace.of(requests_of(SMALL)), Trace.of(requests_of(SMALL))
    assert first == again
    other = Trace.of(requests_of(Habits(seed=2, tracks=SMALL.tracks, sessions=SMALL.sessions)))
    assert other != first


def test_requests_come_in_the_order_of_their_times():
    times = [request.time_s for request in requests_of(SMALL)]
    assert times == sorted(times)


def test_an_object_has_one_size():
    sizes: dict[int, int] = {}
    for request in requests_of(SMALL):
        assert 0 < request.size_bytes <= SLICE_BYTES
        assert sizes.setdefault(request.object_id, request.size_bytes) == request.size_bytes


def test_most_accesses_go_to_few_tracks():
    catalogue = Catalogue(Habits(tracks=40_000), Random(1))
    plays = Counter(catalogue.popular() for _ in range(100_000))
    top = sum(count for _, count in plays.most_common(40_000 * 12 // 100))
    assert 0.78 < top / 100_000 < 0.9  # 88 % in the wild


def test_segments_touch_slices_again():
    whole = Trace.of(requests_of(SMALL))
    segments = Trace.of(requests_of(replace(SMALL, segment_s=6.0)))
    assert len(segments) / len(set(segments.object_ids)) > 1.5 * len(whole) / len(
        set(whole.object_ids)
    )


def test_probes_and_crawlers_leave_the_listeners_as_they_are():
    plain = [request.object_id for request in requests_of(SMALL)]
    probed = replace(SMALL, probe_share=0.3)
    assert [one.object_id for one in requests_of(probed) if one.object_id < PROBES_FROM] == plain
    crawled = Counter(one.object_id for one in requests_of(replace(SMALL, scanned_tracks=50)))
    assert crawled >= Counter(plain)


def test_probes_are_never_asked_for_again():
    probed = Habits(tracks=3000, sessions=100, probe_share=0.5)
    counts = Counter(request.object_id for request in requests_of(probed))
    probes = {number: count for number, count in counts.items() if number >= PROBES_FROM}
    assert set(probes.values()) == {1}
    assert len(probes) == pytest.approx(sum(counts.values()) / 2, rel=0.05)


def test_a_crawler_takes_whole_tracks():
    plain = Habits(tracks=3000, sessions=100)
    crawled = Habits(tracks=3000, sessions=100, scanned_tracks=200)
    objects = {request.object_id for request in requests_of(plain)}
    more = {request.object_id for request in requests_of(crawled)} - objects
    assert len(more) > 200 * 10
