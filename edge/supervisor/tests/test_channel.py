import asyncio
import os
import socket

import pytest

from edge.supervisor.channel import Channel, Kind, Message, close_descriptors


async def test_messages_come_whole_and_with_their_descriptors():
    ours, side = Channel.pair()
    theirs = Channel(side)
    read_fd, write_fd = os.pipe()
    assert ours.send(Message(Kind.ACCEPT, slot=3, names=("media",), descriptors=(write_fd,)))
    assert ours.send(Message(Kind.DRAIN, within_s=1.5))
    os.close(write_fd)
    first, second = await theirs.receive(), await theirs.receive()
    assert first is not None
    assert (first.kind, first.slot, first.names) == (Kind.ACCEPT, 3, ["media"])
    assert not os.get_inheritable(first.descriptors[0])
    assert second == Message(Kind.DRAIN, within_s=1.5, names=[])
    close_descriptors(first)
    assert os.read(read_fd, 1) == b""
    os.close(read_fd)
    ours.close()
    assert await theirs.receive() is None
    assert not theirs.send(Message(Kind.READY))
    theirs.close()


async def test_who_waits_hears_of_the_end():
    ours, side = Channel.pair()
    theirs = Channel(side)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(ours.receive())
        await asyncio.sleep(0)
        theirs.close()
    assert waiting.result() is None
    ours.close()


async def test_nobody_is_waited_for_who_does_not_listen():
    ours, side = Channel.pair()
    assert not all(ours.send(Message(Kind.REOPEN)) for _ in range(10_000))
    ours.close()
    side.close()


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_kind_is_understood(kind: Kind):
    ours, side = Channel.pair()
    theirs = Channel(side)
    ours.send(Message(kind, text="why"))
    assert await theirs.receive() == Message(kind, text="why", names=[])
    ours.close()
    theirs.close()


async def test_a_long_text_is_cut_rather_than_the_message():
    ours, side = Channel.pair()
    theirs = Channel(side)
    assert ours.send(Message(Kind.FAILED, text="\1" * 100_000))
    assert await theirs.receive() == Message(Kind.FAILED, text="\1" * 4000, names=[])
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff{", id="no JSON"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"slot":1}', id="without a kind"),
        pytest.param(b'{"kind":"unheard-of"}', id="of a later version"),
        pytest.param(b'{"kind":"ready","unheard_of":1}', id="with a fact of a later version"),
    ],
)
async def test_what_is_no_message_is_passed_over(data: bytes):
    ours, side = Channel.pair()
    read_fd, write_fd = os.pipe()
    socket.send_fds(side, [data], [write_fd])
    os.close(write_fd)
    theirs = Channel(side)
    assert theirs.send(Message(Kind.READY))
    assert await ours.receive() == Message(Kind.READY, names=[])
    assert os.read(read_fd, 1) == b""  # What came with it was closed.
    os.close(read_fd)
    ours.close()
    theirs.close()
