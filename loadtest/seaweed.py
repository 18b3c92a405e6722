"""SeaweedFS for proofs: a real S3 server that can be killed and started again.

async with running_seaweed(folder) as seaweed:
    settings = {"endpoint_url": seaweed.endpoint_url, "bucket": seaweed.bucket}
    seaweed.kill()
    await seaweed.restart()
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from origin.tests.seaweed import REGION, SeaweedFailedError, SeaweedServer

__all__ = ["REGION", "Seaweed", "SeaweedFailedError", "running_seaweed"]


class Seaweed:
    """A running SeaweedFS. Made by `running_seaweed`."""

    def __init__(self, server: SeaweedServer) -> None:
        self._server = server
        self.endpoint_url = server.endpoint_url
        self.access_key = server.access_key
        self.secret_key = server.secret_key
        self.bucket = server.bucket

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._server.pid

    def kill(self) -> None:
        """Kill it with SIGKILL; what it has acknowledged stays."""
        self._server.kill()

    async def restart(self) -> None:
        """Start it again on the same data and ports, and wait until it is ready.

        Raises:
            SeaweedFailedError: it does not start.
        """
        self._server.kill()
        await self.start()

    async def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            SeaweedFailedError: it does not start.
        """
        # The kernel ends the server with the thread that started it: not one of a pool.
        self._server.start()
        await asyncio.to_thread(self._server.wait_ready)

    def environment(self, prefix: str = "") -> dict[str, str]:
        """Variables that make an origin keep its objects there."""
        section = "ATTACCA_ORIGIN__STORE__"
        return {
            f"{section}KIND": "s3",
            f"{section}S3__ENDPOINT_URL": self.endpoint_url,
            f"{section}S3__BUCKET": self.bucket,
            f"{section}S3__PREFIX": prefix,
            f"{section}S3__REGION": REGION,
            f"{section}S3__ACCESS_KEY_ID": self.access_key,
            f"{section}S3__SECRET_ACCESS_KEY": self.secret_key,
        }


@contextlib.asynccontextmanager
async def running_seaweed(folder: Path) -> AsyncIterator[Seaweed]:
    """A SeaweedFS with its data in `folder`, killed when the block is left.

    Raises:
        SeaweedFailedError: it is not installed or does not start.
    """
    server = SeaweedServer(folder)
    seaweed = Seaweed(server)
    try:
        await seaweed.start()
        yield seaweed
    finally:
        server.kill()
