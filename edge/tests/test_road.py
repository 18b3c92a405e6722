"""Requests from their first byte: tokens by all carriers, routes, refusals, what is logged."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from config.credentials import EDGE_CREDENTIAL_HEADER
from edge.fields import SESSION_FIELD, session_digest
from edge.tests.conftest import (
    EDGE_CREDENTIAL,
    NOW_S,
    OPERATOR,
    ManualClock,
    Node,
    open_client,
    open_node,
)
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tests.token_making import (
    AUDIO,
    CONTENT,
    OTHER_KEY,
    OTHER_TRACK,
    ScriptedDrm,
    bearer,
    open_guarded_node,
    open_scripted_drm,
    token_of,
)

pytestmark = pytest.mark.socket

FLAC = f"{AUDIO}/flac.mp4"


@pytest.fixture
async def drm() -> AsyncIterator[ScriptedDrm]:
    async with open_scripted_drm() as drm:
        yield drm


@pytest.fixture
async def guarded(origin: ScriptedOrigin, drm: ScriptedDrm) -> AsyncIterator[Node]:
    async with open_guarded_node(origin, drm) as node:
        yield node


def reason_of(content: bytes) -> str:
    type_: str = json.loads(content)["type"]
    return type_.removeprefix("urn:attacca:problem:")


async def test_all_carriers_share_one_stored_representation(guarded: Node):
    token = token_of()
    for target, headers in (
        (FLAC, bearer(token)),
        (FLAC, {"CTA-Common-Access-Token": token}),
        (f"/~{token}{FLAC}", {}),
        (FLAC, bearer(token_of(expires_s=NOW_S + 60, is_path_bound=False))),
    ):
        answer = await guarded.ask(target, headers=headers)
        assert (answer.status, answer.content) == (200, CONTENT)
    (seen,) = guarded.origin.seen
    assert seen.target == FLAC
    assert token not in str(seen.headers)
    assert "Authorization" not in seen.headers
    assert seen.headers[EDGE_CREDENTIAL_HEADER] == EDGE_CREDENTIAL.reveal()


@pytest.mark.parametrize(
    ("target", "headers", "status", "reason"),
    [
        pytest.param(FLAC, {}, 401, "token-missing", id="none"),
        pytest.param(
            FLAC, {"Authorization": "Basic abc"}, 401, "token-missing", id="other credentials"
        ),
        pytest.param(FLAC, bearer("nonsense"), 401, "token-malformed", id="malformed"),
        pytest.param(
            FLAC, bearer(token_of(key=OTHER_KEY)), 401, "token-foreign", id="signed by another key"
        ),
        pytest.param(
            FLAC, bearer(token_of()[:-4] + "AAAA"), 401, "token-foreign", id="altered signature"
        ),
        pytest.param(FLAC, bearer(token_of(expires_s=NOW_S)), 401, "token-expired", id="expired"),
        pytest.param(
            f"/v1/tracks/{OTHER_TRACK}", bearer(token_of()), 403, "token-scope", id="other track"
        ),
        pytest.param(
            FLAC,
            bearer(token_of(renditions=frozenset({"aac-160"}))),
            403,
            "token-scope",
            id="other rendition",
        ),
        pytest.param(
            FLAC, bearer(token_of(network="10.0.0.0/8")), 403, "token-scope", id="other network"
        ),
        pytest.param(
            f"/~{token_of(is_path_bound=False)}{FLAC}", {}, 403, "token-scope", id="not for paths"
        ),
        pytest.param(
            f"/~{token_of()}{FLAC}", bearer(token_of()), 400, "token-ambiguous", id="two, equal"
        ),
        pytest.param(
            FLAC,
            {**bearer(token_of()), "CTA-Common-Access-Token": token_of()},
            400,
            "token-ambiguous",
            id="two in fields",
        ),
        pytest.param(
            f"/~{token_of()}/~{token_of()}{FLAC}", {}, 400, "token-ambiguous", id="two in the path"
        ),
        pytest.param(f"/~{token_of()}/v1/audio/../tracks", {}, 400, "target", id="dot segments"),
        pytest.param(f"{AUDIO}/%2e%2e/x", bearer(token_of()), 400, "target", id="encoded dots"),
        pytest.param(f"{AUDIO}%2fflac.mp4", bearer(token_of()), 400, "target", id="encoded slash"),
        pytest.param("/v1//audio", bearer(token_of()), 400, "target", id="empty segment"),
        pytest.param("/v1\\audio", bearer(token_of()), 400, "target", id="backslash"),
    ],
)
async def test_refusals(
    guarded: Node, target: str, headers: dict[str, str], status: int, reason: str
):
    answer = await guarded.ask(target, headers=headers)
    assert (answer.status, reason_of(answer.content)) == (status, reason)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert ("WWW-Authenticate" in answer.headers) == reason.startswith("token")
    assert b"~ey" not in answer.content
    assert guarded.origin.seen == []


async def test_a_rendition_in_scope_and_manifests_are_open(guarded: Node):
    headers = bearer(token_of(renditions=frozenset({"flac"}), network="127.0.0.0/8"))
    for name in ("flac.mp4", "flac.json", "manifest.mpd"):
        assert (await guarded.ask(f"{AUDIO}/{name}", headers=headers)).status == 200
    assert (await guarded.ask(f"{AUDIO}/aac-160.mp4", headers=headers)).status == 403


async def test_a_remembered_token_expires(guarded: Node):
    headers = bearer(token_of(expires_s=NOW_S + 10))
    assert (await guarded.ask(FLAC, headers=headers)).status == 200
    guarded.clock.now_s += 10
    assert (await guarded.ask(FLAC, headers=headers)).status == 401


async def test_a_client_who_keeps_failing_has_to_wait(origin: ScriptedOrigin, drm: ScriptedDrm):
    limits = {"refusals_burst": 3, "refusals_per_s": 0.001}
    async with open_guarded_node(origin, drm, tokens=limits) as node:
        statuses = [(await node.ask(FLAC, headers=bearer(f"nonsense{n}"))).status for n in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        answer = await node.ask(FLAC, headers=bearer("nonsense"))
        assert int(answer.headers["Retry-After"]) > 0
        assert node.service.counts.token_refusals["too_many_refusals"] == 3


async def test_expired_tokens_are_no_attack(origin: ScriptedOrigin, drm: ScriptedDrm):
    async with open_guarded_node(origin, drm, tokens={"refusals_burst": 1}) as node:
        for _ in range(3):
            answer = await node.ask(FLAC, headers=bearer(token_of(expires_s=NOW_S - 1)))
            assert reason_of(answer.content) == "token-expired"


async def test_a_new_key_is_learnt_when_its_first_token_comes(
    origin: ScriptedOrigin, drm: ScriptedDrm
):
    async with open_guarded_node(origin, drm, tokens={"early_refresh_s": 0}) as node:
        drm.keys = (*drm.keys, OTHER_KEY)
        assert (await node.ask(FLAC, headers=bearer(token_of(key=OTHER_KEY)))).status == 200
        assert (await node.ask(FLAC, headers=bearer(token_of()))).status == 200


async def test_preflight_needs_no_token(guarded: Node):
    preflight = {"Origin": "https://player.example", "Access-Control-Request-Headers": "range"}
    answer = await guarded.ask(FLAC, method="OPTIONS", headers=preflight)
    assert (answer.status, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Range" in answer.headers["Access-Control-Allow-Headers"]
    assert "CTA-Common-Access-Token" in answer.headers["Access-Control-Allow-Headers"]


async def test_cross_origin_fields_are_constant(guarded: Node):
    guarded.origin.resources[FLAC].fields = {
        "Access-Control-Allow-Origin": "https://one.example",
        "Vary": "Origin",
    }
    for _ in range(2):
        answer = await guarded.ask(FLAC, headers={**bearer(token_of()), "Origin": "https://x"})
        assert answer.headers.getall("Access-Control-Allow-Origin") == ["*"]
        assert "Content-Range" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Timing-Allow-Origin"] == "*"
    assert "Origin" not in guarded.origin.seen[0].headers
    assert len(guarded.origin.seen) == 1


async def test_licenses_go_to_drm_with_the_token_by_one_carrier(guarded: Node, drm: ScriptedDrm):
    drm.resources["/v1/licenses/clearkey"] = Resource(b"{}", cache_control="no-store")
    drm.seen.clear()
    token = token_of()
    for target, headers in (
        ("/v1/licenses/clearkey", bearer(token)),
        (f"/~{token}/v1/licenses/clearkey", {}),
        ("/v1/licenses/clearkey", {"CTA-Common-Access-Token": token}),
    ):
        forged = {**headers, EDGE_CREDENTIAL_HEADER: "forged", "Cookie": "a=b"}
        answer = await guarded.ask(target, method="POST", data=b'{"kids":[]}', headers=forged)
        assert (answer.status, answer.content) == (200, b"{}")
        seen = drm.seen[-1]
        assert (seen.method, seen.target) == ("POST", "/v1/licenses/clearkey")
        assert seen.content == b'{"kids":[]}'
        assert seen.headers["Authorization"] == f"Bearer {token}"
        assert seen.headers.getall(EDGE_CREDENTIAL_HEADER) == [EDGE_CREDENTIAL.reveal()]
        assert "Cookie" not in seen.headers
        assert "CTA-Common-Access-Token" not in seen.headers
    refused = await guarded.ask("/v1/licenses/clearkey", method="POST", data=b"{}")
    assert refused.status == 401
    assert len(drm.seen) == 3
    assert guarded.origin.seen == []


async def test_the_origin_learns_what_stands_for_a_session(guarded: Node):
    forged = {**bearer(token_of()), SESSION_FIELD: "forged"}
    targets = [("GET", "flac.mp4"), ("HEAD", "aac-160.mp4"), ("GET", "flac.mp4")]
    for method, name in targets:
        assert (await guarded.ask(f"{AUDIO}/{name}", method=method, headers=forged)).status == 200
    seen = [one.headers.getall(SESSION_FIELD) for one in guarded.origin.seen]
    assert seen == [[session_digest("listener-1")]] * 2  # The third was a hit.


async def test_a_general_cache_tells_nothing_of_sessions(node: Node):
    node.origin.resources["/a"] = Resource(b"content")
    for method in ("GET", "HEAD", "POST"):
        await node.ask("/a", method=method, headers={SESSION_FIELD: "forged", "X-Own": "1"})
        assert SESSION_FIELD not in node.origin.seen[-1].headers
        assert node.origin.seen[-1].headers["X-Own"] == "1"
        await node.ask("/a", method="DELETE")


async def test_keys_for_hls_go_the_same_way_and_are_never_stored(guarded: Node, drm: ScriptedDrm):
    path = "/v1/licenses/hls/00000000-0000-0000-0000-000000000001"
    kind = {"Content-Type": "application/octet-stream"}
    drm.resources[path] = Resource(b"k" * 16, cache_control="no-store", etag=None, fields=kind)
    drm.seen.clear()
    token = token_of()
    for target, headers in ((path, bearer(token)), (f"/~{token}{path}", {})):
        answer = await guarded.ask(target, headers={**headers, "Origin": "https://player.example"})
        assert (answer.status, answer.content) == (200, b"k" * 16)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert drm.seen[-1].headers["Authorization"] == f"Bearer {token}"
        assert drm.seen[-1].target == path
    assert (await guarded.ask(path)).status == 401
    assert len(drm.seen) == 2


async def test_tokens_are_asked_for_with_the_callers_own_credential(
    guarded: Node, drm: ScriptedDrm
):
    drm.resources["/v1/tokens"] = Resource(b"{}", cache_control="no-store")
    own = {"Authorization": "Bearer operator's"}
    assert (await guarded.ask("/v1/tokens", method="POST", data=b"{}", headers=own)).status == 200
    assert drm.seen[-1].headers["Authorization"] == "Bearer operator's"
    assert (await guarded.ask("/v1/tokens", method="POST", data=b"{}")).status == 200
    assert "Authorization" not in drm.seen[-1].headers


@pytest.mark.parametrize(
    ("target", "headers", "status", "reason"),
    [
        pytest.param(
            "/v1/tokens", {"Origin": "https://evil.example"}, 403, "call-refused", id="web page"
        ),
        pytest.param(
            "/v1/tokens", {"Host": "evil.example"}, 403, "call-refused", id="rebound name"
        ),
        pytest.param(f"/~{token_of()}/v1/tokens", {}, 400, "token-ambiguous", id="token in path"),
        pytest.param("/v1/tokens", {"Host": "node.example:8080"}, 200, "", id="own name"),
    ],
)
async def test_a_web_page_may_ask_for_tokens(
    origin: ScriptedOrigin,
    drm: ScriptedDrm,
    target: str,
    headers: dict[str, str],
    status: int,
    reason: str,
):
    drm.resources["/v1/tokens"] = Resource(b"{}", cache_control="no-store")
    own = {"Authorization": "Bearer operator's", **headers}
    async with open_guarded_node(origin, drm, allowed_hosts=("node.example",)) as node:
        drm.seen.clear()
        answer = await node.ask(target, method="POST", data=b"{}", headers=own)
        assert answer.status == status
        assert (reason_of(answer.content) if reason else "") == reason
        assert len(drm.seen) == (status == 200)
        async with open_client(node.service.admin_url) as admin:
            own = {**bearer(OPERATOR.reveal()), "Host": headers.get("Host", "localhost")}
            admin_status = (await admin.ask("/admin/nothing", headers=own)).status
            assert admin_status == (403 if headers.get("Host") == "evil.example" else 404)


async def test_without_keys_nothing_is_served(origin: ScriptedOrigin, drm: ScriptedDrm):
    del drm.behaviours["/v1/token-keys"]
    async with open_guarded_node(origin, drm) as node:
        answer = await node.ask(FLAC, headers=bearer(token_of()))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert origin.seen == []


async def test_with_the_check_off_nothing_is_interpreted(node: Node):
    node.origin.resources["/~x/a"] = Resource(CONTENT, cache_control="public, max-age=60")
    answer = await node.ask("/~x/a", headers=bearer("own"))
    assert (answer.status, answer.content) == (200, CONTENT)
    assert node.origin.seen[0].headers["Authorization"] == "Bearer own"
    assert "Access-Control-Allow-Origin" not in answer.headers
    node.origin.resources["/b"] = Resource(b"", fields={"Allow": "GET"})
    options = await node.ask("/b", method="OPTIONS")
    assert options.headers["Allow"] == "GET"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
async def test_methods_that_are_not_for_a_cache(node: Node, method: str):
    reader, writer = await open_raw(node)
    writer.write(f"{method} /a HTTP/1.1\r\nHost: edge\r\n\r\n".encode())
    assert b" 405 " in await reader.readline() or method == "CONNECT"
    writer.close()
    assert node.origin.seen == []


async def open_raw(node: Node) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = node.service.url.removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def test_a_question_about_the_server_is_refused(node: Node):
    reader, writer = await open_raw(node)
    writer.write(b"OPTIONS * HTTP/1.1\r\nHost: edge\r\n\r\n")
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert b" 204 " in head.splitlines()[0]
    assert b"\r\nAllow: GET, HEAD, " in head
    assert b"Content-Length" not in head
    assert node.origin.seen == []


async def test_an_absolute_target_is_read_as_its_path(node: Node):
    node.origin.resources["/a"] = Resource(CONTENT)
    for authority, status in ((b"edge:1", b"200"), (b"other:1", b"400")):
        reader, writer = await open_raw(node)
        writer.write(b"GET http://%b/a HTTP/1.1\r\nHost: edge:1\r\n\r\n" % authority)
        assert (await reader.readline()).split()[1] == status
        writer.close()


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        pytest.param("gzip, chunked", b"501", id="two"),
        pytest.param("gzip, Chunked", b"501", id="two, capital"),
        pytest.param("Chunked", b"404", id="chunked"),
        # What does not end in chunked has no length: aiohttp does not read on.
        pytest.param("gzip", b"400", id="no end"),
        pytest.param("chunked, chunked", b"400", id="twice"),
    ],
)
async def test_a_transfer_coding_that_nobody_here_decodes_is_passed_on(
    node: Node, coding: str, status: bytes
):
    reader, writer = await open_raw(node)
    head = f"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n"
    writer.write(head.encode() + b"1\r\nx\r\n0\r\n\r\n")
    assert (await reader.readline()).split()[1] == status
    writer.close()
    assert len(node.origin.seen) == (status == b"404")


async def test_http_1_0_gets_an_answer_too(node: Node):
    async with asyncio.timeout(10):
        for cache_control in ("no-store", "max-age=60"):
            node.origin.resources["/a"] = Resource(CONTENT, cache_control=cache_control)
            reader, writer = await open_raw(node)
            writer.write(b"GET /a HTTP/1.0\r\n\r\n")
            assert (await reader.read()).endswith(CONTENT)
            writer.close()


async def test_each_request_is_logged_at_its_end_without_its_token(
    origin: ScriptedOrigin, drm: ScriptedDrm, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    token, log = token_of(), tmp_path / "access.log"
    async with open_guarded_node(origin, drm, access_log=str(log)) as guarded:
        await guarded.ask(f"/~{token}{FLAC}?secret=1")
        await guarded.range(FLAC, "0-9", **bearer(token))
        await guarded.ask(FLAC)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["result"] for line in lines] == ["uri-miss", "uri-miss", "refused"]
    assert [line["status"] for line in lines] == [200, 206, 401]
    assert [line["path"] for line in lines] == [f"/~-{FLAC}", FLAC, FLAC]
    assert [line["content_bytes"] for line in lines][:2] == [len(CONTENT), 10]
    assert lines[0]["session"] == "listener-1"
    assert lines[2]["detail"] == "token_missing"
    everything = " ".join(str(vars(record)) for record in caplog.records) + log.read_text()
    assert token not in everything
    assert "secret" not in everything
    assert EDGE_CREDENTIAL.reveal() not in everything


class BrokenClock(ManualClock):
    @override
    def __call__(self) -> float:
        if self.now_s < 0:
            raise RuntimeError("a mistake")
        return self.now_s


async def test_a_mistake_of_ours_is_500_and_logged(
    origin: ScriptedOrigin, caplog: pytest.LogCaptureFixture
):
    async with open_node(origin, clock=BrokenClock()) as node:
        origin.resources["/a"] = Resource(CONTENT)
        await node.ask("/a")
        node.clock.now_s = -1
        answer = await node.ask("/a")
        assert (answer.status, reason_of(answer.content)) == (500, "internal")
        assert b"mistake" not in answer.content
        assert "a mistake" in caplog.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_node_asks_itself_for_ever(unused_tcp_port: int, method: str):
    itself = ScriptedOrigin(url=f"http://127.0.0.1:{unused_tcp_port}")
    async with open_node(itself, port=unused_tcp_port) as node, asyncio.timeout(10):
        answer = await node.ask("/a", method=method)
        assert (answer.status, reason_of(answer.content)) == (508, "loop")


@pytest.mark.parametrize("is_guarded", [False, True])
async def test_two_nodes_ask_each_other_for_ever(
    drm: ScriptedDrm, unused_tcp_port: int, *, is_guarded: bool
):
    back = ScriptedOrigin(url=f"http://127.0.0.1:{unused_tcp_port}")
    async with asyncio.timeout(10), open_node(back) as second:
        forth = ScriptedOrigin(url=second.service.url)
        async with open_node(
            forth, port=unused_tcp_port, token_check=is_guarded, drm=drm.url
        ) as first:
            answer = await first.ask(FLAC, headers=bearer(token_of()))
            assert (answer.status, reason_of(answer.content)) == (508, "loop")


async def test_a_chain_of_nodes_is_no_loop(node: Node):
    node.origin.resources["/a"] = Resource(CONTENT)
    async with open_node(ScriptedOrigin(url=node.service.url)) as outer:
        answer = await outer.ask("/a", headers={"CDN-Loop": "other; x=1"})
    assert (answer.status, answer.content) == (200, CONTENT)
    passed = node.origin.seen[0].headers.getall("CDN-Loop")
    assert passed[0] == "other; x=1"
    assert [mark.partition(";")[0] for mark in passed[1:]] == ["attacca", "attacca"]
    assert passed[1] != passed[2]


async def test_a_refusal_with_content_costs_the_connection(guarded: Node):
    reader, writer = await open_raw(guarded)
    async with asyncio.timeout(10):
        for _ in range(2):
            writer.write(b"POST /v1/devices HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfour")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.split()[1] == b"401"
            assert b"Connection: close" not in head
            await reader.readuntil(b"}")
    writer.close()
