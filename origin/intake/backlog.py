"""Whose turn it is in the queue of uploads, and which of them rest after a failure. No I/O."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from origin.intake.upload import QueuedUpload

RETRY_FIRST_S: Final = 1.0
RETRY_S_MAX: Final = 300.0
_GROWTH: Final = 2.0

# Uploads that rest at a time; whoever falls out is tried at once.
_RESTING_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rest:
    """An upload that is not tried for a while.

    Attributes:
        until_s: by the monotonic clock.
        pause_s: how long that is; the next one is longer.
        code: of the failure; empty if there was none.
        advice: what the operator should do about it.
    """

    until_s: float
    pause_s: float
    code: str
    advice: str


class Backlog:
    """Decides which upload is next.

    Labels take turns, so that a thousand uploads of one do not hold up one of another; within a
    label the oldest comes first.

    Args:
        monotonic: seconds since any moment.
    """

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._resting: OrderedDict[str, Rest] = OrderedDict()
        self._last_label = ""

    def in_turn(self, entries: Sequence[QueuedUpload]) -> Sequence[QueuedUpload]:
        """The entries that may be tried, in the order to try them."""
        now_s = self._monotonic()
        ready = [one for one in entries if not self._rests(one.upload_id, now_s)]
        labels = sorted({one.label for one in ready})
        later = [label for label in labels if label > self._last_label]
        earlier = [label for label in labels if label <= self._last_label]
        order = {label: index for index, label in enumerate([*later, *earlier])}
        return sorted(ready, key=lambda one: order[one.label])

    def count_resting(self, entries: Sequence[QueuedUpload]) -> int:
        """How many of the entries rest after a failure."""
        rests = (self._resting.get(one.upload_id) for one in entries)
        return sum(rest is not None and rest.code != "" for rest in rests)

    def begin(self, entry: QueuedUpload) -> None:
        """An upload is taken up: the next turn is another label's."""
        self._last_label = entry.label

    def rest(self, upload_id: str, *, code: str = "", advice: str = "") -> Rest:
        """Leave an upload alone for a while, each time for a longer one."""
        before = self._resting.pop(upload_id, None)
        pause_s = RETRY_FIRST_S if before is None else before.pause_s * _GROWTH
        pause_s = min(pause_s, RETRY_S_MAX)
        rest = Rest(self._monotonic() + pause_s, pause_s, code, advice)
        self._resting[upload_id] = rest
        if len(self._resting) > _RESTING_MAX:
            self._resting.popitem(last=False)
        return rest

    def wake(self, upload_id: str) -> None:
        """Something has happened to an upload: it is tried again at once."""
        self._resting.pop(upload_id, None)

    def find(self, upload_id: str) -> Rest | None:
        """Why an upload rests, if it does."""
        return self._resting.get(upload_id)

    def _rests(self, upload_id: str, now_s: float) -> bool:
        rest = self._resting.get(upload_id)
        return rest is not None and now_s < rest.until_s
