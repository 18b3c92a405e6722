from pathlib import Path

import pytest

from edge.slot import Slot


def test_each_worker_has_a_path_of_its_own():
    slot = Slot(1, 3, Path("/run/edge"))
    assert len({slot.peer_path(number) for number in range(3)}) == 3


def test_there_is_no_worker_beyond_the_last():
    with pytest.raises(AssertionError):
        Slot(3, 3, Path("/run/edge"))
