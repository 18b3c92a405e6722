"""How many requests append at a time, and that no two append to one upload. No I/O."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator

from origin.intake.errors import IntakeBusyError, UploadLockedError


class Admission:
    """Lets requests of this process in.

    That two processes do not append to one upload at a time rests on its record; this tells the
    second request of one process so at once, instead of when it has sent its first part.

    Args:
        requests_max: at a time.
        label_requests_max: of one label.
        on_change: is told how many there are.
    """

    def __init__(
        self, *, requests_max: int, label_requests_max: int, on_change: Callable[[int], None]
    ) -> None:
        self._requests_max = requests_max
        self._label_requests_max = label_requests_max
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
        if len(self._uploads) >= self._requests_max:
            raise IntakeBusyError(f"{self._requests_max} requests are appending")
        if self._by_label[label] >= self._label_requests_max:
            raise IntakeBusyError(f"{self._label_requests_max} requests of the label are appending")
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
