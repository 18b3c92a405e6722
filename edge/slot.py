"""A worker's place among the workers of a node."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that one worker fills; when it is replaced, its successor has the same place.

    Attributes:
        number: of the place, from 0 on.
        count: how many places the node has.
        run_dir: a folder of this node, for its user alone, where its workers meet. A worker and
            its successor are both there for a while: a name in it is taken over by renaming.
    """

    number: int
    count: int
    run_dir: Path

    def __post_init__(self) -> None:
        assert 0 <= self.number < self.count

    def peer_path(self, number: int) -> Path:
        """Where worker `number` listens for the others."""
        assert 0 <= number < self.count
        return self.run_dir / f"peer-{number}.sock"
