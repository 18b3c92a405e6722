"""Proof: the public test suite of HTTP caches (http-cache-tests), judged from outside.

The suite's scripted server is the origin, the cache stands in front of it, the suite's client asks
the cache. Prints what passed by group, and each test that did not with the suite's reason. A test
that depends on one that failed is not judged.

Not all of it can be passed. Tests of partial content send 5 bytes under
`Content-Range: bytes 4-9/10`, and a cache that believed them would pass on wrong bytes. The version
that can be had as a package is from before RFC 9111: what it requires of Age against that is told
apart as `outdated`, and does not count. Its tests of Surrogate-Control are run as tests of
CDN-Cache-Control (RFC 9213).

Needs Node.js, and npm for the suite; its dependency on npm itself is replaced by something small.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from loadtest.peers.catalogue import OURS, PEERS
from loadtest.peers.process import program, stop

FOLDER: Final = Path(__file__).parent / "conformance"
SUITE: Final = FOLDER / "node_modules" / "http-cache-tests"
RESULTS: Final = Path("benchmarks/results")
KINDS: Final = ("required", "optimal", "check")
# RFC 9111 section 5.1: an Age that is none is ignored, and of a list the first member counts.
OUTDATED: Final = frozenset(
    {
        "age-parse-nonnumeric",
        "age-parse-negative",
        "age-parse-float",
        "age-parse-prefix-twoline",
        "age-parse-dup-0",
        "age-parse-dup-0-twoline",
        "age-parse-parameter",
        "age-parse-numeric-parameter",
    }
)
# How many our edge may fail or leave unjudged, of those that count.
REQUIRED_LEFT_MAX: Final = 8
OPTIMAL_LEFT_MAX: Final = 19

_UNCOUNTED: Final = frozenset({"outdated", "not run"})
_SETTLED: Final = _UNCOUNTED | {"pass"}
_RUN_S_MAX: Final = 600.0
_START_S_MAX: Final = 20.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a test."""

    id: str
    group: str
    kind: str
    verdict: str
    message: str


def main() -> int:
    """Run the suite; 0 if our edge passes what it has to, or whatever a peer does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=[*PEERS], default=OURS)
    parser.add_argument("--json", type=Path, help="where to keep the verdicts")
    arguments = parser.parse_args()
    verdicts = judge(arguments.peer)
    print_groups(verdicts)
    print_failures(verdicts)
    path = arguments.json or RESULTS / f"conformance-{arguments.peer}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in verdicts], indent=1) + "\n")
    print(f"{arguments.peer}: {summary(verdicts)}; verdicts in {path}")
    left = Counter(one.kind for one in verdicts if one.verdict not in _SETTLED)
    is_enough = left["required"] <= REQUIRED_LEFT_MAX and left["optimal"] <= OPTIMAL_LEFT_MAX
    return 0 if is_enough or arguments.peer != OURS else 1


def judge(name: str) -> list[Verdict]:
    """Run the suite against a cache.

    Raises:
        CacheFailedError: the cache or Node.js is missing or does not start.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peer-")))
        server = stack.enter_context(running_server(folder))
        work = folder / "cache"
        work.mkdir()
        cache = stack.enter_context(PEERS[name].start(work, server))
        done = subprocess.run(
            [program("node"), "--no-warnings", "run.mjs", cache.url],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=False,
            timeout=_RUN_S_MAX,
        )
    if done.returncode:
        raise SystemExit(f"the suite failed: {done.stderr[-800:]}")
    verdicts = (Verdict(**one) for one in json.loads(done.stdout.splitlines()[-1]))
    return [replace(one, verdict="outdated") if one.id in OUTDATED else one for one in verdicts]


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """The suite's origin; yields its URL."""
    log = folder / "server.log"
    variables = {"protocol": "http", "port": "0", "pidfile": str(folder / "server.pid")}
    with log.open("w") as stdout:
        process = subprocess.Popen(
            [program("node"), "--no-warnings", "server/server.mjs"],
            cwd=SUITE,
            env={
                **os.environ,
                **{f"npm_config_{name}": value for name, value in variables.items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stdout,
            start_new_session=True,
        )
    try:
        yield _wait_for_url(process, log)
    finally:
        stop(process)


def _wait_for_url(process: subprocess.Popen[bytes], log: Path) -> str:
    ends_s = time.monotonic() + _START_S_MAX
    while time.monotonic() < ends_s and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("Listening on "):
                return f"http://127.0.0.1:{line.rstrip('/').rpartition(':')[2]}"
        time.sleep(0.05)
    raise SystemExit(f"the suite's server does not start: {log.read_text()[-800:]}")


def summary(verdicts: list[Verdict]) -> str:
    """What passed of each kind, of how many."""
    return ", ".join(
        f"{kind} {sum(one.verdict == 'pass' for one in verdicts if one.kind == kind)}"
        f" of {sum(one.kind == kind and one.verdict not in _UNCOUNTED for one in verdicts)}"
        for kind in KINDS
    )


def print_groups(verdicts: list[Verdict]) -> None:
    """Passed and failed of each kind by group; `not judged` are those that depend on a failure."""
    table = Table("group", *KINDS, "not judged")
    for group in dict.fromkeys(one.group for one in verdicts):
        ours = [one for one in verdicts if one.group == group]
        cells = []
        for kind in KINDS:
            found = Counter(one.verdict for one in ours if one.kind == kind)
            judged = found["pass"] + found["fail"]
            cells.append(f"{found['pass']}/{found['fail']}" if judged else "-")
        unjudged = sum(one.verdict not in _SETTLED | {"fail"} for one in ours)
        table.add_row(group, *cells, str(unjudged or ""))
    Console().print(table)


def print_failures(verdicts: list[Verdict]) -> None:
    """Each test that did not pass, the required ones first."""
    for kind in KINDS:
        for one in verdicts:
            if one.kind == kind and one.verdict not in _SETTLED:
                print(f"{kind:8} {one.verdict:10} {one.group}: {one.id}: {one.message}")


if __name__ == "__main__":
    sys.exit(main())
