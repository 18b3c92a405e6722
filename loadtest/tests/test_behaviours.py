"""Our edge in front of any origin, judged by what a good cache in front of music shows."""

import asyncio

import pytest

from loadtest.behaviours.cases import BEHAVIOURS
from loadtest.behaviours.running import judge_at_once
from loadtest.behaviours.stage import Finding
from loadtest.peers.catalogue import OURS, PEERS

pytestmark = [pytest.mark.socket, pytest.mark.slow]

# Where tests run, other things run too. What waits by polling or for the whole is far slower.
PATIENCE = 5.0


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return asyncio.run(judge_at_once(PEERS[OURS], patience=PATIENCE))


@pytest.mark.parametrize("case", BEHAVIOURS)
def test_the_edge_behaves_as_is_ideal(findings: dict[str, Finding], case: str):
    found = findings[case]
    assert not found.failures, f"{found.cell}: {found.figures}"
