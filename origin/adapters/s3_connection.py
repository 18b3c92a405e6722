"""How a bucket is reached: its address, the clients, and whose signature they carry.

aiobotocore makes the control calls and finds and refreshes credentials; what reads objects is
aiohttp with a signature of our own (`origin.signing`), a fifth of the CPU.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiobotocore.client import AioBaseClient
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from yarl import URL

from config.credential_settings import read_secret
from config.settings import SettingsError
from origin.adapters.s3_errors import translated
from origin.errors import StoreBusyError, StoreCredentialsError, StoreUnreachableError
from origin.settings import AddressingStyle, S3Settings
from origin.signing import S3Credentials

_KEEPALIVE_S: Final = 30
_DNS_S: Final = 60

# A listener waits: one more try is worth it, a row of them is not.
ATTEMPTS: Final = 2

# Slower than this a body counts as stuck: the client has no time limit for sending.
_RATE_MIN_BYTES_S: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class S3Address:
    """Where the objects of a bucket are.

    Attributes:
        bucket: its name.
        prefix: what all keys of ours begin with.
        base_url: scheme and host, without a slash at the end.
        host: what the `Host` field says.
        path_prefix: of the URL's path, before a key.
    """

    bucket: str
    prefix: str
    base_url: str
    host: str
    path_prefix: str

    def path_of(self, key: str) -> str:
        """The path of an object's URL. Keys have no character that needs an encoding."""
        return f"{self.path_prefix}{key}"

    def name_of(self, key: str) -> str:
        """What the store calls an object."""
        return f"{self.prefix}{key}"


def address_of(settings: S3Settings, endpoint_url: str) -> S3Address:
    """Where objects are when the store answers at `endpoint_url`."""
    url = URL(endpoint_url)
    assert url.host is not None
    port = "" if url.is_default_port() or url.port is None else f":{url.port}"
    host = f"[{url.host}]{port}" if ":" in url.host else f"{url.host}{port}"
    path = f"/{settings.prefix}"
    if settings.addressing_style is AddressingStyle.VIRTUAL:
        host = f"{settings.bucket}.{host}"
    else:
        path = f"/{settings.bucket}{path}"
    return S3Address(settings.bucket, settings.prefix, f"{url.scheme}://{host}", host, path)


class SessionCredentials:
    """The credentials of a session, refreshed by it when they are about to expire."""

    def __init__(self, session: AioSession) -> None:
        self._session = session
        self._seen: object = None
        self._credentials = S3Credentials("", "")

    async def current(self) -> S3Credentials:
        """Those to sign with at this moment.

        Raises:
            StoreCredentialsError: there are none, or they cannot be refreshed.
        """
        found = await self._session.get_credentials()
        if found is None:
            raise StoreCredentialsError("no access key is configured, and AWS's places have none")
        try:
            frozen = await found.get_frozen_credentials()
        except RuntimeError as error:  # A refresh brought credentials that have expired, too.
            raise StoreCredentialsError("the refreshed credentials have expired") from error
        if frozen != self._seen:
            self._credentials = S3Credentials(
                frozen.access_key, frozen.secret_key, frozen.token or ""
            )
            self._seen = frozen
        return self._credentials


class Slots:
    """Bounds how many wait for the store at a time; who waits too long for a slot is told."""

    def __init__(self, count: int, *, wait_s: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._wait_s = wait_s

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[Callable[[], None]]:
        """Have one for the block; what it yields gives the slot back earlier.

        Raises:
            StoreBusyError: none became free in time.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            text = f"no connection to the store became free within {self._wait_s} s"
            raise StoreBusyError(text) from None
        with contextlib.ExitStack() as stack:
            stack.callback(self._free.release)
            yield stack.close


class S3Control:
    """Makes control calls about one bucket, each in bounded time.

    `client` is aiobotocore's; `answer_s` is what the store may take for one answer.
    """

    def __init__(
        self,
        client: AioBaseClient,
        address: S3Address,
        *,
        credentials: SessionCredentials,
        slots: Slots,
        answer_s: float,
    ) -> None:
        self._client = client
        self._address = address
        self._credentials = credentials
        self._slots = slots
        self._answer_s = answer_s

    @property
    def patience_s(self) -> float:
        """How long a call may go on for a caller who was cancelled: as one without a body may."""
        return ATTEMPTS * self._answer_s

    async def of_bucket(self, operation: str, arguments: Mapping[str, object]) -> Mapping[str, Any]:
        """Call an operation on the bucket. Raises what the client raises, and StoreError."""
        return await self._call(operation, arguments, size_bytes=0)

    async def of_object(
        self, operation: str, key: str, arguments: Mapping[str, object], *, size_bytes: int = 0
    ) -> Mapping[str, Any]:
        """The same about an object; `size_bytes` is the length of a body to send."""
        named = {"Key": self._address.name_of(key), **arguments}
        return await self._call(operation, named, size_bytes=size_bytes)

    async def _call(
        self, operation: str, arguments: Mapping[str, object], *, size_bytes: int
    ) -> Mapping[str, Any]:
        limit_s = self.patience_s + size_bytes / _RATE_MIN_BYTES_S
        method = getattr(self._client, operation)
        async with self._slots.one():
            try:
                async with asyncio.timeout(limit_s):
                    # The client asks the same session, and tells less when there are none.
                    await self._credentials.current()
                    answer: Mapping[str, Any] = await method(
                        Bucket=self._address.bucket, **arguments
                    )
            except TimeoutError:
                text = f"bucket {self._address.bucket}: no answer within {limit_s:.0f} s"
                raise StoreUnreachableError(text) from None
        return answer


def session_of(settings: S3Settings) -> AioSession:
    """A session with the configured credentials, or one that looks for them where AWS does.

    Raises:
        SettingsError: a file with a secret cannot be read.
    """
    session = get_session()
    key = read_secret("store.s3.access_key_id", settings.access_key_id, settings.access_key_id_file)
    secret = read_secret(
        "store.s3.secret_access_key", settings.secret_access_key, settings.secret_access_key_file
    )
    if key is not None and secret is not None:
        session.set_credentials(key, secret)
    return session


@contextlib.asynccontextmanager
async def open_control(settings: S3Settings, session: AioSession) -> AsyncIterator[AioBaseClient]:
    """The client for everything but reading objects.

    Raises:
        StoreError: it cannot be made, for want of credentials or of a file.
    """
    async with contextlib.AsyncExitStack() as stack:
        with translated("of the bucket"):
            client = await stack.enter_async_context(
                session.create_client(
                    "s3",
                    region_name=settings.region,
                    endpoint_url=settings.endpoint_url.rstrip("/") or None,
                    verify=str(settings.ca_bundle) if settings.ca_bundle else None,
                    config=_control_config(settings),
                )
            )
        yield client


def _control_config(settings: S3Settings) -> AioConfig:
    return AioConfig(
        signature_version="s3v4",
        s3={
            "addressing_style": settings.addressing_style.value,
            # The digest goes along as a checksum: hashing it again would hold up the loop.
            "payload_signing_enabled": False,
        },
        # By default botocore wants checksums of ranges and of 304 answers, and fails on them.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=settings.connections_max,
        connect_timeout=settings.connect_timeout_s,
        read_timeout=settings.read_timeout_s,
        tcp_keepalive=True,
        # Reads do not go through a proxy either.
        proxies={},
        # `adaptive` slows the whole client down after one slow key.
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connector_args={"keepalive_timeout": _KEEPALIVE_S, "ttl_dns_cache": _DNS_S},
        warm_up_loader_caches=False,
    )


@contextlib.asynccontextmanager
async def open_reading(settings: S3Settings) -> AsyncIterator[aiohttp.ClientSession]:
    """The client that reads objects.

    Raises:
        SettingsError: the certificates cannot be read.
    """
    try:
        trust = await asyncio.to_thread(ssl.create_default_context, cafile=settings.ca_bundle)
    except OSError as error:
        text = f"`store.s3.ca_bundle`: {settings.ca_bundle}: {error.strerror or error}"
        raise SettingsError(text) from error
    connector = aiohttp.TCPConnector(
        # `Slots` bounds those that wait for an answer. Those that read one are as many as ask us.
        limit=0,
        keepalive_timeout=_KEEPALIVE_S,
        ttl_dns_cache=_DNS_S,
        ssl=trust,
        socket_factory=_keepalive_socket,
    )
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=settings.connect_timeout_s, sock_read=settings.read_timeout_s
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield session


def _keepalive_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket that notices a peer which vanished, made for an address of `getaddrinfo`."""
    family, kind, protocol = address[:3]
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return made
