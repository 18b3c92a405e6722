"""Errors of the upstream that are told again for a moment, without asking it. No I/O.

A single one is not: RFC 9111 lets nobody use it again. Those that come again within some seconds
are a sick origin's.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from edge.outcomes import Outcome, Told
from http_semantics.vary import Selecting

_ERRORS_MAX: Final = 1_000
_TIMES: Final = 2
_REPEATED_WITHIN_S: Final = 5.0

Variant = tuple[str, Selecting]
"""A target, and what of a request selects one of its variants."""


@dataclass(frozen=True, slots=True)
class _Repeated:
    """An error that was told so many times in a row, and until when it is told again."""

    until_s: float
    times: int
    told: Told


class ToldErrors:
    """Remembers them. Times are monotonic.

    Args:
        told_s: how long one is told again.
    """

    def __init__(self, *, told_s: float) -> None:
        self._told_s = told_s
        self._errors: OrderedDict[Variant, _Repeated] = OrderedDict()

    def __len__(self) -> int:
        return len(self._errors)

    def note(self, variant: Variant, outcome: Outcome, *, now_s: float) -> None:
        """Note what the upstream has said: an error, or that there is none any more."""
        before = self._errors.pop(variant, None)
        if not isinstance(outcome, Told) or outcome.status < 500 or outcome.is_patience:
            return
        is_repeated = before is not None and now_s < before.until_s + _REPEATED_WITHIN_S
        times = before.times + 1 if before is not None and is_repeated else 1
        self._errors[variant] = _Repeated(now_s + self._told_s, times, outcome)
        if len(self._errors) > _ERRORS_MAX:
            self._errors.popitem(last=False)

    def recent(self, variant: Variant, *, now_s: float) -> Told | None:
        """The error to tell instead of asking; None if the upstream is to be asked."""
        found = self._errors.get(variant)
        if found is None or found.times < _TIMES or now_s >= found.until_s:
            return None
        return found.told
