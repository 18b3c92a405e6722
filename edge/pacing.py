"""A pace: so many bytes a second in the long run. No I/O and no clock of its own."""


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
