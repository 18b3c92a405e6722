"""The admin listener of a node: one for all of its workers.

`/metrics` is their common account, `/readyz` what any of them has to say. Every other call is
passed on to one of them; a purge it tells all the others (`edge.peers`).
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from config.listener import Handler, admin_app, problem_of, problem_response
from edge.call_content import read_content
from edge.errors import EdgeError
from edge.fields import CACHE_NAME
from edge.supervisor.calls import CallError, WorkerCalls
from edge.supervisor.ledger import Ledger
from edge.supervisor.metrics import SupervisorCounts, supervisor_metrics
from edge.supervisor.place import NodeConfig
from edge.supervisor.supervisor import Supervisor
from edge.supervisor.worker_process import WorkerProcess
from http_semantics.problem import Problem

logger = logging.getLogger(__name__)

_ASK_S_MAX: Final = 3.0
_NO_STORE: Final = {"Cache-Control": "no-store"}
_PASSED_ON: Final = (hdrs.CONTENT_TYPE, hdrs.CACHE_CONTROL, hdrs.RETRY_AFTER)

Reasons = Mapping[str, str]


class NodeAdmin:
    """Answers the operator for all workers.

    Args:
        supervisor: knows the workers.
        calls: to them.
        ledger: keeps what they have counted.
        counts: of the supervisor.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        calls: WorkerCalls,
        ledger: Ledger,
        counts: SupervisorCounts,
    ) -> None:
        self._supervisor = supervisor
        self._calls = calls
        self._ledger = ledger
        self._counts = counts
        self._faults: Reasons = {}
        self._weaknesses: Reasons = {}
        self._account = _Account()

    def app(self, config: NodeConfig) -> web.Application:
        """The application, by a configuration."""
        settings = config.settings
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._account)
        app = admin_app(
            registry=registry,
            readiness=lambda: self._faults,
            weaknesses=lambda: self._weaknesses,
            operator=config.credentials.operator,
            is_metrics_open=settings.is_metrics_open,
            # The workers' loops are what matters.
            is_loop_watched=False,
            allowed_hosts=frozenset(settings.allowed_hosts),
        )
        app.middlewares.append(self._looking_first())
        app.router.add_route("*", "/admin/{rest:.*}", self._pass_on)
        app.on_response_prepare.append(_name_server)
        return app

    async def scrape(self) -> None:
        """Have the workers' metrics brought up to date."""
        await asyncio.gather(*(self._scrape_one(one) for one in self._supervisor.workers))
        own = supervisor_metrics(self._counts, self._supervisor.places)
        self._account.families = [*self._ledger.metrics(), *own]

    async def look(self) -> None:
        """Ask the workers whether they are ready."""
        serving = {
            place.number: place.current
            for place in self._supervisor.places
            if place.current is not None
        }
        answers = await asyncio.gather(*(self._ask_one(worker) for worker in serving.values()))
        said = dict(zip(serving, answers, strict=True))
        missing = {
            f"worker {place.number}": "it is being started"
            for place in self._supervisor.places
            if place.number not in serving
        }
        reasons = {**missing, **_joined({number: why for number, (_, why) in said.items()})}
        if any(is_ready for is_ready, _ in said.values()):
            self._faults, self._weaknesses = {}, reasons
        else:
            self._faults, self._weaknesses = reasons, {}

    def _looking_first(self) -> Middleware:
        looks = {"/metrics": self.scrape, "/readyz": self.look}

        @web.middleware
        async def look_first(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path in looks:
                await looks[request.path]()
            return await handler(request)

        return look_first

    async def _scrape_one(self, worker: WorkerProcess) -> None:
        try:
            answer = await self._calls.call(worker, "/metrics", within_s=_ASK_S_MAX)
        except CallError:
            return  # What it last told still counts.
        # It may have ended meanwhile: then its last word has been taken down already.
        if answer.status == 200 and worker.status is None:
            is_current = any(place.current is worker for place in self._supervisor.places)
            try:
                self._ledger.note(worker.pid, answer.content, is_current=is_current)
            except ValueError:
                extra = {"worker": worker.slot, "pid": worker.pid}
                logger.error("a worker's metrics cannot be read", extra=extra)  # noqa: TRY400 - told

    async def _ask_one(self, worker: WorkerProcess) -> tuple[bool, Reasons]:
        try:
            answer = await self._calls.call(worker, "/readyz", within_s=_ASK_S_MAX)
        except CallError:
            return False, {"no-answer": "it does not answer"}
        return answer.status == 200, answer.document().get("reasons", {})

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        worker = next((one.current for one in self._supervisor.places if one.current), None)
        if worker is None:
            return problem_response(
                Problem("no-worker", "No worker is running.", 503, headers=_NO_STORE)
            )
        content_type = request.headers.get(hdrs.CONTENT_TYPE)
        fields = {} if content_type is None else {"Content-Type": content_type}
        try:
            content = await read_content(request) if request.body_exists else None
            async with self._calls.calling(
                worker, request.method, request.path_qs, content=content, fields=fields
            ) as answer:
                response = web.StreamResponse(status=answer.status)
                for name in _PASSED_ON:
                    if name in answer.headers:
                        response.headers[name] = answer.headers[name]
                await response.prepare(request)
                async for part in answer.content.iter_any():
                    await response.write(part)
                return response
        except EdgeError as error:
            return problem_response(problem_of(error))


class _Account(Collector):
    """The families as they were put together last."""

    def __init__(self) -> None:
        self.families: list[Metric] = []

    @override
    def collect(self) -> Iterator[Metric]:
        return iter(self.families)


def _joined(said: Mapping[int, Reasons]) -> Reasons:
    """What workers say, each once: what all of them say, and what is somebody's own."""
    first, *others = said.values() if said else ({},)
    common = {
        key: text for key, text in first.items() if all(one.get(key) == text for one in others)
    }
    own = {
        f"worker {number}: {key}": text
        for number, reasons in said.items()
        for key, text in reasons.items()
        if key not in common
    }
    return {**common, **own}


async def _name_server(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = CACHE_NAME
