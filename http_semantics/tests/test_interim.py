"""Which interim responses reach the client."""

import pytest

from http_semantics.interim import is_passed_on


@pytest.mark.parametrize(
    ("status", "version", "expected"),
    [
        pytest.param(103, (1, 1), True, id="early hints"),
        pytest.param(102, (1, 1), True, id="processing"),
        pytest.param(104, (2, 0), True, id="unknown"),
        pytest.param(100, (1, 1), False, id="asked for by the proxy"),
        pytest.param(101, (1, 1), False, id="of one connection"),
        pytest.param(103, (1, 0), False, id="HTTP/1.0 knows none"),
        pytest.param(200, (1, 1), False, id="final"),
    ],
)
def test_interim_responses(status: int, version: tuple[int, int], expected: bool):
    assert is_passed_on(status, version=version) is expected
