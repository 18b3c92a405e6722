"""The operator's calls to an edge's admin listener: purges, and warming."""

import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from cli.installation import Installation, InstallationError, find_running
from cli.node import NodeError, told
from config.credentials import Credential

ENTRIES_MAX: Final = 1_000
"""Of one call."""

# An admin listener takes up to 1 MiB.
_CONTENT_BYTES_MAX: Final = 512 << 10

_CONNECT_S_MAX: Final = 10.0
_PURGE_S_MAX: Final = 60.0
# An edge that warms tells each second that it lives.
_SILENCE_S_MAX: Final = 30.0
_PROBLEM_BYTES_MAX: Final = 64 << 10
_LINE_BYTES_MAX: Final = 64 << 10

_TOKEN: Final = re.compile(r"/~[^/?#]*")


class EdgeRefusedError(NodeError):
    """The edge refused a call.

    Attributes:
        slug: of its problem document; empty without one.
    """

    def __init__(self, message: str, *, slug: str) -> None:
        super().__init__(message)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class EdgeAdmin:
    """An edge's admin listener.

    Attributes:
        operator: opens it.
    """

    url: str
    operator: Credential = field(repr=False)


def find_edge_admin(installation: Installation, file: Path | None, url: str | None) -> EdgeAdmin:
    """The admin listener of what runs, or of an edge elsewhere with the same operator.

    Raises:
        InstallationError: nothing runs, or it has no edge.
    """
    running = find_running(installation, file)
    found = url or running.urls_by_listener.get("admin")
    if found is None:
        raise InstallationError(
            "what runs has no `admin` URL: name the edge's admin listener with --edge"
        )
    return EdgeAdmin(found.rstrip("/"), running.operator)


def masked(text: str) -> str:
    """A URL or path as it may be shown: what may be a token is not in it."""
    return _TOKEN.sub("/~-", text)


def batches_of(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in their order, so many at a time as go into one call."""
    batch: list[str] = []
    size = 0
    for text in texts:
        taken = len(text.encode()) * 2 + 3  # Escaped, with quotes and comma.
        if batch and (len(batch) == ENTRIES_MAX or size + taken > _CONTENT_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += taken
    if batch:
        yield batch


class EdgeAdminClient:
    """Calls one edge as its operator. Made by `open_edge_admin`."""

    def __init__(self, admin: EdgeAdmin, session: aiohttp.ClientSession) -> None:
        self._admin = admin
        self._session = session

    async def purge(self, document: dict[str, object]) -> dict[str, Any]:
        """Purge what the document names; the answer is the edge's.

        Raises:
            NodeError: it did not.
        """
        async with self._call("/admin/purge", document, silence_s=_PURGE_S_MAX) as response:
            answer: dict[str, Any] = orjson.loads(await response.content.read(_PROBLEM_BYTES_MAX))
            return answer

    async def warm(self, document: dict[str, object]) -> AsyncGenerator[dict[str, Any], None]:
        """Warm what the document names; yields what the edge tells of it.

        Raises:
            NodeError: it refused, or stopped before the end.
        """
        event: dict[str, Any] = {}
        async with self._call("/admin/warm", document, silence_s=_SILENCE_S_MAX) as response:
            async for line in response.content:
                event = orjson.loads(line)
                yield event
            if event.get("event") != "done":
                raise NodeError("the edge stopped before it was done")

    @contextlib.asynccontextmanager
    async def _call(
        self, path: str, document: dict[str, object], *, silence_s: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {
            "Authorization": f"Bearer {self._admin.operator.reveal()}",
            "Content-Type": "application/json",
        }
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_S_MAX, sock_read=silence_s
        )
        try:
            async with self._session.post(
                self._admin.url + path,
                data=orjson.dumps(document),
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    raise await _refusal(response)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NodeError(
                f"the edge's admin listener at {self._admin.url} does not answer: "
                f"{type(error).__name__}; does it run?"
            ) from error
        except ValueError as error:
            raise NodeError(f"{self._admin.url} answers as no edge does") from error


async def _refusal(response: aiohttp.ClientResponse) -> EdgeRefusedError:
    try:
        problem: object = orjson.loads(await response.content.read(_PROBLEM_BYTES_MAX))
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return EdgeRefusedError(f"the edge answered {response.status}", slug="")
    slug = str(problem.get("type", "")).rpartition(":")[2]
    return EdgeRefusedError(told(problem), slug=slug)


@contextlib.asynccontextmanager
async def open_edge_admin(admin: EdgeAdmin) -> AsyncIterator[EdgeAdminClient]:
    """A client for an edge's admin listener."""
    async with aiohttp.ClientSession(read_bufsize=_LINE_BYTES_MAX) as session:
        yield EdgeAdminClient(admin, session)
