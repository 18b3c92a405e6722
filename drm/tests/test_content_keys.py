"""The contract of `drm.ports.ContentKeys`, run against every adapter."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from config.credentials import Credential
from config.listener import open_listener
from drm.adapters.http_content_keys import HttpContentKeys
from drm.adapters.memory_content_keys import MemoryContentKeys
from drm.app import DrmCredentials, DrmService
from drm.errors import ContentKeysError, ContentKeysRefusedError, DrmError, TrackIdError
from drm.ports import ContentKeys
from drm.track_keys import TRACK_KEYS_BYTES_MAX
from packager.renditions import KeyClass

pytestmark = pytest.mark.socket

TRACK = "0" * 21 + "A"
OTHER = "0" * 21 + "B"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture(params=["memory", "vault", "http"])
def content_keys(
    request: pytest.FixtureRequest,
    drm: DrmService,
    credentials: DrmCredentials,
    session: aiohttp.ClientSession,
) -> ContentKeys:
    match request.param:
        case "memory":
            return MemoryContentKeys()
        case "vault":
            return drm.content_keys
        case _:
            return HttpContentKeys(drm.url, credentials.origin, session)


async def test_a_track_has_a_key_for_every_class(content_keys: ContentKeys):
    keys = await content_keys.keys_of_track(TRACK)
    assert keys.by_class.keys() == set(KeyClass)
    assert len({key.key for key in keys.by_class.values()}) == len(KeyClass)
    assert len({key.kid for key in keys.by_class.values()}) == len(KeyClass)
    assert keys.key_version == 1


async def test_a_track_keeps_its_keys(content_keys: ContentKeys):
    first, *others = await asyncio.gather(*(content_keys.keys_of_track(TRACK) for _ in range(4)))
    assert all(keys == first for keys in others)
    assert await content_keys.keys_of_track(TRACK) == first


async def test_another_track_has_other_keys(content_keys: ContentKeys):
    one = await content_keys.keys_of_track(TRACK)
    other = await content_keys.keys_of_track(OTHER)
    assert not set(one.by_class.values()) & set(other.by_class.values())


@pytest.mark.parametrize("track_id", ["", "x", "../../etc/passwd", "A" * 23, "'; DROP TABLE vault"])
async def test_what_is_no_track_id_has_no_keys(content_keys: ContentKeys, track_id: str):
    with pytest.raises(TrackIdError):
        await content_keys.keys_of_track(track_id)


async def test_keys_do_not_show_themselves(content_keys: ContentKeys):
    keys = await content_keys.keys_of_track(TRACK)
    told = repr(keys) + str(keys)
    for key in keys.by_class.values():
        assert key.key.hex() not in told
        assert repr(key.key) not in told


async def test_over_http_the_keys_are_those_of_the_vault(
    drm: DrmService, credentials: DrmCredentials, session: aiohttp.ClientSession
):
    remote = HttpContentKeys(drm.url + "/", credentials.origin, session)
    assert await remote.keys_of_track(TRACK) == await drm.content_keys.keys_of_track(TRACK)


async def test_a_wrong_credential_is_trouble_that_stays(
    drm: DrmService, credentials: DrmCredentials, session: aiohttp.ClientSession
):
    with pytest.raises(ContentKeysRefusedError, match="credential") as raised:
        await HttpContentKeys(drm.url, credentials.edge, session).keys_of_track(TRACK)
    assert not raised.value.retryable
    assert raised.value.upstream_status == 401
    assert credentials.edge.reveal() not in str(raised.value)


async def answer_error(_: web.Request) -> web.Response:
    return web.Response(status=503)


async def answer_redirect(request: web.Request) -> web.Response:
    return web.Response(status=307, headers={"Location": str(request.url)})


async def answer_nonsense(_: web.Request) -> web.Response:
    return web.Response(body=b"{}")


async def answer_too_much(_: web.Request) -> web.Response:
    return web.Response(body=b" " * (TRACK_KEYS_BYTES_MAX + 1))


async def answer_never(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError(request)


@pytest.mark.parametrize(
    ("answer", "is_retryable"),
    [
        pytest.param(answer_error, True, id="trouble"),
        pytest.param(answer_redirect, False, id="redirect"),
        pytest.param(answer_nonsense, True, id="no keys"),
        pytest.param(answer_too_much, True, id="too much"),
        pytest.param(answer_never, True, id="nothing"),
    ],
)
async def test_a_drm_that_does_not_answer_well_is_an_error_of_its_own(
    session: aiohttp.ClientSession,
    answer: Answer,
    is_retryable: bool,
):
    app = web.Application()
    app.router.add_post("/v1/content-keys", answer)
    async with open_listener(app, host="127.0.0.1", port=0, shutdown_s=0.01) as url:
        keys = HttpContentKeys(url, Credential.generate(), session, timeout_s=0.5)
        with pytest.raises(ContentKeysError) as raised:
            await keys.keys_of_track(TRACK)
    assert raised.value.retryable is is_retryable


async def test_a_drm_that_is_not_there_is_trouble_that_may_pass(
    drm: DrmService, session: aiohttp.ClientSession
):
    async with open_listener(web.Application(), host="127.0.0.1", port=0) as url:
        pass
    assert url != drm.url
    with pytest.raises(DrmError) as raised:
        await HttpContentKeys(url, Credential.generate(), session).keys_of_track(TRACK)
    assert raised.value.retryable
