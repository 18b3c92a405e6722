"""Tokens, and a scripted drm that publishes their keys."""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from drm.tokens import (
    SigningKey,
    TokenClaims,
    encode_key_set,
    issue_token,
    key_set_of,
)
from edge.tests.conftest import NOW_S, ManualClock, Node, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin, open_scripted_origin

KEY = SigningKey(bytes(range(32)))
OTHER_KEY = SigningKey(bytes(range(1, 33)))
TRACK = "0123456789ABCDEFGHIJab"
OTHER_TRACK = "0123456789ABCDEFGHIJac"
AUDIO = f"/v1/audio/{TRACK}/0123456789abcdef"
CONTENT = bytes(range(256)) * 4


def token_of(
    *,
    key: SigningKey = KEY,
    expires_s: int = NOW_S + 3600,
    prefixes: tuple[str, ...] = (),
    renditions: frozenset[str] | None = None,
    network: str | None = None,
    is_path_bound: bool = True,
    albums: tuple[str, ...] = (),
    session: str = "listener-1",
) -> str:
    claims = TokenClaims(
        session=session,
        issued_s=NOW_S - 100_000,
        expires_s=expires_s,
        prefixes=prefixes,
        renditions=renditions,
        network=network,
        is_path_bound=is_path_bound,
        tracks=() if prefixes else (TRACK,),
        albums=albums,
    )
    return issue_token(claims, key)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class ScriptedDrm(ScriptedOrigin):
    keys: tuple[SigningKey, ...] = (KEY,)
    not_issued_before_s: int = 0

    async def publish(self, _: web.BaseRequest) -> web.StreamResponse:
        keys = key_set_of(
            (key.verification_key for key in self.keys),
            not_issued_before_s=self.not_issued_before_s,
        )
        return web.Response(body=encode_key_set(keys))


@contextlib.asynccontextmanager
async def open_scripted_drm() -> AsyncIterator[ScriptedDrm]:
    drm = ScriptedDrm()
    drm.behaviours["/v1/token-keys"] = drm.publish
    async with open_scripted_origin(drm):
        yield drm


@contextlib.asynccontextmanager
async def open_guarded_node(
    origin: ScriptedOrigin, drm: ScriptedDrm, clock: ManualClock | None = None, **changes: object
) -> AsyncIterator[Node]:
    for name in ("flac.mp4", "aac-160.mp4", "manifest.mpd", "flac.json"):
        origin.resources[f"{AUDIO}/{name}"] = Resource(CONTENT)
    async with open_node(origin, clock=clock, drm=drm.url, token_check=True, **changes) as node:
        yield node
