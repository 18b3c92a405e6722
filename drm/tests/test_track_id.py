import pytest

from drm.errors import TrackIdError
from drm.track_id import check_track_id


def test_a_track_id_passes():
    assert check_track_id("0123456789ABCDEFGHabcd") == "0123456789ABCDEFGHabcd"


@pytest.mark.parametrize(
    "text", ["", "A" * 21, "A" * 23, "A" * 21 + "-", "A" * 22 + "\n", "é" * 22]
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(TrackIdError):
        check_track_id(text)
