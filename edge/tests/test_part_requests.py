"""Asking for a part of what is stored: how it is asked for, and what is taken for an answer."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from typing_extensions import override

from edge.errors import (
    EdgeError,
    PackagingError,
    SliceGoneError,
    UpstreamBusyError,
    UpstreamChangedError,
    UpstreamRangeError,
    UpstreamStatusError,
)
from edge.fill_slots import FillSlots
from edge.filling import Run
from edge.metrics import EdgeCounts
from edge.part_requests import PartRequests
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest
from edge.purges import Purge, Purges
from edge.representation import Representation
from edge.slices import SliceStore
from edge.tests.making import NOW_S, representation_of

PART = {"ETag": '"v1"', "Cache-Control": "max-age=60", "Content-Range": "bytes 100-199/1000"}


@dataclass
class Answer:
    """See `edge.ports.UpstreamAnswer`."""

    status: int
    headers: CIMultiDictProxy[str]
    content: bytes
    request_s: float = NOW_S
    response_s: float = NOW_S
    detail: str | None = None
    is_closed: bool = False

    async def read_some(self) -> bytes:
        content, self.content = self.content, b""
        return content

    def close(self) -> None:
        self.is_closed = True


class Scene(Upstream):
    """A store, and an upstream that gives one answer."""

    def __init__(
        self, status: int = 206, fields: dict[str, str] | None = None, content: bytes = b""
    ) -> None:
        self.purges = Purges(entries_max=10)
        self.store = SliceStore(bytes_max=1 << 20, purges=self.purges)
        self.counts = EdgeCounts()
        named = PART if fields is None else fields
        self.answer = Answer(status, CIMultiDictProxy(CIMultiDict(named)), content)
        self.seen: list[UpstreamRequest] = []
        self.when_asked: Callable[[], object] = lambda: None
        self.found: Representation = representation_of()
        self.store.make_current(self.found)
        self.run = Run(self.found, 100, 200, CIMultiDict({"X-Kept": "yes"}))

    @override
    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        self.seen.append(request)
        self.when_asked()
        return self.answer

    async def ask(self, *, is_resumed: bool = False) -> UpstreamAnswer:
        slot = await FillSlots(slots_max=1, wait_s=5).take()
        requests = PartRequests(self.store, self, is_token_checked=False, counts=self.counts)
        return await requests.ask(self.run, slot, is_resumed=is_resumed)


@pytest.mark.parametrize("is_resumed", [False, True])
async def test_exactly_the_missing_bytes_are_asked_for(*, is_resumed: bool):
    scene = Scene()
    assert await scene.ask(is_resumed=is_resumed) is scene.answer
    ((method, target, fields),) = [(one.method, one.target, one.fields) for one in scene.seen]
    assert (method, target, fields["Range"]) == ("GET", "/a", "bytes=100-199")
    assert (fields["X-Kept"], fields["Accept-Encoding"]) == ("yes", "identity")
    assert fields.get("If-Range") == ('"v1"' if is_resumed else None)
    assert (scene.run.is_answered, scene.run.announced_stop) == (True, 200)


async def test_an_upstream_without_ranges_begins_at_the_beginning():
    scene = Scene(200, {"ETag": '"v1"', "Content-Length": "1000"})
    await scene.ask()
    assert (scene.run.position, scene.run.announced_stop, scene.run.is_whole) == (0, 1000, True)
    assert scene.found.is_range_ignored


async def test_what_may_not_be_stored_any_more_is_for_its_readers_alone():
    scene = Scene(fields={**PART, "Cache-Control": "no-store"})
    await scene.ask()
    assert not scene.store.is_offered(scene.found)


PACKAGING = b'{"type": "urn:attacca:problem:packaging"}'


@pytest.mark.parametrize(
    ("status", "fields", "content", "error"),
    [
        pytest.param(206, {**PART, "ETag": '"v2"'}, b"", UpstreamChangedError, id="other version"),
        pytest.param(404, {}, b"", UpstreamChangedError, id="gone"),
        pytest.param(206, {"ETag": '"v1"'}, b"", UpstreamRangeError, id="no part"),
        pytest.param(500, {}, b"", UpstreamStatusError, id="an error"),
        pytest.param(503, {"Content-Length": "1"}, b"x", UpstreamBusyError, id="not ready"),
        pytest.param(
            503,
            {"Content-Type": "application/problem+json", "Content-Length": str(len(PACKAGING))},
            PACKAGING,
            PackagingError,
            id="being packaged",
        ),
    ],
)
async def test_all_else_is_an_error_and_its_answer_is_let_go(
    status: int, fields: dict[str, str], content: bytes, error: type[EdgeError]
):
    scene = Scene(status, fields, content)
    with pytest.raises(error):
        await scene.ask()
    assert scene.answer.is_closed
    assert scene.counts.packaging == int(error is PackagingError)


@pytest.mark.parametrize("is_early", [True, False], ids=["before", "while it is asked for"])
async def test_of_what_was_purged_no_part_is_fetched(*, is_early: bool):
    scene = Scene()

    def purge() -> None:
        scene.purges.apply(Purge(urls=("/a",)))

    if is_early:
        purge()
    scene.when_asked = purge
    with pytest.raises(SliceGoneError):
        await scene.ask()
    assert len(scene.seen) == int(not is_early)
    assert scene.answer.is_closed is not is_early
