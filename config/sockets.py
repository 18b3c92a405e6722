"""Sockets that listen: bound before anybody serves on them, and handed to whoever does."""

import contextlib
import os
import secrets
import socket
from pathlib import Path
from typing import Any, Final

# More connections than this wait for no answer.
BACKLOG: Final = 1024

# One queue of connections: a socket for each address of a host.
Queue = tuple[socket.socket, ...]


class ListenerError(Exception):
    """The address cannot be listened on."""


def bind_tcp(host: str, port: int, *, count: int = 1) -> tuple[Queue, ...]:
    """Listen on an address, with `count` queues that the kernel spreads connections over.

    Args:
        host: a name or an address; a name may stand for several, which share the port.
        port: 0 picks a free one.
        count: how many queues; several are made with SO_REUSEPORT.

    Raises:
        ListenerError: the address is taken or not of this machine.
    """
    try:
        with contextlib.ExitStack() as undo:
            queues = _bind(host, port, count, undo)
            undo.pop_all()
    except OSError as error:
        # Errors of names are numbered in a way of their own.
        is_name = isinstance(error, socket.gaierror) or not error.errno
        reason = (error.strerror or str(error)) if is_name else os.strerror(error.errno or 0)
        raise ListenerError(
            f"cannot listen on {host}:{port}: {reason}; stop what holds it or choose another port"
        ) from error
    return queues


def bind_unix(path: Path, *, mode: int = 0o600) -> Queue:
    """Listen on a Unix socket; what had the path before loses it at once.

    Args:
        path: of the socket.
        mode: of the file; by default it is for this user alone.

    Raises:
        ListenerError: it cannot be made there.
    """
    # Made beside it and renamed: at no time is the path without a socket that listens.
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        one.settimeout(0)
        # Its mode is the socket's, until it has one of its own.
        os.fchmod(one.fileno(), 0o600)
        one.bind(str(fresh))
        one.listen(BACKLOG)
        fresh.chmod(mode)
        fresh.replace(path)
    except OSError as error:
        one.close()
        fresh.unlink(missing_ok=True)
        raise ListenerError(f"cannot listen on {path}: {error.strerror or error}") from error
    return (one,)


def port_of(one: socket.socket) -> int:
    """The port that a socket is bound to."""
    port: int = one.getsockname()[1]
    return port


def _bind(host: str, port: int, count: int, undo: contextlib.ExitStack) -> tuple[Queue, ...]:
    addresses = _addresses_of(host, port)
    if port and count > 1:
        # Sockets that may share a port do not notice another program's that may, too.
        for family, address in addresses:
            _bound(family, address, is_shared=False).close()
    queues: list[Queue] = []
    for _ in range(count):
        queue: list[socket.socket] = []
        for family, address in addresses:
            full = (address[0], port, *address[2:])
            one = undo.enter_context(_bound(family, full, is_shared=count > 1))
            port = port or port_of(one)
            queue.append(one)
        queues.append(tuple(queue))
    return tuple(queues)


def _addresses_of(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bound(
    family: socket.AddressFamily, address: tuple[Any, ...], *, is_shared: bool
) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.settimeout(0)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if is_shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(address)
        one.listen(BACKLOG)
    except BaseException:
        one.close()
        raise
    return one
