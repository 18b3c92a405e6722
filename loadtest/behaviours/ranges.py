"""Ranges: what a part costs, how soon it comes, and which answer it is."""

import asyncio
from typing import Final

from loadtest.behaviours.content import content_of
from loadtest.behaviours.listener import Answer
from loadtest.behaviours.resource import Resource
from loadtest.behaviours.stage import EXPIRY_S, KIB, MIB, Finding, Stage, is_right

ASKED: Final = 64 * KIB
# An eager cache pulls the rest in the background: what it costs is known when it is done.
_PULL_S_MAX: Final = 6.0


async def small_range_of_a_large_file(stage: Stage) -> Finding:
    """r1: a cold 64 KiB range of 8 MiB costs little, and is kept."""
    found = Finding("r1")
    path, _ = stage.publish("r1", Resource(8 * MIB, bytes_per_s=8 * MIB))
    start = 2 * MIB + 300 * KIB
    answer = await stage.ask_range(path, start, start + ASKED)
    await stage.settle(path, max_s=_PULL_S_MAX)
    pulled = stage.pulled(path) / ASKED
    asked_before = len(stage.seen(path))
    again = await stage.ask_range(path, start, start + ASKED)
    is_kept = len(stage.seen(path)) == asked_before
    found.figures = {"origin_bytes_for_one": round(pulled, 2), "is_repeat_a_hit": is_kept}
    found.cell = f"{pulled:.0f}x, repeat {'hit' if is_kept else 'MISS'}"
    found.expect(pulled <= 4.1, f"{pulled:.1f} bytes from the origin for one asked for")
    found.expect(is_kept, "the repeat went to the origin")
    for one in (answer, again):
        found.expect(is_right(one, path, start=start, stop=start + ASKED), "wrong bytes")
    return found


async def range_and_then_everything(stage: Stage) -> Finding:
    """r2: what a range has brought is not fetched again for the whole."""
    found = Finding("r2")
    path, resource = stage.publish("r2", Resource(4 * MIB))
    await stage.ask_range(path, MIB, 2 * MIB)
    answer = await stage.ask(path)
    await stage.settle(path)
    pulled = stage.pulled(path) / MIB
    found.figures = {"origin_mib_of_4": round(pulled, 2)}
    found.cell = f"{pulled:.1f} MiB"
    found.expect(pulled <= 4.3, f"{pulled:.1f} MiB fetched of 4")
    found.expect(is_right(answer, path, stop=resource.length), "wrong bytes")
    return found


async def odd_ranges_of_a_stored_file(stage: Stage) -> Finding:
    """r3: several ranges, inverted, unknown and unsatisfiable ones, with the file in the cache."""
    found = Finding("r3")
    path, resource = stage.publish("r3", Resource(MIB))
    await stage.ask(path)
    before = len(stage.seen(path))
    several = await stage.ask(path, {"Range": "bytes=0-99,1000-1099"})
    is_served_here = len(stage.seen(path)) == before
    inverted = await stage.ask(path, {"Range": "bytes=9-5"})
    unknown = await stage.ask(path, {"Range": "items=0-5"})
    beyond = await stage.ask(path, {"Range": f"bytes={2 * MIB}-"})
    content_range = beyond.fields.get("content-range", "none")
    found.figures = {
        "several": several.status,
        "is_served_from_the_cache": is_served_here,
        "inverted": inverted.status,
        "unknown_unit": unknown.status,
        "unsatisfiable": beyond.status,
        "content_range": content_range,
    }
    found.cell = (
        f"{several.status}{'' if is_served_here else ' from origin'} "
        f"{inverted.status} {unknown.status} {beyond.status} {content_range.partition('/')[0]}"
    )
    found.expect(is_served_here, "several ranges of a stored file went to the origin")
    found.expect(_has_both_parts(several, path), "several ranges are not answered as parts")
    found.expect(inverted.status in {200, 416}, f"an inverted range: {inverted.status}")
    found.expect(unknown.status == 200, f"an unknown range unit: {unknown.status}")
    found.expect(beyond.status == 416, f"an unsatisfiable range: {beyond.status}")
    found.expect(
        content_range == f"bytes */{resource.length}", f"its Content-Range: {content_range}"
    )
    return found


def _has_both_parts(answer: Answer, path: str) -> bool:
    """Whether it is a multipart answer with both parts."""
    parts = (content_of(path, 1, start=0, stop=100), content_of(path, 1, start=1000, stop=1100))
    is_multipart = answer.fields.get("content-type", "").startswith("multipart/byteranges")
    return answer.status == 206 and is_multipart and all(part in answer.body for part in parts)


async def range_on_condition(stage: Stage) -> Finding:
    """r4: If-Range that does not match brings everything, one that does the range."""
    found = Finding("r4")
    path, resource = stage.publish("r4", Resource(MIB))
    await stage.ask_range(path, 0, ASKED)
    other = await stage.ask(path, {"Range": "bytes=0-99", "If-Range": '"other"'})
    same = await stage.ask(path, {"Range": "bytes=0-99", "If-Range": resource.etag})
    found.figures = {"mismatch": other.status, "match": same.status}
    found.cell = f"{other.status}, {same.status}"
    found.expect(other.status == 200, f"If-Range of another version: {other.status}")
    found.expect(is_right(other, path, stop=resource.length), "wrong bytes of the whole")
    found.expect(same.status == 206, f"If-Range of this version: {same.status}")
    found.expect(is_right(same, path, stop=100), "wrong bytes of the range")
    return found


async def ranges_without_one_end(stage: Stage) -> Finding:
    """r5: cold ranges `-n` and `n-` of a large file cost no more than what they ask for."""
    found = Finding("r5")
    length = 8 * MIB
    first, _ = stage.publish("r5", Resource(length))
    suffix = await stage.ask(first, {"Range": f"bytes=-{ASKED}"})
    second, _ = stage.publish("r5", Resource(length))
    tail = await stage.ask(second, {"Range": f"bytes={length - ASKED}-"})
    await stage.settle(first)
    await stage.settle(second)
    pulled = (stage.pulled(first) + stage.pulled(second)) / (2 * ASKED)
    found.figures = {"origin_bytes_for_one": round(pulled, 2)}
    found.cell = f"{suffix.status} {tail.status}, {pulled:.1f}x"
    found.expect(pulled <= 4.1, f"{pulled:.1f} bytes from the origin for one asked for")
    for answer, path in ((suffix, first), (tail, second)):
        is_tail = is_right(answer, path, start=length - ASKED, stop=length)
        found.expect(answer.status == 206 and is_tail, "wrong bytes")
    return found


async def one_byte_of_a_huge_file(stage: Stage) -> Finding:
    """r6: a probe for the length pulls no file."""
    found = Finding("r6")
    path, _ = stage.publish("r6", Resource(64 * MIB))
    answer = await stage.ask_range(path, 0, 1)
    await stage.settle(path, max_s=_PULL_S_MAX)
    pulled = stage.pulled(path) / MIB
    found.figures = {"origin_mib": round(pulled, 2)}
    found.cell = f"{pulled:.2f} MiB"
    found.expect(pulled <= 0.26, f"{pulled:.1f} MiB from the origin for one byte")
    found.expect(is_right(answer, path, stop=1), "wrong byte")
    return found


async def seek_to_a_cold_tail(stage: Stage) -> Finding:
    """r7: the end of a file comes as soon as its start."""
    found = Finding("r7")
    length = 8 * MIB
    path, _ = stage.publish("r7", Resource(length, bytes_per_s=4 * MIB))
    answer = await stage.ask_range(path, length - ASKED, length)
    found.figures = {"first_byte_ms": round(answer.first_byte_ms, 1)}
    found.cell = f"{answer.first_byte_ms:.0f} ms"
    found.expect_soon(
        stage, answer.first_byte_ms, 60, f"first byte after {answer.first_byte_ms:.0f} ms"
    )
    found.expect(is_right(answer, path, start=length - ASKED, stop=length), "wrong bytes")
    return found


async def range_of_a_stale_file(stage: Stage) -> Finding:
    """r8: a range of what is stale asks once whether it has changed, and fetches nothing."""
    found = Finding("r8")
    path, _ = stage.publish("r8", Resource(4 * MIB, cache_control="public, max-age=1"))
    await stage.ask(path)
    await stage.settle(path)
    pulled_before, requests_before = stage.pulled(path), len(stage.seen(path))
    await asyncio.sleep(EXPIRY_S)
    answer = await stage.ask_range(path, MIB, MIB + ASKED)
    await stage.settle(path)
    refetched = (stage.pulled(path) - pulled_before) / MIB
    later = stage.seen(path)[requests_before:]
    statuses = [one.status for one in later]
    found.figures = {"refetched_mib": round(refetched, 2), "origin_said": statuses}
    found.cell = f"{' '.join(map(str, statuses))} -> {answer.status}, {refetched:.1f} MiB"
    found.expect(statuses == [304], f"the origin was made to say {statuses}")
    found.expect(refetched == 0, f"{refetched:.2f} MiB fetched again")
    found.expect(
        is_right(answer, path, start=MIB, stop=MIB + ASKED) and answer.status == 206, "wrong bytes"
    )
    return found
