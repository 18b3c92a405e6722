"""The servers under listeners: started as for hits, warm, on a core of their own."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.hits.certificate import Certificate, make_certificate
from benchmarks.hits.checks import warm
from benchmarks.hits.contestants import CONTESTANTS, Entrant, GroupName, Stage
from benchmarks.hits.cpu import pin
from benchmarks.hits.measuring import Cores
from benchmarks.hits.origin import running_origin
from benchmarks.hits.shapes import Shape, Wanted
from benchmarks.hits.tickets import Tickets
from benchmarks.streams.listener import Question
from benchmarks.streams.pace import RANGE_BYTES
from loadtest.behaviours.content import content_of

TRACKS: Final = Shape("track", "tracks", 6, 4 << 20, 32, range_bytes=RANGE_BYTES)
_PREFIX_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class WarmServer:
    """A server that has all tracks.

    Attributes:
        entrant: it.
        certificate: its; None is in the clear.
    """

    entrant: Entrant
    certificate: Certificate | None

    def questions(self) -> Sequence[Question]:
        """All ranges of all tracks, in the order in which they are played."""
        return [
            self._question(Wanted(path, start, start + RANGE_BYTES, is_range=True))
            for path in TRACKS.paths()
            for start in range(0, TRACKS.object_bytes, RANGE_BYTES)
        ]

    def _question(self, wanted: Wanted) -> Question:
        prefix = content_of(wanted.path, 1, start=wanted.start, stop=wanted.start + _PREFIX_BYTES)
        head = self.entrant.head_of(wanted).encode("ascii")
        return Question(head, prefix, wanted.stop - wanted.start)


@contextlib.contextmanager
def running_server(name: str, *, is_tls: bool) -> Iterator[WarmServer]:
    """Run a server until the block is left.

    Raises:
        CacheFailedError: it did not start.
        WrongAnswerError: it does not send what it should.
    """
    contestant = CONTESTANTS[name]
    tickets = Tickets([TRACKS])
    group = GroupName.MEMORY_TLS if is_tls else GroupName.MEMORY
    with (
        tempfile.TemporaryDirectory() as folder,
        running_origin([TRACKS], tickets.key_set) as origin,
    ):
        certificate = make_certificate(Path(folder)) if is_tls else None
        own = Path(folder) / name
        own.mkdir()
        stage = Stage(own, origin, tickets, group, certificate)
        with contestant.start(stage, contestant.workers) as entrant:
            pin(entrant.pids(), Cores.here().of_workers(contestant.workers))
            warm(entrant, TRACKS, certificate)
            yield WarmServer(entrant, certificate)
