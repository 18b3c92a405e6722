from packager.segments import Segment


def test_a_segment_ends_where_the_next_one_begins():
    segment = Segment(offset=100, bytes=20, start_samples=4096, duration_samples=1000)
    assert (segment.end, segment.end_samples) == (120, 5096)
