import pytest

from packager.byte_cursor import ByteCursor
from packager.format_error import FormatError


def test_fields_are_taken_one_after_another():
    cursor = ByteCursor(b"\x01\x02\x03\x04\x05", "thing")
    assert cursor.integer(2) == 0x0102
    assert cursor.take(1) == b"\x03"
    assert cursor.remaining == 2
    assert cursor.rest() == b"\x04\x05"
    assert cursor.rest() == b""


@pytest.mark.parametrize("size", [pytest.param(3, id="take"), pytest.param(9, id="far beyond")])
def test_nothing_is_taken_beyond_the_end(size: int):
    cursor = ByteCursor(b"\x01\x02", "thing")
    with pytest.raises(FormatError, match="`thing` ends"):
        cursor.take(size)
    assert cursor.remaining == 2
