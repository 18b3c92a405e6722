"""What inspecting a master tells, and its JSON for the pipe from a worker. No I/O."""

from dataclasses import dataclass

from packager.jobs import MasterFacts
from packager.loudness import Loudness


@dataclass(frozen=True, slots=True)
class Edge:
    """The first or last samples of a master, for whoever is encoded next to it.

    The samples are in a file of their own: 32-bit floating point, little-endian, interleaved, at
    the master's rate and channels.

    Attributes:
        frames: how many; all of a short master.
        sha256: of that file, hexadecimal.
        is_silent: whether nothing is heard at the very edge, so that a neighbour does not matter.
    """

    frames: int
    sha256: str
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """What decoding all of a master told.

    Attributes:
        facts: of the master.
        loudness: of the master as it is.
        stereo_loudness: of the stereo that more than two channels are mixed down to; None for
            a master of one or two.
        fingerprint: Chromaprint of the beginning, as 32-bit numbers; empty for a master too short.
        head: its beginning.
        tail: its end.
    """

    facts: MasterFacts
    loudness: Loudness
    stereo_loudness: Loudness | None
    fingerprint: tuple[int, ...]
    head: Edge
    tail: Edge
