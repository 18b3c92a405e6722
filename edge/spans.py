"""Which bytes of something are there: disjoint intervals, in order. No I/O."""

from bisect import bisect_right
from collections.abc import Iterator


class Spans:
    """A set of offsets, as half-open intervals that neither overlap nor touch."""

    __slots__ = ("_starts", "_stops")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._stops, strict=True)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def add(self, start: int, stop: int) -> None:
        """Put `[start, stop)` in."""
        assert 0 <= start < stop
        starts, stops = self._starts, self._stops
        if stops and stops[-1] == start:  # The common case: bytes arrive in their order.
            stops[-1] = stop
            return
        first = bisect_right(starts, start)
        if first and stops[first - 1] >= start:
            first -= 1
            start = starts[first]
        last = bisect_right(starts, stop)
        if last > first:
            stop = max(stop, stops[last - 1])
        starts[first:last] = [start]
        stops[first:last] = [stop]

    def end_at(self, position: int) -> int:
        """Where the bytes that are there from `position` on end; `position` if it is not there."""
        index = bisect_right(self._starts, position) - 1
        return max(position, self._stops[index]) if index >= 0 else position

    def covers(self, start: int, stop: int) -> bool:
        """Whether all of `[start, stop)` is there."""
        return self.end_at(start) >= stop

    def gaps(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The intervals within `[start, stop)` that are not there."""
        position = self.end_at(start)
        index = bisect_right(self._starts, start)
        while position < stop:
            end = self._starts[index] if index < len(self._starts) else stop
            yield position, min(end, stop)
            if end >= stop:
                return
            position = self._stops[index]
            index += 1
