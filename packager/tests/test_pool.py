import asyncio
import contextlib
import os
import resource
import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from packager import errors
from packager.content_key import ContentKey
from packager.cover_facts import cover_file_name
from packager.identity import CpuClass
from packager.jobs import MasterFacts, OnProgress, PackagingOrder
from packager.pool import PackagingPool, open_pool
from packager.priority import Priority
from packager.renditions import PROFILES
from packager.tests.masters import (
    cut,
    flipped,
    inflating_tag,
    music,
    saved,
    sound_file,
    wav_header,
)
from packager.tests.pictures import png, quarters

MEMORY = 400 << 20
KEY = ContentKey(uuid.UUID(int=11), b"fifteen and one.")


@pytest.fixture
async def pool() -> AsyncIterator[PackagingPool]:
    async with open_pool(workers=1, memory_bytes_max=MEMORY) as opened:
        yield opened


async def inspect(
    pool: PackagingPool,
    master: Path,
    *,
    on_progress: OnProgress | None = None,
    priority: Priority = Priority.INGEST,
) -> MasterFacts:
    inspection = await pool.inspect(
        master, edges=master.parent, on_progress=on_progress, priority=priority
    )
    return inspection.facts


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def data_bytes_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (in_use,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmData"))
    return int(in_use) << 10


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def arguments_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_every_rendition_is_the_same_in_another_worker(tmp_path: Path):
    master = saved(tmp_path, sound_file(music(50_000), subtype="FLOAT"))
    outcomes = []
    for _ in range(2):
        async with open_pool(workers=1, memory_bytes_max=MEMORY) as pool:
            facts = await inspect(pool, master)
            renditions = [
                await pool.package(PackagingOrder(master, facts, name, "v1", KEY, tmp_path / name))
                for name in PROFILES
            ]
            files = [(tmp_path / name).read_bytes() for name in PROFILES]
            outcomes.append((pool.identity, facts, renditions, files))
    assert outcomes[0] == outcomes[1]


FLAC = sound_file(music(), form="FLAC")


BAD_MASTERS: list[tuple[bytes, type[errors.MasterError]]] = [
    (b"", errors.EmptyMasterError),
    (b"just a text\n" * 99, errors.NotAudioError),
    (cut(FLAC), errors.TornMasterError),
    (flipped(FLAC), errors.TornMasterError),
    (wav_header(channels=0), errors.ChannelCountError),
    (wav_header(channels=9, data=bytes(1800)), errors.ChannelCountError),
    (wav_header(rate=4000), errors.SampleRateError),
    (wav_header(data=b""), errors.NoSamplesError),
]


async def test_an_error_comes_out_as_what_it_is(pool: PackagingPool, tmp_path: Path):
    before = pool.worker_pids
    for data, kind in BAD_MASTERS:
        with pytest.raises(errors.MasterError) as raised:
            await inspect(pool, saved(tmp_path, data))
        assert type(raised.value) is kind
        assert pool.worker_pids == before
        for name in raised.value.fact_names:
            assert hasattr(raised.value, name)


async def test_a_killed_worker_fails_its_job_alone(pool: PackagingPool, tmp_path: Path):
    master = saved(tmp_path, sound_file(music(400_000)))
    first = pool.worker_pids[0]
    with pytest.raises(errors.WorkerDiedError, match="signal 9"):
        await inspect(pool, master, on_progress=lambda _: os.kill(first, signal.SIGKILL))
    assert not exists(first)
    assert (await inspect(pool, master)).samples == 400_000
    assert pool.worker_pids[0] != first


async def test_a_worker_that_died_idle_is_replaced(pool: PackagingPool, tmp_path: Path):
    master = saved(tmp_path, sound_file(music()))
    worker = pool.worker_pids[0]
    watch = os.pidfd_open(worker)
    os.kill(worker, signal.SIGKILL)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(watch, ended.set)
    async with asyncio.timeout(10):
        await ended.wait()
    asyncio.get_running_loop().remove_reader(watch)
    os.close(watch)
    try:
        facts = await inspect(pool, master)
    except errors.WorkerDiedError:  # The loop had not yet heard of it.
        facts = await inspect(pool, master)
    assert facts.samples == 20_000


async def test_a_cancelled_job_ends_its_worker_and_the_next_one_works(
    pool: PackagingPool, tmp_path: Path
):
    master = saved(tmp_path, sound_file(music(400_000)))
    first = pool.worker_pids[0]
    begun = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        job = group.create_task(inspect(pool, master, on_progress=lambda _: begun.set()))
        await begun.wait()
        job.cancel()
    assert job.cancelled()
    assert not exists(first)
    assert (await inspect(pool, master)).samples == 400_000


async def test_a_second_cancellation_does_not_lose_the_place_of_a_worker(
    pool: PackagingPool, tmp_path: Path
):
    master = saved(tmp_path, sound_file(music(400_000)))
    begun = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        job = group.create_task(inspect(pool, master, on_progress=lambda _: begun.set()))
        await begun.wait()
        job.cancel()
        await asyncio.sleep(0)
        job.cancel()
    assert job.cancelled()
    async with asyncio.timeout(50):
        assert (await inspect(pool, master)).samples == 400_000


async def test_an_exception_of_the_callback_comes_out_and_harms_no_later_job(
    pool: PackagingPool, tmp_path: Path
):
    master = saved(tmp_path, sound_file(music(100_000)))

    def fail(_: float) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError):
        await inspect(pool, master, on_progress=fail)
    assert (await inspect(pool, master)).samples == 100_000


async def test_a_job_that_needs_too_much_memory_fails_alone(pool: PackagingPool, tmp_path: Path):
    greedy = saved(tmp_path, sound_file(music(100_000, 8), subtype="DOUBLE"))
    process = pool.worker_pids[0]
    limit = data_bytes_of(process)
    resource.prlimit(process, resource.RLIMIT_DATA, (limit, limit))
    with pytest.raises(errors.WorkerDiedError, match="memory"):
        await inspect(pool, greedy)
    assert (await inspect(pool, greedy)).samples == 100_000


@pytest.mark.slow
async def test_half_an_hour_of_silence_in_few_bytes_takes_no_more_memory_than_a_minute(
    pool: PackagingPool, tmp_path: Path
):
    minute, half_hour = (
        saved(tmp_path, sound_file(np.zeros((count * 480_000, 1)), rate=8000, form="FLAC"), name)
        for count, name in ((1, "minute"), (30, "half an hour"))
    )
    assert half_hour.stat().st_size < 100_000
    await inspect(pool, minute)
    process = pool.worker_pids[0]
    limit = data_bytes_of(process) + (24 << 20)  # The samples alone would be twice that.
    resource.prlimit(process, resource.RLIMIT_DATA, (limit, limit))
    assert (await inspect(pool, half_hour)).samples == 30 * 480_000


@pytest.mark.parametrize("kind", ["TIT2", "APIC"])
async def test_tags_that_inflate_take_neither_the_memory_nor_the_time_of_others(
    pool: PackagingPool, tmp_path: Path, kind: str
):
    """Half a megabyte that grows to more than a worker may have: it is refused, not endured."""
    bomb = saved(tmp_path, inflating_tag(kind, MEMORY + (64 << 20)) + FLAC)
    first = pool.worker_pids[0]
    with pytest.raises(errors.WorkerDiedError, match="memory"):
        await pool.read_tags(bomb, timeout_s=50)  # Memory is what ends it, however busy we are.
    assert not exists(first)
    assert (await inspect(pool, saved(tmp_path, FLAC, "sound"))).samples == 20_000


async def test_tags_that_take_too_long_are_given_up(tmp_path: Path):
    # Texts are cut at each NUL, so there are as many as bytes.
    bomb = saved(tmp_path, inflating_tag("TIT2", 32 << 20) + FLAC)
    async with open_pool(workers=1, memory_bytes_max=4 << 30) as pool:
        first = pool.worker_pids[0]
        with pytest.raises(errors.WorkerTimeoutError):
            await pool.read_tags(bomb, timeout_s=0.2)
        assert not exists(first)
        assert await pool.read_tags(saved(tmp_path, FLAC, "sound")) == {}


async def test_a_cover_is_made_beside_the_event_loop(pool: PackagingPool, tmp_path: Path):
    master = saved(tmp_path, FLAC)
    assert (await pool.read_cover(master, tmp_path)).cover is None
    beside = saved(tmp_path, png(quarters(300, 200)), "cover.png")
    found = await pool.read_cover(master, tmp_path, beside=beside)
    assert found.cover is not None
    for size in found.cover.sizes:
        file = tmp_path / cover_file_name(found.cover.digest, size)
        assert file.stat().st_size == size.bytes


async def test_each_job_may_take_what_its_size_warrants(pool: PackagingPool, tmp_path: Path):
    small, large = saved(tmp_path, FLAC), tmp_path / "large"
    large.write_bytes(b"no audio")
    os.truncate(large, 50_000_000)
    for master, least_s in ((small, 180), (large, 680)):
        with contextlib.suppress(errors.MasterError):
            await inspect(pool, master)
        soft, hard = resource.prlimit(pool.worker_pids[0], resource.RLIMIT_CPU)
        assert least_s <= soft < least_s + 60
        assert hard == resource.RLIM_INFINITY
    soft, _ = resource.prlimit(pool.worker_pids[0], resource.RLIMIT_FSIZE)
    assert soft == 64 << 20


async def test_a_job_that_spins_is_ended_and_the_next_one_has_another_worker(
    pool: PackagingPool, tmp_path: Path
):
    master = saved(tmp_path, sound_file(music(1_000_000)))
    first = pool.worker_pids[0]
    # What the kernel does, without the wait for it.
    with pytest.raises(errors.WorkerTimeoutError, match="processor's time"):
        await inspect(pool, master, on_progress=lambda _: os.kill(first, signal.SIGXCPU))
    await inspect(pool, saved(tmp_path, FLAC, "sound"))
    assert first not in pool.worker_pids


async def test_jobs_wait_in_order_for_a_worker(pool: PackagingPool, tmp_path: Path):
    masters = [saved(tmp_path, sound_file(music(2000 + k)), str(k)) for k in range(4)]
    done: list[int] = []

    async def note(master: Path) -> None:
        done.append((await inspect(pool, master)).samples)

    async with asyncio.TaskGroup() as group:
        for master in masters:
            group.create_task(note(master))
    assert done == [2000, 2001, 2002, 2003]
    assert len(pool.worker_pids) == 1


async def test_a_queue_that_is_full_refuses_at_once(tmp_path: Path):
    master = saved(tmp_path, sound_file(music(200_000)))
    async with open_pool(workers=1, memory_bytes_max=MEMORY, waiting_max=1) as pool:
        begun = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            first = group.create_task(inspect(pool, master, on_progress=lambda _: begun.set()))
            await begun.wait()
            second = group.create_task(inspect(pool, master))
            await asyncio.sleep(0)
            with pytest.raises(errors.PoolBusyError):
                await inspect(pool, master)
        assert first.result() == second.result()


async def test_a_listener_is_served_beside_ingest_by_a_worker_more(
    pool: PackagingPool, tmp_path: Path
):
    master = saved(tmp_path, sound_file(music(400_000)))
    begun = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        bulk = group.create_task(inspect(pool, master, on_progress=lambda _: begun.set()))
        await begun.wait()
        os.kill(pool.worker_pids[0], signal.SIGSTOP)
        facts = await inspect(pool, master, priority=Priority.LISTENER)
        assert not bulk.done()
        assert len(pool.worker_pids) == 2
        os.kill(pool.worker_pids[0], signal.SIGCONT)
    assert bulk.result() == facts


async def test_waiters_are_served_by_priority_and_then_in_order(
    pool: PackagingPool, tmp_path: Path
):
    master = saved(tmp_path, sound_file(music(2000)))
    long = saved(tmp_path, sound_file(music(200_000)), "long")
    priorities = [Priority.INGEST, Priority.OPERATOR, Priority.LISTENER] * 2
    done: list[tuple[Priority, int]] = []
    begun = asyncio.Event()

    async def note(number: int) -> None:
        await inspect(pool, master, priority=priorities[number])
        done.append((priorities[number], number))

    async with asyncio.TaskGroup() as group:
        first = inspect(pool, long, priority=Priority.LISTENER, on_progress=lambda _: begun.set())
        group.create_task(first)
        await begun.wait()
        for number in range(len(priorities)):
            group.create_task(note(number))
    assert done == sorted(done)


async def test_a_waiter_that_is_cancelled_as_its_turn_comes_passes_the_turn_on(
    pool: PackagingPool, tmp_path: Path
):
    master = saved(tmp_path, sound_file(music(100_000)))
    begun = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(inspect(pool, master, on_progress=lambda _: begun.set()))
        await begun.wait()
        waiters = [group.create_task(inspect(pool, master)) for _ in range(3)]
        running.add_done_callback(lambda _: waiters[0].cancel())
    assert waiters[0].cancelled()
    assert waiters[1].result() == waiters[2].result()


async def test_two_workers_do_two_jobs_at_a_time(tmp_path: Path):
    master = saved(tmp_path, sound_file(music(100_000)))
    async with open_pool(workers=2, memory_bytes_max=MEMORY) as pool:
        assert len(pool.worker_pids) == 1
        async with asyncio.TaskGroup() as group:
            jobs = [group.create_task(inspect(pool, master)) for _ in range(2)]
        assert jobs[0].result() == jobs[1].result()
        assert len(pool.worker_pids) == 2


async def test_leaving_the_pool_leaves_no_process():
    async with open_pool(workers=1, memory_bytes_max=MEMORY) as pool:
        worker = pool.worker_pids[0]
        assert exists(worker)
    assert not exists(worker)
    assert pool.worker_pids == ()


async def test_the_class_that_is_asked_for_is_forced():
    async with open_pool(workers=1, memory_bytes_max=MEMORY, cpu_class=CpuClass.GENERIC) as pool:
        assert pool.identity.cpu_class is CpuClass.GENERIC
        environment = environment_of(pool.worker_pids[0])
    if os.uname().machine == "x86_64":
        assert b"GLIBC_TUNABLES=glibc.cpu.hwcaps" in environment


async def test_a_pool_that_cannot_start_says_so():
    with pytest.raises(errors.WorkerStartError, match="memory"):
        async with open_pool(workers=1, memory_bytes_max=32 << 20):
            pass


async def test_a_worker_of_another_identity_is_refused(
    pool: PackagingPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    master = saved(tmp_path, sound_file(music()))
    monkeypatch.setattr(pool, "_cpu_class", CpuClass.GENERIC)
    monkeypatch.setattr(pool._slots[0], "worker", None)
    with pytest.raises(errors.WorkerStartError, match="restart"):
        await inspect(pool, master)


async def test_the_key_is_neither_in_arguments_nor_in_the_environment(
    pool: PackagingPool, tmp_path: Path
):
    master = saved(tmp_path, sound_file(music()))
    facts = await inspect(pool, master)
    await pool.package(PackagingOrder(master, facts, "flac", "v1", KEY, tmp_path / "out"))
    seen = environment_of(pool.worker_pids[0]) + arguments_of(pool.worker_pids[0])
    assert KEY.key not in seen
    assert KEY.key.hex().encode() not in seen
