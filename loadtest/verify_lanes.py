"""Proof: whoever asks an edge cannot tell its fast lane from its ordinary road.

Two edges, one with the fast lane and one without, are sent the same requests: plain and hostile
ones, mutated, cut anywhere, many in one piece. Every answer is compared byte for byte but for what
is drawn by lot or takes its time, and so is all that their origins are asked, what they count, and
what they note in their access logs. What is sent follows from a seed.
"""

import argparse
import multiprocessing
import os
import secrets
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from typing import Final

import uvloop

from edge.compiled import is_compiled
from loadtest.lanes.rounds import Report, play_round

REQUESTS: Final = 1_000_000
REQUESTS_PER_ROUND: Final = 5_000
_TELL_EVERY_S: Final = 20.0
# A piece of content says little, and there may be much of it.
_CHARACTERS_MAX: Final = 20_000


def main() -> int:
    """Play rounds in several processes until there are enough; 1 if something differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=REQUESTS, help="how many to send")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**9), help="of the first round"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="at once")
    asked = parser.parse_args()
    runs = "compiled" if is_compiled() else "run by the interpreter"
    print(
        f"seed {asked.seed}, {asked.requests} requests in {asked.processes} processes, "
        f"the edge is {runs}",
        flush=True,
    )
    return _play(asked.seed, asked.requests, asked.processes)


def _play(seed: int, requests: int, processes: int) -> int:
    started_s = told_s = time.monotonic()
    total = Report()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        seeds = iter(range(seed, sys.maxsize))
        running = {pool.submit(_round, one): one for one, _ in zip(seeds, range(processes))}  # noqa: B905
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                round_seed = running.pop(future)
                report = future.result()
                total.requests += report.requests
                total.on_lane += report.on_lane
                _tell_differences(round_seed, report)
                total.differences += report.differences
                if total.requests < requests and not total.differences:
                    next_seed = next(seeds)
                    running[pool.submit(_round, next_seed)] = next_seed
            now_s = time.monotonic()
            if now_s - told_s > _TELL_EVERY_S or not running:
                told_s = now_s
                _tell(total, now_s - started_s)
    return 1 if total.differences else 0


def _round(seed: int) -> Report:
    return uvloop.run(play_round(seed, REQUESTS_PER_ROUND, is_shrunk=True))


def _tell(total: Report, took_s: float) -> None:
    print(
        f"{took_s:6.0f} s: {total.requests} requests answered on each road, {total.on_lane} of"
        f" them on the fast lane, {len(total.differences)} differences",
        flush=True,
    )


def _tell_differences(seed: int, report: Report) -> None:
    for told in report.differences:
        print(f"--- seed {seed}: {told[:_CHARACTERS_MAX]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
