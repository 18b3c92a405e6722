"""Settings of buckets for tests, and a wire to the store that can be cut."""

import asyncio
import contextlib
import functools
import ipaddress
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiobotocore.session import AioSession, get_session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from origin.adapters.s3_store import S3Store, open_s3_store
from origin.settings import S3Settings
from origin.tests.seaweed import REGION


@dataclass(frozen=True, slots=True)
class S3Server:
    """A server for tests. `reader_key` may not write; empty if there is no such key."""

    endpoint_url: str
    access_key: str
    secret_key: str
    bucket: str
    reader_key: str = ""


def s3_settings(server: S3Server, **changes: object) -> S3Settings:
    """Settings of a part of the server's bucket that nobody else uses."""
    values: dict[str, object] = {
        "bucket": server.bucket,
        "endpoint_url": server.endpoint_url,
        "region": REGION,
        "prefix": f"{secrets.token_hex(8)}/",
        "access_key_id": SecretStr(server.access_key),
        "secret_access_key": SecretStr(server.secret_key),
    }
    return S3Settings.model_validate({**values, **changes})


@functools.cache
def _session_of(key: str, secret: str) -> AioSession:
    """One session for all tests: it parses botocore's large descriptions once."""
    session = get_session()
    session.set_credentials(key, secret)
    return session


def open_bucket(
    settings: S3Settings, scratch: Path
) -> contextlib.AbstractAsyncContextManager[S3Store]:
    """A store on a bucket, opened quickly."""
    assert settings.access_key_id is not None
    assert settings.secret_access_key is not None
    session = _session_of(
        settings.access_key_id.get_secret_value(), settings.secret_access_key.get_secret_value()
    )
    return open_s3_store(settings, scratch=scratch, clock=time.time, session=session)


@dataclass(slots=True)
class Wire:
    """What happens to connections between a client and the store.

    Attributes:
        url: where clients connect.
        cuts: after how many bytes of an answer connections are cut, one after the other; when
            there are no more, nothing is cut.
        is_talking: answers are held back while this is not set.
        is_listening: what is sent to the store is held back while this is not set.
        held: set when something is.
        connections: how many there have been.
    """

    url: str = ""
    cuts: list[int] = field(default_factory=list)
    is_talking: asyncio.Event = field(default_factory=asyncio.Event)
    is_listening: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0


@contextlib.asynccontextmanager
async def open_wire(endpoint_url: str, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """A wire to the store at `endpoint_url`, in one piece at first; behind TLS if asked for."""
    host, _, port = endpoint_url.removeprefix("http://").partition(":")
    wire = Wire()
    wire.is_talking.set()
    wire.is_listening.set()

    carriers: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire.connections += 1
        carrier = asyncio.current_task()
        assert carrier is not None
        carriers.add(carrier)
        with contextlib.suppress(OSError):
            up_reader, up_writer = await asyncio.open_connection(host, int(port))
            writers.update((writer, up_writer))
            with contextlib.closing(writer), contextlib.closing(up_writer):
                async with asyncio.TaskGroup() as group:
                    asking = group.create_task(_pump(reader, up_writer, wire))
                    await _answer(up_reader, writer, wire)
                    asking.cancel()

    server = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=tls)
    wire.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        wire.is_talking.set()
        wire.is_listening.set()
        for writer in writers:
            writer.close()
        await asyncio.gather(*carriers)


def own_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a TLS server on 127.0.0.1 needs, and the file by which clients know it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain = folder / "certificate.pem"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    private = folder / "key.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return context, chain


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            if not wire.is_listening.is_set():
                wire.held.set()
            await wire.is_listening.wait()
            writer.write(chunk)
            await writer.drain()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire) -> None:
    """Carry answers; a cut comes in the middle of the first that is longer than it."""
    carried = 0
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            await wire.is_talking.wait()
            if wire.cuts and carried + len(chunk) > wire.cuts[0]:
                writer.write(chunk[: wire.cuts.pop(0) - carried])
                await writer.drain()
                return
            carried += len(chunk)
            writer.write(chunk)
            await writer.drain()
