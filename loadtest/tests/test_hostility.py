"""Our edge before hostile origins and hostile listeners."""

import asyncio

import pytest

from loadtest.behaviours.content import is_content
from loadtest.behaviours.hostile_listener import HOSTILITIES
from loadtest.behaviours.hostile_origin import RANGE, SCENARIOS, judge_scenario
from loadtest.behaviours.listener import NO_FIELDS
from loadtest.behaviours.running import judge_hostility
from loadtest.behaviours.stage import Finding, Stage
from loadtest.verify_cache import open_killable

pytestmark = [pytest.mark.socket, pytest.mark.slow]


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return asyncio.run(judge_hostility(patience=3.0))


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_wrong_byte_of_an_origin_that(findings: dict[str, Finding], name: str):
    assert not findings[name].failures, findings[name].cell


@pytest.mark.parametrize("name", HOSTILITIES)
def test_bounds_hold_against(findings: dict[str, Finding], name: str):
    assert not findings[name].failures[:3], findings[name].cell


async def test_nothing_wrong_of_hostile_origins_is_on_disk():
    async with open_killable() as (origin, edge):
        await edge.settle()
        stage = Stage(origin, edge.running, patience=3.0)
        for name in SCENARIOS:
            found = await judge_scenario(stage, name)
            assert not found.failures, found.cell
        await edge.settle()
        edge.kill()
        await asyncio.to_thread(edge.start)
        stage.cache, asked = edge.running, len(origin.seen)
        for path, resource in origin.resources.items():
            for fields in (RANGE, NO_FIELDS):
                answer = await stage.ask(path, fields)
                start, stop = (300_000, 400_000) if fields else (0, resource.length)
                assert answer.is_whole, path
                assert len(answer.body) == stop - start, path
                assert is_content(answer.body, path, resource.version, start=start), path
        assert len(origin.seen) - asked < len(SCENARIOS)  # Most of it came from the disk.
