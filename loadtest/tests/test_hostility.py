"""Our edge before hostile origins and hostile listeners."""

import asyncio

import pytest

from loadtest.behaviours.hostile_listener import HOSTILITIES
from loadtest.behaviours.hostile_origin import SCENARIOS
from loadtest.behaviours.running import judge_hostility
from loadtest.behaviours.stage import Finding

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
