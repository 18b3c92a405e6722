"""What an upstream says of an error."""

import pytest

from edge.error_content import CONTENT_BYTES_MAX, read_error_content
from edge.ports import UpstreamAnswer


class Pages:
    def __init__(self, size: int) -> None:
        self._left = size

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
