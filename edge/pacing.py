"""Paces: so many bytes a second in the long run. No I/O and no clock of their own."""

from dataclasses import dataclass
from typing import Final

_DIGITS_MAX: Final = 18


class Pace:
    """What has been fetched is paid off at `bytes_per_s`; the next fetch waits until it is.

    So a fetch whose size nobody knows beforehand keeps the pace too, by the next one's wait.
    """

    __slots__ = ("_bytes_per_s", "_free_s")

    def __init__(self, bytes_per_s: float) -> None:
        assert bytes_per_s > 0
        self._bytes_per_s = bytes_per_s
        self._free_s = float("-inf")

    def wait_s(self, *, now_s: float) -> float:
        """How long the next fetch has to wait, as of `now_s` (monotonic)."""
        return max(0.0, self._free_s - now_s)

    def charge(self, size: int, *, now_s: float) -> None:
        """Note that `size` bytes are fetched."""
        self._free_s = max(self._free_s, now_s) + size / self._bytes_per_s


@dataclass(frozen=True, slots=True)
class AnswerPacing:
    """How quickly answers are sent of which it is known how quickly they are listened to.

    Attributes:
        factor: times their bit rate; 0 for as quickly as they are taken.
        burst_s: so many seconds of them are sent without delay.
    """

    factor: float = 0.0
    burst_s: float = 0.0

    def wait_s(self, bitrate: str | None, sent_bytes: int, *, elapsed_s: float) -> float:
        """How long an answer has to wait before more of it is sent.

        Args:
            bitrate: bits a second, as an origin told it; None if it did not.
            sent_bytes: of its content so far.
            elapsed_s: since it began.
        """
        if not self.factor or bitrate is None or not (bitrate.isascii() and bitrate.isdigit()):
            return 0.0
        bytes_per_s = int(bitrate[:_DIGITS_MAX]) / 8
        if not bytes_per_s:
            return 0.0
        beyond_s = sent_bytes / bytes_per_s - self.burst_s
        return max(0.0, beyond_s / self.factor - elapsed_s)


UNPACED: Final = AnswerPacing()
