"""Workers come and go: with a script in their place, that does what it is told."""

import asyncio
import contextlib
import errno
import json
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from edge.supervisor.channel import Kind, Message
from edge.supervisor.errors import WorkerStartError
from edge.supervisor.holdings import KeptWorker
from edge.supervisor.metrics import RestartReason, SupervisorCounts
from edge.supervisor.place import NodeConfig, Place
from edge.supervisor.tests.making import Spawner, config_of, open_supervisor
from edge.supervisor.worker_process import WorkerProcess

pytestmark = pytest.mark.socket


def taken_by(worker: WorkerProcess) -> list[Any]:
    """What it was told to take, and to leave."""
    path = worker.admin_path.with_name(worker.admin_path.name + ".taken")
    taken: list[Any] = json.loads(path.read_text()) if path.exists() else []
    return taken


async def until_taken(worker: WorkerProcess, order: list[Any]) -> None:
    while order not in taken_by(worker):  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0.01)


def current_of(place: Place) -> WorkerProcess:
    assert place.current is not None
    return place.current


async def until_restarted(counts: SupervisorCounts, reason: RestartReason, times: int = 1) -> None:
    while counts.restarts[reason] < times:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0.01)


async def test_a_slot_without_a_worker_is_served_by_another_until_it_is_back(tmp_path: Path):
    async with open_supervisor(tmp_path, 2) as (supervisor, spawner, counts):
        await supervisor.start()
        assert spawner.successors == [False, False]
        helper, victim = (current_of(place) for place in supervisor.places)
        victim.kill()
        await until_restarted(counts, RestartReason.CRASHED)
        assert victim.status == -signal.SIGKILL
        assert current_of(supervisor.places[1]).pid != victim.pid
        await until_taken(helper, ["release", 1])
        assert taken_by(helper) == [["accept", 1], ["release", 1]]


async def test_when_the_helper_goes_as_well_everything_comes_back(tmp_path: Path):
    async with open_supervisor(tmp_path, 3) as (supervisor, _, counts):
        await supervisor.start()
        workers = [current_of(place) for place in supervisor.places]
        for worker in workers[:2]:
            worker.kill()
        await until_restarted(counts, RestartReason.CRASHED, 2)
        await until_taken(workers[2], ["release", 0])
        assert ["accept", 0] in taken_by(workers[2])
        assert ["accept", 1] in taken_by(workers[2])


async def test_a_roll_replaces_one_after_the_other(tmp_path: Path):
    async with open_supervisor(tmp_path, 2) as (supervisor, spawner, counts):
        await supervisor.start()
        before = [current_of(place) for place in supervisor.places]
        config = config_of(workers=7)
        await supervisor.roll(config, RestartReason.RELOAD)
        assert [worker.status for worker in before] == [0, 0]
        assert supervisor.config is config
        assert counts.restarts == {RestartReason.RELOAD: 2}
        assert spawner.successors[2:] == [True, True]
        assert [len(place.workers) for place in supervisor.places] == [1, 1]


async def test_a_roll_that_fails_leaves_everything_as_it_was(tmp_path: Path):
    async with open_supervisor(tmp_path, 2) as (supervisor, _, counts):
        await supervisor.start()
        before = [current_of(place) for place in supervisor.places]
        with pytest.raises(WorkerStartError, match="it is not able to"):
            await supervisor.roll(config_of("unable"), RestartReason.RELOAD)
        assert [current_of(place) for place in supervisor.places] == before
        assert not counts.restarts


async def test_who_was_replaced_before_it_failed_is_replaced_back(tmp_path: Path):
    async with open_supervisor(tmp_path, 2) as (supervisor, spawner, counts):
        await supervisor.start()
        config = config_of("unable")
        sound = supervisor.config

        class Half(Spawner):
            @override
            def __call__(
                self, place: Place, config: NodeConfig, *, is_successor: bool
            ) -> WorkerProcess:
                told = config if place.number else sound
                return spawner(place, told, is_successor=is_successor)

        supervisor._spawn = Half(tmp_path)
        with pytest.raises(WorkerStartError):
            await supervisor.roll(config, RestartReason.RELOAD)
        assert [place.config for place in supervisor.places] == [sound, sound]
        assert counts.restarts[RestartReason.ROLLED_BACK] == 1


async def test_who_cannot_be_replaced_back_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with open_supervisor(tmp_path, 2) as (supervisor, spawner, _):
        await supervisor.start()
        sound, unable = supervisor.config, config_of("unable")

        class Worse(Spawner):
            @override
            def __call__(
                self, place: Place, config: NodeConfig, *, is_successor: bool
            ) -> WorkerProcess:
                told = sound if len(spawner.started) == 2 else unable
                return spawner(place, told, is_successor=is_successor)

        supervisor._spawn = Worse(tmp_path)
        with pytest.raises(WorkerStartError):
            await supervisor.roll(unable, RestartReason.RELOAD)
        assert "worker cannot be replaced back" in caplog.messages


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), id="no room for one"),
        pytest.param(TypeError("a secret of the brief"), id="a fault of ours"),
    ],
)
async def test_a_start_that_cannot_be_tried_is_tried_again(
    tmp_path: Path, failure: Exception, caplog: pytest.LogCaptureFixture
):
    async with open_supervisor(tmp_path, 1) as (supervisor, spawner, counts):
        await supervisor.start()

        class Scarce(Spawner):
            @override
            def __call__(
                self, place: Place, config: NodeConfig, *, is_successor: bool
            ) -> WorkerProcess:
                if not counts.restarts[RestartReason.FAILED]:
                    raise failure
                return spawner(place, config, is_successor=is_successor)

        supervisor._spawn = Scarce(tmp_path)
        current_of(supervisor.places[0]).kill()
        await until_restarted(counts, RestartReason.CRASHED)
        assert counts.restarts[RestartReason.FAILED] == 1
    (told,) = [vars(one)["reason"] for one in caplog.records if hasattr(one, "reason")]
    assert told.startswith("a worker cannot be started: ")
    assert "secret" not in caplog.text + told


async def test_without_a_descriptor_to_be_had_the_node_goes_on(tmp_path: Path):
    async with open_supervisor(tmp_path, 2) as (supervisor, _, counts):
        await supervisor.start()
        helper, victim = (current_of(place) for place in supervisor.places)
        with all_descriptors_taken():
            victim.kill()
            await until_restarted(counts, RestartReason.FAILED)
            await until_taken(helper, ["accept", 1])
        await until_restarted(counts, RestartReason.CRASHED)
        assert current_of(supervisor.places[1]).pid != victim.pid


@contextlib.contextmanager
def all_descriptors_taken() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        used = [int(one.name) for one in Path("/proc/self/fd").iterdir()]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(used) + 1, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with contextlib.suppress(OSError):
            while True:
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield


async def test_a_worker_that_says_what_nobody_understands_is_heard_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with open_supervisor(tmp_path, 1, config_of("garbled")) as (supervisor, _, counts):
        await supervisor.start()
        worker = current_of(supervisor.places[0])
        os.kill(worker.pid, signal.SIGTERM)
        await until_restarted(counts, RestartReason.ASKED)
        await worker.ended.wait()
        assert worker.status == 0
    told = [one.getMessage() for one in caplog.records]
    assert "a message cannot be read" in told
    assert "a worker's last metrics are lost" in told


async def test_one_that_hangs_is_ended_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with open_supervisor(tmp_path, 2, config_of("hanging")) as (supervisor, _, counts):
        await supervisor.start()
        hung = [current_of(place) for place in supervisor.places]
        await until_restarted(counts, RestartReason.HUNG, 2)
        assert [worker.status for worker in hung] == [-signal.SIGKILL] * 2
        assert not counts.restarts[RestartReason.CRASHED]
    assert "a worker hangs" in [one.getMessage() for one in caplog.records]


async def test_who_cannot_be_told_takes_nobodys_place(tmp_path: Path):
    async with open_supervisor(tmp_path, 3) as (supervisor, _, counts):
        await supervisor.start()
        deaf, other, victim = (current_of(place) for place in supervisor.places)
        await make_deaf(deaf)
        victim.kill()
        await until_taken(other, ["accept", 2])
        os.kill(deaf.pid, signal.SIGCONT)
        await until_restarted(counts, RestartReason.CRASHED)
        await until_taken(other, ["release", 2])
        assert taken_by(deaf) == []


async def test_who_helps_and_cannot_be_told_that_it_is_over_helps_on(tmp_path: Path):
    async with open_supervisor(tmp_path, 2) as (supervisor, _, counts):
        await supervisor.start()
        place, helper = supervisor.places[1], current_of(supervisor.places[0])
        for _ in range(2):  # So that there is a pause of a second.
            place.backoff.note_end(lived_s=0.0)
        current_of(place).kill()
        await until_taken(helper, ["accept", 1])
        await make_deaf(helper)
        await until_restarted(counts, RestartReason.CRASHED)
        assert place.helper is helper
        os.kill(helper.pid, signal.SIGCONT)
        while ["release", 1] not in taken_by(helper):
            supervisor._lend()
            await asyncio.sleep(0.01)


async def make_deaf(worker: WorkerProcess) -> None:
    os.kill(worker.pid, signal.SIGSTOP)
    await asyncio.to_thread(os.waitid, os.P_PID, worker.pid, os.WSTOPPED)
    while worker.channel.send(Message(Kind.REOPEN)):
        pass


async def test_whoever_was_being_started_is_not_handed_over(tmp_path: Path):
    async with open_supervisor(tmp_path, 1) as (supervisor, _, _):
        start = asyncio.create_task(supervisor.start())
        while supervisor.places[0].starting is None:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0)
        async with supervisor.at_rest():
            assert supervisor.workers == []
        with pytest.raises(WorkerStartError):
            await start


async def test_a_start_that_fails_is_told(tmp_path: Path):
    async with open_supervisor(tmp_path, 2, config_of("unable")) as (supervisor, _, _):
        with pytest.raises(WorkerStartError, match="it is not able to"):
            await supervisor.start()


async def test_one_that_cannot_live_is_not_started_all_the_time(tmp_path: Path):
    async with open_supervisor(tmp_path, 1, config_of("mortal")) as (supervisor, spawner, counts):
        with contextlib.suppress(WorkerStartError):  # It may end before it is heard of.
            await supervisor.start()
        await until_restarted(counts, RestartReason.CRASHED, 2)
        clock, count = asyncio.get_running_loop().time, len(spawner.started)
        begun_s = clock()
        await asyncio.sleep(0.4)
        assert len(spawner.started) - count <= 1 + (clock() - begun_s) / 0.5
        assert spawner.started[0].status == 3


async def test_who_is_asked_by_others_to_end_is_replaced_first(tmp_path: Path):
    async with open_supervisor(tmp_path, 1) as (supervisor, _, counts):
        await supervisor.start()
        (place,) = supervisor.places
        asked = current_of(place)
        os.kill(asked.pid, signal.SIGTERM)
        await until_restarted(counts, RestartReason.ASKED)
        await asked.ended.wait()
        assert current_of(place) is not asked
        assert not counts.restarts[RestartReason.CRASHED]


async def test_workers_of_another_program_are_adopted(tmp_path: Path):
    async with open_supervisor(tmp_path, 2) as (supervisor, spawner, counts):
        places = supervisor.places
        kept = []
        for place in places:
            worker = spawner(place, place.config, is_successor=False)
            fd = os.dup(worker.channel.fileno())
            kept.append(
                KeptWorker(place.number, worker.pid, fd, worker.admin_path, is_draining=False)
            )
            worker.channel.close()
        supervisor.adopt(kept)
        await supervisor.roll(config_of(), RestartReason.UPGRADE)
        assert counts.restarts == {RestartReason.UPGRADE: 2}
        assert {current_of(place).pid for place in places}.isdisjoint(one.pid for one in kept)
