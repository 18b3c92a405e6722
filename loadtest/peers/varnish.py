"""Varnish, with no freshness of its own making: it stores what the origin says."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from loadtest.cluster import free_port
from loadtest.peers.process import HEAD_DEADLINE_S, Command, RunningCache, program, running

_VCL: Final = """vcl 4.1;
backend default {{
    .host = "{host}"; .port = "{port}";
    .connect_timeout = {deadline}s; .first_byte_timeout = {deadline}s;
    .between_bytes_timeout = {deadline}s;
}}
"""
# Without these it would store answers that have neither freshness nor validator.
_PARAMETERS: Final = ("default_ttl=0", "default_grace=0", "default_keep=3600")


@contextlib.contextmanager
def plain(folder: Path, origin_url: str) -> Iterator[RunningCache]:
    """Run it until the block is left."""
    port = free_port()
    host, _, origin_port = origin_url.removeprefix("http://").partition(":")
    file = folder / "default.vcl"
    file.write_text(_VCL.format(host=host, port=origin_port, deadline=HEAD_DEADLINE_S))
    arguments = [program("varnishd"), "-F", "-n", str(folder / "work"), "-f", str(file)]
    arguments += ["-a", f"127.0.0.1:{port}", "-T", "none", "-j", "none", "-s", "malloc,1g"]
    for parameter in _PARAMETERS:
        arguments += ["-p", parameter]
    with running(Command(arguments, port, folder)) as cache:
        yield cache
