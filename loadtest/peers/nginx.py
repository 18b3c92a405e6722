"""nginx: `proxy_cache` plain, with the lock and stale answers, and with slices beside those."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.tests.free_ports import free_port
from loadtest.peers.process import HEAD_DEADLINE_S, Command, RunningCache, program, running

_PAGE: Final = """
{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
worker_processes {settings.workers};
worker_rlimit_nofile {settings.descriptors};
events {{ worker_connections {settings.connections}; }}
http {{
    access_log off; tcp_nodelay on; sendfile on; keepalive_timeout 75s; keepalive_requests 100000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=all:16m max_size=4g inactive=600m
        use_temp_path=off;
    {settings.http}
    upstream origin {{ server {origin} max_fails=0; keepalive 64; }}
    server {{
        listen {settings.address}:{port} backlog=1024 reuseport{settings.listen};
        {settings.server}
        location / {{
            proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_connect_timeout {deadline}s; proxy_read_timeout {deadline}s;
            proxy_cache all; proxy_cache_revalidate on; proxy_force_ranges on;
            {settings.location}
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


@dataclass(frozen=True, slots=True)
class NginxSettings:
    """What is set beside the cache itself.

    Attributes:
        location: within `location`.
        server: within `server`.
        http: within `http`.
        listen: more words of `listen`.
        address: where it listens.
        workers: how many processes serve.
        connections: of each of them.
    """

    location: str = ""
    server: str = ""
    http: str = ""
    listen: str = ""
    address: str = "127.0.0.1"
    workers: int = 1
    connections: int = 4096

    @property
    def descriptors(self) -> int:
        """What a worker may open: connections, and files of the cache."""
        return self.connections + 4096


def plain(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it with `proxy_cache` and revalidation."""
    return running_nginx(folder, origin_url, NginxSettings())


def locked(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it with the lock, background updates and stale answers as well."""
    return running_nginx(folder, origin_url, NginxSettings(_LOCK))


def sliced(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it with slices of 1 MiB as well."""
    return running_nginx(folder, origin_url, NginxSettings(_LOCK + _SLICE))


@contextlib.contextmanager
def running_nginx(folder: Path, origin_url: str, settings: NginxSettings) -> Iterator[RunningCache]:
    """Run it until the block is left.

    Raises:
        CacheFailedError: it did not start.
    """
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
            settings=settings,
        )
    )
    with running(
        Command([program("nginx"), "-p", str(folder), "-c", str(file)], port, folder)
    ) as cache:
        yield cache
