"""Runs of `attacca warm` against a scripted edge and a clock that moves when it is waited for."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cli.node import NodeError
from cli.warm_list import WarmState
from cli.warm_run import Clocks, Edge, Outcome, Summary, WarmRun


@dataclass
class ScriptedEdge:
    """Answers by target: one word for each time that it is named, the last one for ever."""

    words: dict[str, list[str]] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    dies_at: str | None = None
    wishes: dict[str, object] = field(default_factory=dict)

    async def warm(self, document: dict[str, object]) -> AsyncGenerator[dict[str, Any], None]:
        self.wishes = document
        targets = document["targets"]
        assert isinstance(targets, list)
        self.calls.append(targets)
        for index, target in enumerate(targets):
            if target == self.dies_at:
                raise NodeError("the edge stopped before it was done")
            words = self.words.get(target, ["ok"])
            word = words.pop(0) if len(words) > 1 else words[0]
            event: dict[str, Any] = {"event": "target", "index": index, "target": target}
            if word in {"ok", "already"}:
                yield {**event, "result": word, "bytes": 100 * (word == "ok")}
            else:
                yield {
                    **event,
                    "result": "error",
                    "bytes": 0,
                    "reason": word,
                    "retry_after_s": 3,
                }
            yield {"event": "progress", "bytes": 100 * (index + 1)}
        yield {"event": "done", "bytes": 100 * len(targets)}


class RefusingEdge:
    async def warm(self, _: dict[str, object], /) -> AsyncGenerator[dict[str, Any], None]:
        refused = {"result": "error", "reason": "target", "detail": "dot or empty segments"}
        yield {"event": "target", "index": 0, "bytes": 0, **refused}
        yield {"event": "done", "bytes": 0}


@dataclass
class Desk:
    """A run and what it says."""

    edge: Edge
    state: WarmState
    heard: list[Outcome] = field(default_factory=list)
    now_s: float = 0.0
    waits: list[float] = field(default_factory=list)

    async def run(self, *targets: str) -> Summary:
        summary = Summary(len(targets))
        await self.run_into(summary, *targets)
        return summary

    async def run_into(self, summary: Summary, *targets: str) -> None:
        clocks = Clocks(lambda: self.now_s, self.wait)
        wishes: dict[str, object] = {"bytes": 5}
        await WarmRun(self.edge, wishes, self.state, self.tell, clocks).run(targets, summary)

    def tell(self, _: Summary, outcome: Outcome | None) -> None:
        if outcome is not None:
            self.heard.append(outcome)

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state"


def is_there(file: Path) -> bool:
    return file.exists()


def desk_of(file: Path, edge: Edge) -> Desk:
    return Desk(edge, WarmState.load(file, extent="all"))


async def test_long_lists_go_in_several_calls(file: Path):
    edge = ScriptedEdge({"/7": ["already"]})
    desk = desk_of(file, edge)
    summary = await desk.run(*(f"/{number}" for number in range(2500)))
    assert [len(call) for call in edge.calls] == [1000, 1000, 500]
    assert (summary.done, summary.bytes) == (2500, 250_000)
    assert summary.results == {"ok": 2499, "already": 1}
    assert edge.wishes["bytes"] == 5
    assert not is_there(file)  # All is done.


async def test_another_run_goes_on_where_one_ended(file: Path):
    edge = ScriptedEdge(dies_at="/3")
    summary = Summary(5)
    targets = [f"/{number}" for number in range(5)]
    with pytest.raises(NodeError):
        await desk_of(file, edge).run_into(summary, *targets)
    assert summary.done == 3
    edge.dies_at = None
    again = await desk_of(file, edge).run(*targets)
    assert edge.calls[-1] == ["/3", "/4"]
    assert (again.finished_before, again.done) == (3, 5)
    assert not is_there(file)


async def test_what_failed_is_tried_again_by_another_run(file: Path):
    edge = ScriptedEdge({"/b": ["status-404", "ok"]})
    summary = await desk_of(file, edge).run("/a", "/b")
    assert summary.failures == [Outcome("/b", "error", 0, "status-404")]
    assert is_there(file)
    await desk_of(file, edge).run("/a", "/b")
    assert edge.calls == [["/a", "/b"], ["/b"]]


async def test_what_is_being_packaged_is_waited_for(file: Path):
    edge = ScriptedEdge({"/b": ["packaging", "packaging", "ok"]})
    desk = desk_of(file, edge)
    summary = await desk.run("/a", "/b")
    assert edge.calls == [["/a", "/b"], ["/b"], ["/b"]]
    assert desk.waits == [3.0, 3.0]
    assert summary.results == {"ok": 2}


async def test_patience_has_an_end(file: Path):
    desk = desk_of(file, ScriptedEdge({"/b": ["packaging"]}))
    summary = await desk.run("/b")
    assert summary.failures == [Outcome("/b", "error", 0, "packaging")]
    assert 900 <= sum(desk.waits) < 920


async def test_what_may_be_a_token_is_not_shown(file: Path):
    summary = await desk_of(file, RefusingEdge()).run("https://edge/~SECRET.x.y/v1/../a")
    (failure,) = summary.failures
    assert failure.target == "https://edge/~-/v1/../a"
    assert failure.reason == "dot or empty segments"
