"""Apache Traffic Server: as it comes, with readers of writes under way, and with slices."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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

USER: Final = "trafficserver"
_LAYOUT: Final = """
prefix: {folder}
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: {folder}/etc
datadir: {folder}
includedir: /usr/include
libdir: /usr/lib
libexecdir: /usr/lib/trafficserver/modules
localstatedir: {folder}
runtimedir: {folder}
logdir: {folder}
mandir: /usr/share/man
infodir: /usr/share/info
cachedir: {folder}
"""
_RECORDS: Final = """
CONFIG proxy.config.http.server_ports STRING {port}:ip-in=127.0.0.1{settings.port_words}
CONFIG proxy.config.admin.user_id STRING {user}
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT {settings.threads}
CONFIG proxy.config.http.insert_response_via_str INT 0
CONFIG proxy.config.http.parent_proxy_routing_enable INT 0
CONFIG proxy.config.http.connect_attempts_max_retries INT 3
CONFIG proxy.config.http.connect_attempts_timeout INT {deadline}
CONFIG proxy.config.http.transaction_no_activity_timeout_out INT {deadline}
CONFIG proxy.config.http.cache.required_headers INT 2
CONFIG proxy.config.http.cache.when_to_revalidate INT 0
CONFIG proxy.config.http.push_method_enabled INT 0
CONFIG proxy.config.cache.ram_cache.size INT 1G
CONFIG proxy.config.cache.ram_cache_cutoff INT 4194304
CONFIG proxy.config.url_remap.remap_required INT 1
CONFIG proxy.config.url_remap.pristine_host_hdr INT 1
CONFIG proxy.config.reverse_proxy.enabled INT 1
CONFIG proxy.config.diags.debug.enabled INT 0
{settings.records}
"""
_READ_WHILE_WRITE: Final = """
CONFIG proxy.config.cache.enable_read_while_writer INT 1
CONFIG proxy.config.http.background_fill_active_timeout INT 0
CONFIG proxy.config.http.background_fill_completed_threshold FLOAT 0.0
CONFIG proxy.config.http.cache.open_write_fail_action INT 5
CONFIG proxy.config.cache.max_doc_size INT 0
"""
_NO_LOG: Final = "CONFIG proxy.config.log.logging_enabled INT 0"
_SLICES: Final = (
    " @plugin=slice.so @pparam=--blockbytes=1m @plugin=cache_range_requests.so"
    " @pparam=--consider-ims"
)


@dataclass(frozen=True, slots=True)
class TrafficServerSettings:
    """What is set beside the cache itself.

    Attributes:
        records: more lines of `records.config`.
        plugins: of the one mapping.
        threads: that serve.
        port_words: more words of the port, such as `:ssl`.
        files: more files of its settings, by name.
    """

    records: str = _NO_LOG
    plugins: str = ""
    threads: int = 2
    port_words: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def plain(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it as it comes."""
    return running_trafficserver(folder, origin_url, TrafficServerSettings())


def while_writing(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it so that followers read what is being written."""
    settings = TrafficServerSettings(_NO_LOG + _READ_WHILE_WRITE)
    return running_trafficserver(folder, origin_url, settings)


def sliced(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it with slices of 1 MiB as well."""
    settings = TrafficServerSettings(_NO_LOG + _READ_WHILE_WRITE, _SLICES)
    return running_trafficserver(folder, origin_url, settings)


@contextlib.contextmanager
def running_trafficserver(
    folder: Path, origin_url: str, settings: TrafficServerSettings
) -> Iterator[RunningCache]:
    """Run it until the block is left.

    Raises:
        CacheFailedError: it did not start.
    """
    port = free_port()
    settings_folder = folder / "etc"
    settings_folder.mkdir()
    layout = folder / "runroot.yaml"
    layout.write_text(_LAYOUT.format(folder=folder))
    records = _RECORDS.format(
        port=port,
        # `#-1` is its word for staying who it is; root it refuses to be.
        user="#-1" if os.geteuid() else USER,
        deadline=HEAD_DEADLINE_S,
        settings=settings,
    )
    (settings_folder / "records.config").write_text(records)
    scheme = "https" if settings.port_words else "http"
    mapping = f"map {scheme}://127.0.0.1:{port}/ {origin_url}/{settings.plugins}\n"
    (settings_folder / "remap.config").write_text(mapping)
    (settings_folder / "storage.config").write_text(f"{folder} 1G\n")
    (settings_folder / "ip_allow.yaml").write_text(
        "ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL}\n"
    )
    for name in ("plugin.config", "hosting.config", "volume.config", "cache.config"):
        (settings_folder / name).touch()
    for name, text in settings.files.items():
        (settings_folder / name).write_text(text)
    hand_over(folder, USER)
    command = Command(
        [program("traffic_server"), f"--run-root={layout}"],
        port,
        folder,
        {"TS_RUNROOT": str(folder)},
    )
    with running(command) as cache:
        yield cache
