import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping

import aiohttp
import orjson
import pytest

from config.credentials import EDGE_CREDENTIAL_HEADER
from config.listener import open_listener
from drm.app import DrmCredentials, DrmService
from drm.base64url import decode_base64url, encode_base64url
from drm.clear_key import encode_license_request
from drm.http_api import BODY_BYTES_MAX, DrmHttpApi
from drm.ports import TrackKeys
from drm.tests.conftest import NOW_S, ManualClock
from drm.token_request import TokenRequest
from drm.tokens import TokenVerifier, decode_key_set
from packager.renditions import KeyClass

pytestmark = pytest.mark.socket

TRACK = "0" * 21 + "A"
OTHER = "0" * 21 + "B"

LICENSES = "/v1/licenses/clearkey"
TOKENS = "/v1/tokens"
TOKEN_KEYS = "/v1/token-keys"
CONTENT_KEYS = "/v1/content-keys"

Answer = tuple[int, Mapping[str, str], bytes]


class Caller:
    """Calls drm as somebody."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def call(
        self,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        method: str | None = None,
    ) -> Answer:
        method = method or ("GET" if body is None else "POST")
        async with self._session.request(
            method, self._url + path, headers=headers, data=body
        ) as response:
            return response.status, response.headers, await response.read()

    async def problem(
        self, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, str]:
        """Status and slug of a refusal; checks what all refusals have in common."""
        status, fields, content = await self.call(path, headers, body)
        document = orjson.loads(content)
        assert fields["Content-Type"] == "application/problem+json"
        assert fields["Cache-Control"] == "no-store"
        assert document["status"] == status
        return status, document["type"].rpartition(":")[2]


@pytest.fixture
async def caller(drm: DrmService) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        yield Caller(drm.url, session)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
def edge(credentials: DrmCredentials) -> dict[str, str]:
    return {EDGE_CREDENTIAL_HEADER: credentials.edge.reveal()}


@pytest.fixture
def operator(credentials: DrmCredentials) -> dict[str, str]:
    return bearer(credentials.operator.reveal())


@pytest.fixture
def origin(credentials: DrmCredentials) -> dict[str, str]:
    return bearer(credentials.origin.reveal())


@pytest.fixture
async def keys(drm: DrmService) -> TrackKeys:
    return await drm.content_keys.keys_of_track(TRACK)


def asking(keys: TrackKeys, *classes: KeyClass) -> bytes:
    return encode_license_request(keys.by_class[one].kid for one in classes or tuple(KeyClass))


async def token_for(drm: DrmService) -> dict[str, str]:
    return bearer((await drm.issue_token(TokenRequest(tracks=(TRACK,), duration_s=240))).token)


async def test_a_license_has_the_keys_that_were_asked_for(
    caller: Caller, drm: DrmService, edge: dict[str, str], keys: TrackKeys
):
    headers = edge | await token_for(drm) | {"Origin": "https://player.example"}
    status, fields, content = await caller.call(LICENSES, headers, asking(keys))
    assert (status, fields["Content-Type"]) == (200, "application/json")
    assert fields["Cache-Control"] == "no-store"
    given = {one["kid"]: decode_base64url(one["k"]) for one in orjson.loads(content)["keys"]}
    assert given == {encode_base64url(one.kid.bytes): one.key for one in keys.by_class.values()}


AAC = frozenset({"aac-160"})


@pytest.mark.parametrize(
    ("wanted", "classes", "status"),
    [
        pytest.param(TokenRequest(), list(KeyClass), 200, id="everything"),
        pytest.param(TokenRequest((TRACK,), duration_s=240), list(KeyClass), 200, id="the track"),
        pytest.param(
            TokenRequest((OTHER, TRACK), duration_s=240),
            [KeyClass.LOSSY],
            200,
            id="one of two tracks",
        ),
        pytest.param(
            TokenRequest((OTHER,), duration_s=240), [KeyClass.LOSSY], 403, id="another track"
        ),
        pytest.param(
            TokenRequest((TRACK,), renditions=AAC, duration_s=240),
            [KeyClass.LOSSY],
            200,
            id="its rendition",
        ),
        pytest.param(
            TokenRequest((TRACK,), renditions=AAC, duration_s=240),
            [KeyClass.LOSSLESS],
            403,
            id="another rendition",
        ),
        pytest.param(
            TokenRequest((TRACK,), renditions=AAC, duration_s=240),
            list(KeyClass),
            403,
            id="one of several",
        ),
    ],
)
async def test_a_license_reaches_as_far_as_the_token(
    drm: DrmService,
    edge: dict[str, str],
    keys: TrackKeys,
    wanted: TokenRequest,
    classes: list[KeyClass],
    status: int,
):
    headers = edge | bearer((await drm.issue_token(wanted)).token)
    async with aiohttp.ClientSession() as session:
        answer = await Caller(drm.url, session).call(LICENSES, headers, asking(keys, *classes))
    assert answer[0] == status
    if status != 200:
        assert b'"keys"' not in answer[2]
        assert not [
            one for one in keys.by_class.values() if encode_base64url(one.key).encode() in answer[2]
        ]


async def test_an_unknown_kid_is_refused_like_a_forbidden_one(
    caller: Caller, drm: DrmService, edge: dict[str, str]
):
    headers = edge | await token_for(drm)
    forbidden = asking(await drm.content_keys.keys_of_track(OTHER), KeyClass.LOSSY)
    unknown = orjson.dumps({"kids": ["A" * 22], "type": "temporary"})
    answers = [await caller.call(LICENSES, headers, body) for body in (forbidden, unknown)]
    assert [status for status, _, _ in answers] == [403, 403]
    assert answers[0][2] == answers[1][2]


def key_path(kid: uuid.UUID) -> str:
    return f"/v1/licenses/hls/{kid}"


async def test_a_key_for_hls_is_the_bare_key(
    caller: Caller, drm: DrmService, edge: dict[str, str], keys: TrackKeys
):
    headers = edge | await token_for(drm) | {"Origin": "https://player.example"}
    for key in keys.by_class.values():
        status, fields, content = await caller.call(key_path(key.kid), headers)
        assert (status, content) == (200, key.key)
        assert fields["Content-Type"] == "application/octet-stream"
        assert fields["Cache-Control"] == "no-store"


async def test_a_key_for_hls_reaches_as_far_as_the_token(
    caller: Caller, drm: DrmService, edge: dict[str, str], keys: TrackKeys
):
    issued = await drm.issue_token(TokenRequest((TRACK,), renditions=AAC, duration_s=240))
    headers = edge | bearer(issued.token)
    others = await drm.content_keys.keys_of_track(OTHER)
    lossy, lossless = keys.by_class[KeyClass.LOSSY_CTR], keys.by_class[KeyClass.LOSSLESS]
    assert (await caller.call(key_path(lossy.kid), headers))[0] == 200
    refused = [lossless.kid, others.by_class[KeyClass.LOSSY].kid, uuid.uuid4()]
    answers = [await caller.call(key_path(kid), headers) for kid in refused]
    assert {(status, content) for status, _, content in answers} == {(403, answers[0][2])}
    assert b"license-refused" in answers[0][2]


async def test_a_key_for_hls_needs_edge_and_token(
    caller: Caller, drm: DrmService, edge: dict[str, str], keys: TrackKeys
):
    path, token = key_path(keys.by_class[KeyClass.LOSSY].kid), await token_for(drm)
    assert await caller.problem(path, token) == (401, "credential-missing")
    assert await caller.problem(path, edge) == (401, "token-missing")
    assert await caller.problem(path, edge | bearer("x")) == (401, "token-malformed")
    assert await caller.problem("/v1/licenses/hls/x", edge | token) == (400, "kid")
    narrow = await drm.issue_token(TokenRequest(prefixes=(f"/v1/audio/{TRACK}/", LICENSES + "/")))
    assert await caller.problem(path, edge | bearer(narrow.token)) == (403, "token-scope")


async def test_nothing_is_learned_of_keys_by_head(
    caller: Caller, drm: DrmService, edge: dict[str, str], keys: TrackKeys
):
    headers = edge | await token_for(drm)
    told = set()
    for kid in (keys.by_class[KeyClass.LOSSY].kid, uuid.uuid4()):
        status, fields, _ = await caller.call(key_path(kid), headers, method="HEAD")
        told.add((status, fields["Content-Length"]))
    [(status, _)] = told
    assert status == 405


async def test_a_license_needs_a_good_token(
    caller: Caller, drm: DrmService, edge: dict[str, str], keys: TrackKeys, clock: ManualClock
):
    body = asking(keys)
    token = await token_for(drm)
    assert await caller.problem(LICENSES, edge, body) == (401, "token-missing")
    assert await caller.problem(LICENSES, edge | bearer("x"), body) == (401, "token-malformed")
    text = token["Authorization"].removeprefix("Bearer ")
    altered = text[:-2] + ("AA" if text[-2:] != "AA" else "BA")
    assert (await caller.problem(LICENSES, edge | bearer(altered), body))[0] == 401
    clock.now_s += 86_400
    assert await caller.problem(LICENSES, edge | token, body) == (401, "token-expired")


async def test_a_token_that_is_not_for_licenses_gets_none(
    caller: Caller, drm: DrmService, edge: dict[str, str], keys: TrackKeys
):
    issued = await drm.issue_token(TokenRequest(prefixes=(f"/v1/audio/{TRACK}/",)))
    headers = edge | bearer(issued.token)
    assert await caller.problem(LICENSES, headers, asking(keys)) == (403, "token-scope")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"", (400, "license-request"), id="nothing"),
        pytest.param(b"{}", (400, "license-request"), id="no KIDs"),
        pytest.param(
            orjson.dumps({"kids": ["A" * 22] * 33}), (400, "license-request"), id="too many"
        ),
        pytest.param(b" " * (BODY_BYTES_MAX + 1), (413, "content-too-large"), id="too long"),
    ],
)
async def test_other_license_requests_are_refused(
    caller: Caller, drm: DrmService, edge: dict[str, str], body: bytes, expected: tuple[int, str]
):
    headers = edge | await token_for(drm)
    assert await caller.problem(LICENSES, headers, body) == expected


@pytest.mark.parametrize("path", [LICENSES, TOKENS, CONTENT_KEYS, TOKEN_KEYS])
@pytest.mark.parametrize("who", ["nobody", "another", "edge", "operator", "origin"])
async def test_each_call_is_open_to_its_caller_alone(
    caller: Caller, credentials: DrmCredentials, drm: DrmService, path: str, who: str
):
    headers: Mapping[str, str] = {
        "nobody": {},
        "another": bearer("x" * 43) | {EDGE_CREDENTIAL_HEADER: "x" * 43},
        "edge": {EDGE_CREDENTIAL_HEADER: credentials.edge.reveal()},
        "operator": bearer(credentials.operator.reveal()),
        "origin": bearer(credentials.origin.reveal()),
    }[who]
    allowed = {LICENSES: "edge", TOKEN_KEYS: "edge", TOKENS: "operator", CONTENT_KEYS: "origin"}
    body = None if path == TOKEN_KEYS else b"{}"
    if who == allowed[path] == "edge" and path == LICENSES:
        headers = {**headers, **await token_for(drm)}
    status, _, content = await caller.call(path, headers, body)
    if who != allowed[path]:
        assert status == 401
        assert b"credential" in content
    else:
        assert status in {200, 400}


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({"Origin": "http://127.0.0.1:8095"}, id="a web page's"),
        pytest.param({"Origin": "null"}, id="a sandbox's"),
        pytest.param({"Host": "attacker.example"}, id="rebound"),
    ],
)
async def test_a_token_is_not_issued_to_a_web_page(
    caller: Caller, operator: dict[str, str], forged: dict[str, str]
):
    assert await caller.problem(TOKENS, operator | forged, b"{}") == (403, "call-refused")


async def test_content_keys_are_not_given_to_a_web_page(caller: Caller, origin: dict[str, str]):
    headers = origin | {"Origin": "http://127.0.0.1"}
    body = orjson.dumps({"track_id": TRACK})
    assert await caller.problem(CONTENT_KEYS, headers, body) == (403, "call-refused")


async def test_a_token_is_issued_and_verified_with_the_published_keys(
    caller: Caller, operator: dict[str, str], edge: dict[str, str]
):
    body = orjson.dumps(
        {
            "tracks": [TRACK],
            "renditions": ["flac"],
            "ttl_s": 60,
            "duration_s": 9,
            "session": "me",
        }
    )
    status, fields, content = await caller.call(TOKENS, operator, body)
    assert (status, fields["Cache-Control"]) == (200, "no-store")
    issued = orjson.loads(content)
    assert (issued["expires_s"], issued["session"]) == (int(NOW_S) + 60, "me")
    status, fields, content = await caller.call(TOKEN_KEYS, edge)
    assert (status, fields["Cache-Control"]) == (200, "no-store")
    key_set = decode_key_set(content)
    claims = TokenVerifier(key_set.keys, 1).verify(issued["token"], now_s=NOW_S)
    assert claims.is_path_bound
    assert claims.renditions == frozenset({"flac"})


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        pytest.param(b"", "token-request", id="nothing"),
        pytest.param(b'{"ttl_s":-1}', "token-request", id="no time"),
        pytest.param(b'{"tracks":["x"],"duration_s":9}', "track-id", id="no track id"),
        pytest.param(b'{"prefixes":["x"]}', "token-claims", id="no prefix"),
    ],
)
async def test_other_token_requests_are_refused(
    caller: Caller, operator: dict[str, str], body: bytes, slug: str
):
    assert await caller.problem(TOKENS, operator, body) == (400, slug)


async def test_content_keys_are_given_to_the_origin(
    caller: Caller, drm: DrmService, origin: dict[str, str], keys: TrackKeys
):
    status, fields, content = await caller.call(
        CONTENT_KEYS, origin, orjson.dumps({"track_id": TRACK})
    )
    assert (status, fields["Cache-Control"]) == (200, "no-store")
    given = {name: one["kid"] for name, one in orjson.loads(content)["keys"].items()}
    assert given == {str(name): str(one.kid) for name, one in keys.by_class.items()}


async def test_a_body_that_does_not_come_is_not_waited_for(
    drm: DrmService, credentials: DrmCredentials, operator: dict[str, str]
):
    api = DrmHttpApi(drm.answers, credentials, body_timeout_s=0.05)

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with (
        open_listener(api.application(), host="127.0.0.1", port=0, shutdown_s=0.01) as url,
        aiohttp.ClientSession() as session,
        session.post(url + TOKENS, headers=operator, data=endless()) as response,
    ):
        assert response.status == 408


async def test_an_unknown_path_is_a_problem_too(caller: Caller):
    assert await caller.problem("/v1/devices", {}) == (404, "not-found")
    assert await caller.problem(LICENSES, {}) == (405, "method-not-allowed")
