import pytest

from drm.errors import TrackIdError
from drm.track_id import check_track_id


def test_a_track_id_passes():
    assert check_track_id("0123456789ABCDEFGHabcd") == "0123456789ABCDEFGHabcd"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("A" * 21, id="too short"),
        pytest.param("A" * 23, id="too long"),
        pytest.param("A" * 21 + "-", id="another character"),
        pytest.param("A" * 22 + "\n", id="line end"),
        pytest.param("é" * 22, id="not ASCII"),
        pytest.param("z" * 22, id="above 128 bits, which no track can have"),
    ],
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(TrackIdError):
        check_track_id(text)
