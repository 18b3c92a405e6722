"""How long what came to its end is not started again. No I/O, no clock of its own."""

from typing import Final

_FIRST_S: Final = 0.5
_FACTOR: Final = 2.0
_MAX_S: Final = 30.0

# Who has lived for this long has not ended because of how it was started.
_SOUND_S: Final = 60.0


class Backoff:
    """The pauses of one of them: none at first, then longer and longer, up to a bound."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends = 0

    def note_end(self, *, lived_s: float) -> float:
        """It has come to its end without having been asked to; return the pause.

        Args:
            lived_s: for how long it has done its work; 0 if it never did.
        """
        if lived_s >= _SOUND_S:
            self._ends = 0
        self._ends += 1
        if self._ends == 1:
            return 0.0
        # The exponent is bounded as well: a float has an end.
        return min(_MAX_S, _FIRST_S * _FACTOR ** min(self._ends - 2, 32))
