"""An edge in front of a scripted origin, and a plain client."""

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from yarl import URL

from config.credentials import Credential
from edge.app import EdgeCredentials, EdgeService, open_edge
from edge.peers.mesh import ALONE
from edge.settings import EdgeSettings
from edge.slot import Slot
from edge.tests.scripted_origin import ScriptedOrigin, open_scripted_origin

NOW_S = 1_700_000_000
EDGE_CREDENTIAL = Credential("edge-credential-of-the-tests")
OPERATOR = Credential("operator-credential-of-the-tests")


@dataclass
class ManualClock:
    now_s: float = NOW_S

    def __call__(self) -> float:
        return self.now_s


_PARAMETERS: Final = {
    "hit": None,
    "fwd": "(?:bypass|method|uri-miss|vary-miss|miss|request|stale|partial)",
    "fwd-status": "[1-5][0-9]{2}",
    "ttl": "-?[0-9]{1,15}",
    "stored": None,
    "collapsed": None,
    "detail": "[A-Za-z*][!#$%&'*+.^_`|~:/0-9A-Za-z-]*",
}


def parse_cache_status(value: str) -> dict[str, str | bool]:
    """Parameters of a field with one member (RFC 9211 section 2), each of its own type."""
    name, *parts = value.split(";")
    assert name == "attacca"
    parameters: dict[str, str | bool] = {}
    for part in parts:
        key, equals, argument = part.strip(" ").partition("=")
        assert key not in parameters
        pattern = _PARAMETERS[key]
        assert (pattern is not None) == bool(equals)
        assert pattern is None or re.fullmatch(pattern, argument), part
        parameters[key] = argument or True
    assert ("hit" in parameters) != ("fwd" in parameters)
    return parameters


@dataclass(frozen=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    content: bytes

    @property
    def cache_status(self) -> str:
        return self.headers.get("Cache-Status", "")


@dataclass
class Client:
    session: aiohttp.ClientSession
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(
        self,
        target: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        url = URL(self.url + target, encoded=True)
        async with self.session.request(
            method,
            url,
            headers={**self.headers, **(headers or {})},
            data=data,
            allow_redirects=False,
        ) as response:
            answer = Answer(response.status, response.headers, await response.read())
        if answer.cache_status:
            parse_cache_status(answer.cache_status)
        return answer

    async def range(self, target: str, value: str, **headers: str) -> Answer:
        return await self.ask(target, headers={"Range": f"bytes={value}", **headers})


@dataclass
class Node:
    origin: ScriptedOrigin
    service: EdgeService
    client: Client
    clock: ManualClock

    async def settled(self) -> None:
        """Wait until nothing is being fetched any more."""
        async with asyncio.timeout(10):
            while self.service.counts.fills_under_way:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0)

    @property
    def ask(self):
        return self.client.ask

    @property
    def range(self):
        return self.client.range


def settings_for(origin_url: str, **changes: object) -> EdgeSettings:
    values: dict[str, object] = {
        "port": 0,
        "admin_port": 0,
        "upstream": origin_url,
        "token_check": False,
        "limits": {"shutdown_s": 0.2},
        **changes,
    }
    return EdgeSettings.model_validate(values)


@contextlib.asynccontextmanager
async def open_client(url: str, **headers: str) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=0),
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
    ) as session:
        yield Client(session, url, dict(headers))


@contextlib.asynccontextmanager
async def open_node(
    origin: ScriptedOrigin, *, clock: ManualClock | None = None, **changes: object
) -> AsyncIterator[Node]:
    async with open_worker(origin, ALONE, clock or ManualClock(), changes) as node:
        yield node


@contextlib.asynccontextmanager
async def open_worker(
    origin: ScriptedOrigin, slot: Slot, clock: ManualClock, changes: dict[str, object]
) -> AsyncIterator[Node]:
    """One of several processes that are one cache."""
    credentials = EdgeCredentials(EDGE_CREDENTIAL, OPERATOR)
    settings = settings_for(origin.url, **changes)
    async with (
        open_edge(settings, credentials=credentials, clock=clock, slot=slot) as service,
        open_client(service.url) as client,
    ):
        yield Node(origin, service, client, clock)


@pytest.fixture
async def origin() -> AsyncIterator[ScriptedOrigin]:
    async with open_scripted_origin() as origin:
        yield origin


@pytest.fixture
async def node(origin: ScriptedOrigin) -> AsyncIterator[Node]:
    """A general cache: tokens are not checked."""
    async with open_node(origin) as node:
        yield node


def content_of(size: int) -> bytes:
    """Bytes that differ from place to place, so that a shift is seen; a longer one begins alike."""
    return random.Random(7).randbytes(-(-size // 4) * 4)[:size]
