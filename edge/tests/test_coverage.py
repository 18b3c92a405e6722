"""What of a representation is there, and what is on its way."""

from multidict import CIMultiDict

from edge.coverage import Coverage, Presence
from edge.filling import Run
from edge.representation import Representation
from edge.slices import SliceStore
from edge.spans import Spans
from edge.tests.making import representation_of
from http_semantics.byte_range import ByteSlice

ALL = ByteSlice(0, 1000)


def coverage_of(*numbers: int) -> tuple[Coverage, SliceStore, Representation]:
    """Of ten slices of 100 bytes; those with `numbers` are kept."""
    store, found = SliceStore(bytes_max=1 << 20), representation_of()
    for number in numbers:
        store.put(found, number, bytearray(100))
    return Coverage(store, run_bytes_max=400), store, found


def run_of(found: Representation, start: int, stop: int) -> Run:
    return Run(found, start, stop, CIMultiDict())


def test_looking_for_what_is_missing_leaves_nothing_behind():
    coverage, _, found = coverage_of(0, 2)
    assert coverage.presence(found, ALL) is Presence.SOME
    assert coverage.first_missing(found, ALL) == 100
    assert coverage.extra_bytes(found, ALL) == 0
    assert len(coverage) == 0


def test_what_is_missing_lies_between_what_is_there_and_what_is_coming():
    coverage, store, found = coverage_of(0, 5)
    spans = Spans()
    spans.add(20, 60)
    store.put(found, 7, bytearray(100), spans=spans)
    coverage.of(found).runs.append(run_of(found, 250, 420))
    missing = [(100, 250), (420, 500), (600, 720), (760, 1000)]
    assert list(coverage.missing(found, ALL)) == missing
    absent = [(100, 500), (600, 720), (760, 1000)]
    assert list(coverage.absent(found, ALL)) == absent


def test_what_is_coming_is_not_missing():
    coverage, _, found = coverage_of(0)
    coverage.of(found).runs.append(run_of(found, 100, 1000))
    assert coverage.presence(found, ALL) is Presence.COMING
    assert coverage.is_coming(found, 999)
    assert not coverage.is_coming(found, 99)
    assert coverage.first_missing(found, ALL) is None


def test_what_has_arrived_in_a_slice_under_way_is_at_hand():
    coverage, store, found = coverage_of()
    filling = coverage.slice_for(found, 3)
    assert filling is not None
    filling.feed(0, memoryview(b"x" * 40))
    assert bytes(coverage.at_hand(found, 310, 400)) == b"x" * 30
    assert not coverage.at_hand(found, 340, 400)
    assert coverage.presence(found, ByteSlice(310, 340)) is Presence.ALL
    store.put(found, 4, bytearray(100))
    assert coverage.slice_for(found, 4) is None


def test_a_slice_that_is_kept_in_part_is_gone_on_with():
    coverage, store, found = coverage_of()
    spans, content = Spans(), bytearray(100)
    spans.add(0, 50)
    store.put(found, 3, content, spans=spans)
    filling = coverage.slice_for(found, 3)
    assert filling is not None
    assert filling.content is content
    assert store.get(found, 3) is None


def test_readers_keep_a_representation_until_the_last_one_leaves():
    coverage, _, found = coverage_of()
    with coverage.reading(found, ALL) as reader:
        assert coverage.of(found).is_read(run_of(found, 500, 600))
        reader.move(600)
        assert not coverage.of(found).is_read(run_of(found, 500, 600))
        assert len(coverage) == 1
    assert len(coverage) == 0


def test_the_end_of_a_long_gap_is_not_looked_for():
    store = SliceStore(bytes_max=1 << 20)
    coverage = Coverage(store, run_bytes_max=1000)
    found = representation_of(complete_length=1 << 40)
    part = ByteSlice(5, 1 << 40)
    assert next(coverage.missing(found, part)) == (5, 1005)
    assert coverage.first_missing(found, part) == 5
    assert coverage.presence(found, part) is Presence.NONE
