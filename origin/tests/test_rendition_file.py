import contextlib

import pytest

from origin.adapters.memory_store import MemoryStore
from origin.answer import IMMUTABLE, Representation
from origin.errors import ObjectDamagedError
from origin.rendition_file import RenditionFile, RenditionMeans
from origin.rendition_job import Target
from origin.tests.workshops import NOW_S

CONTENT = b"content of a rendition"
TARGET = Target("T", "v", "flac")


class Workbench:
    """Makes files, and notes what it is asked for."""

    def __init__(self) -> None:
        self.store = MemoryStore(size_max=1 << 20, clock=lambda: NOW_S)
        self.makes = CONTENT
        self.made: list[Target] = []
        self.repaired: list[Target] = []
        self.used: list[tuple[str, ...]] = []

    async def package(self, target: Target) -> None:
        self.made.append(target)
        if self.makes:
            await self.store.put(target.file_key, self.makes)


@pytest.fixture
def bench() -> Workbench:
    return Workbench()


@pytest.fixture
async def file(bench: Workbench) -> RenditionFile:
    head = await bench.store.put(TARGET.file_key, CONTENT)
    representation = Representation(len(CONTENT), head.sha256, "audio/mp4", IMMUTABLE, ())
    means = RenditionMeans(
        bench.store, package=bench.package, repair=bench.repaired.append, note_use=bench.used.append
    )
    return RenditionFile(representation, TARGET, means)


async def part(file: RenditionFile, start: int, stop: int) -> bytes:
    async with contextlib.aclosing(file.stream(start=start, stop=stop)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_what_is_there_is_read_and_its_use_noted(bench: Workbench, file: RenditionFile):
    assert await part(file, 3, 9) == CONTENT[3:9]
    await file.prove()
    assert bench.made == []
    assert bench.used == [("renditions/T/v/flac.mp4", "renditions/T/v/flac.json")]


@pytest.mark.parametrize("left", [None, b"another file"], ids=["missing", "another"])
async def test_what_is_not_there_is_made_when_it_is_read(
    bench: Workbench, file: RenditionFile, left: bytes | None
):
    await bench.store.delete(TARGET.file_key)
    if left is not None:
        await bench.store.put(TARGET.file_key, left)
    assert await part(file, 3, 9) == CONTENT[3:9]
    assert bench.made == [TARGET]


async def test_what_is_not_there_is_made_when_it_is_to_be_proved(
    bench: Workbench, file: RenditionFile
):
    await bench.store.delete(TARGET.file_key)
    await file.prove()
    assert bench.made == [TARGET]
    assert bench.used == []


@pytest.mark.parametrize("makes", [b"", b"another file"], ids=["nothing", "another"])
async def test_what_is_made_otherwise_than_recorded_is_damaged(
    bench: Workbench, file: RenditionFile, makes: bytes
):
    await bench.store.delete(TARGET.file_key)
    bench.makes = makes
    with pytest.raises(ObjectDamagedError, match="its record names"):
        await part(file, 0, 5)
    assert bench.used == []
    file.repair()
    assert bench.repaired == [TARGET]
