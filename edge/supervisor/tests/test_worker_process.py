import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from config.tasks import open_tasks
from edge.supervisor.channel import Kind, Message
from edge.supervisor.place import Place
from edge.supervisor.tests.making import Spawner, config_of
from edge.supervisor.worker_process import WorkerProcess


def started(folder: Path, way: str = "sound") -> WorkerProcess:
    config = config_of(way)
    return Spawner(folder)(Place(0, {}, config), config, is_successor=False)


async def test_it_is_heard_until_its_end(tmp_path: Path):
    worker, heard = started(tmp_path), list[Message]()
    async with asyncio.timeout(20), open_tasks() as tasks:
        tasks.start(worker.watch(heard.append))
        await worker.settled.wait()
        assert (worker.is_ready, worker.status) == (True, None)
        worker.channel.send(Message(Kind.STOP))
        await worker.see_off(20)
    assert worker.status == 0
    assert [message.kind for message in heard] == [Kind.READY]


async def test_one_that_cannot_serve_says_why(tmp_path: Path):
    worker = started(tmp_path, "unable")
    async with asyncio.timeout(20), open_tasks() as tasks:
        tasks.start(worker.watch(lambda _: None))
        await worker.settled.wait()
        await worker.ended.wait()
    assert (worker.is_ready, worker.failure, worker.status) == (False, "it is not able to", 1)
    worker.kill()  # Its number may be somebody else's by now.


async def test_who_does_not_end_is_made_to(tmp_path: Path):
    worker = started(tmp_path)
    async with asyncio.timeout(20), open_tasks() as tasks:
        tasks.start(worker.watch(lambda _: None))
        await worker.settled.wait()
        await worker.see_off(0.01)
    assert worker.status == -signal.SIGKILL


async def test_one_that_somebody_else_has_waited_for_has_ended_all_the_same(tmp_path: Path):
    worker = started(tmp_path, "mortal")
    async with asyncio.timeout(20):
        await asyncio.to_thread(os.waitpid, worker.pid, 0)
        await worker.watch(lambda _: None)
        assert (worker.is_ready, worker.status, worker.ended.is_set()) == (True, 255, True)


async def test_it_may_be_watched_again_after_its_end(tmp_path: Path):
    worker = started(tmp_path, "mortal")
    async with asyncio.timeout(20):
        await worker.watch(lambda _: None)
        await worker.watch(lambda _: None)
        assert worker.status == 3


async def test_who_is_seen_off_may_be_silent_for_as_long_as_he_was_given(tmp_path: Path):
    worker = started(tmp_path, "hanging")
    async with asyncio.timeout(20), open_tasks() as tasks:
        tasks.start(worker.watch(lambda _: None))
        await worker.settled.wait()
        await worker.see_off(0.5)
    assert (worker.is_hung, worker.status) == (False, -signal.SIGKILL)


async def test_silence_that_was_our_own_is_nobodys_fault(tmp_path: Path):
    worker = started(tmp_path, "hanging")
    async with asyncio.timeout(20), open_tasks() as tasks:
        tasks.start(worker.watch(lambda _: None))
        await worker.settled.wait()
        worker.channel.send(Message(Kind.REOPEN))  # Has it say once more that it lives.
        time.sleep(0.3)  # noqa: ASYNC251 - nothing else happens here meanwhile
        await asyncio.sleep(0.05)
        assert not worker.is_hung
        worker.channel.send(Message(Kind.STOP))
        await worker.see_off(20)
    assert worker.status == 0


async def test_it_sees_none_of_our_variables_and_is_in_a_group_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ATTACCA_EDGE__EDGE_CREDENTIAL", "a-secret-in-a-variable")
    worker = started(tmp_path)
    process = Path(f"/proc/{worker.pid}")
    async with asyncio.timeout(20), open_tasks() as tasks:
        tasks.start(worker.watch(lambda _: None))
        await worker.settled.wait()
        assert b"a-secret" not in (process / "environ").read_bytes()
        assert b"upstream" not in (process / "cmdline").read_bytes().partition(b"told")[0]
        assert os.getpgid(worker.pid) == worker.pid
        worker.channel.send(Message(Kind.STOP))
        await worker.see_off(20)
