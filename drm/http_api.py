"""The HTTP interface of drm. Every call needs a credential, on loopback too.

| call                              | credential                              |
|-----------------------------------|-----------------------------------------|
| `POST /v1/licenses/clearkey`      | the edge's, and a playback token        |
| `GET /v1/licenses/hls/{kid}`      | the edge's, and a playback token        |
| `GET /v1/token-keys`              | the edge's                              |
| `POST /v1/tokens`                 | the operator's, and not from a web page |
| `POST /v1/content-keys`           | the origin's                            |

No answer may be stored: all of them are secret or change.
"""

import asyncio
from collections.abc import Collection
from typing import Final

from aiohttp import web

from config.credentials import (
    EDGE_CREDENTIAL_HEADER,
    CallRefusedError,
    Credential,
    CredentialMissingError,
    bearer_of,
    require_bearer,
)
from config.listener import answering_problems
from drm.clear_key import LICENSE_REQUEST_BYTES_MAX
from drm.errors import DrmError, RequestTimeoutError, TokenMissingError
from drm.service import DrmAnswers, DrmCredentials
from drm.signing_keys import encode_key_set
from drm.token_request import decode_token_request, encode_issued_token
from drm.tokens import HLS_KEY_FOLDER, LICENSE_PATH
from drm.track_keys import decode_track_request, encode_track_keys

# Nothing that is sent here is longer than a license request.
BODY_BYTES_MAX: Final = LICENSE_REQUEST_BYTES_MAX

_BODY_TIMEOUT_S: Final = 10.0


class DrmHttpApi:
    """Answers the calls of edges, origins and operators.

    Args:
        allowed_hosts: names in `Host` by which operators may call, beside those of loopback.
        body_timeout_s: how long a caller may take to send a body.
    """

    def __init__(
        self,
        answers: DrmAnswers,
        credentials: DrmCredentials,
        *,
        allowed_hosts: Collection[str] = (),
        body_timeout_s: float = _BODY_TIMEOUT_S,
    ) -> None:
        self._answers = answers
        self._credentials = credentials
        self._allowed_hosts = frozenset(allowed_hosts)
        self._body_timeout_s = body_timeout_s

    def application(self) -> web.Application:
        """The aiohttp application of the public listener."""
        app = web.Application(
            middlewares=[answering_problems(DrmError)], client_max_size=BODY_BYTES_MAX
        )
        app.router.add_post(LICENSE_PATH, self._post_license)
        # The length of an answer to HEAD would tell which KIDs there are and whose they are.
        app.router.add_get(HLS_KEY_FOLDER + "{kid}", self._get_hls_key, allow_head=False)
        app.router.add_get("/v1/token-keys", self._get_token_keys)
        app.router.add_post("/v1/tokens", self._post_token)
        app.router.add_post("/v1/content-keys", self._post_content_keys)
        return app

    async def _post_license(self, request: web.Request) -> web.Response:
        _require_edge(request, self._credentials.edge)
        claims = await self._answers.open_license_scope(_token_of(request), path=LICENSE_PATH)
        body = await self._read_body(request)
        return _json(await self._answers.license(claims, body))

    async def _get_hls_key(self, request: web.Request) -> web.Response:
        _require_edge(request, self._credentials.edge)
        claims = await self._answers.open_license_scope(_token_of(request), path=request.path)
        key = await self._answers.hls_key(claims, request.match_info["kid"])
        return web.Response(
            body=key,
            content_type="application/octet-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def _get_token_keys(self, request: web.Request) -> web.Response:
        _require_edge(request, self._credentials.edge)
        return _json(encode_key_set(await self._answers.key_set()))

    async def _post_token(self, request: web.Request) -> web.Response:
        require_bearer(
            request.headers, self._credentials.operator, allowed_hosts=self._allowed_hosts
        )
        wanted = decode_token_request(await self._read_body(request))
        return _json(encode_issued_token(await self._answers.issue_token(wanted)))

    async def _post_content_keys(self, request: web.Request) -> web.Response:
        if "Origin" in request.headers:
            raise CallRefusedError("calls from web pages are not accepted here (`Origin` is set)")
        if not self._credentials.origin.matches(bearer_of(request.headers)):
            raise CredentialMissingError("`Authorization: Bearer` with the origin's credential")
        track_id = decode_track_request(await self._read_body(request))
        return _json(encode_track_keys(await self._answers.keys_of_track(track_id)))

    async def _read_body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self._body_timeout_s):
                return await request.read()
        except TimeoutError:
            raise RequestTimeoutError from None


def _require_edge(request: web.Request, edge: Credential) -> None:
    # No check of `Origin` and `Host`: an edge passes on what a listener's browser sent.
    if not edge.matches(request.headers.get(EDGE_CREDENTIAL_HEADER)):
        raise CredentialMissingError(f"`{EDGE_CREDENTIAL_HEADER}` with the edge's credential")


def _token_of(request: web.Request) -> str:
    token = bearer_of(request.headers)
    if token is None:
        raise TokenMissingError
    return token


def _json(body: bytes) -> web.Response:
    return web.Response(
        body=body, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
