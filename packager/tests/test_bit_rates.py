import pytest

from packager.bit_rates import average_bps, peak_bps
from packager.seek_index import Segment

RATE = 1000


def segments_of(*durations_and_sizes: tuple[int, int]) -> list[Segment]:
    segments = []
    offset = start = 0
    for duration, size in durations_and_sizes:
        segments.append(Segment(offset, size, start, duration))
        offset, start = offset + size, start + duration
    return segments


def test_an_average_is_rounded_up():
    assert average_bps(1, 3 * RATE, RATE) == 3


@pytest.mark.parametrize(
    ("segments", "peak"),
    [
        pytest.param([(6000, 600), (6000, 900)], 1200, id="largest of equal ones"),
        pytest.param([(1000, 900), (6000, 600)], 1715, id="short one counts with its neighbor"),
        pytest.param([(6000, 600), (10, 600)], 1598, id="tiny last one counts with its neighbor"),
        pytest.param([(1000, 500)], 4000, id="short file counts as a whole"),
        pytest.param([(20_000, 500)], 200, id="one long segment counts as a whole"),
    ],
)
def test_a_peak_is_taken_over_about_a_target_duration(segments: list[tuple[int, int]], peak: int):
    assert peak_bps(segments_of(*segments), RATE) == peak
