"""Faults of the disk under a running edge: bytes stay right, it says what is wrong, it recovers.

Memory holds next to nothing here, so what is asked for comes from the disk or from the origin.
Listeners ask all the time, and what they get is checked byte by byte.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from loadtest.behaviours.content import is_content
from loadtest.behaviours.listener import ask
from loadtest.behaviours.origin import Origin, open_origin
from loadtest.behaviours.resource import Resource
from loadtest.peers.process import CacheFailedError
from loadtest.soak.edge import MIB, KillableEdge, Purge

pytestmark = [pytest.mark.socket, pytest.mark.slow]

LENGTH = 700_000
PATHS = [f"/{number}" for number in range(12)]
LISTENERS = 4


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def mounted(options: str = "size=64m") -> Iterator[Path]:
    """A small disk; the test is skipped where none may be mounted."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        disk = Path(folder, "disk")
        disk.mkdir()
        try:
            run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk))
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mounting needs root")
        try:
            yield disk
        finally:
            unmount(disk)


@dataclass
class Scene:
    """An edge with a disk, its origin, and listeners that never stop.

    Attributes:
        answers: that were checked.
        wrong: what was wrong with some.
        versions: that may be served, by path; only the first one if nothing is said.
        run: how often the edge has been started; None while it is down.
    """

    origin: Origin
    edge: KillableEdge
    answers: int = 0
    wrong: list[str] = field(default_factory=list)
    versions: dict[str, set[int]] = field(default_factory=dict)
    run: int | None = 1

    async def ask(self, path: str) -> None:
        versions, run = self.versions.get(path, {1}), self.run
        answer = await ask(self.edge.running.url, path)
        self.answers += 1
        if run is None or run != self.run:
            return  # It was killed meanwhile: nobody is to blame.
        versions = versions | self.versions.get(path, {1})
        if len(versions) > 1 and not answer.is_whole:
            return  # It was purged while it was read: who needs more of it is cut.
        is_right = answer.status == 200 and answer.is_whole and len(answer.body) == LENGTH
        if not is_right or not any(is_content(answer.body, path, one) for one in versions):
            self.wrong.append(f"{path}: {answer.status}, {len(answer.body)} bytes")

    async def ask_for_all(self) -> None:
        for path in PATHS:
            await self.ask(path)

    async def listen(self) -> None:
        while True:
            await self.ask_for_all()
            await asyncio.sleep(0.02)

    async def metric(self, name: str) -> float:
        return (await self.edge.metrics()).get(name, 0.0)

    async def problem(self) -> str:
        """What it says of its folder, as soon as it says anything."""
        async with asyncio.timeout(20):
            while not (reasons := await self.edge.reasons()):  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.05)
        (reason,) = reasons.items()
        assert reason[0] == f"disk {self.edge.disk}"
        return reason[1]

    async def is_as_before(self) -> bool:
        """Whether the folder is used again, all that is asked for comes from it, and is right."""
        async with asyncio.timeout(20):
            while await self.edge.reasons() or not await self._comes_from_disk():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return not self.wrong

    async def is_on_disk(self) -> bool:
        """Whether all that is asked for comes from files, not from what waits to be written."""
        is_right = await self.is_as_before()
        await self.edge.settle()
        return is_right

    async def has_found_damage(self) -> bool:
        """Whether it has told so. Others may have asked before it was done."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                while not await self.metric(DAMAGED):
                    await self.ask_for_all()
                return True
        print(self.edge.log_text()[-2000:])
        return False

    async def _comes_from_disk(self) -> bool:
        seen, hits = len(self.origin.seen), await self.metric(HITS)
        await self.ask_for_all()
        return len(self.origin.seen) == seen and await self.metric(HITS) > hits


HITS = 'edge_disk_reads_total{result="hit"}'
DAMAGED = 'edge_disk_reads_total{result="damaged"}'


@contextlib.asynccontextmanager
async def open_scene(disk: Path) -> AsyncIterator[Scene]:
    """All that is asked for is on the disk when it begins, as far as it has room."""
    async with open_origin() as origin, contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        edge = KillableEdge(
            folder, origin.url, memory_bytes=MIB, disk_bytes=256 * MIB, disk=disk / "edge"
        )
        for path in PATHS:
            origin.resources[path] = Resource(LENGTH, etag_version=1)
        await asyncio.to_thread(edge.start)
        stack.push_async_callback(asyncio.to_thread, edge.stop)
        await edge.settle()
        scene = Scene(origin, edge)
        await scene.ask_for_all()
        listeners = [asyncio.create_task(scene.listen()) for _ in range(LISTENERS)]
        try:
            yield scene
        finally:
            for listener in listeners:
                listener.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)


def entries_of(edge: KillableEdge) -> list[Path]:
    return sorted(edge.disk.glob("v1/*/*.s"))


async def test_a_full_disk_is_used_as_far_as_it_goes():
    with mounted("size=3m") as disk:
        async with open_scene(disk) as scene:
            assert "No space left" in await scene.problem()
            assert await scene.metric('edge_disk_errors_total{reason="enospc"}') > 0
            assert await scene.metric('edge_disk_folders{state="off"}') == 0
            assert await scene.edge.purge(Purge(urls=("/something-else",)))
            await scene.ask_for_all()
            run("mount", "-o", "remount,size=64m", str(disk))
            assert await scene.is_as_before(), scene.wrong


async def test_a_disk_that_somebody_else_fills_is_used_again_when_he_lets_go():
    with mounted("size=16m") as disk:
        async with open_scene(disk) as scene:
            assert await scene.is_as_before(), scene.wrong
            await asyncio.to_thread(fill_up, disk / "of-somebody-else")
            path, scene.versions[PATHS[3]] = PATHS[3], {1, 2}
            scene.origin.resources[path].version = 2
            many = tuple(f"/{'long' * 20}/{number}" for number in range(300))
            with pytest.raises(CacheFailedError, match="503"):  # There is no room to note it.
                await scene.edge.purge(Purge(urls=(path, *many)))
            scene.versions[path] = {2}
            assert "No space left" in await scene.problem()
            await scene.ask_for_all()
            (disk / "of-somebody-else").unlink()
            assert await scene.is_as_before(), scene.wrong


def fill_up(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


async def test_a_disk_that_is_read_only_at_the_start_is_used_once_it_can_be_written():
    with mounted() as disk:
        async with open_scene(disk) as scene:
            assert await scene.is_as_before(), scene.wrong
            await restart_after(scene, lambda: run("mount", "-o", "remount,ro", str(disk)))
            assert "ead-only" in await scene.problem()
            assert await scene.metric('edge_disk_folders{state="off"}') == 1
            await scene.ask_for_all()
            run("mount", "-o", "remount,rw", str(disk))
            assert await scene.is_as_before(), scene.wrong


@contextlib.contextmanager
def mounted_image(image: Path, place: Path) -> Iterator[Path]:
    """A file system in a file, which can be made to find an error in itself; its handle for that.

    The test is skipped where none may be mounted.
    """
    place.mkdir(exist_ok=True)
    try:
        run("mount", "-o", "loop,errors=remount-ro", str(image), str(place))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting needs root")
    try:
        device = place.stat().st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        yield Path("/sys/fs/ext4", name, "trigger_fs_error")
    finally:
        unmount(place)


def repair(image: Path) -> None:
    subprocess.run(["e2fsck", "-fy", str(image)], check=False, capture_output=True)


def unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


async def test_a_file_system_that_turns_read_only_is_left_alone_until_it_is_repaired(
    tmp_path: Path,
):
    image, place = tmp_path / "image", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(64 * MIB)
    run("mkfs.ext4", "-q", str(image))
    with mounted_image(image, place) as find_error:
        async with open_scene(place) as scene:
            assert await scene.is_as_before(), scene.wrong
            find_error.write_text("1")
            path, scene.versions[PATHS[3]] = PATHS[3], {1, 2}
            scene.origin.resources[path].version = 2
            with pytest.raises(CacheFailedError, match="503"):  # A crash could undo it.
                await scene.edge.purge(Purge(urls=(path,)))
            scene.versions[path] = {2}
            assert await scene.problem()
            assert await scene.metric('edge_disk_folders{state="off"}') == 1
            await scene.ask_for_all()
            unmount(place)
            await asyncio.to_thread(repair, image)
            with mounted_image(image, place):
                assert await scene.is_as_before(), scene.wrong


@contextlib.asynccontextmanager
async def failing(edge: KillableEdge, call: str, error: str) -> AsyncIterator[None]:
    """Let a system call fail in the running processes; skipped where they cannot be traced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    injection = f"inject={call}:error={error}"
    arguments = ["-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", injection]
    processes = [word for one in edge.running.processes() for word in ("-p", str(one.pid))]
    tracer = await asyncio.create_subprocess_exec(
        "strace", *arguments, *processes, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert tracer.stderr is not None
        told = await tracer.stderr.readline()
        if b"attached" not in told:
            pytest.skip(f"processes cannot be traced here: {told!r}")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            tracer.terminate()
        await tracer.wait()


async def test_a_disk_that_cannot_be_read_is_left_alone_until_it_can(tmp_path: Path):
    async with open_scene(tmp_path) as scene:
        assert await scene.is_as_before(), scene.wrong
        async with failing(scene.edge, "preadv2", "EIO"):
            await scene.ask_for_all()
            assert "errors within a minute" in await scene.problem()
            assert await scene.metric('edge_disk_errors_total{reason="eio"}') > 0
            await scene.ask_for_all()
        assert await scene.is_as_before(), scene.wrong


async def test_a_purge_that_is_not_on_the_disk_is_not_acknowledged(tmp_path: Path):
    async with open_scene(tmp_path) as scene:
        assert await scene.is_as_before(), scene.wrong
        path, scene.versions[PATHS[3]] = PATHS[3], {1, 2}
        scene.origin.resources[path].version = 2
        async with failing(scene.edge, "fdatasync", "EIO"):
            with pytest.raises(CacheFailedError, match="503"):
                await scene.edge.purge(Purge(urls=(path,)))
            scene.versions[path] = {2}
            assert await scene.problem()
        assert await scene.is_as_before(), scene.wrong
        assert await scene.edge.purge(Purge(urls=(path,)))


def truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(data) * 3 // 4] ^= 0x10
    return bytes(changed)


@pytest.mark.parametrize("is_restarted", [False, True], ids=["while it runs", "while it is down"])
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(truncate, id="truncated"),
        pytest.param(flip, id="a bit flipped"),
        pytest.param(lambda data: bytes(len(data)), id="zeros"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
async def test_damaged_files_are_fetched_again(
    damage: Callable[[bytes], bytes], *, is_restarted: bool, tmp_path: Path
):
    async with open_scene(tmp_path) as scene:
        assert await scene.is_on_disk(), scene.wrong
        if is_restarted:
            await restart_after(scene, lambda: damage_all(scene.edge, damage))
        else:
            damage_all(scene.edge, damage)
        assert await scene.has_found_damage()
        assert await scene.is_as_before(), scene.wrong


def damage_all(edge: KillableEdge, damage: Callable[[bytes], bytes]) -> None:
    paths = entries_of(edge)
    assert paths
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # It is being replaced.
            path.write_bytes(damage(path.read_bytes()))


async def restart_after(scene: Scene, do: Callable[[], None]) -> None:
    """Kill it, do something to its folder, and start it."""
    run, scene.run = scene.run, None
    assert run is not None
    scene.edge.kill()
    do()
    await asyncio.to_thread(scene.edge.start)
    scene.run = run + 1


@pytest.mark.parametrize("is_restarted", [False, True], ids=["while it runs", "while it is down"])
async def test_swapped_files_are_taken_for_what_they_are(*, is_restarted: bool, tmp_path: Path):
    async with open_scene(tmp_path) as scene:
        assert await scene.is_on_disk(), scene.wrong

        def swap() -> None:
            files = entries_of(scene.edge)
            assert len(files) > 1
            for one, other in zip(files[::2], files[1::2], strict=False):
                aside = tmp_path / "aside"
                one.rename(aside)
                other.rename(one)
                aside.rename(other)

        if is_restarted:
            await restart_after(scene, swap)
        else:
            swap()
        assert await scene.has_found_damage()
        assert await scene.is_as_before(), scene.wrong


async def test_a_folder_that_is_removed_is_made_anew(tmp_path: Path):
    async with open_scene(tmp_path) as scene:
        assert await scene.is_as_before(), scene.wrong
        await asyncio.to_thread(shutil.rmtree, scene.edge.disk, ignore_errors=True)
        assert "not there" in await scene.problem()
        assert await scene.is_as_before(), scene.wrong
        assert entries_of(scene.edge)


async def test_a_disk_that_is_not_mounted_any_more_is_missed_and_comes_back(tmp_path: Path):
    with mounted() as real:
        place = tmp_path / "mounted"
        place.mkdir()
        run("mount", "--bind", str(real), str(place))
        try:
            async with open_scene(place) as scene:
                assert await scene.is_as_before(), scene.wrong
                run("umount", "-l", str(place))
                assert await scene.problem()
                await asyncio.sleep(1.5)  # It is looked at more than once.
                assert "mounted" in await scene.problem()
                await scene.ask_for_all()
                assert not list(place.iterdir())
                run("mount", "--bind", str(real), str(place))
                assert await scene.is_as_before(), scene.wrong
        finally:
            unmount(place)
