"""The peer listener: a Unix socket for the workers of this node, a TCP port for other nodes."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from aiohttp import web

from config.listener import url_of
from config.sockets import BACKLOG, ListenerError, bind_unix, port_of
from edge.connection import EdgeServer
from edge.peers.road import PeerRoad
from edge.peers.settings import PeerSettings, split_address
from edge.settings import LimitSettings


@contextlib.asynccontextmanager
async def open_peer_listener(
    road: PeerRoad, settings: PeerSettings, limits: LimitSettings, paths: Sequence[Path]
) -> AsyncIterator[str | None]:
    """Answer other members until the block is left.

    Args:
        road: answers.
        settings: where other nodes come.
        limits: on requests.
        paths: where the workers of this node come. The first is this process's alone, and goes
            with it; what is at the others may be a successor's by then.

    Yields:
        The URL for other nodes, if there is one.

    Raises:
        ListenerError: an address is taken, or a certificate cannot be read.
    """
    server = EdgeServer(
        road.handle,
        refuse=road.refuse_unread,
        keepalive_timeout=limits.keep_alive_s,
        max_line_size=limits.header_bytes_max,
        max_field_size=limits.header_bytes_max,
    )
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=limits.shutdown_s)
    await runner.setup()
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        for path in paths:
            (unix,) = bind_unix(path)
            listening = await loop.create_unix_server(server, sock=unix)
            stack.callback(listening.close)
        for path in paths[:1]:
            stack.callback(path.unlink, missing_ok=True)
        url = None
        if settings.listen is not None:
            host, port = split_address(settings.listen)
            tcp, tls = _tcp_socket(host, port), server_tls(settings)
            url = url_of(host, port_of(tcp))
            if tls is not None:
                url = url.replace("http://", "https://", 1)
            listening = await loop.create_server(server, sock=tcp, ssl=tls)
            stack.callback(listening.close)
        yield url


def server_tls(settings: PeerSettings) -> ssl.SSLContext | None:
    """How members are let in: with a certificate of the members' authority."""
    return _tls(settings, ssl.PROTOCOL_TLS_SERVER)


def client_tls(settings: PeerSettings) -> ssl.SSLContext | None:
    """How members are asked.

    Their certificates are of an authority that signs nobody else's, so a name in them says no more.
    """
    return _tls(settings, ssl.PROTOCOL_TLS_CLIENT)


def _tls(settings: PeerSettings, protocol: int) -> ssl.SSLContext | None:
    if settings.ca_file is None:
        return None
    assert settings.cert_file is not None
    tls = ssl.SSLContext(protocol)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_REQUIRED
    try:
        tls.load_verify_locations(settings.ca_file)
        tls.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ListenerError(
            f"the certificates of peers cannot be used: {error}; see `ca_file`, `cert_file` and "
            "`key_file` of `peers`"
        ) from error
    return tls


def _tcp_socket(host: str, port: int) -> socket.socket:
    """A socket that all workers of a node may have, each its own."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ListenerError(f"cannot listen for peers on {host}:{port}: {reason}") from error
    listening.settimeout(0)
    return listening
