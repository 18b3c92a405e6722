"""The conformance cases of HTTP caching, run over sockets against a live edge."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from multidict import CIMultiDict

from edge.tests.conftest import NOW_S, ManualClock, Node, open_node
from edge.tests.scripted_origin import ScriptedOrigin
from http_semantics.tests.conformance_cases import (
    Case,
    Exchange,
    Kind,
    OriginAnswer,
    answer_fields,
    field_map,
    load_cases,
)
from http_semantics.tests.conformance_judge import Outcome, faults

pytestmark = pytest.mark.socket

# What this edge does otherwise, and why.
NOT_MET: Final = {
    "store-set-cookie": "one listener's cookie is hardly ever meant for all others",
    "store-post-of-itself": "no origin of media answers POST with what GET would get",
}

CASES: Final = [
    pytest.param(
        case,
        id=f"{case.section} {case.id}",
        marks=[pytest.mark.xfail(reason=NOT_MET[case.id])] if case.id in NOT_MET else [],
    )
    for case in load_cases()
    if not case.needs  # The edge asks for more than it was asked for, and judges conditions itself.
]

HEAD_END: Final = b"\r\n\r\n"

Fields = CIMultiDict[str]


def read_fields(head: bytes) -> tuple[str, Fields]:
    """The first line and the fields of a head."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, CIMultiDict([(name, value.strip()) for name, _, value in pairs])


def write_head(first: str, fields: Fields) -> bytes:
    lines = (f"{name}: {value}" for name, value in fields.items())
    return "\r\n".join((first, *lines, "", "")).encode("latin-1")


@dataclass
class CaseOrigin:
    """Answers whatever it is asked as the case at hand says."""

    clock: ManualClock
    answer: OriginAnswer = field(default_factory=OriginAnswer)
    asked: list[Fields] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            while await self._answer_one(reader, writer):
                await writer.drain()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, fields = read_fields(await reader.readuntil(HEAD_END))
        await reader.readexactly(int(fields.get("Content-Length", 0)))
        self.asked.append(fields)
        answer = self.answer.to(fields)
        self.clock.now_s += answer.delay_s
        if answer.is_silent:
            return False
        for status in answer.interim:
            writer.write(f"HTTP/1.1 {status} Wait\r\n\r\n".encode())
        content = answer.content.encode()
        sent = answer_fields(answer, start_s=NOW_S, now_s=self.clock.now_s)
        if answer.status not in {204, 304}:
            sent.setdefault("Content-Length", str(len(content)))
        writer.write(write_head(f"HTTP/1.1 {answer.status} As told", sent))
        if not first.startswith("HEAD ") and answer.status not in {204, 304}:
            writer.write(content[: answer.sent])
        return answer.sent is None


@contextlib.asynccontextmanager
async def open_case_origin(clock: ManualClock) -> AsyncIterator[tuple[CaseOrigin, str]]:
    origin = CaseOrigin(clock)
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    async with server:
        yield origin, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def exchange_once(node: Node, origin: CaseOrigin, exchange: Exchange) -> Outcome:
    """Send the request of an exchange and read all that comes back."""
    origin.answer = exchange.origin
    origin.asked.clear()
    host, _, port = node.service.url.removeprefix("http://").partition(":")
    fields = field_map(exchange.sends, start_s=NOW_S, now_s=node.clock.now_s)
    fields.update({"Host": f"{host}:{port}", "Connection": "close"})
    if exchange.method not in {"GET", "HEAD", "OPTIONS"}:
        fields["Content-Length"] = "0"
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.closing(writer):
        writer.write(write_head(f"{exchange.method} {exchange.target} HTTP/1.1", fields))
        interim: list[int] = []
        while True:
            first, received = read_fields(await reader.readuntil(HEAD_END))
            status = int(first.split()[1])
            if status >= 200:
                break
            interim.append(status)
        content = await reader.read()
    await settle(node, origin, is_late=exchange.source == "background")
    received.popall("Connection", None)  # Of this connection, which was to be closed.
    if "chunked" in received.get("Transfer-Encoding", ""):
        content = without_chunks(content)
    return Outcome(status, received, content, tuple(origin.asked), tuple(interim))


async def settle(node: Node, origin: CaseOrigin, *, is_late: bool) -> None:
    """Wait until nothing goes on behind an answer."""
    async with asyncio.timeout(5):
        while is_late and not origin.asked:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    await node.settled()


def without_chunks(content: bytes) -> bytes:
    whole = b""
    while content:
        size, _, rest = content.partition(b"\r\n")
        length = int(size, 16)
        whole, content = whole + rest[:length], rest[length + 2 :]
        if not length:
            break
    return whole


@pytest.mark.parametrize("case", CASES)
async def test_case(case: Case):
    clock = ManualClock()
    async with (
        open_case_origin(clock) as (origin, url),
        open_node(ScriptedOrigin(url=url), clock=clock) as node,
    ):
        for number, exchange in enumerate(case.exchanges, start=1):
            clock.now_s += exchange.after_s
            outcome = await exchange_once(node, origin, exchange)
            found = [*faults(exchange, outcome, start_s=NOW_S, now_s=clock.now_s)]
            assert not found, f"{case.rule} Exchange {number}: {found}; {outcome}"


def test_what_is_required_is_met():
    known = {case.id: case.kind for case in load_cases()}
    assert set(NOT_MET) <= set(known)
    assert not [name for name in NOT_MET if known[name] is Kind.REQUIRED]
