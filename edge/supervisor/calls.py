"""The supervisor's calls to its workers' admin listeners, over Unix sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from config.credentials import Credential
from edge.supervisor.worker_process import WorkerProcess

_CONNECT_S_MAX: Final = 5.0
_ANSWER_BYTES_MAX: Final = 32 << 20

# A worker that cannot be called has ended, or is about to.
CallError = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """What a worker answered."""

    status: int
    content: bytes
    content_type: str = "application/json"

    def document(self) -> dict[str, Any]:
        """The content as a JSON object; an empty one if it is none."""
        try:
            found = orjson.loads(self.content)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class WorkerCalls:
    """Calls workers.

    Args:
        credential: that workers ask their supervisor for.
    """

    def __init__(self, credential: Credential) -> None:
        self.credential = credential

    async def call(
        self,
        worker: WorkerProcess,
        path: str,
        *,
        content: bytes | None = None,
        within_s: float,
    ) -> WorkerAnswer:
        """Call a worker: POST with `content`, GET without.

        Raises:
            CallError: there was no answer.
        """
        method = "GET" if content is None else "POST"
        async with (
            asyncio.timeout(within_s),
            self.calling(worker, method, path, content=content) as answer,
        ):
            body = bytearray()
            async for part in answer.content.iter_any():
                body += part
                if len(body) > _ANSWER_BYTES_MAX:
                    raise aiohttp.ClientPayloadError("the answer is too long")
            return WorkerAnswer(answer.status, bytes(body), answer.content_type)

    @contextlib.asynccontextmanager
    async def calling(
        self,
        worker: WorkerProcess,
        method: str,
        path: str,
        *,
        content: bytes | None,
        fields: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A call whose answer is read while it comes.

        Raises:
            CallError: there is no answer.
        """
        headers = {**(fields or {}), "Authorization": f"Bearer {self.credential.reveal()}"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S_MAX)
        connector = aiohttp.UnixConnector(str(worker.admin_path))
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.request(
                method, f"http://localhost{path}", data=content, headers=headers
            ) as answer,
        ):
            yield answer
