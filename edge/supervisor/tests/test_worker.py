"""A worker's orders, given to an edge in this process."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.sockets import bind_tcp, port_of
from config.tasks import open_tasks
from edge.app import EdgeCredentials
from edge.listening import ListenerKind
from edge.settings import EdgeSettings
from edge.slot import Slot
from edge.supervisor.brief import Brief, read_file_in_memory
from edge.supervisor.channel import Channel, Kind, Message
from edge.supervisor.worker import run_worker
from edge.tests.conftest import OPERATOR, ManualClock, content_of, open_client, settings_for
from edge.tests.scripted_origin import Resource, open_scripted_origin

pytestmark = pytest.mark.socket

BODY = content_of(1000)


class Scene:
    def __init__(self, settings: EdgeSettings, folder: Path, *, silence_s: float) -> None:
        self.own, self.other = bind_tcp("127.0.0.1", 0, count=2)
        self.url = f"http://127.0.0.1:{port_of(self.own[0])}"
        self.channel, side = Channel.pair()
        self.theirs = Channel(side)
        self.brief = Brief(
            settings=settings,
            credentials=EdgeCredentials(operator=OPERATOR),
            slot=Slot(0, 1, folder),
            admin_path=folder / "admin.sock",
            media={ListenerKind.MEDIA: (os.dup(self.own[0].fileno()),)},
            is_successor=False,
            silence_s=silence_s,
        )
        self.has_served: bool | None = None

    async def run(self) -> None:
        self.has_served = await run_worker(self.brief, self.theirs, clock=ManualClock())
        self.theirs.close()

    async def hear(self) -> Message:
        """What it says next."""
        message = await self.channel.receive()
        assert message is not None
        return message

    async def ask(self) -> bytes:
        async with open_client(self.url, Connection="close") as client:
            return (await client.ask("/a")).content

    def lend(self) -> None:
        descriptors = (self.other[0].fileno(),)
        self.channel.send(Message(Kind.ACCEPT, slot=1, names=("media",), descriptors=descriptors))

    def close(self) -> None:
        self.channel.close()
        for one in (*self.own, *self.other):
            one.close()


@contextlib.asynccontextmanager
async def open_scene(
    folder: Path, *, silence_s: float = 0.0, **changes: object
) -> AsyncIterator[Scene]:
    async with asyncio.timeout(30), open_scripted_origin() as origin:
        origin.resources["/a"] = Resource(BODY)
        scene = Scene(settings_for(origin.url, **changes), folder, silence_s=silence_s)
        async with open_tasks() as tasks:
            tasks.start(scene.run())
            try:
                yield scene
            finally:
                scene.channel.send(Message(Kind.STOP))
                while scene.has_served is None:  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.01)
                scene.close()


async def test_it_takes_what_arrives_elsewhere_for_as_long_as_it_is_told(tmp_path: Path):
    async with open_scene(tmp_path) as scene:
        assert (await scene.hear()).kind is Kind.READY
        scene.lend()
        for _ in range(16):  # Some of these arrive in the other queue.
            assert await scene.ask() == BODY
        scene.channel.send(Message(Kind.RELEASE, slot=1))
        # A server of asyncio that is closed in the very moment it accepts forgets whom it accepted;
        # one of uvloop, which serves outside of tests, does not.
        await asyncio.sleep(0.1)
        waiting = await until_one_waits(scene)
        scene.lend()
        reader, writer = await asyncio.open_connection(sock=waiting)
        assert (await reader.read()).endswith(BODY)  # Who waits there is not lost.
        writer.close()


async def test_an_order_that_cannot_be_carried_out_is_not_the_last_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with open_scene(tmp_path) as scene:
        assert (await scene.hear()).kind is Kind.READY
        scene.channel.send(Message(Kind.ACCEPT, slot=1, names=("media",)))
        for _ in range(5):
            scene.channel.send(Message(Kind.ACCEPT, slot=1, names=("?",), descriptors=(0,)))
        scene.lend()
        scene.channel.send(Message(Kind.DRAIN, within_s=20.0))
        assert (await scene.hear()).kind is Kind.ENDED
    told = [(one.getMessage(), vars(one).get("order")) for one in caplog.records]
    assert told == [("sockets have not arrived", None), *[("an order failed", Kind.ACCEPT)] * 5]
    assert scene.has_served


async def until_one_waits(scene: Scene) -> socket.socket:
    """Connect until nobody answers: that connection waits in the queue that was let go."""
    while True:
        one = socket.socket()
        one.setblocking(False)  # noqa: FBT003
        await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", port_of(scene.own[0])))
        one.send(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        try:
            async with asyncio.timeout(0.3):
                await asyncio.get_running_loop().sock_recv(one, 1)
        except TimeoutError:
            return one
        one.close()


async def test_drained_it_says_what_it_has_counted(tmp_path: Path):
    async with open_scene(tmp_path) as scene, open_client(scene.url) as client:
        assert (await scene.hear()).kind is Kind.READY
        scene.lend()
        assert (await client.ask("/a")).headers.get("Connection") is None
        scene.channel.send(Message(Kind.DRAIN, within_s=20.0))
        while (await client.ask("/a")).headers.get("Connection") != "close":
            pass
        ended = await scene.hear()
        assert ended.kind is Kind.ENDED
        metrics = read_file_in_memory(ended.descriptors[0]).decode()
        assert 'edge_responses_total{result="uri-miss",status_class="2xx"} 1.0' in metrics
    assert scene.has_served


async def test_it_says_that_it_lives_as_often_as_it_has_to(tmp_path: Path):
    async with open_scene(tmp_path, silence_s=0.2) as scene:
        assert (await scene.hear()).kind is Kind.READY
        began_s = asyncio.get_running_loop().time()
        words = [await scene.hear() for _ in range(5)]
        assert words == [Message(Kind.ALIVE, within_s=0.2, names=[])] * 5
        assert asyncio.get_running_loop().time() - began_s >= 0.19


async def test_it_says_nothing_of_that_to_who_would_not_understand(tmp_path: Path):
    async with open_scene(tmp_path, limits={"worker_silence_s": 30.0}) as scene:
        assert (await scene.hear()).kind is Kind.READY
        scene.channel.send(Message(Kind.DRAIN, within_s=20.0))
        assert (await scene.hear()).kind is Kind.ENDED


async def test_a_signal_of_somebody_else_is_told(tmp_path: Path):
    async with open_scene(tmp_path) as scene:
        assert (await scene.hear()).kind is Kind.READY
        scene.lend()
        os.kill(os.getpid(), signal.SIGTERM)
        assert (await scene.hear()).kind is Kind.ASKED
        assert await scene.ask() == BODY  # It serves on.
        scene.channel.send(Message(Kind.DRAIN, within_s=20.0))
        assert (await scene.hear()).kind is Kind.ENDED


async def test_one_that_cannot_serve_says_why(tmp_path: Path):
    async with open_scene(tmp_path, access_log="/nowhere/log") as scene:
        failed = await scene.hear()
        assert failed.kind is Kind.FAILED
        assert "/nowhere/log" in failed.text
    assert scene.has_served is False


async def test_without_a_supervisor_it_ends(tmp_path: Path):
    async with open_scene(tmp_path) as scene:
        assert (await scene.hear()).kind is Kind.READY
        scene.channel.close()
        while scene.has_served is None:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
