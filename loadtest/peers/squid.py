"""Squid as an accelerator: as it comes, and with collapsing and whole files for ranges."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from config.tests.free_ports import free_port
from loadtest.peers.process import (
    HEAD_DEADLINE_S,
    Command,
    RunningCache,
    hand_over,
    program,
    running,
)

_PAGE: Final = """
http_port 127.0.0.1:{port} accel defaultsite=127.0.0.1 no-vhost
cache_peer {host} parent {origin_port} 0 no-query no-digest originserver name=origin
acl all_of_it src all
cache_peer_access origin allow all_of_it
http_access allow all_of_it
pid_filename none
access_log none
cache_store_log none
cache_log {folder}/cache.log
coredump_dir {folder}
cache_mem 1 GB
maximum_object_size 128 MB
maximum_object_size_in_memory 128 MB
connect_timeout {deadline} seconds
read_timeout {deadline} seconds
request_start_timeout 10 seconds
refresh_pattern . 0 20% 4320
shutdown_lifetime 1 second
connect_retries 1
pinger_enable off
{more}
"""
_COLLAPSED: Final = """
collapsed_forwarding on
range_offset_limit none
quick_abort_min -1 KB
"""


def plain(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it as it comes, with memory for its files."""
    return _running(folder, origin_url, "")


def collapsed(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it so that it collapses requests and fetches whole files."""
    return _running(folder, origin_url, _COLLAPSED)


@contextlib.contextmanager
def _running(folder: Path, origin_url: str, more: str) -> Iterator[RunningCache]:
    port = free_port()
    host, _, origin_port = origin_url.removeprefix("http://").partition(":")
    file = folder / "squid.conf"
    file.write_text(
        _PAGE.format(
            folder=folder,
            port=port,
            host=host,
            origin_port=origin_port,
            deadline=HEAD_DEADLINE_S,
            more=more,
        )
    )
    hand_over(folder, "proxy")
    with running(
        Command([program("squid"), "--foreground", "-f", str(file)], port, folder)
    ) as cache:
        yield cache
