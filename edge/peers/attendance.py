"""Since when members know each other, so that a node knows whether it may have missed a purge.

Purges are kept for those who are away, and not for those who are no members. A node that joins
again, with content from the time before on its disk, was told of nothing in between. So every
worker notes since when each node has been a member for it, and until when each of them has known
this node as one; both outlive a restart. Who starts asks the others since when they have known him:
if that is later than he was last known, he may have missed something.
"""

import asyncio
import functools
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import orjson

from config.whole_file import replace_file

logger = logging.getLogger(__name__)

# How often a worker notes who knows it; and what clocks may differ by.
NOTE_S: Final = 10.0
_CLOCKS_DIFFER_S: Final = 5.0


class Attendance:
    """Notes who has known whom.

    Args:
        folder: where; None keeps it in memory, and nothing is known after a restart.
        number: of this worker.
        clock: seconds since the epoch.
    """

    def __init__(self, folder: Path | None, number: int, clock: Callable[[], float]) -> None:
        self._path = None if folder is None else folder / f"attendance-{number}"
        self._clock = clock
        self._since_s: dict[str, float] = {}
        self._known_s: dict[str, float] = {}

    async def load(self) -> None:
        """Take in what an earlier run has noted."""
        if self._path is None:
            return
        try:
            noted = orjson.loads(await asyncio.to_thread(self._path.read_bytes))
            self._since_s, self._known_s = _times(noted["since"]), _times(noted["known"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            logger.warning("the attendance of members is not known", extra={"at": str(self._path)})

    async def note(self, nodes: Iterable[str], *, knowing: Iterable[str] = ()) -> None:
        """These nodes are members, and those of them that are `knowing` know this one as well."""
        now_s = self._clock()
        self._since_s = {name: self._since_s.get(name, now_s) for name in nodes}
        self._known_s |= dict.fromkeys(knowing, now_s)
        if self._path is None:
            return
        noted = {"since": self._since_s, "known": self._known_s}
        write = functools.partial(replace_file, self._path, [orjson.dumps(noted)])
        try:
            await asyncio.to_thread(write)
        except OSError as error:
            logger.warning("the attendance of members is not noted", extra={"error": str(error)})

    def since_s(self, node: str) -> float | None:
        """Since when a node has been a member; None if it is none."""
        return self._since_s.get(node)

    def may_have_missed(self, node: str, known_since_s: float | None) -> bool:
        """Whether another node may know of a purge that this worker was not told of.

        Args:
            node: the other.
            known_since_s: since when it has known this node; None if it does not.
        """
        known_s = self._known_s.get(node)
        if known_since_s is None or known_s is None:
            return True
        return known_since_s > known_s + _CLOCKS_DIFFER_S


def _times(noted: dict[object, object]) -> dict[str, float]:
    return {str(name): float(str(one)) for name, one in noted.items()}
