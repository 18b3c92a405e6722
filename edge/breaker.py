"""Not asking an upstream that does not answer, and not asking again too often. No I/O, no clock."""

from enum import StrEnum


class Circuit(StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"  # Everything.
    OPEN = "open"  # Nothing.
    HALF_OPEN = "half-open"  # One request, to find out.


class Breaker:
    """Opens when an upstream fails to answer several times in a row.

    Args:
        failures_max: so many in a row open it.
        open_s: for how long; then one request finds out, and opens it for as long again.
    """

    __slots__ = ("_failures", "_failures_max", "_open_s", "_probed_until_s", "_until_s", "opened")

    def __init__(self, *, failures_max: int, open_s: float) -> None:
        assert failures_max > 0
        self._failures_max = failures_max
        self._open_s = open_s
        self._failures = 0
        self._until_s = 0.0
        self._probed_until_s = 0.0
        self.opened = 0

    def circuit(self, *, now_s: float) -> Circuit:
        """Its state at `now_s` (monotonic)."""
        if self._failures < self._failures_max:
            return Circuit.CLOSED
        return Circuit.OPEN if now_s < self._until_s else Circuit.HALF_OPEN

    def admits(self, *, now_s: float) -> bool:
        """Whether a request may be sent; if one is to find out, the next ones may not.

        A request of which nothing is heard any more is given up after `open_s`.
        """
        match self.circuit(now_s=now_s):
            case Circuit.CLOSED:
                return True
            case Circuit.OPEN:
                return False
            case Circuit.HALF_OPEN:
                if now_s < self._probed_until_s:
                    return False
                self._probed_until_s = now_s + self._open_s
                return True

    def note_answer(self) -> None:
        """The upstream has answered, whatever it said."""
        self._failures = 0

    def note_failure(self, *, now_s: float) -> None:
        """It has not."""
        self._failures += 1
        if self._failures >= self._failures_max:
            self.opened += self._failures == self._failures_max
            self._until_s = now_s + self._open_s
            self._probed_until_s = 0.0


class RetryBudget:
    """How many requests may be sent a second time: a share of all, so that retries never pile up.

    Args:
        share: of the requests sent.
        reserve: retries that may be saved up.
    """

    __slots__ = ("_reserve", "_saved", "_share")

    def __init__(self, *, share: float, reserve: float = 10.0) -> None:
        assert 0 <= share <= 1
        self._share = share
        self._reserve = reserve
        self._saved = reserve

    def note_request(self) -> None:
        """A request was sent."""
        self._saved = min(self._reserve, self._saved + self._share)

    def take(self) -> bool:
        """Whether a retry may be made; it is spent then."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
