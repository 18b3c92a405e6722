"""The listener of the judges, before the origin of the judges, without a cache between them."""

import pytest

from loadtest.behaviours.content import content_of, is_content
from loadtest.behaviours.listener import ask
from loadtest.behaviours.mischief import Fault, Mischief
from loadtest.behaviours.origin import open_origin
from loadtest.behaviours.resource import Resource

pytestmark = pytest.mark.socket

LENGTH = 100_000


@pytest.mark.parametrize("is_chunked", [False, True], ids=["with a length", "in chunks"])
async def test_a_whole_answer_is_heard_as_one(is_chunked: bool):
    async with open_origin() as origin:
        origin.resources["/a"] = Resource(LENGTH, is_chunked=is_chunked)
        answer = await ask(origin.url, "/a")
    assert answer.is_whole
    assert answer.body == content_of("/a", 1, start=0, stop=LENGTH)


@pytest.mark.parametrize(
    ("kind", "status", "received"),
    [
        pytest.param(Mischief.TRUNCATE, 200, 5000, id="closed"),
        pytest.param(Mischief.RESET, 200, 5000, id="reset"),
        pytest.param(Mischief.STALL, 200, 5000, id="stalled"),
        pytest.param(Mischief.CHUNKED_GARBAGE, 200, 5000, id="garbage"),
        pytest.param(Mischief.LENGTH_LONG, 200, LENGTH, id="announced too much"),
        pytest.param(Mischief.HANG, 0, 0, id="hanging"),
        pytest.param(Mischief.ENDLESS_HEAD, 0, 0, id="endless head"),
        pytest.param(Mischief.RESET_EARLY, 0, 0, id="reset before the head"),
    ],
)
async def test_an_answer_that_does_not_end_is_heard_as_cut(
    kind: Mischief, status: int, received: int
):
    async with open_origin() as origin:
        origin.resources["/a"] = Resource(LENGTH, fault=Fault(kind, 5000))
        answer = await ask(origin.url, "/a", deadline_s=0.5)
    assert not answer.is_whole
    assert answer.status == status
    assert len(answer.body) == received or kind is Mischief.RESET
    assert is_content(answer.body, "/a", 1)
    if kind in {Mischief.HANG, Mischief.STALL}:
        assert answer.done_s >= 0.4  # The deadline began a moment before it was asked.


@pytest.mark.parametrize(
    ("fields", "status", "start", "stop"),
    [
        pytest.param({"Range": "bytes=10-19"}, 206, 10, 20, id="range"),
        pytest.param({"Range": "bytes=-10"}, 206, LENGTH - 10, LENGTH, id="suffix"),
        pytest.param({"Range": "bytes=10-"}, 206, 10, LENGTH, id="open end"),
        pytest.param({"Range": "bytes=10-19", "If-Range": '"v1"'}, 206, 10, 20, id="If-Range"),
        pytest.param({"Range": "bytes=10-19", "If-Range": '"v2"'}, 200, 0, LENGTH, id="other"),
        pytest.param({"If-None-Match": '"v1"'}, 304, 0, 0, id="unchanged"),
        pytest.param({"Range": f"bytes={LENGTH}-"}, 416, 0, 0, id="unsatisfiable"),
    ],
)
async def test_the_origin_answers_as_it_should(
    fields: dict[str, str], status: int, start: int, stop: int
):
    async with open_origin() as origin:
        origin.resources["/a"] = Resource(LENGTH)
        answer = await ask(origin.url, "/a", fields)
        assert origin.content_bytes_of("/a") == stop - start
    assert answer.status == status
    assert answer.body == content_of("/a", 1, start=start, stop=stop)
