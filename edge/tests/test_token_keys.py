"""Keys that check tokens: fetched, refreshed, kept when drm is away."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from config.credentials import EDGE_CREDENTIAL_HEADER
from drm.tokens import TokenForeignError, TokenRevokedError, TokenVerifier
from edge.adapters.aiohttp_upstream import open_upstream
from edge.errors import TokenKeysMissingError
from edge.metrics import EdgeCounts
from edge.settings import LimitSettings
from edge.tests.conftest import EDGE_CREDENTIAL, NOW_S, ManualClock
from edge.tests.token_making import KEY, OTHER_KEY, ScriptedDrm, open_scripted_drm, token_of
from edge.token_keys import TokenKeys

pytestmark = pytest.mark.socket


class Bench:
    """Keys, and all that they touch."""

    def __init__(self, drm: ScriptedDrm) -> None:
        self.drm = drm
        self.verifier = TokenVerifier({}, 10)
        self.counts = EdgeCounts()
        self.clock = ManualClock(0)
        self.keys: TokenKeys


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with open_scripted_drm() as drm:
        bench = Bench(drm)
        limits = LimitSettings(upstream_head_s=5.0)
        async with open_upstream(
            drm.url,
            credential=EDGE_CREDENTIAL,
            node_id="node",
            limits=limits,
            clock=bench.clock,
        ) as upstream:
            bench.keys = TokenKeys(
                bench.verifier,
                upstream,
                refresh_s=60,
                early_refresh_s=2,
                clock=bench.clock,
                counts=bench.counts,
            )
            yield bench


async def test_without_keys_nobody_goes_on(bench: Bench):
    with pytest.raises(TokenKeysMissingError):
        bench.keys.require()
    assert not bench.keys.has_keys


async def test_keys_are_fetched_with_the_edges_credential(bench: Bench):
    await bench.keys.refresh()
    bench.keys.require()
    assert bench.verifier.verify(token_of(), now_s=NOW_S).session == "listener-1"
    assert bench.drm.seen[0].headers[EDGE_CREDENTIAL_HEADER] == EDGE_CREDENTIAL.reveal()


def saying(status: int, body: bytes):
    async def behave(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, body=body)

    return behave


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        pytest.param(503, b"", "upstream_protocol", id="away"),
        pytest.param(200, b"{", "token_keys_malformed", id="not JSON"),
        pytest.param(200, b"[]", "token_keys_malformed", id="no key set"),
        pytest.param(200, b" " * 100_000, "upstream_protocol", id="endless"),
    ],
)
async def test_keys_stay_when_drm_fails(bench: Bench, status: int, body: bytes, reason: str):
    await bench.keys.refresh()
    bench.drm.behaviours["/v1/token-keys"] = saying(status, body)
    await bench.keys.refresh()
    assert bench.keys.has_keys
    assert bench.verifier.verify(token_of(), now_s=NOW_S).session == "listener-1"
    assert bench.counts.upstream_errors[reason] == 1


async def test_a_withdrawn_key_and_an_epoch_take_effect(bench: Bench):
    await bench.keys.refresh()
    bench.drm.keys = (OTHER_KEY,)
    await bench.keys.refresh()
    with pytest.raises(TokenForeignError):
        bench.verifier.verify(token_of(), now_s=NOW_S)
    bench.drm.not_issued_before_s = NOW_S
    bench.drm.keys = (KEY,)
    await bench.keys.refresh()
    with pytest.raises(TokenRevokedError):
        bench.verifier.verify(token_of(), now_s=NOW_S)


async def test_an_early_refresh_is_not_done_twice_in_a_row(bench: Bench):
    assert await bench.keys.refresh_early()
    assert not await bench.keys.refresh_early()
    bench.clock.now_s += 2
    assert await bench.keys.refresh_early()
    assert len(bench.drm.seen) == 2
