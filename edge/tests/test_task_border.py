import asyncio
import logging

import pytest

from edge.errors import EdgeError, UpstreamError
from edge.metrics import EdgeCounts
from edge.task_border import task_border

Told = list[EdgeError | None]


def end_with(error: BaseException) -> None:
    raise error


@pytest.fixture
def told() -> Told:
    return []


def test_work_that_ends_well_is_told_as_such(told: Told):
    with task_border(told.append, work="a fill", counts=EdgeCounts()):
        pass
    assert told == [None]


def test_an_error_of_the_edge_is_counted_and_told(told: Told):
    error, counts = UpstreamError("it hangs"), EdgeCounts()
    with task_border(told.append, work="a fill", counts=counts):
        end_with(error)
    assert told == [error]
    assert counts.upstream_errors == {error.reason: 1}


def test_a_fault_of_ours_is_logged_and_told_without_its_detail(
    told: Told, caplog: pytest.LogCaptureFixture
):
    with task_border(told.append, work="a fill", counts=EdgeCounts()):
        end_with(ZeroDivisionError("a detail"))
    (error,) = told
    assert str(error) == "a fill failed"
    (record,) = caplog.records
    assert (record.levelno, record.exc_info is not None) == (logging.ERROR, True)


def test_a_cancelled_task_tells_and_stays_cancelled(told: Told):
    with (
        pytest.raises(asyncio.CancelledError),
        task_border(told.append, work="a fill", counts=EdgeCounts()),
    ):
        end_with(asyncio.CancelledError())
    assert isinstance(told[0], UpstreamError)
