"""How far an ingest is."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


class Stage(enum.StrEnum):
    """What is being done with a master."""

    READING = "reading"
    INSPECTING = "inspecting"
    PUBLISHING = "publishing"
    PACKAGING = "packaging"


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """A moment of an ingest.

    Attributes:
        stage: what is being done.
        fraction: of the whole ingest, from 0 to 1; it never falls.
        is_new: whether this ingest has made the track by now.
    """

    stage: Stage
    fraction: float
    is_new: bool = False


OnIngestProgress = Callable[[IngestProgress], None]

# Where each stage begins and ends, by the time that it takes as a rule.
_SPANS: Final[Mapping[Stage, tuple[float, float]]] = MappingProxyType(
    {
        Stage.READING: (0.0, 0.05),
        Stage.INSPECTING: (0.05, 0.15),
        Stage.PUBLISHING: (0.15, 0.2),
        Stage.PACKAGING: (0.2, 1.0),
    }
)


class ProgressTeller:
    """Turns the progress of one stage into that of the whole, and passes it on."""

    def __init__(self, on_progress: OnIngestProgress | None) -> None:
        self._on_progress = on_progress
        self._fraction = 0.0
        self._is_new = False

    def enter(self, stage: Stage) -> Callable[[float], None]:
        """Begin a stage; the function returned is told the stage's own fraction."""

        def tell(fraction: float) -> None:
            start, stop = _SPANS[stage]
            self._tell(stage, start + (stop - start) * min(1.0, max(0.0, fraction)))

        tell(0.0)
        return tell

    def note_new(self) -> None:
        """The track was not there before, and is now."""
        self._is_new = True
        self._tell(Stage.PUBLISHING, self._fraction)

    def finish(self) -> None:
        """All is done."""
        self._tell(Stage.PACKAGING, 1.0)

    def _tell(self, stage: Stage, fraction: float) -> None:
        self._fraction = max(self._fraction, fraction)
        if self._on_progress is not None:
            self._on_progress(IngestProgress(stage, self._fraction, self._is_new))
