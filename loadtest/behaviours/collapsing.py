"""Collapsing: what many listeners at once cost the origin, and each other."""

import asyncio
from typing import Final

from loadtest.behaviours.listener import Answer
from loadtest.behaviours.resource import Resource
from loadtest.behaviours.stage import (
    KIB,
    MIB,
    Finding,
    Stage,
    all_done_ms,
    is_right,
    median_ms,
)

CROWD: Final = 50
HEAD_S: Final = 0.3
HEAD_MS: Final = HEAD_S * 1e3


async def crowd_on_a_cold_file(stage: Stage) -> Finding:
    """c1: 50 at once for the same cold file: one request, all of them served as it arrives."""
    found = Finding("c1")
    path, resource = stage.publish("c1", Resource(MIB, head_delay_s=HEAD_S, bytes_per_s=2 * MIB))
    answers = await stage.ask_at_once(CROWD, path)
    first_ms, done_ms = median_ms(answers), all_done_ms(answers)
    requests = len(stage.seen(path))
    found.figures = {
        "origin_requests": requests,
        "first_byte_p50_ms": round(first_ms, 1),
        "all_done_ms": round(done_ms, 1),
    }
    found.cell = f"{requests} / {first_ms:.0f} / {done_ms:.0f} ms"
    found.expect(requests == 1, f"{requests} requests at the origin")
    found.expect_soon(stage, first_ms - HEAD_MS, 40, f"first byte after {first_ms:.0f} ms")
    found.expect_soon(stage, done_ms - 800, 200, f"all done after {done_ms:.0f} ms")
    found.expect(_all_right(answers, path, stop=resource.length), "wrong bytes")
    return found


async def crowd_on_a_cold_range(stage: Stage) -> Finding:
    """c2: 50 at once for the same cold range."""
    found = Finding("c2")
    path, _ = stage.publish("c2", Resource(8 * MIB, head_delay_s=HEAD_S, bytes_per_s=2 * MIB))
    start, stop = 3 * MIB, 3 * MIB + 64 * KIB
    asking = (stage.ask_range(path, start, stop) for _ in range(CROWD))
    answers = list(await asyncio.gather(*asking))
    first_ms = median_ms(answers)
    await stage.settle(path, max_s=5)
    requests, pulled = len(stage.seen(path)), stage.pulled(path) / MIB
    found.figures = {
        "origin_requests": requests,
        "origin_mib": round(pulled, 2),
        "first_byte_p50_ms": round(first_ms, 1),
    }
    found.cell = f"{requests} / {pulled:.2f} MiB / {first_ms:.0f} ms"
    # The second one may widen what the first has brought.
    found.expect(requests <= 2, f"{requests} requests at the origin")
    found.expect(pulled <= 1, f"{pulled:.1f} MiB from the origin")
    found.expect_soon(stage, first_ms - HEAD_MS, 40, f"first byte after {first_ms:.0f} ms")
    found.expect(_all_right(answers, path, start=start, stop=stop), "wrong bytes")
    return found


async def followers_of_a_fill(stage: Stage) -> Finding:
    """c3: half a second into a fill: what has come is served, what has not is fetched at once."""
    found = Finding("c3")
    path, resource = stage.publish("c3", Resource(4 * MIB, bytes_per_s=2 * MIB))
    ahead_start = 3 * MIB + 512 * KIB
    async with asyncio.TaskGroup() as group:
        leader = group.create_task(stage.ask(path))
        await asyncio.sleep(0.5)
        behind, ahead, whole = await asyncio.gather(
            stage.ask_range(path, 0, 64 * KIB),
            stage.ask_range(path, ahead_start, ahead_start + 64 * KIB),
            stage.ask(path),
        )
    times_ms = {
        "whole": whole.first_byte_ms,
        "behind": behind.first_byte_ms,
        "ahead": ahead.first_byte_ms,
    }
    pulled = stage.pulled(path) / MIB
    rounded = {name: round(value, 1) for name, value in times_ms.items()}
    found.figures = {"first_byte_ms": rounded, "origin_mib": round(pulled, 2)}
    found.cell = "{whole:.0f} / {behind:.0f} / {ahead:.0f} ms".format(**times_ms)
    for name, bound_ms in (("whole", 20), ("behind", 20), ("ahead", 60)):
        took_ms = times_ms[name]
        found.expect_soon(stage, took_ms, bound_ms, f"{name}: first byte at {took_ms:.0f} ms")
    found.expect(pulled <= 4.6, f"{pulled:.1f} MiB from the origin of 4")
    found.expect(_all_right([leader.result(), whole], path, stop=resource.length), "wrong bytes")
    found.expect(_all_right([behind], path, stop=64 * KIB), "wrong bytes behind")
    stop = ahead_start + 64 * KIB
    found.expect(_all_right([ahead], path, start=ahead_start, stop=stop), "wrong bytes ahead")
    return found


async def only_listener_leaves(stage: Stage) -> Finding:
    """c4: who asks next does not pay for all that the one who left has had fetched."""
    found = Finding("c4")
    path, resource = stage.publish("c4", Resource(2 * MIB, bytes_per_s=2 * MIB))
    await stage.ask(path, stop_after=resource.length // 4)
    await asyncio.sleep(1.2)
    before = stage.pulled(path)
    answer = await stage.ask(path)
    await stage.settle(path)
    refetched = (stage.pulled(path) - before) / MIB
    found.figures = {"filled_mib": round(before / MIB, 2), "refetched_mib": round(refetched, 2)}
    found.cell = f"{before / MIB:.1f} MiB filled, {refetched:.1f} again"
    found.expect(refetched <= 1.6, f"{refetched:.1f} MiB fetched for the next listener")
    found.expect(is_right(answer, path, stop=resource.length), "wrong bytes")
    return found


async def slow_leader(stage: Stage) -> Finding:
    """c5: a listener who does not read holds nobody up."""
    found = Finding("c5")
    path, resource = stage.publish("c5", Resource(16 * MIB, bytes_per_s=32 * MIB))
    async with asyncio.TaskGroup() as group:
        slow = group.create_task(stage.ask(path, pause_s=3.0))
        await asyncio.sleep(0.2)
        answer = await stage.ask(path)
    done_ms = answer.done_s * 1e3
    found.figures = {"follower_done_ms": round(done_ms)}
    found.cell = f"{done_ms:.0f} ms"
    found.expect(done_ms < 2500, f"the follower was done after {done_ms:.0f} ms")
    found.expect(_all_right([answer, slow.result()], path, stop=resource.length), "wrong bytes")
    return found


async def crowd_on_an_error(stage: Stage) -> Finding:
    """c6: 50 at once on a 503: the origin hears of it twice at most, all learn it at once."""
    found = Finding("c6")
    path, _ = stage.publish(
        "c6", Resource(MIB, status=503, head_delay_s=HEAD_S, cache_control=None)
    )
    answers = await stage.ask_at_once(CROWD, path)
    done_ms, requests = all_done_ms(answers), len(stage.seen(path))
    found.figures = {"origin_requests": requests, "all_done_ms": round(done_ms)}
    found.cell = f"{requests} / {done_ms:.0f} ms"
    found.expect(requests <= 2, f"{requests} requests at a sick origin")
    found.expect_soon(stage, done_ms - HEAD_MS, 100, f"all answered after {done_ms:.0f} ms")
    statuses = {one.status for one in answers}
    found.expect(statuses <= {502, 503, 504}, f"answered with {statuses}")
    return found


async def crowd_on_the_unstorable(stage: Stage) -> Finding:
    """c7: what may not be stored is passed on in parallel, at the origin's own pace."""
    found = Finding("c7")
    path, resource = stage.publish(
        "c7", Resource(64 * KIB, head_delay_s=HEAD_S, cache_control="no-store")
    )
    answers = await stage.ask_at_once(20, path)
    done_ms, requests = all_done_ms(answers), len(stage.seen(path))
    found.figures = {"origin_requests": requests, "all_done_ms": round(done_ms)}
    # What nobody has learnt yet may cost one more round trip.
    found.expect_soon(stage, done_ms - 2 * HEAD_MS, 100, f"all done after {done_ms:.0f} ms")
    found.expect(_all_right(answers, path, stop=resource.length), "wrong bytes")
    again = await stage.ask_at_once(20, path)
    again_ms = all_done_ms(again)
    found.figures["again_done_ms"] = round(again_ms)
    found.cell = f"{requests} / {done_ms:.0f}, then {again_ms:.0f} ms"
    found.expect_soon(stage, again_ms - HEAD_MS, 100, f"again: done after {again_ms:.0f} ms")
    return found


async def adjacent_cold_ranges(stage: Stage) -> Finding:
    """c8: 16 ranges side by side at once are few fills, not 16."""
    found = Finding("c8")
    path, _ = stage.publish("c8", Resource(MIB, head_delay_s=HEAD_S, bytes_per_s=8 * MIB))
    size = 64 * KIB
    asking = (stage.ask_range(path, n * size, (n + 1) * size) for n in range(16))
    answers = list(await asyncio.gather(*asking))
    first_ms = median_ms(answers)
    await stage.settle(path)
    requests, pulled = len(stage.seen(path)), stage.pulled(path) / MIB
    found.figures = {
        "origin_requests": requests,
        "origin_mib": round(pulled, 2),
        "first_byte_p50_ms": round(first_ms, 1),
    }
    found.cell = f"{requests} / {pulled:.1f} MiB / {first_ms:.0f} ms"
    found.expect(requests <= 4, f"{requests} requests at the origin")
    found.expect(pulled <= 1.05, f"{pulled:.1f} MiB from the origin of 1")
    found.expect_soon(stage, first_ms - HEAD_MS, 60, f"first byte after {first_ms:.0f} ms")
    for number, answer in enumerate(answers):
        start = number * size
        found.expect(is_right(answer, path, start=start, stop=start + size), f"range {number}")
    return found


def _all_right(answers: list[Answer], path: str, *, stop: int, start: int = 0) -> bool:
    return all(is_right(one, path, start=start, stop=stop) for one in answers)
