"""The HTTP interface over a socket, on a folder store with a track that takes no encoding."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import pytest
from multidict import CIMultiDictProxy
from typing_extensions import override

from config.credentials import EDGE_CREDENTIAL_HEADER, Credential
from config.listener import open_listener
from origin.access import OriginCredentials
from origin.adapters.folder_store import open_folder_store
from origin.answer import IMMUTABLE, Representation
from origin.metrics import OriginMetrics
from origin.resources import InStore, Resource, Resources
from origin.routes import origin_app
from origin.tests.workshops import NOW_S, TextPackager, ingest_master, make_workshop, open_demand_of

pytestmark = pytest.mark.socket

EDGE = "edge-credential-of-tests"
OPERATOR = "operator-credential-of-tests"
AS_EDGE = {EDGE_CREDENTIAL_HEADER: EDGE}


@dataclass(frozen=True)
class Origin:
    """A running origin with one track."""

    url: str
    track_id: str
    version: str
    folder: Path
    figures: OriginMetrics
    session: aiohttp.ClientSession
    packager: TextPackager

    @property
    def audio(self) -> str:
        return f"/v1/audio/{self.track_id}/{self.version}/"

    @property
    def flac(self) -> Path:
        return self.folder / "renditions" / self.track_id / self.version / "flac.mp4"

    @contextlib.asynccontextmanager
    async def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {**AS_EDGE, **(headers or {})}
        async with self.session.request(method, self.url + path, headers=headers) as response:
            yield response


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[Origin]:
    figures = OriginMetrics()
    (tmp_path / "1.flac").write_bytes(b"tone cover")
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_folder_store(tmp_path / "store"))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        workshop = make_workshop(store, tmp_path / "scratch")
        result = await ingest_master(
            workshop, tmp_path / "1.flac", album="Album", renditions=("flac", "aac-96")
        )
        demand = await stack.enter_async_context(open_demand_of(workshop, session_jobs_max=1))
        app = origin_app(
            Resources(store, workshop.records, demand, wait_s=0.1),
            credentials=OriginCredentials(operator=Credential(OPERATOR), edge=Credential(EDGE)),
            allowed_hosts=frozenset({"origin.example"}),
            figures=figures,
            clock=lambda: NOW_S,
        )
        async with open_listener(app, host="127.0.0.1", port=0) as url:
            assert isinstance(workshop.packager, TextPackager)
            yield Origin(
                url=url,
                track_id=result.track_id,
                version=result.version,
                folder=tmp_path / "store",
                figures=figures,
                session=session,
                packager=workshop.packager,
            )


async def when_packaged(origin: Origin, path: str) -> tuple[int, CIMultiDictProxy[str]]:
    """Ask until the answer is another one than that it is being packaged."""
    async with asyncio.timeout(20):
        while True:
            async with origin.ask(path) as response:
                if response.status != 503:
                    return response.status, response.headers


def figure(origin: Origin, name: str, **labels: str) -> float:
    return origin.figures.registry.get_sample_value(name, labels) or 0.0


async def test_a_file_is_sent_whole_with_its_fields(origin: Origin):
    content = origin.flac.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    async with origin.ask(origin.audio + "flac.mp4") as response:
        assert response.status == 200
        assert await response.read() == content
        assert response.headers["ETag"] == f'"{sha256}"'
        assert response.headers["Content-Type"] == "audio/mp4"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.headers["Repr-Digest"].startswith("sha-256=:")
        assert f"track:{origin.track_id} album:" in response.headers["Surrogate-Key"]
        assert "Last-Modified" in response.headers
        assert response.headers["Server"] == "attacca"


@pytest.mark.parametrize(
    ("headers", "status", "start", "stop"),
    [
        pytest.param({"Range": "bytes=0-0"}, 206, 0, 1, id="first byte"),
        pytest.param({"Range": "bytes=100-999"}, 206, 100, 1000, id="a part"),
        pytest.param({"Range": "bytes=1000-"}, 206, 1000, 1280, id="the rest"),
        pytest.param({"Range": "bytes=-7"}, 206, 1273, 1280, id="the end"),
        pytest.param({"Range": "bytes=0-99", "If-Range": '"x"'}, 200, 0, 1280, id="If-Range"),
    ],
)
async def test_parts_of_a_file(
    origin: Origin, headers: dict[str, str], status: int, start: int, stop: int
):
    content = origin.flac.read_bytes()
    async with origin.ask(origin.audio + "flac.mp4", headers=headers) as response:
        assert response.status == status
        assert await response.read() == content[start:stop]
        if status == 206:
            assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1280"


async def test_conditions(origin: Origin):
    path = origin.audio + "flac.mp4"
    async with origin.ask(path) as response:
        tag = response.headers["ETag"]
    async with origin.ask(path, headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")
        assert response.headers["ETag"] == tag
    async with origin.ask(path, headers={"If-Match": '"x"'}) as response:
        assert response.status == 412
        assert response.headers["Cache-Control"] == "no-store"
        assert (await response.json(content_type=None))["type"].endswith(":precondition")
    async with origin.ask(path, headers={"Range": "bytes=1280-"}) as response:
        assert response.status == 416
        assert response.headers["Content-Range"] == "bytes */1280"
        assert response.content_type == "application/problem+json"
        assert response.headers["Server"] == "attacca", "without releases of what it is made with"


async def test_head_is_get_without_content(origin: Origin):
    for path in (origin.audio + "flac.mp4", f"/v1/tracks/{origin.track_id}", "/v1/library"):
        async with origin.ask(path) as response:
            expected = dict(response.headers)
        async with origin.ask(path, "HEAD") as response:
            assert response.status == 200
            assert await response.read() == b""
            del expected["Date"]
            assert expected.items() <= dict(response.headers).items()


async def test_documents_and_manifests(origin: Origin):
    async with origin.ask(f"/v1/tracks/{origin.track_id}") as response:
        document = await response.json()
        assert document["track_id"] == origin.track_id
        assert response.headers["Cache-Control"].startswith("public, max-age=60, stale-while")
    async with origin.ask(f"/v1/albums/{document['album']['album_id']}") as response:
        assert (await response.json())["title"] == "Album"
    async with origin.ask("/v1/library?limit=1") as response:
        assert [one["track_id"] for one in (await response.json())["tracks"]] == [origin.track_id]
    for name in ("manifest.mpd", "master.m3u8", "hls.m3u8", "flac.m3u8", "vorbis-160.json"):
        status, headers = await when_packaged(origin, origin.audio + name)
        assert status == 200
        assert "immutable" in headers["Cache-Control"]


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        pytest.param("GET", "/v1/tracks/" + "0" * 22, 404, "not-found", id="no such track"),
        pytest.param("GET", "/v1/tracks/%2e%2e%2fx", 404, "not-found", id="no id"),
        pytest.param("GET", "/v1/albums/x", 404, "not-found", id="no such album"),
        pytest.param("GET", "/v1/audio/x/y/z", 404, "not-found", id="no such file"),
        pytest.param("GET", "/v1/library?limit=0", 400, "query", id="no page at all"),
        pytest.param("GET", "/v1/library?limit=x", 400, "query", id="no number"),
        pytest.param("GET", "/v1/library?after=x", 404, "not-found", id="no such place"),
        pytest.param("GET", "/", 404, "not-found", id="nothing there"),
        pytest.param("POST", "/v1/library", 405, "method-not-allowed", id="POST"),
        pytest.param("DELETE", "/v1/tracks/x", 405, "method-not-allowed", id="DELETE"),
    ],
)
async def test_what_there_is_not(origin: Origin, method: str, path: str, status: int, slug: str):
    async with origin.ask(path, method) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"
        problem = orjson.loads(await response.read())
        assert problem["type"] == f"urn:attacca:problem:{slug}"
        if status == 405:
            assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="nobody"),
        pytest.param({EDGE_CREDENTIAL_HEADER: "wrong-credential-of-tests"}, 401, id="wrong"),
        pytest.param({"Authorization": f"Bearer {EDGE}"}, 401, id="edge's in the wrong place"),
        pytest.param(AS_EDGE, 200, id="edge"),
        pytest.param({"Authorization": f"Bearer {OPERATOR}"}, 200, id="operator"),
        pytest.param(
            {"Authorization": f"Bearer {OPERATOR}", "Host": "origin.example"}, 200, id="by name"
        ),
        pytest.param(
            {"Authorization": f"Bearer {OPERATOR}", "Origin": "http://x"}, 403, id="a web page"
        ),
        pytest.param(
            {"Authorization": f"Bearer {OPERATOR}", "Host": "evil.example"}, 403, id="rebound"
        ),
    ],
)
async def test_who_is_answered(origin: Origin, headers: dict[str, str], status: int):
    for path in ("/v1/library", origin.audio + "flac.mp4", "/anything"):
        async with origin.session.get(origin.url + path, headers=headers) as response:
            assert response.status == (404 if status == 200 and path == "/anything" else status)
            if status != 200:
                assert response.headers["Cache-Control"] == "no-store"
                assert OPERATOR not in await response.text()


async def test_a_rendition_that_is_not_there_is_packaged_or_its_progress_told(origin: Origin):
    content = origin.flac.read_bytes()
    origin.flac.unlink()
    origin.packager.gate = asyncio.Event()
    async with origin.ask(origin.audio + "flac.mp4") as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "5"
        assert response.headers["Cache-Control"] == "no-store"
        problem = orjson.loads(await response.read())
        assert problem["type"] == "urn:attacca:problem:packaging"
        assert problem["progress"] == 0.25
        assert problem["renditions"] == ["flac"]
    assert figure(origin, "origin_failures_total", reason="packaging") == 1.0
    origin.packager.gate.set()
    await when_packaged(origin, origin.audio + "flac.mp4")
    async with origin.ask(origin.audio + "flac.mp4") as response:
        assert response.status == 200
        assert await response.read() == content


async def test_a_session_may_not_have_everything_packaged_at_once(origin: Origin):
    origin.packager.gate = asyncio.Event()
    session = {"Attacca-Session": "0123456789abcdef"}
    for name in ("flac", "aac-96"):
        (origin.flac.parent / f"{name}.mp4").unlink()
    async with origin.ask(origin.audio + "flac.mp4", headers=session) as response:
        assert response.status == 503
    async with origin.ask(origin.audio + "aac-96.mp4", headers=session) as response:
        assert response.status == 503
        assert "waits for 1 renditions" in await response.text()
    origin.packager.gate.set()
    status, _ = await when_packaged(origin, origin.audio + "aac-96.mp4")
    assert status == 200


async def test_covers_and_playlists_of_albums(origin: Origin):
    async with origin.ask(f"/v1/tracks/{origin.track_id}") as response:
        document = await response.json()
    (size,) = document["cover"]["sizes"]
    async with origin.ask("/v1/tracks/" + size["url"]) as response:
        assert await response.read() == b"a picture"
        assert "immutable" in response.headers["Cache-Control"]
        assert response.headers["Content-Type"] == "image/jpeg"
    album = f"/v1/albums/{document['album']['album_id']}"
    status, headers = await when_packaged(origin, f"{album}/master.m3u8")
    assert status == 200
    assert headers["Cache-Control"].startswith("public, max-age=60, stale-while")
    assert headers["Surrogate-Key"].startswith("album:")


async def test_a_file_that_was_cut_is_made_again(origin: Origin):
    content = origin.flac.read_bytes()
    os.truncate(origin.flac, 1000)
    await when_packaged(origin, origin.audio + "flac.mp4")
    async with origin.ask(origin.audio + "flac.mp4", headers={"Range": "bytes=0-9"}) as response:
        assert response.status == 206
    assert origin.flac.read_bytes() == content


async def test_other_bytes_are_refused_before_anything_is_sent_and_made_again(origin: Origin):
    content = origin.flac.read_bytes()
    origin.flac.write_bytes(bytes(1280))
    async with origin.ask(origin.audio + "flac.mp4") as response:
        assert response.status == 500
        assert orjson.loads(await response.read())["type"].endswith(":object-damaged")
    assert figure(origin, "origin_damaged_objects_total") == 1.0
    async with asyncio.timeout(20):
        while origin.flac.read_bytes() != content:
            async with origin.ask(origin.audio + "flac.json") as response:
                assert response.status == 200
    async with origin.ask(origin.audio + "flac.mp4") as response:
        assert await response.read() == content


class LargeResource(Resources):
    """Serves one object, whatever album is asked for."""

    @override
    async def album(self, album_id: str) -> Resource:
        head = await self._store.head(f"renditions/{album_id}")
        assert head is not None
        representation = Representation(head.size_bytes, head.sha256, "audio/mp4", IMMUTABLE, ())
        return InStore(representation, self._store, head)


@pytest.fixture
async def large(tmp_path: Path) -> AsyncIterator[tuple[Origin, Path]]:
    """An origin whose one resource is a file of several chunks."""
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_folder_store(tmp_path / "store"))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await store.put("renditions/large", bytes(3 << 20))
        workshop = make_workshop(store, tmp_path / "scratch")
        figures = OriginMetrics()
        demand = await stack.enter_async_context(open_demand_of(workshop))
        app = origin_app(
            LargeResource(store, workshop.records, demand, wait_s=0.1),
            credentials=OriginCredentials(operator=Credential(OPERATOR), edge=Credential(EDGE)),
            allowed_hosts=frozenset(),
            figures=figures,
            clock=lambda: NOW_S,
        )
        async with open_listener(app, host="127.0.0.1", port=0) as url:
            origin = Origin(url, "", "", tmp_path / "store", figures, session, TextPackager())
            yield origin, tmp_path / "store" / "renditions" / "large"


async def test_damage_beyond_the_first_chunk_cuts_the_connection(large: tuple[Origin, Path]):
    origin, path = large
    async with origin.ask("/v1/albums/large") as response:
        assert len(await response.read()) == 3 << 20
    with path.open("r+b") as file:
        file.seek(2 << 20)
        file.write(b"x")
    with pytest.raises(aiohttp.ClientPayloadError):
        async with origin.ask("/v1/albums/large") as response:
            assert response.status == 200
            await response.read()
    assert figure(origin, "origin_damaged_objects_total") == 1.0
    # The listener is none the worse for it.
    async with origin.ask("/v1/albums/large", headers={"Range": "bytes=0-9"}) as response:
        assert await response.read() == bytes(10)


async def test_a_client_that_leaves_is_no_trouble(large: tuple[Origin, Path]):
    origin, _ = large
    for _ in range(5):
        async with origin.ask("/v1/albums/large") as response:
            await response.content.readexactly(10)
            response.close()
    async with origin.ask("/v1/albums/large", headers={"Range": "bytes=-1"}) as response:
        assert await response.read() == b"\0"


async def test_answers_are_counted_by_kind(origin: Origin):
    async with origin.ask(origin.audio + "flac.mp4", headers={"Range": "bytes=0-99"}) as response:
        await response.read()
    async with origin.ask("/v1/library") as response:
        size = len(await response.read())
    assert figure(origin, "origin_responses_total", resource="audio", status="206") == 1.0
    assert figure(origin, "origin_content_bytes_total", resource="audio") == 100.0
    assert figure(origin, "origin_content_bytes_total", resource="library") == size
