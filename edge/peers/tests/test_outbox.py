"""What somebody has missed is kept until he has it."""

from pathlib import Path

import pytest

from edge.peers.outbox import Outbox
from edge.purges import Purge

A, B = Purge(urls=("/a",)), Purge(tags=("b",), is_soft=True)


async def test_what_is_kept_outlives_a_crash(tmp_path: Path):
    outbox = Outbox(tmp_path, 0)
    kept = await outbox.add(A)
    await outbox.add(B)
    await outbox.remove(kept)
    again = Outbox(tmp_path, 0)
    await again.load(1)
    assert [one.purge for one in again.missed] == [B]
    assert not again.missed[0].is_being_told


async def test_the_first_worker_inherits_from_those_that_are_gone(tmp_path: Path):
    for number, purge in ((1, A), (3, B)):
        await Outbox(tmp_path, number).add(purge)
    first, second = Outbox(tmp_path, 0), Outbox(tmp_path, 1)
    await first.load(2)
    await second.load(2)
    assert [one.purge for one in first.missed] == [B]
    assert [one.purge for one in second.missed] == [A]


async def test_any_worker_knows_what_all_of_the_node_keep(tmp_path: Path):
    mine, other = Outbox(tmp_path, 0), Outbox(tmp_path, 1)
    await mine.add(A)
    await other.add(B)
    assert await mine.of_node() == [A, B]


async def test_without_a_folder_it_is_kept_in_memory():
    outbox = Outbox(None, 0)
    await outbox.add(A)
    assert await outbox.of_node() == [A]


async def test_too_much_of_it_becomes_everything():
    outbox = Outbox(None, 0)
    for number in range(21):
        urls = tuple(f"/{number}/{index}" for index in range(1_000))
        (await outbox.add(Purge(urls=urls, is_soft=True))).is_being_told = False
    assert [one.purge for one in outbox.missed] == [Purge(is_all=True, is_soft=True)]
    (await outbox.add(A)).is_being_told = False
    assert sum(one.purge.entries for one in outbox.missed) == 2


async def test_a_damaged_file_counts_as_everything(tmp_path: Path):
    await Outbox(tmp_path, 0).add(A)
    path = tmp_path / "missed-purges-0"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    outbox = Outbox(tmp_path, 1)
    assert await outbox.of_node() == [Purge(is_all=True, is_soft=True)]


async def test_a_file_that_cannot_be_read_counts_as_everything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "missed-purges-0").mkdir()
    assert await Outbox(tmp_path, 1).of_node() == [Purge(is_all=True, is_soft=True)]
    assert "a file of missed purges cannot be used" in caplog.messages


async def test_what_comes_one_by_one_is_told_together():
    outbox = Outbox(None, 0)
    for number in range(150):
        await outbox.defer([f"/{number}"], {"b": "away"})
    await outbox.defer(["/of-c"], {"c": "away"})
    assert [len(one.purge.urls) for one in outbox.missed] == [100, 50, 1]
    outbox.missed[1].is_being_told = True
    await outbox.defer(["/later"], {"b": "away"})
    assert outbox.missed[-1].purge == Purge(urls=("/later",))
