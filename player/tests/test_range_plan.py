import dataclasses
from itertools import pairwise

import pytest

from packager.seek_index import Segment
from player.errors import MalformedAnswerError
from player.range_plan import RANGE_BYTES_MAX, plan_ranges
from player.tests.stage import Packaged


def test_ranges_cover_the_file_once(packaged: Packaged):
    ranges = plan_ranges(packaged.facts)
    assert ranges[0].start == 0
    assert ranges[-1].stop == packaged.facts.bytes
    assert all(before.stop == after.start for before, after in pairwise(ranges))


def test_the_first_range_brings_header_and_first_segment(packaged: Packaged):
    ranges = plan_ranges(packaged.facts)
    first, *later = packaged.facts.seek.segments
    assert ranges[0].stop == first.offset + first.bytes
    assert [part.length for part in ranges[1:]] == [segment.bytes for segment in later]


def test_a_segment_that_is_too_large_is_refused(packaged: Packaged):
    huge = Segment(0, RANGE_BYTES_MAX + 1, 0, 5)
    seek = dataclasses.replace(packaged.facts.seek, segments=(huge,))
    facts = dataclasses.replace(packaged.facts, seek=seek, bytes=RANGE_BYTES_MAX + 1)
    with pytest.raises(MalformedAnswerError, match="above the limit"):
        plan_ranges(facts)
