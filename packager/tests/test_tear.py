import pytest

from packager.tear import Tear, find_short_end


@pytest.mark.parametrize(("end", "size"), [(0, 0), (100, 100), (100, 101)])
def test_a_file_that_reaches_its_announced_end_is_whole(end: int, size: int):
    assert find_short_end(end, size) is None


def test_a_file_that_ends_before_it_is_torn_at_the_sample_that_is_told():
    tear = find_short_end(101, 100, sample=25)
    assert tear == Tear("the audio should end at byte 101, the file ends at 100", 25)
