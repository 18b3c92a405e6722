"""The servers that take part, each set up as it would be in service, with the same duties.

Token or signed link, access log, metrics; what a peer cannot do is left undone, in its favour:
Varnish and Traffic Server check nothing, and Varnish's log stays in shared memory.
"""

import contextlib
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from benchmarks.hits.certificate import Certificate
from benchmarks.hits.edge_settings import SUPPORTED_KEYS, edge_toml
from benchmarks.hits.origin import RunningOrigin
from benchmarks.hits.shapes import Shape, Wanted
from benchmarks.hits.tickets import Tickets
from config.tests.free_ports import free_port
from loadtest.peers.attacca import running_configured_edge
from loadtest.peers.nginx import NginxSettings, running_nginx
from loadtest.peers.process import Command, RunningCache, find_program, program, running
from loadtest.peers.trafficserver import TrafficServerSettings, running_trafficserver
from loadtest.peers.varnish import running_varnish

OURS: Final = "attacca"


class GroupName(StrEnum):
    """Servers that run together: where their hits come from, and over what they go."""

    MEMORY = "memory"
    MEMORY_TLS = "memory-tls"
    DISK = "disk"
    DISK_TLS = "disk-tls"

    @property
    def is_tls(self) -> bool:
        """Whether connections are TLS 1.3."""
        return self in {GroupName.MEMORY_TLS, GroupName.DISK_TLS}

    @property
    def tier(self) -> str:
        """Where hits come from."""
        return "disk" if self in {GroupName.DISK, GroupName.DISK_TLS} else "memory"


@dataclass(frozen=True, slots=True)
class Stage:
    """What a server is started for.

    Attributes:
        folder: of this server.
        origin: in front of which it stands.
        tickets: that it is to check.
        group: where its hits are to come from.
        certificate: for TLS; None is in the clear.
    """

    folder: Path
    origin: RunningOrigin
    tickets: Tickets
    group: GroupName
    certificate: Certificate | None


@dataclass(frozen=True, slots=True)
class Entrant:
    """A server that runs.

    Attributes:
        url: of its listener.
        cache: its processes.
        log: where its access log goes; None if it writes none.
        target_of: the target of a request, by path.
        fields_of: what admits a request, by path.
        is_checking: whether it refuses a request that nothing admits.
        has_content: whether it sends the origin's content, and not just so many bytes.
    """

    url: str
    cache: RunningCache
    log: Path | None
    target_of: Callable[[str], str] = str
    fields_of: Callable[[str], str] = lambda _: ""
    is_checking: bool = False
    has_content: bool = True

    def pids(self) -> list[int]:
        """Of all its processes."""
        return [one.pid for one in self.cache.processes()]

    def head_of(self, wanted: Wanted, *, is_admitted: bool = True) -> str:
        """The head of a request, as it goes over the wire."""
        part = f"Range: bytes={wanted.start}-{wanted.stop - 1}\r\n" if wanted.is_range else ""
        target = self.target_of(wanted.path) if is_admitted else wanted.path
        fields = self.fields_of(wanted.path) if is_admitted else ""
        host = self.url.partition("://")[2]
        return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}{part}\r\n"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that can take part.

    Attributes:
        name: on the command line and in tables.
        program: what has to be installed.
        package: of Debian, that brings it.
        workers: how many processes or threads serve.
        groups: that it can be part of.
        start: runs it until the block is left.
    """

    name: str
    program: str
    package: str
    workers: int
    groups: frozenset[GroupName]
    start: Callable[[Stage, int], AbstractContextManager[Entrant]]

    def is_able(self, group: GroupName) -> bool:
        """Whether it can be measured so."""
        if find_program(self.program) is None or group not in self.groups:
            return False
        if not self.name.startswith(OURS):
            return True
        needed = {"workers"} if self.workers > 1 else set()
        return (needed | ({"tls"} if group.is_tls else set())) <= SUPPORTED_KEYS


@contextlib.contextmanager
def _attacca(stage: Stage, workers: int) -> Iterator[Entrant]:
    file = stage.folder / "edge.toml"
    log = stage.folder / "access.log"
    file.write_text(
        edge_toml(
            stage.folder,
            upstream=stage.origin.origin.url,
            drm=stage.origin.keys_url,
            is_disk=stage.group.tier == "disk",
            certificate=stage.certificate,
            workers=workers,
        )
    )
    with running_configured_edge(stage.folder, file) as cache:
        written = log if "access_log" in SUPPORTED_KEYS else stage.folder / "edge.log"
        yield Entrant(
            cache.url, cache, written, fields_of=stage.tickets.fields_of, is_checking=True
        )


_NGINX_CONNECTIONS: Final = 12_000
_NGINX_HTTP: Final = """
    log_format facts escape=json '{"time":"$time_iso8601","method":"$request_method",'
        '"path":"$uri","status":$status,"result":"$upstream_cache_status",'
        '"content_bytes":$body_bytes_sent,"duration_s":$request_time,"client":"$remote_addr",'
        '"range":"$http_range"}';
    open_file_cache max=20000 inactive=1h; open_file_cache_valid 1h;
"""
_NGINX_SERVER: Final = """
        access_log %s facts buffer=64k flush=1s; keepalive_requests 100000000;
"""
_NGINX_TLS: Final = """
        ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:sessions:10m;
"""
_NGINX_LOCATION: Final = """
            secure_link $arg_md5,$arg_expires; secure_link_md5 "$secure_link_expires$uri %s";
            if ($secure_link = "") { return 403; }
            if ($secure_link = "0") { return 410; }
            slice 1m; proxy_cache_key $uri$slice_range; proxy_set_header Range $slice_range;
            proxy_cache_valid 200 206 1h; proxy_cache_lock on;
"""


def _nginx_settings(stage: Stage, workers: int) -> NginxSettings:
    """Set up nginx with slices, signed links and a log."""
    server = _NGINX_SERVER % (stage.folder / "access.log")
    if stage.certificate is not None:
        server += _NGINX_TLS % (stage.certificate.chain, stage.certificate.key)
    return NginxSettings(
        location=_NGINX_LOCATION % stage.tickets.link_secret,
        server=server,
        http=_NGINX_HTTP,
        listen="" if stage.certificate is None else " ssl",
        workers=workers,
        connections=_NGINX_CONNECTIONS,
    )


@contextlib.contextmanager
def _nginx(stage: Stage, workers: int) -> Iterator[Entrant]:
    settings = _nginx_settings(stage, workers)
    with running_nginx(stage.folder, stage.origin.origin.url, settings) as cache:
        log = stage.folder / "access.log"
        url = _secure(cache.url, stage)
        yield Entrant(url, cache, log, target_of=stage.tickets.link_of, is_checking=True)


@contextlib.contextmanager
def _varnish(stage: Stage, workers: int) -> Iterator[Entrant]:
    del workers  # Its threads go where the cores are that it may use.
    with running_varnish(stage.folder, stage.origin.origin.url) as cache:
        yield Entrant(cache.url, cache, None)


_TRAFFIC_SERVER_RECORDS: Final = """
CONFIG proxy.config.log.logging_enabled INT 3
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 120
"""
_TRAFFIC_SERVER_LOG: Final = """
logging:
  formats:
    - name: facts
      format: '{"time":"%<cqtt>","method":"%<cqhm>","path":"%<cqup>","status":%<pssc>,
        "result":"%<crc>","content_bytes":%<pscl>,"duration_ms":%<ttms>,"client":"%<chi>"}'
  logs:
    - {filename: access, format: facts, mode: ascii}
"""
_TRAFFIC_SERVER_TLS: Final = "dest_ip=* ssl_cert_name={chain} ssl_key_name={key}\n"


@contextlib.contextmanager
def _trafficserver(stage: Stage, workers: int) -> Iterator[Entrant]:
    files = {"logging.yaml": _TRAFFIC_SERVER_LOG}
    if stage.certificate is not None:
        files["ssl_multicert.config"] = _TRAFFIC_SERVER_TLS.format(
            chain=stage.certificate.chain, key=stage.certificate.key
        )
    settings = TrafficServerSettings(
        records=_TRAFFIC_SERVER_RECORDS,
        threads=workers,
        port_words="" if stage.certificate is None else ":ssl",
        files=files,
    )
    with running_trafficserver(stage.folder, stage.origin.origin.url, settings) as cache:
        yield Entrant(_secure(cache.url, stage), cache, stage.folder / "access.log")


def _secure(url: str, stage: Stage) -> str:
    return url if stage.certificate is None else url.replace("http://", "https://", 1)


_ALL: Final = frozenset(GroupName)
_CLEAR_MEMORY: Final = frozenset({GroupName.MEMORY})
_MEMORY: Final = frozenset({GroupName.MEMORY, GroupName.MEMORY_TLS})
CONTESTANTS: Final[Mapping[str, Contestant]] = {
    one.name: one
    for one in (
        Contestant(OURS, "python3", "", 1, _ALL, _attacca),
        Contestant("nginx", "nginx", "nginx-light", 1, _ALL, _nginx),
        Contestant("varnish", "varnishd", "varnish", 1, _CLEAR_MEMORY, _varnish),
        Contestant("ats", "traffic_server", "trafficserver", 1, _MEMORY, _trafficserver),
        Contestant(f"{OURS}-2", "python3", "", 2, _MEMORY, _attacca),
        Contestant("nginx-2", "nginx", "nginx-light", 2, _MEMORY, _nginx),
    )
}
FLOOR: Final = "floor"


class Floor:
    """The bare writer of `floor.c`, compiled on the spot; it is started for each shape anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = folder / "floor"
        source = Path(__file__).with_name("floor.c")
        command = [program("gcc"), "-O2", "-o", str(self._program), str(source)]
        subprocess.run(command, check=True)

    @contextlib.contextmanager
    def running(self, shape: Shape) -> Iterator[Entrant]:
        """Run it until the block is left."""
        port = free_port()
        status = "200" if shape.range_bytes is None else "206"
        arguments = [str(self._program), str(port), str(shape.answer_bytes), status, "1"]
        with running(Command(arguments, port, self._folder)) as cache:
            yield Entrant(cache.url, cache, None, has_content=False)
