"""Whether a folder of the disk tier may be used: a small state machine. No I/O, no clock.

    ON --full--> PAUSED --after a while--> TRYING --written--> ON
    any --too many errors, read-only, gone--> OFF --a probe finds it sound--> ON

While writes are paused, what is there is still read. A folder that is off is not there at all.
"""

from collections import deque
from enum import StrEnum
from typing import Final

ERRORS_WINDOW_S: Final = 60.0


class FolderState(StrEnum):
    """How a folder is used."""

    ON = "on"
    LISTING = "listing"
    """It is on, and what it holds is being found out; until then nothing is written."""
    PAUSED = "paused"
    TRYING = "trying"
    """Its disk was full; one write is under way to see whether it still is."""
    OFF = "off"


class FolderHealth:
    """The state of one folder. It begins as off, until it has been opened.

    Args:
        errors_max: so many errors within a minute turn it off.
        pause_s: how long writes rest when the disk is full.
        probe_s: how long it stays off before it is looked at again.

    Attributes:
        state: see `FolderState`.
        reason: why it is off or paused, for people; "" while it is on.
    """

    __slots__ = ("_errors_max", "_errors_s", "_pause_s", "_probe_s", "_until_s", "reason", "state")

    def __init__(self, *, errors_max: int, pause_s: float, probe_s: float) -> None:
        assert errors_max > 0
        self.state = FolderState.OFF
        self.reason = "it has not been opened yet"
        self._errors_max = errors_max
        self._pause_s = pause_s
        self._probe_s = probe_s
        self._errors_s: deque[float] = deque(maxlen=errors_max)
        self._until_s = 0.0

    @property
    def is_on(self) -> bool:
        """Whether what is there is read."""
        return self.state is not FolderState.OFF

    def may_write(self, now_s: float) -> bool:
        """Whether to write now. After a pause one write is let through, to try."""
        if self.state is FolderState.PAUSED and now_s >= self._until_s:
            self.state = FolderState.TRYING
            return True
        return self.state is FolderState.ON

    def note_written(self) -> None:
        """A write went well."""
        if self.state in {FolderState.TRYING, FolderState.PAUSED}:
            self.state, self.reason = FolderState.ON, ""

    def note_full(self, reason: str, *, now_s: float) -> None:
        """There was no room for a write."""
        if self.is_on:
            self.state, self.reason = FolderState.PAUSED, reason
            self._until_s = now_s + self._pause_s

    def note_untried(self) -> None:
        """The write that was to be a try was never made: the next one may be it."""
        if self.state is FolderState.TRYING:
            self.state = FolderState.PAUSED

    def note_error(self, reason: str, *, now_s: float) -> None:
        """The disk failed once. Often enough, and the folder is off."""
        self.note_untried()
        self._errors_s.append(now_s)
        is_window_full = len(self._errors_s) == self._errors_max
        if is_window_full and now_s - self._errors_s[0] <= ERRORS_WINDOW_S:
            self.turn_off(f"{self._errors_max} errors within a minute: {reason}", now_s=now_s)

    def turn_off(self, reason: str, *, now_s: float) -> None:
        """It cannot be used, or not be trusted."""
        self.state, self.reason = FolderState.OFF, reason
        self._until_s = now_s + self._probe_s
        self._errors_s.clear()

    def is_probe_due(self, now_s: float) -> bool:
        """Whether to look if it is sound again."""
        return self.state is FolderState.OFF and now_s >= self._until_s

    def turn_on(self) -> None:
        """It was found to be sound."""
        self.state, self.reason = FolderState.ON, ""
