import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from config.credentials import Credential
from config.listener import open_listener
from config.tasks import open_tasks
from origin.adapters.http_edge import HttpEdge
from origin.adapters.memory_store import MemoryStore
from origin.errors import EdgeUnreachableError
from origin.ingest import IngestResult
from origin.metrics import OriginMetrics
from origin.progress import OnIngestProgress
from origin.record_store import RecordStore
from origin.release_warming import NotingIngest, ReleaseWarming, targets_of_release
from origin.tests.examples import TRACK, TRACK_ID, VERSION

OPERATOR = Credential.generate()
OTHER_ID = "0" * 21 + "2"
FOLDER = f"/v1/audio/{TRACK_ID}/{VERSION}/"
DONE = b'{"event":"progress","bytes":0}\n{"event":"done","ok":1}\n'


class NotedEdge:
    name = "noted"

    def __init__(self, *, is_away: bool = False) -> None:
        self.told: asyncio.Queue[Sequence[str]] = asyncio.Queue()
        self._is_away = is_away

    async def warm(self, targets: Sequence[str]) -> None:
        self.told.put_nowait(targets)
        if self._is_away:
            raise EdgeUnreachableError("away")


class ScriptedIngest:
    def __init__(self, *, is_new: bool) -> None:
        self._is_new = is_new

    async def ingest(
        self,
        path: Path,  # noqa: ARG002
        *,
        label: str = "",  # noqa: ARG002
        overrides: Mapping[str, Sequence[str]] | None = None,  # noqa: ARG002
        on_progress: OnIngestProgress | None = None,  # noqa: ARG002
    ) -> IngestResult:
        return IngestResult(TRACK_ID, VERSION, "", 1, 44_100, "", ("flac",), self._is_new)

    async def label_of(self, track_id: str) -> str | None:
        return f"label of {track_id}"


@pytest.fixture
async def records() -> RecordStore:
    store = MemoryStore(size_max=1 << 20, clock=lambda: 0.0)
    records = RecordStore(store, kept_bytes_max=0)
    await records.add_track(TRACK)
    return records


def test_a_release_is_what_is_packaged_of_it():
    targets = targets_of_release(TRACK)
    assert targets[0] == f"/v1/tracks/{TRACK_ID}"
    names = [target.removeprefix(FOLDER) for target in targets[1:]]
    assert names.index("flac.json") < names.index("flac.mp4")
    assert {"manifest.mpd", "master.m3u8", "hls.m3u8", "vorbis-96.ogg"} <= set(names)
    some = replace(TRACK.current, renditions=TRACK.current.renditions[:1])
    (name,) = [facts.name for facts in some.renditions]
    assert targets_of_release(replace(TRACK, versions=(some,)))[1].startswith(f"{FOLDER}{name}.")
    assert len(targets_of_release(replace(TRACK, versions=(some,)))) == 3  # No manifests.


async def test_edges_are_told_of_what_is_new(records: RecordStore):
    well, ill = NotedEdge(), NotedEdge(is_away=True)
    warming = ReleaseWarming(records, figures=OriginMetrics())
    async with open_tasks() as tasks:
        tasks.start(warming.run([ill, well]))
        for is_new in (False, True):
            ingest = NotingIngest(ScriptedIngest(is_new=is_new), warming)
            assert (await ingest.ingest(Path("a"))).is_new is is_new
            assert await ingest.label_of("x") == "label of x"
        warming.note(OTHER_ID)  # It is gone by now.
        warming.note(TRACK_ID)
        async with asyncio.timeout(10):
            for edge in (well, ill):
                assert await edge.told.get() == targets_of_release(TRACK)
                assert await edge.told.get() == targets_of_release(TRACK)
    assert well.told.empty()


def test_what_is_new_waits_within_bounds(records: RecordStore, caplog: pytest.LogCaptureFixture):
    warming = ReleaseWarming(records, figures=OriginMetrics())
    for _ in range(1001):
        warming.note(TRACK_ID)
    assert [one.message for one in caplog.records] == ["a new track is not warmed"]


@pytest.fixture
async def answers() -> dict[str, web.Response]:
    return {"/admin/warm": web.Response(body=DONE, content_type="application/x-ndjson")}


@pytest.fixture
def calls() -> list[tuple[str, object]]:
    return []


@pytest.fixture
async def edge(
    answers: dict[str, web.Response], calls: list[tuple[str, object]]
) -> AsyncIterator[HttpEdge]:
    async def warm(request: web.Request) -> web.Response:
        calls.append((request.headers["Authorization"], await request.json()))
        return answers["/admin/warm"]

    app = web.Application()
    app.router.add_post("/admin/warm", warm)
    async with (
        open_listener(app, host="127.0.0.1", port=0) as url,
        aiohttp.ClientSession() as session,
    ):
        yield HttpEdge(url, OPERATOR, session)


@pytest.mark.socket
async def test_an_edge_is_told_over_http(edge: HttpEdge, calls: list[tuple[str, object]]):
    await edge.warm(["/a"])
    assert calls == [(f"Bearer {OPERATOR.reveal()}", {"targets": ["/a"]})]


@pytest.mark.socket
@pytest.mark.parametrize(
    "response",
    [
        pytest.param(web.Response(status=404), id="an edge that cannot"),
        pytest.param(web.Response(body=DONE[:30]), id="one that stops"),
    ],
)
async def test_an_edge_that_does_not_come_to_an_end_is_told_of(
    edge: HttpEdge, answers: dict[str, web.Response], response: web.Response
):
    answers["/admin/warm"] = response
    with pytest.raises(EdgeUnreachableError):
        await edge.warm(["/a"])
