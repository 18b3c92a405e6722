"""What an upstream says of an error."""

import pytest
from multidict import CIMultiDict

from edge.error_content import CONTENT_BYTES_MAX, is_packaging, read_error_content
from edge.ports import UpstreamAnswer

PROBLEM = "application/problem+json"
PACKAGING = b'{"type":"urn:attacca:problem:packaging"}'


class Pages:
    def __init__(self, size: int = 0, *, status: int = 503, kind: str = PROBLEM) -> None:
        self._left = size
        self.status = status
        self.headers = CIMultiDict({"Content-Type": kind})

    async def read_some(self) -> bytes:
        taken = min(self._left, 1000)
        self._left -= taken
        return bytes(taken)


@pytest.mark.parametrize(
    ("size", "is_read"), [(0, True), (CONTENT_BYTES_MAX, True), (CONTENT_BYTES_MAX + 1, False)]
)
async def test_no_more_is_read_than_fits(size: int, is_read: bool):
    answer: UpstreamAnswer = Pages(size)  # type: ignore[assignment]
    assert await read_error_content(answer) == (bytes(size) if is_read else None)


@pytest.mark.parametrize(
    ("status", "kind", "content", "is_so"),
    [
        pytest.param(503, PROBLEM, PACKAGING, True, id="says so"),
        pytest.param(503, "Application/Problem+JSON; charset=utf-8", PACKAGING, True, id="in full"),
        pytest.param(500, PROBLEM, PACKAGING, False, id="another status"),
        pytest.param(503, "application/json", PACKAGING, False, id="no problem document"),
        pytest.param(503, PROBLEM, b'{"type":"urn:x"}', False, id="another problem"),
        pytest.param(503, PROBLEM, b"[]", False, id="no object"),
        pytest.param(503, PROBLEM, b"{", False, id="no JSON"),
    ],
)
def test_packaging_is_told_by_its_problem_type(status: int, kind: str, content: bytes, is_so: bool):
    answer: UpstreamAnswer = Pages(status=status, kind=kind)  # type: ignore[assignment]
    assert is_packaging(answer, content) is is_so
