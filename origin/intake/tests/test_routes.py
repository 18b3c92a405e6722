import asyncio
import base64
import contextlib
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import orjson
import pytest
from tusclient.client import TusClient

from origin.adapters.folder_store import open_folder_store
from origin.errors import StoreFullError
from origin.intake.intake import Intake
from origin.intake.labels import Quota
from origin.intake.tests.services import (
    CONTENT,
    OPERATOR,
    TOKENS,
    TUS,
    WEB_ORIGIN,
    Clock,
    TextIngest,
    make_intake,
    make_labels,
    make_store,
    open_api,
    open_client,
)
from origin.intake.tests.uploads import content_of
from origin.intake.upload import PART_BYTES

pytestmark = pytest.mark.socket

LONG = hashlib.shake_128(b"seed").digest(PART_BYTES * 2 + 12_345)


Content = bytes | AsyncIterator[bytes]


def metadata(**fields: str) -> dict[str, str]:
    pairs = (f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in fields.items())
    return {"Upload-Metadata": ",".join(pairs)}


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    labels = make_labels(origins=frozenset({WEB_ORIGIN}))
    return make_intake(make_store(), tmp_path, labels=labels)


@pytest.fixture
async def url(intake: Intake) -> AsyncIterator[str]:
    async with open_api(intake) as opened:
        yield opened


@pytest.fixture
async def client(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with open_client(url) as opened:
        yield opened


async def create(client: aiohttp.ClientSession, length: int, **fields: str) -> str:
    headers = {"Upload-Length": str(length), **fields}
    async with client.post("/v1/uploads", headers=headers) as response:
        assert response.status == 201, await response.text()
        return response.headers["Location"]


async def patch(
    client: aiohttp.ClientSession, path: str, offset: int, content: Content, **fields: str
) -> aiohttp.ClientResponse:
    headers = {**CONTENT, "Upload-Offset": str(offset), **fields}
    data = io.BytesIO(content) if isinstance(content, bytes) else content
    async with client.patch(path, headers=headers, data=data) as response:
        await response.read()
        return response


async def offset_of(client: aiohttp.ClientSession, path: str) -> int:
    async with client.head(path) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        return int(response.headers["Upload-Offset"])


async def test_an_upload_goes_in_and_becomes_a_track(client: aiohttp.ClientSession, intake: Intake):
    path = await create(client, 8, **metadata(filename="01.wav", title="Ton"))
    assert (await patch(client, path, 0, b"tone")).status == 204
    answer = await patch(client, path, 4, b" two")
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, "8")
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    async with client.get(path) as response:
        assert (await response.json())["state"] == "received"
    assert await intake.processor.step()
    async with client.get(path) as response:
        document = await response.json()
    assert (document["state"], document["progress"], document["offset"]) == ("ready", 1.0, 8)
    assert document["track_id"]
    assert document["file_name"] == "01.wav"
    assert await offset_of(client, path) == 8


async def test_a_head_tells_what_was_told(client: aiohttp.ClientSession):
    told = metadata(filename="ü.wav", flag="")
    path = await create(client, 8, **told)
    async with client.head(path) as response:
        assert response.headers["Upload-Length"] == "8"
        assert response.headers["Upload-Metadata"] == told["Upload-Metadata"].rstrip()
        assert response.headers["Upload-Expires"].endswith("GMT")


async def test_a_creation_may_bring_content(client: aiohttp.ClientSession, intake: Intake):
    headers = {"Upload-Length": "8", **CONTENT}
    async with client.post("/v1/uploads", headers=headers, data=b"tone") as response:
        assert (response.status, response.headers["Upload-Offset"]) == (201, "4")
        path = response.headers["Location"]
    assert await offset_of(client, path) == 4
    headers = {"Upload-Length": "4", "Idempotency-Key": "k", **CONTENT}
    for status in (201, 200):
        async with client.post("/v1/uploads", headers=headers, data=b"tone") as response:
            assert (response.status, response.headers["Upload-Offset"]) == (status, "4")


async def test_what_is_spoken_is_told(client: aiohttp.ClientSession):
    async with client.options("/v1/uploads") as response:
        assert response.status == 204
        assert response.headers["Tus-Version"] == "1.0.0"
        assert "creation-with-upload" in response.headers["Tus-Extension"]
        assert response.headers["Tus-Checksum-Algorithm"] == "sha256,sha1"
        assert int(response.headers["Tus-Max-Size"]) == 1 << 30
        assert "Tus-Resumable" not in response.headers


@pytest.mark.parametrize(
    ("fields", "status", "problem"),
    [
        pytest.param({}, 400, "upload-field", id="no length"),
        pytest.param({"Upload-Length": "0"}, 400, "upload-field", id="nothing"),
        pytest.param({"Upload-Length": "-1"}, 400, "upload-field", id="no number"),
        pytest.param({"Upload-Defer-Length": "1"}, 400, "upload-field", id="no length yet"),
        pytest.param({"Upload-Length": str(1 << 40)}, 413, "upload-too-large", id="too large"),
        pytest.param(
            {"Upload-Length": "1", "Tus-Resumable": "0.2.2"}, 412, "tus-version", id="version"
        ),
        pytest.param(
            {"Upload-Length": "1", **metadata(isrc="x")}, 400, "upload-field", id="no ISRC"
        ),
        pytest.param(
            {"Upload-Length": "1", "Idempotency-Key": ""}, 400, "upload-field", id="empty key"
        ),
    ],
)
async def test_a_creation_that_cannot_be_is_refused(
    client: aiohttp.ClientSession, fields: dict[str, str], status: int, problem: str
):
    async with client.post("/v1/uploads", headers=fields) as response:
        assert response.status == status
        assert response.headers["Tus-Resumable"] == "1.0.0"
        document = await response.json(content_type="application/problem+json")
    assert document["type"] == f"urn:attacca:problem:{problem}"


async def test_content_of_another_type_creates_nothing(
    client: aiohttp.ClientSession, intake: Intake
):
    headers = {"Upload-Length": "4", "Content-Type": "audio/wav"}
    async with client.post("/v1/uploads", headers=headers, data=b"tone") as response:
        assert response.status == 415
    async with client.get("/v1/uploads") as response:
        assert (await response.json())["uploads"] == []


@pytest.mark.parametrize(
    ("offset", "content", "fields", "status"),
    [
        pytest.param(2, b"x", {}, 409, id="another offset"),
        pytest.param(0, b"x" * 9, {}, 413, id="more than the upload has"),
        pytest.param(0, b"x", {"Content-Type": "text/plain"}, 415, id="another type"),
        pytest.param(0, b"x", {"Content-Encoding": "compress"}, 415, id="encoded"),
        pytest.param(0, b"x", {"Tus-Resumable": "2.0.0"}, 412, id="another version"),
        pytest.param(0, b"x", {"Upload-Offset": "x"}, 400, id="no offset"),
        pytest.param(0, b"x", {"Upload-Checksum": "crc32 AAAA"}, 400, id="unknown checksum"),
        pytest.param(
            0,
            b"x",
            {"Upload-Checksum": f"sha1 {base64.b64encode(bytes(20)).decode()}"},
            460,
            id="another checksum",
        ),
    ],
)
async def test_content_that_cannot_be_appended_is_refused(
    client: aiohttp.ClientSession, offset: int, content: bytes, fields: dict[str, str], status: int
):
    path = await create(client, 8)
    answer = await patch(client, path, offset, content, **fields)
    assert answer.status == status
    assert await offset_of(client, path) == 0


async def test_content_of_unknown_length_is_bounded(client: aiohttp.ClientSession):
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"tone"

    path = await create(client, 8)
    assert (await patch(client, path, 0, chunks())).status == 413
    path = await create(client, 12)
    assert (await patch(client, path, 0, chunks())).status == 204
    assert await offset_of(client, path) == 12


async def test_nothing_is_appended_to_what_is_complete(client: aiohttp.ClientSession):
    path = await create(client, 4)
    assert (await patch(client, path, 0, b"tone")).status == 204
    assert (await patch(client, path, 0, b"tone")).status == 409
    assert (await patch(client, path, 4, b"more")).status == 413
    assert (await patch(client, path, 4, b"")).status == 204


async def test_two_that_append_at_once_do_not_mix(client: aiohttp.ClientSession):
    path = await create(client, len(LONG))
    is_begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield LONG[:100_000]
        is_begun.set()
        await may_end.wait()
        yield LONG[100_000:]

    async with asyncio.TaskGroup() as group:
        first = group.create_task(patch(client, path, 0, slowly()))
        await is_begun.wait()
        async with asyncio.timeout(10):
            while (second := await patch(client, path, 0, b"!")).status == 204:
                pytest.fail("the second one was taken")
        may_end.set()
    assert second.status == 423
    assert first.result().status == 204
    assert await offset_of(client, path) == len(LONG)


async def test_of_two_on_two_origins_one_is_taken(tmp_path: Path):
    store = make_store()
    intakes = [make_intake(store, tmp_path / name) for name in "12"]
    sent = [LONG, bytes(len(LONG))]
    async with contextlib.AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(open_api(intake)) for intake in intakes]
        clients = [await stack.enter_async_context(open_client(url)) for url in urls]
        path = await create(clients[0], len(LONG))
        answers = await asyncio.gather(
            *(patch(client, path, 0, one) for client, one in zip(clients, sent, strict=True))
        )
        statuses = [answer.status for answer in answers]
    assert statuses.count(204) == 1, statuses
    assert set(statuses) <= {204, 423}
    found = await intakes[0].uploads.find("nebula", path.rpartition("/")[2])
    assert found is not None
    assert await content_of(store, found.upload) == sent[statuses.index(204)]


async def cut_off(url: str, path: str, offset: int, content: bytes, length: int) -> None:
    """Send some of a content that was said to be longer, then drop the connection."""
    address = url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(address[0], int(address[1]))
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTus-Resumable: 1.0.0\r\n"
        f"Authorization: Bearer {TOKENS['nebula'].reveal()}\r\nUpload-Offset: {offset}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n"
    )
    writer.write(head.encode() + content)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("seed", range(4))
async def test_an_upload_cut_anywhere_goes_on_at_another_origin(tmp_path: Path, seed: int):
    """Each cut is at another place, and each request goes to another process on the store."""
    cuts = [
        int.from_bytes(hashlib.sha256(f"{seed} {index}".encode()).digest()[:4], "big") % len(LONG)
        for index in range(5)
    ]
    async with open_folder_store(tmp_path / "store") as store:
        intakes = [make_intake(store, tmp_path / name) for name in "12"]
        async with open_api(intakes[0]) as one, open_api(intakes[1]) as other:
            async with open_client(one) as client:
                path = await create(client, len(LONG))
            for index, position in enumerate(sorted(cuts)):
                url = (one, other)[index % 2]
                async with open_client(url) as client:
                    offset = await offset_of(client, path)
                await cut_off(url, path, offset, LONG[offset:position], len(LONG) - offset)
            async with open_client(other) as client:
                await resume(client, path)
        found = await intakes[0].uploads.find("nebula", path.rpartition("/")[2])
        assert found is not None
        assert await content_of(store, found.upload) == LONG
        assert all(part.size_bytes == PART_BYTES for part in found.upload.parts[:-1])


async def resume(client: aiohttp.ClientSession, path: str) -> None:
    """Go on as clients do: another origin may still be storing what came before a cut."""
    async with asyncio.timeout(20):
        while (offset := await offset_of(client, path)) < len(LONG):
            answer = await patch(client, path, offset, LONG[offset:])
            assert answer.status in {204, 409, 423}


@pytest.mark.parametrize("has_checksum", [False, True])
async def test_a_real_client_uploads_and_resumes(
    client: aiohttp.ClientSession, url: str, intake: Intake, tmp_path: Path, has_checksum: bool
):
    file = tmp_path / "master.wav"
    file.write_bytes(LONG)
    token = {"Authorization": f"Bearer {TOKENS['nebula'].reveal()}"}
    tus = TusClient(f"{url}/v1/uploads", headers=token)

    def upload() -> str:
        options = {
            "chunk_size": 5_000_000,
            "metadata": {"filename": "master.wav"},
            "upload_checksum": has_checksum,
        }
        with file.open("rb") as stream:
            begun = tus.uploader(file_stream=stream, **options)
            begun.upload(stop_at=10_000_000)
            resumed = tus.uploader(file_stream=stream, url=begun.url, **options)
            resumed.upload()
        return str(resumed.url)

    location = await asyncio.to_thread(upload)
    assert await offset_of(client, location.removeprefix(url)) == len(LONG)


async def test_the_same_key_is_the_same_upload(client: aiohttp.ClientSession):
    headers = {"Upload-Length": "8", "Idempotency-Key": "k", **metadata(title="Ton")}
    paths = set()
    for status in (201, 200):
        async with client.post("/v1/uploads", headers=headers) as response:
            assert response.status == status
            paths.add(response.headers["Location"])
    assert len(paths) == 1
    async with client.post("/v1/uploads", headers={**headers, "Upload-Length": "9"}) as response:
        assert response.status == 422


async def test_a_label_sees_its_own_uploads_only(url: str, client: aiohttp.ClientSession):
    path = await create(client, 8)
    for label in ("quasar", ""):
        async with open_client(url, label=label) as other:
            for call in (other.head, other.get, other.delete):
                async with call(path) as response:
                    assert response.status == 404
            assert (await patch(other, path, 0, b"tone")).status == 404
            async with other.get("/v1/uploads") as response:
                assert (await response.json())["uploads"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="no token"),
        pytest.param({"Authorization": "Bearer wrong-token-of-length"}, 401, id="a wrong token"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="a foreign page"),
        pytest.param(
            {"Authorization": f"Bearer {OPERATOR.reveal()}", "Origin": WEB_ORIGIN},
            403,
            id="the operator from a page",
        ),
        pytest.param(
            {"Authorization": f"Bearer {TOKENS['nebula'].reveal()}", "Host": "evil.example"},
            403,
            id="a foreign host",
        ),
    ],
)
async def test_nobody_else_may_ask(url: str, headers: dict[str, str], status: int):
    fields = {**TUS, **headers}
    async with aiohttp.ClientSession(url, headers=fields) as client:
        for path in ("/v1/uploads", "/v1/uploads/events", f"/v1/uploads/{'0' * 32}"):
            for method in ("GET", "OPTIONS"):
                async with client.request(method, path) as response:
                    assert response.status == status
                    assert "Access-Control-Allow-Credentials" not in response.headers


async def test_a_page_that_is_named_may_upload(url: str):
    preflight = {"Origin": WEB_ORIGIN, "Access-Control-Request-Method": "PATCH"}
    async with aiohttp.ClientSession(url) as client:
        async with client.options("/v1/uploads", headers=preflight) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == WEB_ORIGIN
            assert "Upload-Offset" in response.headers["Access-Control-Allow-Headers"]
        foreign = {**preflight, "Origin": "https://evil.example"}
        async with client.options("/v1/uploads", headers=foreign) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers
    async with open_client(url, Origin=WEB_ORIGIN) as client:
        await create(client, 8)
        async with client.post("/v1/uploads") as response:
            assert response.status == 400
            assert response.headers["Access-Control-Allow-Origin"] == WEB_ORIGIN


async def test_a_terminated_upload_is_not_there_any_more(client: aiohttp.ClientSession):
    path = await create(client, 8)
    async with client.delete(path) as response:
        assert response.status == 204
    for method in ("HEAD", "GET", "DELETE"):
        async with client.request(method, path) as response:
            assert response.status == 404
    assert (await patch(client, path, 0, b"tone")).status == 404
    async with client.get("/v1/uploads/..%2f..%2fx") as response:
        assert response.status == 404


async def test_an_expired_upload_is_gone(tmp_path: Path):
    clock = Clock()
    intake = make_intake(make_store(clock), tmp_path, clock=clock)
    async with open_api(intake) as url, open_client(url) as client:
        path = await create(client, 8)
        clock.now_s += 86_400
        for _ in range(2):
            async with client.head(path) as response:
                assert response.status == 410
            await intake.removal.sweep()


async def test_a_quota_is_kept(tmp_path: Path):
    labels = make_labels(quota=Quota(upload_bytes_max=100, day_bytes_max=150, open_uploads_max=2))
    intake = make_intake(make_store(), tmp_path, labels=labels)
    async with open_api(intake) as url, open_client(url) as client:
        path = await create(client, 100)
        for length, status in ((101, 413), (51, 429)):
            headers = {"Upload-Length": str(length)}
            async with client.post("/v1/uploads", headers=headers) as response:
                assert response.status == status
        await create(client, 10)
        async with client.post("/v1/uploads", headers={"Upload-Length": "1"}) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) > 0
        assert (await patch(client, path, 0, bytes(100))).status == 204
        await create(client, 10)


async def test_clients_without_patch_name_the_method(client: aiohttp.ClientSession):
    path = await create(client, 8)
    headers = {**CONTENT, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    async with client.post(path, headers=headers, data=b"tone") as response:
        assert (response.status, response.headers["Upload-Offset"]) == (204, "4")
    async with client.post(path, headers={"X-HTTP-Method-Override": "DELETE"}) as response:
        assert response.status == 204
    async with client.post(path) as response:
        assert response.status == 405


async def test_uploads_are_listed_by_state(client: aiohttp.ClientSession, intake: Intake):
    for number in range(3):
        path = await create(client, 6)
        if number:
            await patch(client, path, 0, b"tone %d" % number)
    await intake.processor.step()
    counts = {}
    for state in ("receiving", "received", "ready", "refused"):
        async with client.get(f"/v1/uploads?state={state}") as response:
            counts[state] = len((await response.json())["uploads"])
    assert counts == {"receiving": 1, "received": 1, "ready": 1, "refused": 0}
    seen: list[str] = []
    following: str | None = "/v1/uploads?limit=2"
    while following is not None:
        async with client.get(following) as response:
            document = await response.json()
        seen += [one["id"] for one in document["uploads"]]
        following = document["next"]
    assert len(seen) == len(set(seen)) == 3
    for query in ("state=lost", "after=x", "limit=0"):
        async with client.get(f"/v1/uploads?{query}") as response:
            assert response.status == 400


async def read_events(response: aiohttp.ClientResponse, count: int) -> list[tuple[int, str]]:
    """Numbers and states of the next events."""
    found: list[tuple[int, str]] = []
    number = 0
    async with asyncio.timeout(10):
        while len(found) < count:
            line = await response.content.readline()
            if line.startswith(b"id: "):
                number = int(line[4:])
            if line.startswith(b"data: "):
                found.append((number, orjson.loads(line[6:])["state"]))
    return found


async def test_events_are_followed_from_any_origin(tmp_path: Path):
    store = make_store()
    intakes = [make_intake(store, tmp_path / name) for name in "12"]
    async with open_api(intakes[0]) as one, open_api(intakes[1]) as other:
        async with open_client(one) as client, open_client(other) as follower:
            async with follower.get("/v1/uploads/events") as stream:
                assert stream.headers["Content-Type"] == "text/event-stream"
                await patch(client, await create(client, 4), 0, b"tone")
                assert await read_events(stream, 1) == [(1, "received")]
                await intakes[0].processor.step()
                told = await read_events(stream, 3)
            states = ["decoding", "packaging", "ready"]
            assert told == list(zip([2, 3, 4], states, strict=True))
            resumed = {"Last-Event-ID": "2"}
            async with client.get("/v1/uploads/events", headers=resumed) as stream:
                assert await read_events(stream, 2) == told[1:]
            async with client.get("/v1/uploads/events?after=0") as stream:
                assert len(await read_events(stream, 4)) == 4
        async with open_client(one, label="quasar") as stranger:
            await patch(stranger, await create(stranger, 4), 0, b"tone")
            async with stranger.get("/v1/uploads/events?after=0") as stream:
                assert await read_events(stream, 1) == [(1, "received")]


async def test_a_slow_sender_is_not_waited_for(tmp_path: Path):
    intake = make_intake(make_store(), tmp_path, idle_s=1)
    async with open_api(intake) as url, open_client(url) as client:
        path = await create(client, 8)
        may_end = asyncio.Event()

        async def stalling() -> AsyncIterator[bytes]:
            yield b"to"
            await may_end.wait()

        answer = await patch(client, path, 0, stalling())
        may_end.set()
        assert answer.status == 408
        assert await offset_of(client, path) == 2


async def test_what_came_is_kept_when_the_origin_stops(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    is_under_way = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        is_under_way.set()
        await asyncio.Event().wait()

    async def append_to(client: aiohttp.ClientSession, location: str) -> int:
        headers = {**CONTENT, "Upload-Offset": "0"}
        async with client.patch(location, headers=headers, data=endless()) as response:
            return response.status

    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(open_api(intake))
        async with open_client(url) as client, asyncio.timeout(10):
            async with client.post("/v1/uploads", headers={"Upload-Length": "10"}) as response:
                location = response.headers["Location"]
            appending = asyncio.get_running_loop().create_task(append_to(client, location))
            await is_under_way.wait()
            for _ in range(3):  # What was sent before these has been read after them.
                assert await offset_of(client, location) == 0
            await stack.aclose()
            assert await appending == 503
    found = await intake.uploads.find("nebula", location.rpartition("/")[2])
    assert found is not None
    assert found.upload.offset == 4


async def test_requests_beyond_the_limit_are_told_to_wait(tmp_path: Path):
    intake = make_intake(
        make_store(), tmp_path, requests_max=1, label_requests_max=1, operator_requests_kept=0
    )
    async with open_api(intake) as url, open_client(url) as client:
        paths = [await create(client, 8) for _ in range(2)]
        is_begun, may_end = asyncio.Event(), asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"tone"
            is_begun.set()
            await may_end.wait()

        async with asyncio.TaskGroup() as group:
            group.create_task(patch(client, paths[0], 0, slowly()))
            await is_begun.wait()
            answer = await patch(client, paths[1], 0, b"tone")
            may_end.set()
        assert answer.status == 503
        assert answer.headers["Retry-After"]


async def test_without_room_the_answer_says_what_to_do(tmp_path: Path):
    store = make_store()
    full = TextIngest(store, failures=[StoreFullError("full")])
    intake = make_intake(store, tmp_path, ingest=full)
    async with open_api(intake) as url, open_client(url) as client:
        path = await create(client, 4)
        await patch(client, path, 0, b"tone")
        await intake.processor.step()
        async with client.post("/v1/uploads", headers={"Upload-Length": "4"}) as response:
            assert response.status == 507
        async with client.get(path) as response:
            waiting = (await response.json())["waiting"]
        assert waiting["code"] == "store_full"
        assert waiting["advice"]
