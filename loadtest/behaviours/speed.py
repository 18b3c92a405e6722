"""Lines beside the published behaviours: round trips and origin bytes, tighter."""

import asyncio
from typing import Final

from loadtest.behaviours.collapsing import CROWD
from loadtest.behaviours.mischief import Fault, Mischief
from loadtest.behaviours.resource import Resource
from loadtest.behaviours.stage import KIB, MIB, Finding, Stage, is_right, median_ms
from loadtest.behaviours.staleness import GIVE_UP_S

ASKED: Final = 64 * KIB
ROUND_TRIP_S: Final = 0.1
ROUND_TRIP_MS: Final = ROUND_TRIP_S * 1e3
# What each cache is told to wait for an origin's head; see loadtest/peers.
HEAD_DEADLINE_S: Final = 3.0


async def first_byte_of_followers(stage: Stage) -> Finding:
    """x1: 50 listeners of one fill have their first byte when the cache has it."""
    found = Finding("x1")
    path, resource = stage.publish("x1", Resource(512 * KIB, head_delay_s=0.2, bytes_per_s=MIB))
    answers = await stage.ask_at_once(CROWD, path)
    seen = stage.seen(path)
    sent_ms = ((seen[0].first_byte_s or 0.0) - seen[0].arrived_s) * 1e3
    late_ms = median_ms(answers) - sent_ms
    found.figures = {"origin_requests": len(seen), "after_the_origin_ms": round(late_ms, 1)}
    found.cell = f"{len(seen)} / +{late_ms:.0f} ms"
    found.expect(len(seen) == 1, f"{len(seen)} requests at the origin")
    found.expect_soon(stage, late_ms, 10, f"first byte {late_ms:.0f} ms after the origin's")
    right = all(is_right(one, path, stop=resource.length) for one in answers)
    found.expect(right, "wrong bytes")
    return found


async def ranges_at_a_boundary(stage: Stage) -> Finding:
    """x2: a cold 64 KiB range, within a slice and across two: 256 KiB at most, one round trip."""
    found = Finding("x2")
    pulled = await _one_round_trip(stage, found, "within", start=2 * MIB + ASKED)
    across = await _one_round_trip(stage, found, "across", start=2 * MIB - ASKED // 2)
    found.cell = f"{pulled}; {across}"
    return found


async def _one_round_trip(stage: Stage, found: Finding, name: str, *, start: int) -> str:
    resource = Resource(8 * MIB, head_delay_s=ROUND_TRIP_S, bytes_per_s=64 * MIB)
    path, _ = stage.publish("x2", resource)
    answer = await stage.ask_range(path, start, start + ASKED)
    await stage.settle(path)
    pulled, requests = stage.pulled(path) / KIB, len(stage.seen(path))
    again = await stage.ask_range(path, start, start + ASKED)
    is_kept = len(stage.seen(path)) == requests
    late_ms = answer.first_byte_ms - ROUND_TRIP_MS
    found.figures[name] = {
        "origin_kib": round(pulled),
        "after_the_round_trip_ms": round(late_ms, 1),
        "is_repeat_a_hit": is_kept,
    }
    found.expect(pulled <= 257, f"{name}: {pulled:.0f} KiB from the origin")
    found.expect_soon(stage, late_ms, 40, f"{name}: {late_ms:.0f} ms more than a round trip")
    found.expect(is_kept, f"{name}: the repeat went to the origin")
    for one in (answer, again):
        found.expect(is_right(one, path, start=start, stop=start + ASKED), f"{name}: wrong bytes")
    return f"{pulled:.0f} KiB +{late_ms:.0f} ms{'' if is_kept else ' repeat MISS'}"


async def tail_while_the_start_is_filling(stage: Stage) -> Finding:
    """x3: a seek to the end of 64 MiB of which the start is being fetched."""
    found = Finding("x3")
    length = 64 * MIB
    path, _ = stage.publish("x3", Resource(length, head_delay_s=ROUND_TRIP_S, bytes_per_s=8 * MIB))
    async with asyncio.TaskGroup() as group:
        leader = group.create_task(stage.ask(path, stop_after=4 * MIB))
        await asyncio.sleep(0.3)
        answer = await stage.ask_range(path, length - ASKED, length, deadline_s=GIVE_UP_S)
    late_ms = answer.first_byte_ms - ROUND_TRIP_MS
    found.figures = {"after_the_round_trip_ms": round(late_ms, 1)}
    found.cell = f"+{late_ms:.0f} ms" if answer.status else f">{GIVE_UP_S:.0f} s"
    if answer.status != 206:
        found.cell = f"{answer.status or 'none'} at {answer.done_s:.1f} s"
    found.expect_soon(stage, late_ms, 40, f"{late_ms:.0f} ms more than a round trip")
    found.expect(is_right(answer, path, start=length - ASKED, stop=length), "wrong bytes")
    found.expect(len(leader.result().body) >= 4 * MIB, "the leader was held up")
    return found


async def hanging_with_nothing_stored(stage: Stage) -> Finding:
    """x4: the origin hangs and there is nothing to serve: an error within the deadline."""
    found = Finding("x4")
    path, resource = stage.publish("x4", Resource(MIB))
    resource.fault = Fault(Mischief.HANG)
    answers = await stage.ask_at_once(5, path, deadline_s=GIVE_UP_S)
    took_s, status = max(one.done_s for one in answers), answers[0].status
    found.figures = {"status": status, "took_s": round(took_s, 2)}
    found.cell = f"{status} {took_s:.1f} s" if status else f">{GIVE_UP_S:.0f} s"
    found.expect(all(500 <= one.status < 600 for one in answers), f"answered with {status}")
    found.expect(took_s <= HEAD_DEADLINE_S + 0.7 * stage.patience, f"after {took_s:.1f} s")
    return found
