"""Lag of a loop and pauses for garbage, as they are told."""

import asyncio
import gc
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from config.loop_watch import watched_loop


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=False)


def told(registry: CollectorRegistry, name: str) -> float:
    text = generate_latest(registry).decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1])


async def hold_loop() -> None:
    """Hold it for longer than two periods, then let what is due go off, once."""
    time.sleep(0.25)  # noqa: ASYNC251 - which is what it is about
    for _ in range(2):
        await asyncio.sleep(0)


async def test_what_holds_the_loop_is_told_once(registry: CollectorRegistry):
    with watched_loop(registry):
        await hold_loop()
        assert told(registry, 'event_loop_lag_seconds_bucket{le="+Inf"}') == 1
        assert told(registry, 'event_loop_lag_seconds_bucket{le="0.1"}') == 0
        assert told(registry, "event_loop_lag_seconds_sum") >= 0.14


async def test_the_longest_is_told_once(registry: CollectorRegistry):
    with watched_loop(registry):
        await hold_loop()
        assert told(registry, "event_loop_lag_max_seconds") >= 0.14
        assert told(registry, "event_loop_lag_max_seconds") == 0


async def test_a_loop_that_is_free_is_in_time(registry: CollectorRegistry):
    clock = asyncio.get_running_loop().time
    begun_s = clock()
    with watched_loop(registry):
        async with asyncio.timeout(20):
            while (count := told(registry, "event_loop_lag_seconds_count")) < 3:  # noqa: ASYNC110 - it is time
                await asyncio.sleep(0.05)
        # What was not waited for was late, however busy the machine is.
        late_s_max = clock() - begun_s - 0.1 * count
        assert told(registry, "event_loop_lag_seconds_sum") <= late_s_max + 0.001


@pytest.fixture
def no_collections() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collections")
async def test_pauses_for_garbage_are_told(registry: CollectorRegistry):
    with watched_loop(registry):
        gc.collect(2)
        gc.collect(0)
        gc.collect(0)
        text = generate_latest(registry).decode()
        assert told(registry, "python_gc_pause_max_seconds") == 0
    pauses = dict(re.findall(r'python_gc_pause_seconds_total\{generation="(.)"\} (\S+)', text))
    counts = dict(re.findall(r'python_gc_collections_total\{generation="(.)"\} (\S+)', text))
    assert counts == {"0": "2.0", "1": "0.0", "2": "1.0"}
    assert float(pauses["2"]) > 0
    assert float(pauses["1"]) == 0
    assert "python_gc_pause_max_seconds 0.0\n" not in text


async def test_nothing_is_left_of_it(registry: CollectorRegistry):
    before = list(gc.callbacks)
    with watched_loop(registry):
        assert gc.callbacks != before
    assert gc.callbacks == before
    assert generate_latest(registry) == b""


def test_what_is_there_at_the_start_is_passed_over():
    program = (
        "import gc\n"
        "from config.loop_watch import settle_collector\n"
        "settle_collector()\n"
        "assert gc.get_freeze_count() > 10_000\n"
        "assert gc.get_threshold()[0] > 700\n"
        "one = []\n"
        "one.append(one)\n"
        "del one\n"
        "assert gc.collect() == 1\n"  # Cycles of later still go.
    )
    subprocess.run([sys.executable, "-c", program], check=True)
