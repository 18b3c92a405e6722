"""What is special about a store across a network: who signs, what is cut, slow, full or lax."""

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiobotocore.credentials import AioCredentialResolver, AioRefreshableCredentials
from aiobotocore.session import AioSession, get_session
from pydantic import SecretStr, ValidationError

from config.settings import SettingsError
from origin.adapters.folder_store import FolderStore
from origin.adapters.s3_connection import address_of
from origin.adapters.s3_errors import error_of
from origin.adapters.s3_put import part_bytes_for
from origin.adapters.s3_store import S3Store, open_s3_store
from origin.app import _open_store
from origin.errors import (
    ObjectConflictError,
    ObjectDamagedError,
    ObjectMissingError,
    StoreBucketError,
    StoreBusyError,
    StoreCredentialsError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
    StoreUnsafeError,
)
from origin.ports import IfAbsent, IfMatch, ObjectHead
from origin.settings import AddressingStyle, S3Settings, StoreKind, StoreSettings
from origin.tests.lax_store import LaxStore, open_lax_store
from origin.tests.s3 import S3Server, Wire, open_bucket, open_wire, own_certificate, s3_settings

pytestmark = pytest.mark.socket

KEY = "renditions/track/version/flac.mp4"

CONTENT = os.urandom(3_000_001)


@pytest.fixture
async def wire(s3_server: S3Server) -> AsyncIterator[Wire]:
    async with open_wire(s3_server.endpoint_url) as opened:
        yield opened


@pytest.fixture
async def store(s3_server: S3Server, wire: Wire, tmp_path: Path) -> AsyncIterator[S3Store]:
    settings = s3_settings(s3_server, endpoint_url=wire.url, connections_max=4)
    async with open_bucket(settings, tmp_path) as opened:
        yield opened


@pytest.fixture
async def hasty(s3_server: S3Server, wire: Wire, tmp_path: Path) -> AsyncIterator[S3Store]:
    """A store that soon loses patience."""
    changes = {"connections_max": 4, "connect_timeout_s": 0.5, "read_timeout_s": 0.8}
    settings = s3_settings(s3_server, endpoint_url=wire.url, **changes)
    async with open_bucket(settings, tmp_path) as opened:
        yield opened


async def all_of(store: S3Store, head: ObjectHead) -> bytes:
    chunks = store.stream(head, start=0, stop=head.size_bytes)
    return b"".join([chunk async for chunk in chunks])


# --- what ends the start


async def opened(settings: S3Settings, folder: Path) -> None:
    async with open_bucket(settings, folder):
        pass


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param(
            {"secret_access_key": SecretStr("another")}, StoreCredentialsError, id="secret"
        ),
        pytest.param({"access_key_id": SecretStr("nobody")}, StoreCredentialsError, id="key"),
        pytest.param({"bucket": "elsewhere"}, StoreBucketError, id="bucket"),
        pytest.param(
            {"endpoint_url": "http://127.0.0.1:1"}, StoreUnreachableError, id="nobody there"
        ),
        pytest.param({"endpoint_url": "https://{}"}, StoreUnreachableError, id="no TLS there"),
    ],
)
async def test_a_store_that_cannot_be_used_is_told_at_the_start(
    s3_server: S3Server, tmp_path: Path, changes: dict[str, object], told: type[StoreError]
):
    if changes.get("endpoint_url") == "https://{}":
        changes = {"endpoint_url": s3_server.endpoint_url.replace("http:", "https:")}
    with pytest.raises(told) as raised:
        await opened(s3_settings(s3_server, **changes), tmp_path)
    assert raised.value.advice
    assert s3_server.secret_key not in str(raised.value)


async def test_a_key_that_may_not_write_is_told(s3_server: S3Server, tmp_path: Path):
    if not s3_server.reader_key:
        pytest.skip("this store has no key that may only read")
    settings = s3_settings(s3_server, access_key_id=SecretStr(s3_server.reader_key))
    with pytest.raises(StoreReadOnlyError, match="AccessDenied") as raised:
        await opened(settings, tmp_path)
    assert "policy" in raised.value.advice


async def test_without_credentials_the_start_says_so(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    settings = s3_settings(s3_server, access_key_id=None, secret_access_key=None)
    with pytest.raises(StoreCredentialsError, match="no access key is configured"):
        async with open_s3_store(settings, scratch=tmp_path, clock=time.time):
            pass


async def test_secrets_come_from_files(s3_server: S3Server, tmp_path: Path):
    (tmp_path / "key").write_text(f"{s3_server.access_key}\n")
    (tmp_path / "secret").write_text(f"{s3_server.secret_key}\n")
    settings = s3_settings(
        s3_server,
        access_key_id=None,
        access_key_id_file=tmp_path / "key",
        secret_access_key=None,
        secret_access_key_file=tmp_path / "secret",
    )
    async with open_s3_store(settings, scratch=tmp_path, clock=time.time) as store:
        await store.check()
    assert s3_server.secret_key not in repr(s3_settings(s3_server))


async def test_a_store_behind_tls_is_known_by_its_certificate(s3_server: S3Server, tmp_path: Path):
    context, bundle = own_certificate(tmp_path)
    async with open_wire(s3_server.endpoint_url, tls=context) as wire:
        settings = s3_settings(s3_server, endpoint_url=wire.url, ca_bundle=bundle)
        async with open_bucket(settings, tmp_path) as store:
            await store.put(KEY, CONTENT)
            assert (await store.read(KEY, size_max=len(CONTENT))).content == CONTENT
        with pytest.raises(StoreUnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            await opened(s3_settings(s3_server, endpoint_url=wire.url), tmp_path)
    lost = s3_settings(s3_server, endpoint_url="https://127.0.0.1", ca_bundle=tmp_path / "lost")
    with pytest.raises(SettingsError, match=r"`store.s3.ca_bundle`: .*No such file"):
        await opened(lost, tmp_path)


async def test_a_clock_that_is_off_is_told(s3_server: S3Server, tmp_path: Path):
    session = get_session()
    session.set_credentials(s3_server.access_key, s3_server.secret_key)
    settings = s3_settings(s3_server)
    async with open_s3_store(
        settings, scratch=tmp_path, clock=lambda: time.time() - 3600, session=session
    ) as store:
        with pytest.raises(StoreCredentialsError) as raised:
            await store.head(KEY)
    assert "clock" in raised.value.advice


# --- bodies that are cut


async def test_a_body_that_is_cut_is_asked_for_again(store: S3Store, wire: Wire):
    head = await store.put(KEY, CONTENT)
    before = wire.connections
    wire.cuts = [1_000_000, 700_000]
    assert await all_of(store, head) == CONTENT
    wire.cuts = [400_000]
    assert (await store.read(KEY, size_max=len(CONTENT))).content == CONTENT
    wire.cuts = [2_000_000]
    async with store.open_local(KEY) as path:
        assert path.read_bytes() == CONTENT
    assert not path.exists()
    assert wire.connections - before >= 4
    assert wire.cuts == []


async def test_a_body_that_is_cut_again_and_again_is_given_up(store: S3Store, wire: Wire):
    head = await store.put(KEY, CONTENT)
    wire.cuts = [100_000] * 20
    with pytest.raises(StoreUnreachableError):
        await all_of(store, head)
    assert len(wire.cuts) > 10


async def test_a_replacement_after_a_cut_is_noticed(store: S3Store, wire: Wire):
    head = await store.put(KEY, CONTENT)
    wire.cuts = [2_000_000]
    chunks = store.stream(head, start=0, stop=head.size_bytes)
    async with contextlib.aclosing(chunks):
        await anext(chunks)
        await store.put(KEY, b"other")
        with pytest.raises(ObjectConflictError):
            async for _ in chunks:
                pass


async def test_a_touch_after_a_cut_is_no_replacement(store: S3Store, wire: Wire):
    head = await store.put(KEY, CONTENT)
    wire.cuts = [2_000_000]
    chunks = store.stream(head, start=0, stop=head.size_bytes)
    async with contextlib.aclosing(chunks):
        first = await anext(chunks)
        await store.touch(KEY)
        assert first + b"".join([chunk async for chunk in chunks]) == CONTENT
    assert wire.cuts == []


async def test_a_put_whose_answer_was_lost_is_known_as_ours(store: S3Store, wire: Wire):
    await store.check()
    wire.cuts = [0]
    first = await store.put(KEY, b"first", condition=IfAbsent())
    assert wire.cuts == []
    wire.cuts = [0]
    second = await store.put(KEY, b"second", condition=IfMatch(first.etag))
    assert wire.cuts == []
    assert second.etag == (await store.read(KEY, size_max=9)).head.etag


# --- stores that are slow, and pools that are empty


@pytest.mark.slow
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda store: store.head(KEY), id="head"),
        pytest.param(lambda store: store.put(KEY, b"content"), id="put"),
    ],
)
async def test_a_store_that_says_nothing_is_given_up(
    hasty: S3Store, wire: Wire, ask: Callable[[S3Store], Awaitable[object]]
):
    wire.is_talking.clear()
    async with asyncio.timeout(10):
        with pytest.raises(StoreUnreachableError):
            await ask(hasty)


async def test_slow_readers_keep_nobody_from_the_store(hasty: S3Store):
    head = await hasty.put(KEY, CONTENT)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(6):  # There are 4 slots.
            chunks = hasty.stream(head, start=0, stop=head.size_bytes)
            await anext(await stack.enter_async_context(contextlib.aclosing(chunks)))
        assert await hasty.head(KEY) is not None


async def test_a_cancelled_put_does_not_wait_for_a_store_that_is_stuck(hasty: S3Store, wire: Wire):
    wire.is_listening.clear()
    put = asyncio.create_task(hasty.put(KEY, bytes(32 << 20)))
    await wire.held.wait()
    put.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await put
    wire.is_listening.set()
    assert await hasty.head(KEY) is None


async def test_who_finds_no_slot_is_told_and_does_not_hang(hasty: S3Store, wire: Wire):
    wire.is_talking.clear()
    async with asyncio.timeout(10):
        found = await asyncio.gather(*(hasty.head(KEY) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in found] == [StoreUnreachableError] * 4 + [StoreBusyError]
    wire.is_talking.set()
    assert await hasty.head(KEY) is None


# --- who is first


@pytest.mark.slow
async def test_of_sixteen_creators_one_wins(s3_server: S3Server, tmp_path: Path):
    # Those that lose wait for SeaweedFS's lock in steps of a second.
    settings = s3_settings(s3_server, read_timeout_s=20)
    outcomes: list[str] = []

    async def create(store: S3Store, number: int) -> None:
        try:
            await store.put(KEY, f"{number}".encode(), condition=IfAbsent())
            outcomes.append(f"{number}")
        except ObjectConflictError:
            pass

    async with open_bucket(settings, tmp_path) as one, open_bucket(settings, tmp_path) as other:
        async with asyncio.TaskGroup() as group:
            for number in range(16):
                group.create_task(create((one, other)[number % 2], number))
        assert [(await one.read(KEY, size_max=2)).content.decode()] == outcomes


# --- listing


async def test_what_others_put_into_the_bucket_is_passed_over(store: S3Store):
    keys = [f"tracks/{number:03}.json" for number in range(25)]
    async with asyncio.TaskGroup() as group:
        for key in keys:
            group.create_task(store.put(key, b""))
        for foreign in ("tracks/.hidden", "tracks/000.json~", "tracks/ä", "tracks/024 b"):
            group.create_task(store._control.of_object("put_object", foreign, {"Body": b""}))
    found: list[str] = []
    has_more = True
    while has_more:
        page = await store.list_keys("tracks/", after=found[-1] if found else "", limit=1)
        found += page.keys
        has_more = page.has_more
    assert found == keys
    assert (await store.list_keys("tracks/", limit=1000)).keys == tuple(keys)


# --- damage


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"sha256": hashlib.sha256(b"others").hexdigest()}, id="another digest"),
        pytest.param({}, id="no digest"),
        pytest.param({"sha256": "nonsense"}, id="nonsense"),
    ],
)
async def test_a_damaged_object_is_found(store: S3Store, metadata: dict[str, str]):
    arguments = {"Body": b"content", "Metadata": metadata}
    await store._control.of_object("put_object", KEY, arguments)
    with pytest.raises(ObjectDamagedError):
        await store.read(KEY, size_max=7)
    with pytest.raises(ObjectDamagedError):
        async with store.open_local(KEY):
            pass
    await store.put(KEY, b"mended")
    assert (await store.read(KEY, size_max=6)).content == b"mended"


# --- large objects


def write_large(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(65):
            block = number.to_bytes(4) * (1 << 18)
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


@pytest.mark.slow
async def test_a_large_object_goes_in_parts_and_leaves_none(s3_server: S3Server, tmp_path: Path):
    sha256 = write_large(tmp_path / "large")
    async with open_bucket(s3_settings(s3_server), tmp_path) as store:
        head = await store.put(KEY, tmp_path / "large", sha256=sha256, condition=IfAbsent())
        assert head.size_bytes == 65 << 20
        assert head.etag.endswith('-9"')
        async with store.open_local(KEY) as path:
            assert path.read_bytes() == (tmp_path / "large").read_bytes()
        with pytest.raises(ObjectConflictError):
            await store.put(KEY, tmp_path / "large", condition=IfAbsent())
        assert await uploads_of(store) == []


@pytest.mark.slow
async def test_a_cancelled_upload_in_parts_is_aborted(s3_server: S3Server, tmp_path: Path):
    write_large(tmp_path / "large")
    async with open_bucket(s3_settings(s3_server), tmp_path) as store:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            put = group.create_task(store.put(KEY, tmp_path / "large"))
            while not await uploads_of(store):
                pass
            put.cancel()
        assert put.cancelled()
        assert await uploads_of(store) == []
        assert await store.head(KEY) is None


async def uploads_of(store: S3Store) -> list[str]:
    """Keys of uploads in parts that are neither complete nor aborted."""
    listing = {"Prefix": store._address.prefix}
    answer = await store._control.of_bucket("list_multipart_uploads", listing)
    return [str(one["Key"]) for one in answer.get("Uploads", ())]


@pytest.mark.parametrize(
    ("size_bytes", "part_mib"),
    [(64 << 20, 8), (80_000 << 20, 8), ((80_000 << 20) + 1, 9), (5 << 40, 525)],
)
def test_there_are_never_too_many_parts(size_bytes: int, part_mib: int):
    assert part_bytes_for(size_bytes) == part_mib << 20
    assert -(-size_bytes // part_bytes_for(size_bytes)) <= 10_000


# --- credentials that expire


class Rotation:
    """A source of credentials that hold for a moment; botocore's own classes refresh them."""

    METHOD = "rotation"
    CANONICAL_NAME = "Rotation"

    def __init__(self, server: S3Server) -> None:
        self.refreshes = 0
        self.lifetime = timedelta(hours=1)
        self.secret = server.secret_key
        self._key = server.access_key
        self.credentials: AioRefreshableCredentials | None = None

    async def load(self) -> AioRefreshableCredentials:
        self.credentials = AioRefreshableCredentials.create_from_metadata(
            metadata=await self.refresh(), refresh_using=self.refresh, method=self.METHOD
        )
        return self.credentials

    async def refresh(self) -> dict[str, str]:
        self.refreshes += 1
        return {
            "access_key": self._key,
            "secret_key": self.secret,
            "token": "",
            "expiry_time": (datetime.now(UTC) + self.lifetime).isoformat(),
        }

    def expire(self) -> None:
        assert self.credentials is not None
        self.credentials._expiry_time = datetime.now(UTC) - timedelta(seconds=1)

    def session(self) -> AioSession:
        session = get_session()
        session.register_component("credential_provider", AioCredentialResolver([self]))
        return session


async def test_credentials_are_refreshed_before_they_expire(s3_server: S3Server, tmp_path: Path):
    rotation = Rotation(s3_server)
    async with open_s3_store(
        s3_settings(s3_server, access_key_id=None, secret_access_key=None),
        scratch=tmp_path,
        clock=time.time,
        session=rotation.session(),
    ) as store:
        assert rotation.refreshes == 1
        await store.put(KEY, b"content")
        rotation.expire()
        assert (await store.read(KEY, size_max=7)).content == b"content"
        assert rotation.refreshes == 2
        rotation.expire()
        await store.put(KEY, b"content")
        assert rotation.refreshes == 3
        rotation.secret = "another"
        rotation.expire()
        await refuses(store, "answers 403")
        rotation.lifetime = timedelta(hours=-1)
        rotation.expire()
        await refuses(store, "refreshed credentials have expired")


async def refuses(store: S3Store, told: str) -> None:
    with pytest.raises(StoreCredentialsError, match=told):
        await store.head(KEY)
    with pytest.raises(StoreCredentialsError, match=told):
        await store.put(KEY, b"content")


# --- stores that keep no promises


@pytest.fixture
async def lax() -> AsyncIterator[LaxStore]:
    async with open_lax_store() as opened:
        yield opened


def lax_settings(lax: LaxStore, *, is_required: bool = False) -> S3Settings:
    return S3Settings(
        bucket="bucket",
        endpoint_url=lax.url,
        access_key_id=SecretStr("key"),
        secret_access_key=SecretStr("secret"),
        requires_conditional_put=is_required,
    )


async def test_a_store_that_overwrites_is_refused(lax: LaxStore, tmp_path: Path):
    with pytest.raises(StoreUnsafeError, match="bucket bucket") as raised:
        await opened(lax_settings(lax, is_required=True), tmp_path)
    assert "requires_conditional_put" in raised.value.advice
    assert lax.objects == {}


async def test_without_conditions_they_are_checked_before(lax: LaxStore, tmp_path: Path):
    async with open_bucket(lax_settings(lax), tmp_path) as store:
        first = await store.put(KEY, b"first", condition=IfAbsent())
        with pytest.raises(ObjectConflictError):
            await store.put(KEY, b"second", condition=IfAbsent())
        await store.put(KEY, b"second", condition=IfMatch(first.etag))
        with pytest.raises(ObjectConflictError):
            await store.put(KEY, b"third", condition=IfMatch(first.etag))


WHOLE = {"Content-Range": "bytes 2-4/7"}
NOTED = "x-amz-meta-sha256"


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        pytest.param(206, WHOLE, None, id="206"),
        pytest.param(200, WHOLE, None, id="200 that names the range"),
        pytest.param(200, {}, StoreError, id="the whole instead"),
        pytest.param(206, {"Content-Range": "bytes 0-2/7"}, StoreError, id="another range"),
        pytest.param(206, {"Content-Range": "bytes 2-4/8"}, StoreError, id="another length"),
        pytest.param(206, {**WHOLE, NOTED: "00" * 32}, ObjectConflictError, id="another object"),
        pytest.param(206, {**WHOLE, NOTED: ""}, ObjectDamagedError, id="no digest"),
        pytest.param(206, {**WHOLE, "ETag": '"1"'}, None, id="touched meanwhile"),
        pytest.param(403, {}, StoreCredentialsError, id="forbidden"),
        pytest.param(416, {}, ObjectConflictError, id="shorter now"),
        pytest.param(301, {}, StoreBucketError, id="elsewhere"),
        pytest.param(418, {}, StoreError, id="nonsense"),
    ],
)
async def test_only_the_range_asked_for_is_taken(
    lax: LaxStore,
    tmp_path: Path,
    status: int,
    answer: dict[str, str],
    told: type[StoreError] | None,
):
    async with open_bucket(lax_settings(lax), tmp_path) as store:
        head = await store.put(KEY, b"content")
        lax.status, lax.answer = status, answer
        if answer.get("Content-Range"):
            (path,) = [path for path in lax.objects if path.endswith(KEY)]
            lax.objects[path] = (b"nte", lax.objects[path][1])
        chunks = store.stream(head, start=2, stop=5)
        if told is None:
            assert b"".join([chunk async for chunk in chunks]) == b"nte"
        else:
            with pytest.raises(told):
                await anext(chunks)


async def test_one_refusal_for_the_moment_is_not_told(lax: LaxStore, tmp_path: Path):
    async with open_bucket(lax_settings(lax), tmp_path) as store:
        await store.put(KEY, b"content")
        lax.trouble = 1
        assert (await store.read(KEY, size_max=7)).content == b"content"
        lax.trouble = 2
        with pytest.raises(StoreError, match="503 SlowDown"):
            await store.read(KEY, size_max=7)


# --- what answers mean, where things are, what settings go together


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (404, "NoSuchKey", ObjectMissingError),
        (404, "", ObjectMissingError),
        (404, "NoSuchBucket", StoreBucketError),
        (412, "", ObjectConflictError),
        (409, "ConditionalRequestConflict", ObjectConflictError),
        (403, "QuotaExceeded", StoreFullError),
        (507, "", StoreFullError),
        (403, "AccessDenied", StoreReadOnlyError),
        (403, "SignatureDoesNotMatch", StoreCredentialsError),
        (400, "ExpiredToken", StoreCredentialsError),
        (400, "BadDigest", ObjectDamagedError),
        (301, "", StoreBucketError),
        (503, "SlowDown", StoreError),
    ],
)
def test_an_answer_to_a_put_means(status: int, code: str, told: type[StoreError]):
    assert type(error_of(status, code, KEY, is_write=True)) is told


@pytest.mark.parametrize(
    ("endpoint", "style", "url"),
    [
        ("http://127.0.0.1:9000", "path", "http://127.0.0.1:9000/bkt/pre/a/b"),
        ("https://s3.example.com/", "path", "https://s3.example.com/bkt/pre/a/b"),
        ("https://s3.example.com:443", "virtual", "https://bkt.s3.example.com/pre/a/b"),
        ("http://[::1]:9000", "path", "http://[::1]:9000/bkt/pre/a/b"),
    ],
)
def test_an_object_is_at(endpoint: str, style: str, url: str):
    settings = S3Settings(bucket="bkt", prefix="pre/", addressing_style=AddressingStyle(style))
    address = address_of(settings, endpoint)
    assert address.base_url + address.path_of("a/b") == url
    assert address.host in url


@pytest.mark.parametrize(
    ("values", "told"),
    [
        pytest.param({"kind": "s3"}, "`s3.bucket` is needed", id="no bucket"),
        pytest.param({"s3": {"bucket": "bkt"}}, "`kind` must be `s3`", id="a bucket and no kind"),
        pytest.param({"s3": {"bucket": "B/c"}}, "bucket", id="no name of a bucket"),
        pytest.param({"s3": {"prefix": "a/../"}}, "prefix", id="no prefix"),
        pytest.param({"s3": {"prefix": "a"}}, "prefix", id="a prefix without its slash"),
        pytest.param({"s3": {"endpoint_url": "ftp://a"}}, "endpoint_url", id="no HTTP"),
        pytest.param({"s3": {"access_key_id": "a"}}, "secret_access_key_file", id="no secret"),
        pytest.param({"s3": {"secret_access_key": "a"}}, "access_key_id", id="no key"),
        pytest.param(
            {"s3": {"endpoint_url": "http://a", "ca_bundle": "/a"}}, "ca_bundle", id="CA, no TLS"
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values: dict[str, object], told: str):
    with pytest.raises(ValidationError, match=told):
        StoreSettings.model_validate(values)


def test_a_folder_is_the_default():
    assert StoreSettings().kind is StoreKind.FOLDER


async def test_the_origin_opens_the_kind_of_store_that_is_set(s3_server: S3Server, tmp_path: Path):
    folder = StoreSettings(folder=tmp_path / "store")
    bucket = StoreSettings(kind=StoreKind.S3, s3=s3_settings(s3_server))
    for settings, kind in ((folder, FolderStore), (bucket, S3Store)):
        async with _open_store(settings, tmp_path, time.time) as store:
            assert isinstance(store, kind)
            await store.check()
