"""Counts the answers in what comes back on a connection."""

import re
from typing import Final

_HEAD: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
_LENGTH: Final = re.compile(rb"^content-length: ([0-9]+)\r$", re.IGNORECASE | re.MULTILINE)
_CHUNKED: Final = re.compile(rb"^transfer-encoding: chunked\r$", re.IGNORECASE | re.MULTILINE)
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]+)\r\n")


class Answers:
    """What has come back so far.

    Attributes:
        data: all of it.
        count: final answers that are complete.
        methods: of the requests, in their order; whoever sends them adds to it.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.count = 0
        self.methods: list[bytes] = []
        self._position = 0

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        self.data += data
        while (end := self._end_of_answer()) is not None:
            self._position = end

    def _end_of_answer(self) -> int | None:
        head = _HEAD.match(self.data, self._position)
        if head is None:
            return None
        status = int(head[1])
        if status < 200:
            return head.end()
        end = self._end_of_content(head, status)
        if end is None or end > len(self.data):
            return None
        self.count += 1
        return end

    def _end_of_content(self, head: re.Match[bytes], status: int) -> int | None:
        is_head = self.methods[self.count : self.count + 1] == [b"HEAD"]
        if is_head or status in {204, 304}:
            return head.end()
        if _CHUNKED.search(head[2]) is not None:
            return self._end_of_chunks(head.end())
        length = _LENGTH.search(head[2])
        return None if length is None else head.end() + int(length[1])

    def _end_of_chunks(self, position: int) -> int | None:
        while (chunk := _CHUNK.match(self.data, position)) is not None:
            size = int(chunk[1], 16)
            position = chunk.end() + size + 2
            if not size:
                return position
        return None
