"""`POST /admin/warm` on the admin listener, whose guard asks for the operator's credential.

The answer is one JSON object a line, each as soon as it is known: what became of a target, now and
then how much was fetched, and a summary at the end. A caller who goes away cancels the rest.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import orjson
from aiohttp import web

from config.listener import problem_of, problem_response
from config.tasks import Tasks, open_tasks
from edge.call_content import CONTENT_S_MAX, read_content
from edge.errors import EdgeError, OverloadedError, TargetError
from edge.pacing import Pace
from edge.warm_request import TARGETS_MAX, WarmOrder, decode_warm
from edge.warming import WarmCall, Warmed, WarmResult

logger = logging.getLogger(__name__)

WARM_PATH: Final = "/admin/warm"

Warm = Callable[[str, WarmCall], Awaitable[Warmed]]

_CALLS_MAX: Final = 8

# How often a caller hears that the work goes on, and is missed if he has gone.
_PROGRESS_S: Final = 1.0


@dataclass(slots=True)
class _Work:
    """A call being worked on.

    Attributes:
        left: targets that nobody has taken, with their places in the call.
        lines: of the answer, for targets that are done; each is a whole line.
        results: counted.
    """

    call: WarmCall
    left: Iterator[tuple[int, str | TargetError]]
    lines: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    results: Counter[WarmResult] = field(default_factory=Counter)


class WarmApi:
    """Takes targets to be warmed.

    Args:
        warm: has a target warmed; failures are told, never raised.
        is_token_checked: how the targets of requests are read on this node.
        content_s_max: how long a caller may take to send a request's content.
        progress_s: how often at least a caller is told how far it is.
    """

    def __init__(
        self,
        warm: Warm,
        *,
        is_token_checked: bool,
        content_s_max: float = CONTENT_S_MAX,
        progress_s: float = _PROGRESS_S,
    ) -> None:
        self._warm = warm
        self._is_token_checked = is_token_checked
        self._content_s_max = content_s_max
        self._progress_s = progress_s
        self._calls = 0

    def add_to(self, admin: web.Application) -> None:
        """Serve it on the admin listener."""
        admin.router.add_post(WARM_PATH, self._post)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        try:
            data = await read_content(request, within_s=self._content_s_max)
            order = decode_warm(data, is_token_checked=self._is_token_checked)
            with self._place():
                return await self._answer(request, order)
        except EdgeError as error:
            return problem_response(problem_of(error))

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """One call's place among those that are taken at once.

        Raises:
            OverloadedError: there is none.
        """
        if self._calls == _CALLS_MAX:
            raise OverloadedError(f"{_CALLS_MAX} calls are being worked on")
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    async def _answer(self, request: web.Request, order: WarmOrder) -> web.StreamResponse:
        headers = {"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        pace = None if order.bytes_per_s is None else Pace(order.bytes_per_s)
        work = _Work(WarmCall(order.extent, pace), iter(enumerate(order.targets)))
        async with open_tasks() as tasks:
            self._start(work, order.concurrency or len(order.targets), tasks)
            for _ in order.targets:
                await self._write_next(request, response, work)
        facts = {**_counted(work.results), "bytes": work.call.bytes}
        await response.write(_line({"event": "done", **facts}))
        await response.write_eof()
        logger.info("warmed", extra=facts)
        return response

    def _start(self, work: _Work, concurrency: int, tasks: Tasks) -> None:
        for _ in range(min(concurrency, TARGETS_MAX)):
            tasks.start(self._work_off(work))

    async def _work_off(self, work: _Work) -> None:
        for index, target in work.left:
            if isinstance(target, TargetError):
                # The text itself may hold a token.
                warmed = Warmed(WarmResult.ERROR, reason=target.reason)
                shown: dict[str, object] = {"detail": str(target)}
            else:
                warmed = await self._warm(target, work.call)
                shown = {"target": target}
            work.results[warmed.result] += 1
            line = {"event": "target", "index": index, **shown, **_facts_of(warmed)}
            work.lines.put_nowait(_line(line))

    async def _write_next(
        self, request: web.Request, response: web.StreamResponse, work: _Work
    ) -> None:
        """Write the next target's line, and until then now and then how far it is."""
        while True:
            try:
                async with asyncio.timeout(self._progress_s):
                    line = await work.lines.get()
            except TimeoutError:
                if request.transport is None or request.transport.is_closing():
                    raise ConnectionResetError from None
                await response.write(_line({"event": "progress", "bytes": work.call.bytes}))
                continue
            await response.write(line)
            return


def _counted(results: Counter[WarmResult]) -> dict[str, int]:
    return {result.value: results[result] for result in WarmResult}


def _facts_of(warmed: Warmed) -> dict[str, object]:
    facts: dict[str, object] = {"result": warmed.result.value, "bytes": warmed.bytes}
    if warmed.reason is not None:
        facts["reason"] = warmed.reason
    if warmed.retry_after_s is not None:
        facts["retry_after_s"] = warmed.retry_after_s
    return facts


def _line(document: dict[str, object]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
