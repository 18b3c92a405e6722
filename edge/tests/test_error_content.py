"""What an upstream says of an error."""

import pytest
from multidict import CIMultiDict

from edge.error_content import CONTENT_BYTES_MAX, Unready, read_error_content, unready_of
from edge.ports import UpstreamAnswer

PROBLEM = "application/problem+json"
PACKAGING = b'{"type":"urn:attacca:problem:packaging"}'
BUSY = b'{"type":"urn:attacca:problem:session-busy"}'


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
    ("status", "kind", "content", "unready"),
    [
        pytest.param(503, PROBLEM, PACKAGING, Unready.PACKAGING, id="packaging"),
        pytest.param(503, PROBLEM, BUSY, Unready.SESSION_BUSY, id="a session is busy"),
        pytest.param(
            503,
            "Application/Problem+JSON; charset=utf-8",
            PACKAGING,
            Unready.PACKAGING,
            id="in full",
        ),
        pytest.param(500, PROBLEM, PACKAGING, None, id="another status"),
        pytest.param(503, "application/json", PACKAGING, None, id="no problem document"),
        pytest.param(503, PROBLEM, b'{"type":"urn:x"}', None, id="another problem"),
        pytest.param(503, PROBLEM, b"[]", None, id="no object"),
        pytest.param(503, PROBLEM, b"{", None, id="no JSON"),
    ],
)
def test_what_is_not_ready_is_told_by_its_problem_type(
    status: int, kind: str, content: bytes, unready: Unready | None
):
    answer: UpstreamAnswer = Pages(status=status, kind=kind)  # type: ignore[assignment]
    assert unready_of(answer, content) is unready
