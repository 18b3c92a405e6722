"""The disk tier as its users see it: what was written is read, over a restart, within its quota."""

import asyncio
import random
from pathlib import Path

import pytest

from edge.disk.disk_index import BLOCK_BYTES
from edge.disk.disk_tier import WOULD_BLOCK, Entry, Kind
from edge.disk.errors import DiskFolderInUseError
from edge.disk.metrics import disk_metrics
from edge.disk.tests.running import (
    content_of,
    files_in,
    id_of,
    identity_of,
    read,
    running_tier,
    settings_of,
    until,
    write,
    written,
)
from edge.purges import Purge, Purges


async def test_what_was_written_is_read_over_a_restart(tmp_path: Path):
    settings = settings_of(tmp_path / "a")
    async with running_tier(settings) as tier:
        assert not tier.has(id_of(1))
        assert await read(tier, 1) is None
        await written(tier, *range(50))
        assert await read(tier, 7) == Entry(0, bytearray(content_of(7)))
    async with running_tier(settings) as tier:
        assert tier.entries == 50
        assert tier.bytes == 50 * BLOCK_BYTES
        for number in range(50):
            assert tier.has(id_of(number))
            found = tier.read_at_once(id_of(number), identity_of(number))
            assert found is WOULD_BLOCK or found == Entry(0, bytearray(content_of(number)))
            assert await read(tier, number) == Entry(0, bytearray(content_of(number)))
        assert not tier.problems()
        assert set(tier.states().values()) == {"on"}


async def test_what_was_removed_does_not_come_back_after_a_stop(tmp_path: Path):
    settings = settings_of(tmp_path / "a")
    async with running_tier(settings) as tier:
        await written(tier, *range(50))
        for number in range(40):
            tier.remove(id_of(number))
    async with running_tier(settings) as tier:
        assert [number for number in range(50) if tier.has(id_of(number))] == [*range(40, 50)]


async def test_what_is_queued_is_read_already(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        assert write(tier, 1)
        found = tier.read_at_once(id_of(1), identity_of(1))
        assert found == Entry(0, bytearray(content_of(1)))
        assert tier.has(id_of(1))
        tier.remove(id_of(1))
        assert tier.read_at_once(id_of(1), identity_of(1)) is None
        await until(lambda: tier.queued_bytes == 0)
        assert await read(tier, 1) is None
        await until(lambda: not files_in(tmp_path / "a"))


async def test_every_reader_has_a_buffer_of_its_own(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1)
        entries = await asyncio.gather(*(read(tier, 1) for _ in range(5)))
        for entry in entries:
            assert entry is not None
            assert bytes(entry.content) == content_of(1)
            entry.content[:] = b"x" * 1000


async def test_a_record_is_replaced_by_a_newer_one(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        for size in (100, 5000, 100, 100, 9000):
            assert write(tier, 1, size=size, kind=Kind.RECORD)
            found = await read(tier, 1)
            assert found is not None
            assert bytes(found.content) == content_of(1, size)
            if size != 5000:
                await until(lambda: tier.queued_bytes == 0)
            found = await read(tier, 1)
            assert found is not None
            assert len(found.content) == size
        assert len(files_in(tmp_path / "a")) == 1
        assert tier.entries == 1


async def test_another_identity_under_one_id_is_a_miss(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        assert write(tier, 1)
        for _ in range(2):
            assert await tier.read(id_of(1), b"another") is None
            await until(lambda: tier.queued_bytes == 0)
        assert tier.counts.collisions == 2
        assert await read(tier, 1) is not None


async def test_the_quota_holds_and_the_least_recently_used_go(tmp_path: Path):
    quota = 256 * BLOCK_BYTES
    async with running_tier(settings_of(tmp_path / "a", bytes_max=quota)) as tier:
        for number in range(300):
            await written(tier, number)
            assert await read(tier, 0) is not None
            assert tier.bytes <= quota
        assert len(files_in(tmp_path / "a")) == tier.entries == 256
        assert tier.counts.evicted == 44
        assert await read(tier, 44) is None
        assert await read(tier, 45) is not None


async def test_a_restart_keeps_the_order_of_use(tmp_path: Path):
    quota = 256 * BLOCK_BYTES
    settings = settings_of(tmp_path / "a", bytes_max=quota)
    order = list(range(256))
    async with running_tier(settings) as tier:
        await written(tier, *order)
        random.Random(1).shuffle(order)
        for number in order:
            assert await read(tier, number) is not None
    async with running_tier(settings) as tier:
        for place, number in enumerate(order):
            await written(tier, 1000 + place)
            assert not tier.has(id_of(number))
            assert tier.entries == 256


async def test_what_is_newer_than_the_snapshot_is_kept_longest(tmp_path: Path):
    settings = settings_of(tmp_path / "a", bytes_max=256 * BLOCK_BYTES)
    async with running_tier(settings) as tier:
        await written(tier, *range(100))
    snapshot = (tmp_path / "a" / "index").read_bytes()
    async with running_tier(settings) as tier:
        await written(tier, *range(100, 256))
    (tmp_path / "a" / "index").write_bytes(snapshot)
    async with running_tier(settings) as tier:
        await written(tier, *range(300, 400))
        assert not any(tier.has(id_of(number)) for number in range(100))
        assert all(tier.has(id_of(number)) for number in range(100, 256))


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
async def test_without_a_snapshot_nothing_is_lost(tmp_path: Path, damage: bytes | None):
    settings = settings_of(tmp_path / "a")
    async with running_tier(settings) as tier:
        await written(tier, *range(20))
    path = tmp_path / "a" / "index"
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    async with running_tier(settings) as tier:
        assert tier.entries == 20


async def test_a_smaller_quota_is_kept_to_after_a_restart(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, *range(300))
    async with running_tier(settings_of(tmp_path / "a", bytes_max=1 << 20)) as tier:
        assert tier.entries == 256
        assert not tier.has(id_of(43))
        await until(lambda: len(files_in(tmp_path / "a")) == 256)


async def test_an_entry_above_the_quota_is_not_written(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a", bytes_max=1 << 20)) as tier:
        await written(tier, 1)
        assert not write(tier, 2, size=1 << 20)
        assert not write(tier, 1, size=1 << 20)
        assert tier.counts.dropped["size"] == 2
        assert not tier.has(id_of(1))
        await until(lambda: not files_in(tmp_path / "a"))


async def test_the_queue_is_bounded(tmp_path: Path):
    settings = settings_of(tmp_path / "a", queue_bytes_max=1 << 20, is_durable=True)
    async with running_tier(settings) as tier:
        taken = 0
        for number in range(40):
            taken += write(tier, number, size=100_000)
            assert tier.queued_bytes <= 1 << 20
        assert taken == 10
        assert tier.counts.dropped["queue"] == 30
        await until(lambda: tier.queued_bytes == 0)
        assert tier.entries == tier.counts.written == 10


async def test_a_record_that_cannot_be_queued_takes_the_older_one_with_it(tmp_path: Path):
    settings = settings_of(tmp_path / "a", queue_bytes_max=1 << 20, is_durable=True)
    async with running_tier(settings) as tier:
        assert write(tier, 1, kind=Kind.RECORD)
        await until(lambda: tier.queued_bytes == 0)
        while write(tier, 2, size=500_000):
            pass
        assert not write(tier, 1, size=600_000, kind=Kind.RECORD)
        assert not tier.has(id_of(1))
        assert await read(tier, 1) is None


async def test_entries_are_spread_over_folders_and_found_again(tmp_path: Path):
    paths = [tmp_path / name for name in "abc"]
    async with running_tier(settings_of(*paths)) as tier:
        await written(tier, *range(300))
        counts = [len(files_in(path)) for path in paths]
        assert sum(counts) == 300
        assert min(counts) > 50
    async with running_tier(settings_of(*reversed(paths))) as tier:
        assert all(tier.has(id_of(number)) for number in range(300))


async def test_a_folder_can_be_used_by_one_process_only(tmp_path: Path):
    settings = settings_of(tmp_path / "a")
    async with running_tier(settings):
        with pytest.raises(DiskFolderInUseError, match=str(tmp_path / "a")):
            async with running_tier(settings):
                pass
    async with running_tier(settings):
        pass


async def test_without_folders_there_is_nothing(tmp_path: Path):
    async with running_tier(settings_of()) as tier:
        assert not write(tier, 1)
        assert not tier.has(id_of(1))
        assert await read(tier, 1) is None
        assert tier.read_at_once(id_of(1), identity_of(1)) is None
        tier.remove(id_of(1))
        assert await tier.purge_log.purge(Purge(is_all=True)) == 1
        assert (tier.bytes, tier.entries, tier.queued_bytes) == (0, 0, 0)


async def test_nobody_else_may_look_into_it(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1)
    (file,) = files_in(tmp_path / "a")
    assert file.stat().st_mode & 0o777 == 0o600
    folders = [tmp_path / "a", tmp_path / "a" / "v1", file.parent]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert "track" not in str(file.relative_to(tmp_path))


async def test_a_number_from_the_future_is_not_trusted(tmp_path: Path):
    settings = settings_of(tmp_path / "a")
    purges = Purges(entries_max=10)
    async with running_tier(settings, purges=purges) as tier:
        assert tier.write(id_of(1), identity_of(1), b"content", sequence=1, kind=Kind.SLICE)
        await until(lambda: tier.queued_bytes == 0)
        assert tier.read_at_once(id_of(1), identity_of(1)) is None
        assert tier.counts.damaged == 1


async def test_its_metrics_tell_what_it_did(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1)
        await read(tier, 1)
        await read(tier, 2)
        tier.counts.dropped["queue"] += 1
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in disk_metrics(tier)
            for sample in family.samples
        }
    assert samples["edge_disk_entries",] == 1
    assert samples["edge_disk_bytes",] == BLOCK_BYTES
    assert samples["edge_disk_reads_total", "hit"] == 1
    assert samples["edge_disk_reads_total", "miss"] == 1
    assert samples["edge_disk_writes_total",] == 1
    assert samples["edge_disk_dropped_total", "queue"] == 1
    assert samples["edge_disk_folders", "on"] == 1
    assert samples["edge_disk_folders", "off"] == 0
