"""One run of `attacca warm`: call after call until every target is warm, or why it is not."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cli.edge_admin import batches_of, masked
from cli.warm_list import WarmState

_DONE: Final = frozenset({"ok", "already"})

# What the origin makes when it is asked for is there a little later.
_PATIENCE: Final = frozenset({"packaging", "session_busy", "upstream_busy"})
_PATIENCE_S_MAX: Final = 900.0
_PAUSE_S_MIN: Final = 1.0
_PAUSE_S_MAX: Final = 15.0

# How often the state is written: this, or longer where writing takes long.
_SAVE_S: Final = 2.0
_SAVE_SHARE: Final = 0.05


class Edge(Protocol):
    """An edge that can be told what to warm."""

    def warm(self, document: dict[str, object], /) -> AsyncGenerator[dict[str, Any], None]:
        """See `cli.edge_admin.EdgeAdminClient.warm`."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a target.

    Attributes:
        target: as it may be shown.
        result: in the edge's word.
        reason: why it is not warm.
        bytes: that were fetched for it.
    """

    target: str
    result: str
    bytes: int = 0
    reason: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether it is warm."""
        return self.result in _DONE


@dataclass(slots=True)
class Summary:
    """How far a run is.

    Attributes:
        total: targets of the list.
        finished_before: those that an earlier run had warmed.
        results: counted.
        bytes: that were fetched.
        failures: what is not warm, in the order in which that was known.
    """

    total: int
    finished_before: int = 0
    results: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    failures: list[Outcome] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many need no more work in this run."""
        return self.finished_before + sum(self.results.values())


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time for a run.

    Attributes:
        monotonic: seconds since any moment.
        wait: waits so many seconds.
    """

    monotonic: Callable[[], float]
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep


class WarmRun:
    """Warms a list.

    Args:
        edge: is told.
        wishes: of each call beside its targets.
        state: what is warm by now.
        tell: hears of each target when it is done, and of None when only bytes have come.
        clocks: time.
    """

    def __init__(
        self,
        edge: Edge,
        wishes: dict[str, object],
        state: WarmState,
        tell: Callable[[Summary, Outcome | None], None],
        clocks: Clocks,
    ) -> None:
        self._edge = edge
        self._wishes = wishes
        self._state = state
        self._tell = tell
        self._clocks = clocks
        self._next_save_s = clocks.monotonic() + _SAVE_S

    async def run(self, targets: Sequence[str], summary: Summary) -> None:
        """Warm what is left of `targets`; `summary` tells how far it is, also after an error.

        Raises:
            NodeError: the edge cannot be told.
            WarmListError: the state cannot be written.
        """
        left = [target for target in targets if not self._state.is_finished(target)]
        summary.finished_before = len(targets) - len(left)
        deadline_s = self._clocks.monotonic() + _PATIENCE_S_MAX
        try:
            while left:
                is_last = self._clocks.monotonic() >= deadline_s
                left, pause_s = await self._round(left, summary, is_last=is_last)
                if left:
                    await self._clocks.wait(pause_s)
        finally:
            self._state.save()
        if not summary.failures:
            self._state.remove()

    async def _round(
        self, targets: Sequence[str], summary: Summary, *, is_last: bool
    ) -> tuple[list[str], float]:
        """Name each target once; returns what is to be named again, and after what pause."""
        again: list[str] = []
        pause_s = _PAUSE_S_MIN
        for batch in batches_of(targets):
            before = summary.bytes
            events = self._edge.warm({**self._wishes, "targets": batch})
            async with contextlib.aclosing(events):
                async for event in events:
                    if event.get("event") != "target":
                        summary.bytes = before + int(event["bytes"])
                        self._tell(summary, None)
                        continue
                    target = batch[int(event["index"])]
                    if event.get("reason") in _PATIENCE and not is_last:
                        again.append(target)
                        pause_s = max(pause_s, float(event.get("retry_after_s", 0)))
                    else:
                        self._note(target, event, summary)
        return again, min(pause_s, _PAUSE_S_MAX)

    def _note(self, target: str, event: dict[str, Any], summary: Summary) -> None:
        shown = str(event.get("target", masked(target)))
        reason = event.get("detail", event.get("reason"))
        outcome = Outcome(shown, str(event["result"]), int(event["bytes"]), reason)
        summary.results[outcome.result] += 1
        if outcome.is_done:
            self._state.finish(target)
        else:
            summary.failures.append(outcome)
        self._tell(summary, outcome)
        self._save_now_and_then()

    def _save_now_and_then(self) -> None:
        begin_s = self._clocks.monotonic()
        if begin_s < self._next_save_s:
            return
        self._state.save()
        end_s = self._clocks.monotonic()
        self._next_save_s = end_s + max(_SAVE_S, (end_s - begin_s) / _SAVE_SHARE)
