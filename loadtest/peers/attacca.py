"""Our edge as a cache in front of any origin: `attacca edge … --token-check off`."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from loadtest.peers.process import HEAD_DEADLINE_S, CacheFailedError, RunningCache, stop

OPERATOR_CREDENTIAL: Final = secrets.token_urlsafe(32)
_SETTINGS: Final = {
    "ATTACCA_EDGE__OPERATOR_CREDENTIAL": OPERATOR_CREDENTIAL,
    "ATTACCA_EDGE__LIMITS__UPSTREAM_HEAD_S": str(HEAD_DEADLINE_S),
    "ATTACCA_EDGE__LIMITS__UPSTREAM_STALL_S": str(HEAD_DEADLINE_S),
}


def plain(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it as it comes."""
    return running_edge(folder, origin_url)


@contextlib.contextmanager
def running_edge(
    folder: Path,
    origin_url: str,
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
    listen: str = "127.0.0.1:0",
) -> Iterator[RunningCache]:
    """Run it until the block is left.

    Args:
        folder: for its log.
        origin_url: of any HTTP server.
        variables: settings, as variables of the environment.
        listen: HOST:PORT.

    Raises:
        CacheFailedError: it did not start.
    """
    process = start_edge(folder, origin_url, variables=variables, listen=listen)
    try:
        yield wait_until_ready(process, folder)
    finally:
        stop(process)
        assert process.stdout is not None
        process.stdout.close()


def start_edge(
    folder: Path,
    origin_url: str,
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
    listen: str = "127.0.0.1:0",
) -> subprocess.Popen[bytes]:
    """Start it and do not wait; for the arguments see `running_edge`."""
    options = ["--upstream", origin_url, "--listen", listen, "--token-check", "off"]
    return _start(folder, options, {**_SETTINGS, **variables})


@contextlib.contextmanager
def running_configured_edge(folder: Path, file: Path) -> Iterator[RunningCache]:
    """Run it with the settings of a TOML file until the block is left.

    Raises:
        CacheFailedError: it did not start.
    """
    process = _start(folder, ["--config", str(file)], {})
    try:
        yield wait_until_ready(process, folder)
    finally:
        stop(process)
        assert process.stdout is not None
        process.stdout.close()


def _start(
    folder: Path, options: list[str], variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with (folder / "edge.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "edge", *options, "--json"],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )


def wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> RunningCache:
    """Wait until it says where it listens.

    Raises:
        CacheFailedError: it says something else.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if b'"ready"' not in line:
        log = (folder / "edge.log").read_text()[-800:]
        raise CacheFailedError(f"the edge said {line!r}: {log}")
    ready = json.loads(line)
    return RunningCache(ready["edge"], process.pid, ready["admin"])
