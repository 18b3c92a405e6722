"""Another worker or node of this cache, as this worker sees it: whether it is there, and asking it.

A member that does not take a connection in time, or does not say in time that it is there, is down:
whatever waits for it goes elsewhere at once, and nothing more is sent to it until it answers again.
How long an answer takes says nothing: the owner may be waiting for the origin.
"""

import asyncio
import contextlib
import logging
import math
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import orjson
from multidict import CIMultiDict, CIMultiDictProxy
from typing_extensions import override

from edge.error_content import read_error_content
from edge.errors import (
    CircuitOpenError,
    EdgeError,
    OverloadedError,
    SliceGoneError,
    UpstreamChangedError,
    UpstreamConnectError,
    UpstreamError,
    UpstreamLostError,
    UpstreamProtocolError,
    UpstreamStalledError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from edge.fields import Fields
from edge.metrics import EdgeCounts
from edge.peers.wording import CALL_BYTES_MAX, HOP_FIELD, PEER_FIELDS, Hop, Met, read_met
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest

logger = logging.getLogger(__name__)

PING_PATH: Final = "/ping"

# A deadline that fires so much later says that this process was busy, not that the member is gone.
_LATE: Final = 1.2

# What an owner has to say of the origin is as if the origin had been asked from here.
_TOLD: Final[dict[str, type[EdgeError]]] = {
    kind.reason: kind
    for kind in (
        CircuitOpenError,
        OverloadedError,
        SliceGoneError,
        UpstreamChangedError,
        UpstreamError,
        UpstreamLostError,
        UpstreamProtocolError,
        UpstreamStalledError,
        UpstreamTimeoutError,
        UpstreamUnreachableError,
    )
}

_ResultT = TypeVar("_ResultT")


class PeerLostError(Exception):
    """A member has no answer: it is down, or not what it should be."""


class PeerAnswer(UpstreamAnswer):
    """The answer of an owner, as if it were the origin's.

    Args:
        answer: as it came.
        met: how the owner met the request.
        member: that it came from.
        counts: of this worker.
    """

    def __init__(
        self, answer: UpstreamAnswer, met: Met, member: "Member", counts: EdgeCounts
    ) -> None:
        self.met = met
        self._answer = answer
        self._member = member
        self._counts = counts
        self._headers = CIMultiDictProxy(
            CIMultiDict(
                (name, value)
                for name, value in answer.headers.items()
                if name.lower() not in PEER_FIELDS
            )
        )

    @property
    @override
    def status(self) -> int:
        return self._answer.status

    @property
    @override
    def headers(self) -> CIMultiDictProxy[str]:
        return self._headers

    @property
    @override
    def request_s(self) -> float:
        """So long before the answer as `Age`, which counts whole seconds, leaves out.

        The owner's age is of this moment: how long the answer took is within it already.
        """
        if self.met.age_s is None:
            return self._answer.request_s
        return self._answer.response_s - self.met.age_s % 1.0

    @property
    @override
    def response_s(self) -> float:
        return self._answer.response_s

    @property
    @override
    def detail(self) -> str:
        return f"peer-{self.met.result}"

    @override
    async def read_some(self) -> bytes:
        data = await self._answer.read_some()
        self._member.note_heard()
        self._counts.peer_bytes += len(data)
        return data

    @override
    def close(self) -> None:
        self._answer.close()


class Member:
    """Another worker or node.

    Args:
        name: of it.
        hop: what it is told of who asks.
        content: the way to its content.
        control: the way for all else, which content does not fill up.
        counts: of this worker.

    Attributes:
        is_up: whether it is asked.
        has: purges that it is known to have.
        is_knowing: it has known this node as a member when it was asked last.
        heard_s: when anything came from it last, in monotonic seconds.
    """

    def __init__(
        self, name: str, hop: Hop, *, content: Upstream, control: Upstream, counts: EdgeCounts
    ) -> None:
        self.name = name
        self.hop = hop
        self.is_up = True
        self.is_knowing = False
        self.has: set[str] = set()
        self._has_left = False
        self._content = content
        self._control = control
        self._counts = counts
        self._deadlines: set[asyncio.Timeout] = set()
        self._answers: weakref.WeakSet[PeerAnswer] = weakref.WeakSet()
        self.heard_s = -math.inf

    async def ask(self, request: UpstreamRequest) -> PeerAnswer:
        """Have it answer a GET or HEAD.

        Raises:
            PeerLostError: it has no answer, and somebody else may.
            EdgeError: it has asked the origin in vain.
        """
        fields = request.fields.copy()
        fields[HOP_FIELD] = self.hop.value
        answer = await self._send(self._content, replace(request, fields=fields))
        met = read_met(answer.headers)
        if met is None:
            answer.close()
            raise PeerLostError(f"what answers for {self.name} is no member")
        self._counts.peer_asked[self.hop.value, met.result] += 1
        if met.is_error:
            await self._drain(answer)
            kind = _TOLD.get(met.result)
            if kind is None:
                raise PeerLostError(f"{self.name} has no answer: {met.result}")
            raise kind(f"says {self.name}")
        found = PeerAnswer(answer, met, self, self._counts)
        self._answers.add(found)
        return found

    async def call(self, path: str, document: object, *, deadline_s: float) -> dict[str, Any]:
        """Have it do something.

        Raises:
            PeerLostError: it did not, or not in time.
        """
        content = orjson.dumps(document)
        fields: Fields = CIMultiDict(
            {HOP_FIELD: self.hop.value, "Content-Length": str(len(content))}
        )
        request = UpstreamRequest("POST", path, fields, _Content(content))
        try:
            async with asyncio.timeout(deadline_s):
                answer = await self._send(self._control, request)
                return await _told(answer)
        except TimeoutError:
            raise PeerLostError(f"{self.name} did not answer in {deadline_s} s") from None
        except UpstreamError as error:
            raise PeerLostError(f"{self.name}: {error}") from error

    async def look(
        self, own: str | None = None, purges: Sequence[str] = (), *, deadline_s: float
    ) -> Sequence[str]:
        """Find out whether it is there.

        What says nothing in time is there all the same if it has sent anything else meanwhile; and
        if this process itself was kept from listening, it knows no more than before.

        Args:
            own: the node that asks; does the other know it as a member?
            purges: which it may lack, as far as this worker knows.
            deadline_s: how long it may take to answer.

        Returns:
            The purges that it lacks: with any of them it is not up.
        """
        asked_s = time.monotonic()
        document = {"node": own, "purges": list(purges)}
        try:
            told = await self.call(PING_PATH, document, deadline_s=deadline_s)
        except PeerLostError:
            was_late = time.monotonic() - asked_s > deadline_s * _LATE
            if not self.is_up or not (was_late or self.heard_s > asked_s):
                self.note_down()
            return ()
        lacking = [str(one) for one in told.get("lacks", ())]
        self.has.update(set(purges).difference(lacking))
        self.is_knowing = told.get("knows") is True
        # One that is about to go finishes what it has begun.
        self._note(is_up=told.get("ready") is True and not lacking)
        return lacking

    def note_heard(self) -> None:
        """Something has come from it."""
        self.heard_s = time.monotonic()

    def note_down(self) -> None:
        """It is not there: let all who wait for it go."""
        self._note(is_up=False)
        now_s = asyncio.get_running_loop().time()
        for deadline in self._deadlines:
            with contextlib.suppress(RuntimeError):  # Its block is being left.
                deadline.reschedule(now_s)
        for answer in list(self._answers):
            answer.close()

    def _note(self, *, is_up: bool) -> None:
        if is_up != self.is_up:
            logger.info("a member is %s", "up" if is_up else "down", extra={"member": self.name})
        self.is_up = is_up
        if not self._has_left:
            self._counts.peers_up[self.name] = is_up

    def leave(self) -> None:
        """It is no member any more."""
        self._has_left = True
        self.note_down()
        self._counts.peers_up.pop(self.name, None)

    async def _drain(self, answer: UpstreamAnswer) -> None:
        """Read what nobody needs, so that the connection can be used again."""
        try:
            await self._within_life(read_error_content(answer))
        except UpstreamError as error:
            raise PeerLostError(f"{self.name}: {error}") from error
        finally:
            answer.close()

    async def _send(self, upstream: Upstream, request: UpstreamRequest) -> UpstreamAnswer:
        try:
            try:
                return await self._send_once(upstream, request)
            except UpstreamLostError:  # Perhaps it had just closed a connection that was idle.
                return await self._send_once(upstream, request)
        except UpstreamConnectError as error:
            self.note_down()
            raise PeerLostError(f"{self.name} takes no connection") from error
        except UpstreamUnreachableError as error:
            self.note_down()
            raise PeerLostError(f"{self.name} cannot be reached") from error
        except (UpstreamLostError, UpstreamProtocolError) as error:
            raise PeerLostError(f"{self.name}: {error}") from error

    async def _send_once(self, upstream: Upstream, request: UpstreamRequest) -> UpstreamAnswer:
        if self._has_left:  # The way to it is closed.
            raise PeerLostError(f"{self.name} has left")
        answer = await self._within_life(upstream.send(request))
        self.note_heard()
        return answer

    async def _within_life(self, sending: Awaitable[_ResultT]) -> _ResultT:
        """Wait for something until it comes, or the member is down.

        Raises:
            PeerLostError: it is.
        """
        try:
            async with asyncio.timeout(None) as deadline:
                self._deadlines.add(deadline)
                try:
                    return await sending
                finally:
                    self._deadlines.discard(deadline)
        except TimeoutError:
            raise PeerLostError(f"{self.name} is gone") from None


class _Content:
    """The content of a call, which may be sent a second time."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


async def _told(answer: UpstreamAnswer) -> dict[str, Any]:
    content = b""
    try:
        while chunk := await answer.read_some():
            content += chunk
            if len(content) > CALL_BYTES_MAX:
                raise PeerLostError("a call's answer is too long")
    finally:
        answer.close()
    try:
        document: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise PeerLostError("a call's answer is not JSON") from None
    if answer.status != 200 or not isinstance(document, dict):
        raise PeerLostError(f"a call was answered {answer.status}")
    return document
