"""The contract of `origin.ports.ObjectStore`, run against every adapter, and what is the folder's.

The folder's own tests use the real thing: processes that race, processes that are killed, file
systems that are full or read-only.
"""

import asyncio
import contextlib
import hashlib
import itertools
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.adapters.folder_store import open_folder_store
from origin.adapters.memory_store import MemoryStore
from origin.errors import (
    ObjectConflictError,
    ObjectDamagedError,
    ObjectKeyError,
    ObjectMissingError,
    ObjectTooLargeError,
    StoreError,
    StoreFullError,
    StoreIoError,
    StoreReadOnlyError,
)
from origin.ports import IfAbsent, IfMatch, ObjectContent, ObjectStore
from origin.tests.s3 import open_bucket, s3_settings

KEY = "renditions/track/version/flac.mp4"

ORPHANS = (("a", "gone"), ("b", "gone"))

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["memory", "folder", pytest.param("s3", marks=pytest.mark.socket)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "memory":
        yield MemoryStore(size_max=1 << 24, clock=itertools.count(1_700_000_000.0).__next__)
    elif request.param == "folder":
        async with open_folder_store(tmp_path / "store") as opened:
            yield opened
    else:
        server = request.getfixturevalue("s3_server")
        async with open_bucket(s3_settings(server), tmp_path) as bucket:
            yield bucket


async def stream_all(store: ObjectStore, key: str, *, start: int = 0, stop: int = -1) -> bytes:
    head = await store.head(key)
    assert head is not None
    stop = head.size_bytes if stop < 0 else stop
    return b"".join([chunk async for chunk in store.stream(head, start=start, stop=stop)])


async def test_read_returns_what_was_put(store: ObjectStore):
    head = await store.put(KEY, b"content")
    stored = await store.read(KEY, size_max=7)
    assert stored.content == b"content"
    assert stored.head == await store.head(KEY)
    # A store that counts whole seconds may have begun another one.
    assert head == replace(stored.head, modified_s=head.modified_s)
    assert head.modified_s == pytest.approx(stored.head.modified_s, abs=2)
    assert (head.key, head.size_bytes) == (KEY, 7)
    assert head.sha256 == hashlib.sha256(b"content").hexdigest()
    assert head.modified_s > 1_600_000_000


async def test_an_object_may_be_empty(store: ObjectStore):
    await store.put(KEY, b"")
    assert (await store.read(KEY, size_max=0)).content == b""
    assert await stream_all(store, KEY) == b""


async def test_a_local_file_is_put_and_left_alone(store: ObjectStore, tmp_path: Path):
    content = os.urandom(3_000_001)
    source = tmp_path / "source"
    source.write_bytes(content)
    await store.put(KEY, source, sha256=hashlib.sha256(content).hexdigest())
    assert await stream_all(store, KEY) == content
    assert source.read_bytes() == content


async def test_a_source_with_another_digest_is_refused(store: ObjectStore):
    with pytest.raises(ObjectDamagedError):
        await store.put(KEY, b"content", sha256="00" * 32)
    assert await store.head(KEY) is None
    assert (await store.list_keys("", limit=10)).keys == ()


async def test_a_put_replaces_and_the_entity_tag_follows(store: ObjectStore):
    first = await store.put(KEY, b"first")
    second = await store.put(KEY, b"second")
    assert first.etag != second.etag
    assert (await store.read(KEY, size_max=100)).content == b"second"


async def test_what_is_not_there_is_missing(store: ObjectStore):
    head = await store.put(KEY, b"content")
    assert await store.delete(KEY)
    assert not await store.delete(KEY)
    assert await store.head(KEY) is None
    with pytest.raises(ObjectMissingError):
        await store.read(KEY, size_max=100)
    with pytest.raises(ObjectMissingError):
        async with store.open_local(KEY):
            pass
    with pytest.raises(ObjectMissingError):
        async for _ in store.stream(head, start=0, stop=7):
            pass


async def test_a_read_is_bounded(store: ObjectStore):
    await store.put(KEY, b"content")
    with pytest.raises(ObjectTooLargeError):
        await store.read(KEY, size_max=6)


async def test_if_absent_puts_once(store: ObjectStore):
    await store.put(KEY, b"first", condition=IfAbsent())
    with pytest.raises(ObjectConflictError):
        await store.put(KEY, b"second", condition=IfAbsent())
    assert (await store.read(KEY, size_max=100)).content == b"first"


async def test_if_match_replaces_only_what_was_seen(store: ObjectStore):
    with pytest.raises(ObjectConflictError):
        await store.put(KEY, b"zero", condition=IfMatch("none"))
    first = await store.put(KEY, b"first")
    second = await store.put(KEY, b"second", condition=IfMatch(first.etag))
    with pytest.raises(ObjectConflictError):
        await store.put(KEY, b"third", condition=IfMatch(first.etag))
    assert (await store.read(KEY, size_max=100)).head == second


async def test_a_stream_notices_a_replacement(store: ObjectStore):
    head = await store.put(KEY, b"first")
    await store.put(KEY, b"longer")
    with pytest.raises(ObjectConflictError):
        async for _ in store.stream(head, start=0, stop=5):
            pass


async def test_an_object_is_read_by_what_is_known_of_its_content(store: ObjectStore):
    await store.put(KEY, b"content")
    content = ObjectContent(KEY, 7, hashlib.sha256(b"content").hexdigest())
    assert [chunk async for chunk in store.stream(content, start=2, stop=5)] == [b"nte"]
    for other in (replace(content, sha256="00" * 32), replace(content, size_bytes=5)):
        await store.put(KEY, b"other")
        with pytest.raises(ObjectConflictError):
            async for _ in store.stream(other, start=0, stop=5):
                pass


async def test_a_touch_makes_an_object_new_and_leaves_its_content(store: ObjectStore):
    first = await store.put(KEY, b"content")
    async with asyncio.timeout(10):
        # A store may count whole seconds.
        while (touched := await store.head(KEY)) and touched.modified_s <= first.modified_s + 0.5:
            await store.touch(KEY)
    assert touched is not None
    assert touched == replace(first, etag=touched.etag, modified_s=touched.modified_s)
    assert (await store.read(KEY, size_max=7)).content == b"content"
    async with store.open_local(KEY) as path:
        assert path.read_bytes() == b"content"
    await store.put(KEY, b"newer", condition=IfMatch(touched.etag))
    assert (await store.list_keys("", limit=10)).keys == (KEY,)


async def test_a_touch_of_nothing_makes_nothing(store: ObjectStore):
    await store.touch(KEY)
    assert await store.head(KEY) is None
    assert (await store.list_keys("", limit=10)).keys == ()


async def test_a_touch_does_not_disturb_a_read(store: ObjectStore):
    content = os.urandom(3_000_001)
    head = await store.put(KEY, content)
    async with contextlib.aclosing(store.stream(head, start=0, stop=len(content))) as chunks:
        first = await anext(chunks)
        await store.touch(KEY)
        assert first + b"".join([chunk async for chunk in chunks]) == content
    # Nor is a head from before it of no use.
    assert b"".join([chunk async for chunk in store.stream(head, start=1, stop=9)]) == content[1:9]


async def test_a_local_copy_has_the_content(store: ObjectStore):
    await store.put(KEY, b"content")
    async with store.open_local(KEY) as path:
        assert path.read_bytes() == b"content"


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("/a", id="absolute"),
        pytest.param("a/", id="ends with a slash"),
        pytest.param("a//b", id="empty segment"),
        pytest.param("../a", id="parent"),
        pytest.param("a/../b", id="parent within"),
        pytest.param("a/.sha256", id="hidden"),
        pytest.param("a\\b", id="backslash"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("a\nb", id="newline"),
        pytest.param("a\n", id="newline at the end"),
        pytest.param("ä", id="not ASCII"),
        pytest.param("a b", id="space"),
        pytest.param("a/" * 300 + "a", id="too long"),
        pytest.param("a" * 201, id="segment too long"),
    ],
)
async def test_no_such_key(store: ObjectStore, key: str):
    with pytest.raises(ObjectKeyError):
        await store.put(key, b"")
    with pytest.raises(ObjectKeyError):
        await store.head(key)
    with pytest.raises(ObjectKeyError):
        await store.delete(key)
    if key:
        with pytest.raises(ObjectKeyError):
            await store.list_keys(key if not key.endswith("/") else key + "/", limit=1)


async def test_keys_are_listed_in_order_and_by_pages(store: ObjectStore):
    keys = ["a-b/x", "a/b/c", "a/b0", "a/c", "a0", "b"]
    for key in reversed(keys):
        await store.put(key, b"")
    listed = (await store.list_keys("", limit=1000)).keys
    assert listed in (tuple(sorted(keys)), tuple(sorted(keys, key=lambda key: key.split("/"))))
    assert (await store.list_keys("a/", limit=10)).keys == ("a/b/c", "a/b0", "a/c")
    assert (await store.list_keys("nothing/", limit=10)).keys == ()
    assert (await store.list_keys("b/", limit=10)).keys == ()
    found: list[str] = []
    has_more = True
    while has_more:
        page = await store.list_keys("", after=found[-1] if found else "", limit=2)
        found += page.keys
        has_more = page.has_more
    assert found == list(listed)


async def test_a_checked_store_is_as_it_was(store: ObjectStore):
    await store.check()
    assert (await store.list_keys("", limit=10)).keys == ()


@given(
    content=st.binary(max_size=2000),
    start=st.integers(0, 2100),
    length=st.integers(0, 2100),
)
async def test_a_stream_reads_what_slicing_would(content: bytes, start: int, length: int):
    store = MemoryStore(size_max=1 << 20, clock=lambda: 0.0)
    await store.put(KEY, content)
    start = min(start, len(content))
    stop = min(start + length, len(content))
    assert await stream_all(store, KEY, start=start, stop=stop) == content[start:stop]


async def test_memory_is_bounded():
    store = MemoryStore(size_max=10, clock=lambda: 0.0)
    await store.put("a", b"12345678")
    with pytest.raises(StoreFullError):
        await store.put("b", b"123")
    await store.put("a", b"1234567890")


# --- the folder


async def test_a_folder_is_closed_to_others(tmp_path: Path):
    async with open_folder_store(tmp_path / "a" / "store"):
        mode = (await asyncio.to_thread((tmp_path / "a" / "store").stat)).st_mode
    assert stat.S_IMODE(mode) == 0o700


async def test_ranges_of_a_file_are_streamed(tmp_path: Path):
    content = os.urandom(600_000)
    async with open_folder_store(tmp_path) as store:
        await store.put(KEY, content)
        for start, stop in ((0, 1), (5, 300_000), (599_999, 600_000), (0, 600_000)):
            assert await stream_all(store, KEY, start=start, stop=stop) == content[start:stop]


def files_under(root: Path) -> list[str]:
    own = (".locks", ".partial")
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.relative_to(root).parts[0] not in own
    )


async def test_nothing_stays_of_an_object_that_is_deleted(tmp_path: Path):
    async with open_folder_store(tmp_path) as store:
        await store.put(KEY, b"content")
        assert len(files_under(tmp_path)) == 5
        await store.delete(KEY)
        assert files_under(tmp_path) == []
    assert [path.name for path in (tmp_path / ".partial").iterdir()] == [".gate"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b"contenu"), id="other bytes"),
        pytest.param(lambda path: path.write_bytes(b"cont"), id="cut"),
        pytest.param(lambda path: path.write_bytes(b""), id="emptied"),
        pytest.param(
            lambda path: path.with_name(".flac.mp4.sha256").unlink(), id="its digest is lost"
        ),
        pytest.param(
            lambda path: path.with_name(".flac.mp4.sha256").write_bytes(b"\xff\n12"),
            id="its digest is none",
        ),
    ],
)
async def test_a_damaged_object_is_found_on_a_read_of_the_whole(
    tmp_path: Path, damage: Callable[[Path], object]
):
    async with open_folder_store(tmp_path) as store:
        await store.put(KEY, b"content")
        damage(tmp_path / KEY)
        with pytest.raises(ObjectDamagedError):
            await store.read(KEY, size_max=100)
        with pytest.raises(ObjectDamagedError):
            async with store.open_local(KEY):
                pass
        with pytest.raises(ObjectDamagedError):
            await stream_all(store, KEY)
        await store.put(KEY, b"mended")
        assert (await store.read(KEY, size_max=100)).content == b"mended"


async def test_a_file_cut_while_it_is_streamed_is_noticed(tmp_path: Path):
    async with open_folder_store(tmp_path) as store:
        head = await store.put(KEY, bytes(1 << 20))
        with pytest.raises(ObjectDamagedError):
            async with contextlib.aclosing(store.stream(head, start=0, stop=1 << 20)) as chunks:
                async for _ in chunks:
                    os.truncate(tmp_path / KEY, 300_000)


async def test_a_replacement_that_was_cut_short_leaves_a_readable_object(tmp_path: Path):
    # What a kill leaves between the note of both digests and the new name, and right after it.
    sidecar = (tmp_path / KEY).with_name(".flac.mp4.sha256")
    both = "".join(f"{hashlib.sha256(one).hexdigest()} 5\n" for one in (b"newer", b"older"))
    async with open_folder_store(tmp_path) as store:
        for content in (b"older", b"newer"):
            await store.put(KEY, content)
            sidecar.write_text(both)
            assert (await store.read(KEY, size_max=5)).content == content
            assert await stream_all(store, KEY) == content
        (tmp_path / KEY).write_bytes(b"wrong")
        with pytest.raises(ObjectDamagedError):
            await store.read(KEY, size_max=5)


RACER = """
import asyncio, sys
from pathlib import Path
from origin.adapters.folder_store import open_folder_store
from origin.errors import ObjectConflictError
from origin.ports import IfAbsent, IfMatch

async def main(root, number, etag):
    condition = IfMatch(etag) if etag else IfAbsent()
    async with open_folder_store(Path(root)) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            await store.put("a/b", number.encode() * 1000, condition=condition)
            print("won", flush=True)
        except ObjectConflictError:
            print("lost", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def start_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_what_a_killed_process_left_beside_no_object_is_removed_in_time(tmp_path: Path):
    async with open_folder_store(tmp_path) as store:
        await store.put("a/there", b"content")
        sidecars = [tmp_path / f"{folder}/.{name}.sha256" for folder, name in ORPHANS]
        for sidecar in sidecars:
            sidecar.parent.mkdir(exist_ok=True)
            sidecar.touch()
        assert (await store.list_keys("", limit=10)).keys == ("a/there",)
        assert all(sidecar.exists() for sidecar in sidecars), "their writers may be at work"
        for sidecar in [*sidecars, tmp_path / "a/.there.sha256"]:
            os.utime(sidecar, (0, 0))
        assert (await store.list_keys("", limit=10)).keys == ("a/there",)
        assert not any(sidecar.exists() for sidecar in sidecars)
        assert not (tmp_path / "b").exists()
        assert (await store.read("a/there", size_max=7)).content == b"content"


@pytest.mark.parametrize("before", [None, b"before"], ids=["create", "replace"])
async def test_of_sixteen_processes_that_race_one_wins(tmp_path: Path, before: bytes | None):
    etag = ""
    async with open_folder_store(tmp_path) as store:
        if before is not None:
            etag = (await store.put("a/b", before)).etag
    racers = [start_python(RACER, str(tmp_path), f"{one:x}", etag) for one in range(16)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outcomes = [racer.communicate()[0].strip() for racer in racers]
    assert sorted(outcomes) == ["lost"] * 15 + ["won"]
    async with open_folder_store(tmp_path) as store:
        content = (await store.read("a/b", size_max=10_000)).content
        assert content == f"{outcomes.index('won'):x}".encode() * 1000


WRITER = """
import asyncio, sys
from pathlib import Path
from origin.adapters.folder_store import open_folder_store

async def main(root):
    async with open_folder_store(Path(root)) as store:
        print("ready", flush=True)
        number = 0
        while True:
            number += 1
            await store.put("a/b", bytes([number % 256]) * (100_000 + number))
            await store.put(f"c/{number}", b"x" * number)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_killed_writer_leaves_whole_objects(tmp_path: Path):
    for turn in range(6):
        writer = start_python(WRITER, str(tmp_path))
        assert writer.stdout is not None
        writer.stdout.readline()
        with contextlib.suppress(subprocess.TimeoutExpired):
            writer.wait(0.03 + 0.017 * turn)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        async with open_folder_store(tmp_path) as store:
            for key in (await store.list_keys("", limit=1000)).keys:
                content = (await store.read(key, size_max=1 << 20)).content
                assert content == content[:1] * len(content)
            await store.put(
                "a/b", b"nnnnnn"
            )  # Whole, like the others, if the next one is killed early.
    # What the killed ones were writing is gone.
    assert [path.name for path in (tmp_path / ".partial").iterdir()] == [".gate"]


PUT_AND_TELL = """
import asyncio, sys
from pathlib import Path
from origin.adapters.folder_store import open_folder_store
from origin.errors import StoreError

async def main(root):
    async with open_folder_store(Path(root)) as store:
        await store.put("a/small", b"x" * 1000)
        try:
            await store.put("a/large", b"x" * 3_000_000)
        except StoreError as error:
            print(type(error).__name__, "|", error, "|", error.advice)
        print(" ".join((await store.list_keys("", limit=10)).keys))
        files = [*Path(root, "a").iterdir(), *Path(root, ".partial").glob("*/[0-9]*")]
        print(" ".join(sorted(one.name for one in files)))

asyncio.run(main(sys.argv[1]))
"""


def check_full(output: str):
    told, keys, files = output.splitlines()
    assert told.startswith("StoreFullError | object a/large: ")
    assert "Make room" in told
    assert keys == "a/small"
    assert files == ".small.sha256 small"


async def test_an_object_above_the_limit_of_files_is_refused_and_nothing_stays(tmp_path: Path):
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
    )
    output, _ = start_python(limit + PUT_AND_TELL, str(tmp_path)).communicate()
    check_full(output)


def in_own_mounts(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell command with mounts of its own; the test is skipped where that is not allowed."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    try:
        subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", "/mnt"], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine does not let us mount")
    return subprocess.run(
        [*unshare, "sh", "-ec", *command], cwd=ROOT, check=True, capture_output=True, text=True
    )


async def test_a_full_file_system_is_told_and_nothing_stays(tmp_path: Path):
    script = 'mount -t tmpfs -o size=2m none "$1"; exec "$2" -c "$3" "$1"'
    done = in_own_mounts(script, "sh", str(tmp_path), sys.executable, PUT_AND_TELL)
    check_full(done.stdout)


OPEN_AND_TELL = """
import asyncio, sys
from pathlib import Path
from origin.adapters.folder_store import open_folder_store
from origin.errors import StoreError

async def main(root):
    try:
        async with open_folder_store(Path(root)) as store:
            pass
    except StoreError as error:
        print(type(error).__name__, "|", error.advice)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_read_only_file_system_is_told(tmp_path: Path):
    script = 'mount -t tmpfs -o ro none "$1"; exec "$2" -c "$3" "$1"'
    done = in_own_mounts(script, "sh", str(tmp_path), sys.executable, OPEN_AND_TELL)
    assert done.stdout.startswith("StoreReadOnlyError | Make store.folder a folder that")


async def test_a_store_that_is_a_file_is_told(tmp_path: Path):
    (tmp_path / "store").write_text("")
    for root in (tmp_path / "store", tmp_path / "store" / "below"):
        with pytest.raises(StoreReadOnlyError):
            async with open_folder_store(root):
                pass


async def test_a_store_whose_folder_vanishes_says_so(tmp_path: Path):
    async with open_folder_store(tmp_path / "store") as store:
        (tmp_path / "store").rename(tmp_path / "elsewhere")
        with pytest.raises(StoreError):
            await store.check()
        with pytest.raises(StoreError):
            await store.put(KEY, b"")
        (tmp_path / "elsewhere").rename(tmp_path / "store")


async def test_many_tasks_may_put_at_once(tmp_path: Path):
    async with open_folder_store(tmp_path) as store:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(store.put("a/b", str(number).encode()))
        assert int((await store.read("a/b", size_max=2)).content) in range(20)


async def test_folders_may_come_and_go_under_a_put(tmp_path: Path):
    async def put_and_delete(store: ObjectStore, key: str) -> None:
        for _ in range(60):
            await store.put(key, b"content")
            assert (await store.read(key, size_max=9)).content == b"content"
            assert await store.delete(key)

    async with open_folder_store(tmp_path) as store, asyncio.TaskGroup() as group:
        for name in "uvwxyz":
            group.create_task(put_and_delete(store, f"a/b/{name}"))
    assert files_under(tmp_path) == []


async def test_a_failing_disk_is_told_from_a_damaged_object(tmp_path: Path):
    async with open_folder_store(tmp_path) as store:
        await store.put(KEY, b"")
        # A file of length 0 whose reads fail with EIO: nothing is mapped at address 0.
        (tmp_path / KEY).unlink()
        (tmp_path / KEY).symlink_to("/proc/self/mem")
        with pytest.raises(StoreIoError, match="Input/output error"):
            await store.read(KEY, size_max=9)


@pytest.mark.parametrize("cancellations", [1, 3])
async def test_a_cancelled_put_does_not_go_on_after_its_caller(tmp_path: Path, cancellations: int):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with open_folder_store(tmp_path / "store") as store, asyncio.TaskGroup() as group:
        put = group.create_task(store.put(KEY, pipe))
        await asyncio.sleep(0)
        for _ in range(cancellations):
            put.cancel()
            await asyncio.sleep(0)
        is_over_early = put.done()
        await asyncio.to_thread(pipe.write_bytes, b"content")  # Waits for the reader.
        with contextlib.suppress(asyncio.CancelledError):
            await put
        assert put.cancelled()
        assert not is_over_early
        assert (await store.read(KEY, size_max=7)).content == b"content"
