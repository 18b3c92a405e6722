import pytest

from packager.boxes import BoxError
from packager.fmp4_reader import FragmentError
from packager.format_error import FormatError
from packager.movie_header_reader import MovieHeaderError
from packager.ogg import OggError
from packager.seek_index import SeekIndexError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(BoxError(4, "its size is odd"), "box", id="box"),
        pytest.param(FragmentError("odd"), "fragment", id="fragment"),
        pytest.param(MovieHeaderError("odd"), "movie_header", id="movie header"),
        pytest.param(OggError("odd"), "ogg", id="Ogg"),
        pytest.param(SeekIndexError("odd"), "seek_index", id="seek index"),
    ],
)
def test_each_format_has_its_own_reason(error: FormatError, reason: str):
    assert isinstance(error, FormatError)
    assert (error.reason, error.retryable) == (reason, False)
