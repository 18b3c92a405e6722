from pathlib import Path

import pytest

from edge.settings import EdgeSettings
from edge.slot import Slot
from edge.worker_share import share_of

NODE = EdgeSettings.model_validate(
    {
        "cache": {
            "memory_bytes": 100 << 20,
            "disk": {"folders": [{"path": "/a", "bytes_max": 90 << 20}], "reads_max": 10},
        },
        "limits": {"fills_max": 7, "upstream_connections_max": 9, "connections_max": 11},
    }
)


def test_a_lone_worker_has_all_of_it():
    assert share_of(NODE, Slot(0, 1, Path("/run"))) == NODE


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_shares_make_up_the_whole(count: int):
    shares = [share_of(NODE, Slot(number, count, Path("/run"))) for number in range(count)]
    memory = sum(share.cache.memory_bytes for share in shares)
    assert (100 << 20) - count < memory <= 100 << 20
    folders = [share.cache.disk.folders[0] for share in shares]
    assert len({folder.path for folder in folders}) == count
    assert {folder.path.parent for folder in folders} == {Path("/a")}
    assert sum(folder.bytes_max for folder in folders) <= 90 << 20
    for limit, whole in (
        ("fills_max", 7),
        ("upstream_connections_max", 9),
        ("connections_max", 11),
    ):
        assert whole <= sum(getattr(share.limits, limit) for share in shares) < whole + count


def test_what_each_worker_has_to_know_is_not_divided():
    share = share_of(NODE, Slot(0, 2, Path("/run")))
    assert share.cache.purge_entries_max == NODE.cache.purge_entries_max
    assert share.tokens == NODE.tokens


def test_no_share_is_nothing():
    share = share_of(NODE, Slot(0, 500, Path("/run")))
    again = EdgeSettings.model_validate(share.model_dump())
    assert again.cache.memory_bytes == 1 << 20
    assert again.limits.fills_max == 1
