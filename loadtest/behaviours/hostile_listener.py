"""Whatever a listener asks for: the origin's bytes, our answers and our memory have bounds."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from edge.settings import CacheSettings, LimitSettings
from loadtest.behaviours.listener import Answer
from loadtest.behaviours.resource import Resource
from loadtest.behaviours.stage import KIB, MIB, Finding, Stage, is_right

FILE_BYTES: Final = 64 * MIB
# What one file may cost, however it is asked for.
PULLED_MAX: Final = FILE_BYTES * 5 // 4
AT_ONCE: Final = 16
# What a listener may cost who asks for a thousand single bytes all over many files: his debt, what
# is under way when it has become too large, and what he is forgiven meanwhile.
_FORGIVEN_S: Final = 10
SCATTERED_MAX: Final = (
    LimitSettings().origin_debt_bytes_max
    + int(LimitSettings().origin_debt_forgiven_bytes_per_s * _FORGIVEN_S)
    + AT_ONCE * CacheSettings().slice_bytes
)
# The cache's own memory in these cases, and what a process may hold beyond it.
MEMORY_BYTES: Final = 128 * MIB
RESIDENT_MAX: Final = MEMORY_BYTES + 160 * MIB
_SEED: Final = 20


async def _each(count: int, do: Callable[[int], Awaitable[Answer]]) -> list[Answer]:
    """Do something `count` times, several at once."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Answer:
        async with places:
            return await do(number)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


def _expect_memory(stage: Stage, found: Finding) -> None:
    resident = stage.cache.resident_bytes()
    found.figures["resident_mib"] = resident >> 20
    found.expect(resident <= RESIDENT_MAX, f"the process holds {resident >> 20} MiB")


async def single_bytes_of_one_file(stage: Stage) -> Finding:
    """Bytes from everywhere in a file of 64 MiB."""
    found = Finding("single bytes of one file")
    path, _ = stage.publish("bytes", Resource(FILE_BYTES))
    places = random.Random(_SEED)
    offsets = [places.randrange(FILE_BYTES) for _ in range(600)]
    answers = await _each(600, lambda n: stage.ask_range(path, offsets[n], offsets[n] + 1))
    await stage.settle(path)
    pulled = stage.pulled(path)
    found.figures = {"origin_mib": round(pulled / MIB, 1)}
    found.cell = f"{pulled / MIB:.1f} MiB"
    found.expect(pulled <= PULLED_MAX, f"{pulled / MIB:.0f} MiB from the origin")
    for answer, offset in zip(answers, offsets, strict=True):
        found.expect(is_right(answer, path, start=offset, stop=offset + 1), f"byte {offset}: wrong")
    _expect_memory(stage, found)
    return found


async def single_bytes_of_many_files(stage: Stage) -> Finding:
    """Bytes from everywhere in 16 files of 64 MiB: nobody listens like that."""
    found = Finding("single bytes of many files")
    paths = [stage.publish("scattered", Resource(FILE_BYTES))[0] for _ in range(16)]
    places = random.Random(_SEED)
    wanted = [(places.choice(paths), places.randrange(FILE_BYTES)) for _ in range(1000)]
    answers = await _each(
        1000, lambda n: stage.ask_range(wanted[n][0], wanted[n][1], wanted[n][1] + 1)
    )
    await stage.settle(paths[-1])
    pulled = sum(stage.pulled(path) for path in paths)
    refused = sum(answer.status in {429, 503} for answer in answers)
    found.figures = {"origin_mib": round(pulled / MIB, 1), "refused": refused}
    found.cell = f"{pulled / MIB:.1f} MiB, {refused} refused"
    found.expect(pulled <= SCATTERED_MAX, f"{pulled / MIB:.0f} MiB from the origin")
    for answer, (path, offset) in zip(answers, wanted, strict=True):
        is_sound = is_right(answer, path, start=offset, stop=offset + 1)
        found.expect(is_sound or answer.status in {429, 503}, f"byte {offset}: {answer.status}")
    _expect_memory(stage, found)
    return found


async def thousands_of_ranges(stage: Stage) -> Finding:
    """10 000 ranges in one field, and a thousand in a field that is not too long."""
    found = Finding("thousands of ranges")
    path, resource = stage.publish("ranges", Resource(4 * MIB))
    told = []
    for count in (10_000, 1000):
        ranges = ",".join(f"{2 * n}-{2 * n}" for n in range(count))
        answer = await stage.ask(path, {"Range": f"bytes={ranges}"})
        told.append(answer.status)
        found.expect(
            len(answer.body) <= resource.length * 1.1, f"{len(answer.body)} bytes in answer"
        )
        is_sound = answer.status in {400, 416, 431} or is_right(answer, path, stop=resource.length)
        found.expect(is_sound, f"{count} ranges: {answer.status}")
    pulled = stage.pulled(path)
    found.figures = {"statuses": told, "origin_mib": round(pulled / MIB, 1)}
    found.cell = f"{told}, {pulled / MIB:.1f} MiB"
    found.expect(pulled <= resource.length * 1.25, f"{pulled / MIB:.0f} MiB from the origin")
    _expect_memory(stage, found)
    return found


async def overlapping_ranges(stage: Stage) -> Finding:
    """The same million bytes, again and again in one request."""
    found = Finding("overlapping ranges")
    path, resource = stage.publish("overlapping", Resource(4 * MIB))
    ranges = ",".join(f"{n}-{MIB + n}" for n in range(100))
    answer = await stage.ask(path, {"Range": f"bytes={ranges}"})
    pulled = stage.pulled(path)
    found.figures = {"status": answer.status, "answer_mib": round(len(answer.body) / MIB, 1)}
    found.cell = f"{answer.status}, {len(answer.body) / MIB:.1f} MiB"
    found.expect(len(answer.body) <= resource.length * 1.1, "the answer is larger than the file")
    found.expect(pulled <= resource.length * 1.25, f"{pulled / MIB:.0f} MiB from the origin")
    _expect_memory(stage, found)
    return found


async def leaving_at_every_point(stage: Stage) -> Finding:
    """200 listeners that leave somewhere in a file of 64 MiB, which it does not cost again."""
    found = Finding("leaving at every point")
    path, _ = stage.publish("leaving", Resource(FILE_BYTES))
    points = random.Random(_SEED)
    starts = [points.randrange(FILE_BYTES - MIB) for _ in range(200)]
    stops = [points.choice((1, 1000, 100 * KIB, 700 * KIB)) for _ in range(200)]

    async def leave(number: int) -> Answer:
        start = starts[number]
        return await stage.ask_range(path, start, start + MIB, stop_after=stops[number])

    answers = await _each(200, leave)
    await stage.settle(path)
    pulled = stage.pulled(path)
    last = await stage.ask_range(path, 5 * MIB, 6 * MIB)
    found.figures = {"origin_mib": round(pulled / MIB, 1)}
    found.cell = f"{pulled / MIB:.1f} MiB"
    found.expect(pulled <= PULLED_MAX, f"{pulled / MIB:.0f} MiB from the origin")
    found.expect(all(answer.status == 206 for answer in answers), "some were not served")
    found.expect(is_right(last, path, start=5 * MIB, stop=6 * MIB), "wrong bytes afterwards")
    _expect_memory(stage, found)
    return found


HOSTILITIES: Final[Mapping[str, Callable[[Stage], Awaitable[Finding]]]] = {
    "single bytes of one file": single_bytes_of_one_file,
    "single bytes of many files": single_bytes_of_many_files,
    "thousands of ranges": thousands_of_ranges,
    "overlapping ranges": overlapping_ranges,
    "leaving at every point": leaving_at_every_point,
}
