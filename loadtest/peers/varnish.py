"""Varnish, with no freshness of its own making: it stores what the origin says."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from config.tests.free_ports import free_port
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


def plain(folder: Path, origin_url: str) -> contextlib.AbstractContextManager[RunningCache]:
    """Run it as it comes."""
    return running_varnish(folder, origin_url)


@contextlib.contextmanager
def running_varnish(
    folder: Path, origin_url: str, *, memory: str = "1g", parameters: Sequence[str] = ()
) -> Iterator[RunningCache]:
    """Run it until the block is left.

    Raises:
        CacheFailedError: it did not start.
    """
    port = free_port()
    host, _, origin_port = origin_url.removeprefix("http://").partition(":")
    file = folder / "default.vcl"
    file.write_text(_VCL.format(host=host, port=origin_port, deadline=HEAD_DEADLINE_S))
    arguments = [program("varnishd"), "-F", "-n", str(folder / "work"), "-f", str(file)]
    arguments += ["-a", f"127.0.0.1:{port}", "-T", "none", "-j", "none", "-s", f"malloc,{memory}"]
    for parameter in (*_PARAMETERS, *parameters):
        arguments += ["-p", parameter]
    with running(Command(arguments, port, folder)) as cache:
        yield cache
