"""Ports for what cannot be told to take any: those of others have to be known before it starts."""

import contextlib
import random
import socket
from pathlib import Path
from typing import Final

_RANGE_FILE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST: Final = 10_000


def free_port() -> int:
    """See `free_ports`."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports of loopback that nobody listens on.

    Nor is one given to somebody else until it is used: they are below those that the kernel hands
    out to connections, and to whoever binds to port 0.
    """
    stop = int(_RANGE_FILE.read_text().split()[0])
    tried = range(_FIRST, stop) if stop > 2 * _FIRST else range(1)  # 0: any that it has left.
    chance = random.SystemRandom()  # Other processes of one run choose others.
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            one = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", chance.choice(tried)))
                found.append(int(one.getsockname()[1]))
        return found
