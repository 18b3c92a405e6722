import io

import pytest

from packager.bounded_reads import BoundedReads


def test_reads_within_the_limit_are_those_of_the_file():
    file = BoundedReads(io.BytesIO(b"0123456789"), bytes_max=10)
    assert file.read(4) == b"0123"
    assert file.seek(8) == 8
    assert file.read() == b"89"
    assert file.tell() == 10
    assert not file.is_exhausted


@pytest.mark.parametrize("size", [-1, 5, 1 << 40], ids=["all", "one more", "a lie"])
def test_the_sum_of_reads_is_limited(size: int):
    file = BoundedReads(io.BytesIO(bytes(100)), bytes_max=8)
    file.read(4)
    with pytest.raises(OSError, match="more"):
        file.read(size)
    assert file.is_exhausted
    with pytest.raises(OSError, match="more"):
        file.read(1)
