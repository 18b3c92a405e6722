import contextlib
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.sockets import ListenerError, Queue, bind_tcp, bind_unix, port_of

pytestmark = pytest.mark.socket


@contextlib.contextmanager
def closing(*queues: Queue) -> Iterator[None]:
    try:
        yield
    finally:
        for one in (one for queue in queues for one in queue):
            one.close()


def test_several_queues_share_a_port():
    queues = bind_tcp("127.0.0.1", 0, count=3)
    with closing(*queues):
        (port,) = {port_of(one) for queue in queues for one in queue}
        with contextlib.ExitStack() as stack:
            for _ in range(64):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            taken = [_accept_all(queue[0], stack) for queue in queues]
        assert sum(taken) == 64
        assert min(taken) > 0


@pytest.mark.parametrize("count", [1, 2])
def test_a_port_that_is_taken_is_refused_whoever_may_share_it(count: int):
    queues = bind_tcp("127.0.0.1", 0, count=2)
    with closing(*queues), pytest.raises(ListenerError, match="Address already in use"):
        bind_tcp("127.0.0.1", port_of(queues[0][0]), count=count)


def test_a_name_that_is_none_is_told():
    with pytest.raises(ListenerError, match=r"no\.such\.name\.invalid:0: .*known"):
        bind_tcp("no.such.name.invalid", 0)


def test_a_unix_socket_is_for_its_user_alone_and_takes_over_its_path(tmp_path: Path):
    path = tmp_path / "a.sock"
    with closing(bind_unix(path)), closing(new := bind_unix(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [one.name for one in tmp_path.iterdir()] == ["a.sock"]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            with contextlib.ExitStack() as stack:
                assert _accept_all(new[0], stack) == 1


def test_a_path_that_is_too_long_is_told(tmp_path: Path):
    with pytest.raises(ListenerError, match="too long"):
        bind_unix(tmp_path / ("a" * 108))


def _accept_all(one: socket.socket, stack: contextlib.ExitStack) -> int:
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            stack.enter_context(one.accept()[0])
            taken += 1
    return taken
