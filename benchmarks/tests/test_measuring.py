"""The smallest run there is: our edge, one shape, wrk for a second."""

import pytest

from benchmarks.hits.contestants import OURS, GroupName
from benchmarks.hits.measuring import Effort
from benchmarks.hits.report import aim_rows, cost_rows
from benchmarks.hits.running import measure_group
from loadtest.peers.process import find_program


@pytest.mark.slow
@pytest.mark.socket
@pytest.mark.skipif(find_program("wrk") is None, reason="wrk is not installed")
def test_a_hit_of_ours_is_measured():
    found = measure_group(
        GroupName.MEMORY, servers=[OURS], shapes=["4"], effort=Effort(rounds=1, seconds=1)
    )
    assert not found.failures
    (run,) = found.runs
    assert run.requests > 100
    assert 1 < run.cpu_us < 1e6 / run.requests * 2
    assert 0 < run.p50_us <= run.p99_us <= run.p999_us
    assert len(cost_rows(found.runs)) == 1
    assert {row[3] for row in aim_rows(found.runs)} == {"-"}  # There is nobody beside it.
