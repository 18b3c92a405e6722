"""nginx: `proxy_cache` plain, with the lock and stale answers, and with slices beside those."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from loadtest.cluster import free_port
from loadtest.peers.process import HEAD_DEADLINE_S, Command, RunningCache, program, running

_PAGE: Final = """
{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; tcp_nodelay on; sendfile on; keepalive_timeout 75s; keepalive_requests 100000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=all:16m max_size=4g inactive=600m
        use_temp_path=off;
    upstream origin {{ server {origin} max_fails=0; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024 reuseport;
        location / {{
            proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_connect_timeout {deadline}s; proxy_read_timeout {deadline}s;
            proxy_cache all; proxy_cache_revalidate on; proxy_force_ranges on;
            {more}
        }}
    }}
}}
"""
_LOCK: Final = """
            proxy_cache_lock on; proxy_cache_background_update on;
            proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
"""
# The key and the freshness are as its documentation of slices has them.
_SLICE: Final = """
            slice 1m; proxy_cache_key $proxy_host$request_uri$slice_range;
            proxy_set_header Range $slice_range;
"""


def plain(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it with `proxy_cache` and revalidation."""
    return _running(folder, origin_url, "")


def locked(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it with the lock, background updates and stale answers as well."""
    return _running(folder, origin_url, _LOCK)


def sliced(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it with slices of 1 MiB as well."""
    return _running(folder, origin_url, _LOCK + _SLICE)


@contextlib.contextmanager
def _running(folder: Path, origin_url: str, more: str) -> Iterator[RunningCache]:
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(
        _PAGE.format(
            folder=folder,
            # Its workers give up root's rights unless told, and then cannot read the folder.
            user="user root;" if os.geteuid() == 0 else "",
            origin=origin_url.removeprefix("http://"),
            port=port,
            deadline=HEAD_DEADLINE_S,
            more=more,
        )
    )
    with running(
        Command([program("nginx"), "-p", str(folder), "-c", str(file)], port, folder)
    ) as cache:
        yield cache
