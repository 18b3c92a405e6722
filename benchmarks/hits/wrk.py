"""wrk: the load, and what it counted."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loadtest.peers.process import program

CONNECTIONS: Final = 32
_MARK: Final = "counted "

# Requests are laid out before it starts; one is picked at random each time.
_SCRIPT: Final = """
local requests = dofile("{requests}")
local count = #requests
local random = math.random
request = function() return requests[random(count)] end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{mark}{{"requests":%d,"bytes":%d,"duration_us":%d,"errors":%d,'
    .. '"p50_us":%d,"p99_us":%d,"p999_us":%d}}\\n',
    summary.requests, summary.bytes, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
"""


class LoadFailedError(Exception):
    """wrk did not run, or did not get what it asked for."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What wrk saw.

    Attributes:
        requests: that were answered.
        received_bytes: heads and contents.
        duration_us: of the run.
        p50_us: median of the times to the last byte.
        p99_us: their 99th percentile.
        p999_us: their 99.9th percentile.
    """

    requests: int
    received_bytes: int
    duration_us: int
    p50_us: int
    p99_us: int
    p999_us: int


def write_script(folder: Path, name: str, requests: Sequence[str]) -> Path:
    """Write the script that sends `requests`, each the whole head as it goes over the wire."""
    table = folder / f"{name}.requests.lua"
    lines = ",\n".join(json.dumps(one) for one in requests)
    table.write_text(f"return {{\n{lines}\n}}\n")
    script = folder / f"{name}.lua"
    script.write_text(_SCRIPT.format(requests=table, mark=_MARK))
    return script


def run_wrk(url: str, script: Path, *, seconds: int, cores: Sequence[int]) -> Counted:
    """Ask for `seconds`.

    Raises:
        LoadFailedError: it failed, or an answer was an error.
    """
    command = ["taskset", "-c", ",".join(str(core) for core in cores), program("wrk")]
    command += ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadFailedError(f"wrk ended with {done.returncode}: {done.stderr[-400:]}")
    return parse_counted(done.stdout)


def parse_counted(text: str) -> Counted:
    """Read the line that the script wrote.

    Raises:
        LoadFailedError: there is none, or it tells of errors.
    """
    lines = [line for line in text.splitlines() if line.startswith(_MARK)]
    if len(lines) != 1:
        raise LoadFailedError(f"wrk said {text[-400:]!r}")
    figures: dict[str, Any] = json.loads(lines[0].removeprefix(_MARK))
    if figures.pop("errors") or not figures["requests"]:
        raise LoadFailedError(f"not all that wrk asked for was answered: {text[-400:]!r}")
    figures["received_bytes"] = figures.pop("bytes")
    return Counted(**figures)
