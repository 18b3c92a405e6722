"""Where a behaviour is tried: the origin, a cache in front of it, and a hundred short phrases."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Unpack

from loadtest.behaviours.content import is_content
from loadtest.behaviours.listener import NO_FIELDS, Answer, Manner, ask
from loadtest.behaviours.origin import Origin, Seen
from loadtest.behaviours.resource import Resource
from loadtest.peers.process import RunningCache

KIB: Final = 1 << 10
MIB: Final = 1 << 20
# A second's freshness ends two seconds later even by clocks that count whole seconds.
EXPIRY_S: Final = 2.3


@dataclass(slots=True)
class Finding:
    """What was found of one behaviour.

    Attributes:
        case: its id.
        cell: the figures as the table shows them.
        figures: for the record.
        failures: in what it falls short of the ideal; empty is a pass.
        late: those of them that are of time.
    """

    case: str
    cell: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def expect(self, is_so: object, otherwise: str) -> None:
        """Note `otherwise` as a failure unless `is_so`."""
        if not is_so:
            self.failures.append(otherwise)

    def expect_soon(
        self, stage: "Stage", milliseconds: float, bound_ms: float, otherwise: str
    ) -> None:
        """Note `otherwise` as a failure if something took longer than it may, on this machine."""
        if milliseconds > bound_ms * stage.patience:
            self.late.append(otherwise)
            self.failures.append(otherwise)


@dataclass(slots=True)
class Stage:
    """An origin and a cache in front of it.

    Args:
        origin: whose resources the cases make.
        cache: that is judged.
        patience: what bounds of time are multiplied by, on a machine that has other work.
    """

    origin: Origin
    cache: RunningCache
    patience: float = 1.0
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def publish(self, name: str, resource: Resource) -> tuple[str, Resource]:
        """Put something new at the origin; return its path, and itself."""
        path = f"/{name}-{next(self._numbers)}"
        self.origin.resources[path] = resource
        return path, resource

    async def ask(
        self, path: str, fields: Mapping[str, str] = NO_FIELDS, **how: Unpack[Manner]
    ) -> Answer:
        """Ask the cache once."""
        return await ask(self.cache.url, path, fields, **how)

    async def ask_range(self, path: str, start: int, stop: int, **how: Unpack[Manner]) -> Answer:
        """Ask the cache for the bytes `[start, stop)`."""
        return await self.ask(path, {"Range": f"bytes={start}-{stop - 1}"}, **how)

    async def ask_at_once(self, count: int, path: str, **how: Unpack[Manner]) -> list[Answer]:
        """Several listeners that ask for the same in one moment."""
        return list(await asyncio.gather(*(self.ask(path, **how) for _ in range(count))))

    def seen(self, path: str) -> list[Seen]:
        """What the origin was asked for."""
        return self.origin.requests_for(path)

    def pulled(self, path: str) -> int:
        """Content that the origin has sent, in bytes."""
        return self.origin.content_bytes_of(path)

    async def settle(self, path: str, *, quiet_s: float = 0.25, max_s: float = 4.0) -> None:
        """Wait until the origin has had nothing to send for a while."""
        ends_s = time.monotonic() + max_s
        before, since_s = -1, time.monotonic()
        while time.monotonic() < ends_s:
            pulled = self.pulled(path)
            if pulled != before:
                before, since_s = pulled, time.monotonic()
            if time.monotonic() - since_s >= quiet_s:
                return
            await asyncio.sleep(0.02)


Case = Callable[[Stage], Awaitable[Finding]]


def is_right(
    answer: Answer, path: str, *, version: int = 1, start: int = 0, stop: int | None = None
) -> bool:
    """Tell whether an answer is whole and has the bytes it should have."""
    if not answer.is_whole or answer.status not in {200, 206}:
        return False
    if stop is not None and len(answer.body) != stop - start:
        return False
    return bool(answer.body) and is_content(answer.body, path, version, start=start)


def median_ms(answers: list[Answer]) -> float:
    """Median of the times to the first byte."""
    return statistics.median(one.first_byte_ms for one in answers)


def all_done_ms(answers: list[Answer]) -> float:
    """When the last of them had its end."""
    return max(one.done_s for one in answers) * 1e3
