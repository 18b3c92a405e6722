"""How many requests append at a time, and that no two append to one upload. No I/O."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from origin.intake.errors import IntakeBusyError, UploadLockedError

_OPERATOR: Final = ""


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """How many requests may append at a time.

    Attributes:
        requests_max: of all.
        label_requests_max: of one label, the operator too.
        operator_requests_kept: of `requests_max`, those that no label takes from the operator.
    """

    requests_max: int
    label_requests_max: int
    operator_requests_kept: int


class Admission:
    """Lets requests of this process in.

    That two processes do not append to one upload at a time rests on its record; this tells the
    second request of one process so at once, instead of when it has sent its first part.

    A request may last as long as its sender is just fast enough. So that few slow labels do not
    keep all others out, a label has no more requests than it leaves to others, but for its first.

    Args:
        limits: of requests.
        on_change: is told how many there are.
    """

    def __init__(self, limits: AdmissionLimits, *, on_change: Callable[[int], None]) -> None:
        self._limits = limits
        self._on_change = on_change
        self._uploads: set[str] = set()
        self._by_label: Counter[str] = Counter()

    @contextlib.contextmanager
    def appending(self, label: str, upload_id: str) -> Iterator[None]:
        """Append to an upload while the block runs.

        Raises:
            UploadLockedError: another request is at it.
            IntakeBusyError: there are as many as may be.
        """
        if upload_id in self._uploads:
            raise UploadLockedError
        self._check_room(label)
        self._uploads.add(upload_id)
        self._by_label[label] += 1
        self._on_change(len(self._uploads))
        try:
            yield
        finally:
            self._uploads.discard(upload_id)
            self._by_label[label] -= 1
            if not self._by_label[label]:
                del self._by_label[label]
            self._on_change(len(self._uploads))

    def _check_room(self, label: str) -> None:
        limits, own = self._limits, self._by_label[label]
        if own >= limits.label_requests_max:
            raise IntakeBusyError(f"{own} requests of the label are appending")
        left = limits.requests_max - len(self._uploads)
        if label:
            taken = len(self._uploads) - self._by_label[_OPERATOR]
            left = min(left, limits.requests_max - limits.operator_requests_kept - taken)
        if left <= 0:
            raise IntakeBusyError(f"{len(self._uploads)} requests are appending")
        if label and own and own + 1 >= left:
            raise IntakeBusyError(f"{own} requests of the label are appending, and {left} are left")
