"""gunicorn's corpus of requests, sent to an edge: what is refused, and that it goes no further."""

import asyncio
import contextlib
import re

import pytest

from edge.tests.conftest import Node, open_node
from edge.tests.scripted_origin import ScriptedOrigin
from http_semantics.tests.corpus import INVALID, VALID, requests, with_host
from http_semantics.tests.test_gunicorn_corpus import NO_HOST, REFUSED

# With limits of heads that are lower there, or about fields that the edge does not heed.
SERVED = {"006", "008", "010", "011", "012", "017", "019", "limit_header_default_01"}
# The rest of them is missing; the edge gives up with the client.
UNFINISHED = {"001", "rfc9112_chunked_missing_final_crlf_01"}

# Beside what the framing refuses: the status, and why.
ANSWERED = {
    "005": (400, "3.2: a fragment is part of no target"),
    "024": (400, "a head that is longer than `limits.header_bytes_max`"),
    "025_line": (501, "6.1: a coding that is not understood"),
    "rfc9112_smuggle_gzip_chunked_01": (501, "6.1: the same"),
    "rfc9112_smuggle_te_identity_chunked_01": (501, "6.1: the same"),
    **dict.fromkeys(
        ["031", "031compat", "031compat2"], (400, "RFC 9110 section 9.1: an unknown method")
    ),
    "rfc9112_target_absolute_userinfo_01": (400, "the target's authority is not the host"),
    "rfc9112_target_asterisk_options_01": (204, "answered here"),
    "rfc9112_target_authority_connect_01": (405, "RFC 9110 section 15.5.6: no tunnels here"),
    "rfc9112_target_authority_ipv6_01": (405, "the same"),
}
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")


async def statuses(node: Node, sent: bytes) -> list[int]:
    """What the edge answers in the time that it takes to answer another client."""
    host, _, port = node.service.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.closing(writer):
        writer.write(sent)
        received = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while not _STATUS.search(received) and (data := await reader.read(2**16)):
                    received += data
    return [int(status) for status in _STATUS.findall(received)]


@pytest.mark.socket
async def test_what_is_invalid_goes_no_further(origin: ScriptedOrigin):
    async with open_node(origin) as node:
        for name, sent in requests(INVALID).items():
            if name in SERVED | UNFINISHED:
                continue
            for text in {sent, with_host(sent)}:
                assert await statuses(node, text) == [400], name
        assert origin.seen == []


@pytest.mark.socket
async def test_what_is_valid_is_answered(origin: ScriptedOrigin):
    async with open_node(origin) as node:
        for name, sent in requests(VALID).items():
            if name == "099":  # Its content is shorter than it says.
                continue
            origin.seen.clear()
            reason = REFUSED.get(name)
            if reason is not None and b" HTTP/1.0\r" not in sent[:40]:  # Its first request is read.
                assert await statuses(node, sent) == [400], name
            if reason is not None and reason != NO_HOST:
                continue
            status, _ = ANSWERED.get(name, (404, ""))
            is_long = name == "026"  # Longer than the origin's server takes.
            answered = await statuses(node, with_host(sent) if reason else sent)
            assert answered[:1] == [400 if is_long else status], name
            is_seen = any(one.target.encode() in sent for one in origin.seen)
            assert is_seen == (status == 404 and not is_long), name
