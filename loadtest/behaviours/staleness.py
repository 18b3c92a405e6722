"""Staleness: what is served of it, when, and what the origin is asked meanwhile."""

import asyncio
from typing import Final

from loadtest.behaviours.collapsing import CROWD
from loadtest.behaviours.listener import Answer
from loadtest.behaviours.mischief import Fault, Mischief
from loadtest.behaviours.resource import Resource
from loadtest.behaviours.stage import (
    EXPIRY_S,
    KIB,
    Finding,
    Stage,
    all_done_ms,
    is_right,
)

LENGTH: Final = 256 * KIB
# Who has not answered by then has lost the listener.
GIVE_UP_S: Final = 8.0
# On top of a bound that is a promise to listeners, for the machine.
SLACK_MS: Final = 200


async def _stale(stage: Stage, case: str, cache_control: str) -> tuple[str, Resource, int]:
    """Something stored that has expired; and how often the origin was asked for it."""
    path, resource = stage.publish(case, Resource(LENGTH, cache_control=cache_control))
    await stage.ask(path)
    await asyncio.sleep(EXPIRY_S)
    return path, resource, len(stage.seen(path))


async def while_it_is_revalidated(stage: Stage) -> Finding:
    """s1: stale-while-revalidate: served at once, and asked about once."""
    found = Finding("s1")
    path, resource, before = await _stale(
        stage, "s1", "public, max-age=1, stale-while-revalidate=60"
    )
    resource.head_delay_s = 0.5
    answers = await stage.ask_at_once(10, path)
    done_ms = all_done_ms(answers)
    await asyncio.sleep(0.8)
    later = stage.seen(path)[before:]
    conditional = sum(one.is_conditional for one in later)
    found.figures = {
        "all_done_ms": round(done_ms, 1),
        "revalidations": len(later),
        "conditional": conditional,
    }
    found.cell = f"{done_ms:.0f} ms, {len(later)} asked, {conditional} conditional"
    found.expect(done_ms < 400, f"they waited {done_ms:.0f} ms for the origin")
    found.expect(len(later) == 1, f"{len(later)} requests at the origin")
    found.expect(conditional == len(later), "revalidated without a condition")
    found.expect(_all_right(answers, path), "wrong bytes")
    return found


async def when_the_origin_fails(stage: Stage) -> Finding:
    """s2: stale-if-error, and the origin answers 503."""
    found = Finding("s2")
    path, resource, _ = await _stale(stage, "s2", "public, max-age=1, stale-if-error=60")
    resource.status, resource.cache_control = 503, None
    answer = await stage.ask(path)
    found.figures = {"status": answer.status}
    found.cell = f"{answer.status}"
    found.expect(is_right(answer, path, stop=LENGTH), f"answered with {answer.status}")
    return found


async def when_the_origin_resets(stage: Stage) -> Finding:
    """s3: stale-if-error, and the origin cuts the connection; it is not stormed."""
    found = Finding("s3")
    path, resource, before = await _stale(stage, "s3", "public, max-age=1, stale-if-error=60")
    resource.fault = Fault(Mischief.RESET_EARLY)
    answer = await stage.ask(path)
    tries = len(stage.seen(path)) - before
    found.figures = {"status": answer.status, "tries": tries}
    found.cell = f"{answer.status}, {tries} tries"
    found.expect(is_right(answer, path, stop=LENGTH), f"answered with {answer.status}")
    found.expect(tries <= 2, f"{tries} tries at a sick origin")
    return found


async def when_the_origin_hangs(stage: Stage) -> Finding:
    """s4: stale-if-error, and the origin says nothing: the listener does not wait for that."""
    found = Finding("s4")
    path, resource, _ = await _stale(stage, "s4", "public, max-age=1, stale-if-error=60")
    resource.fault = Fault(Mischief.HANG)
    answer = await stage.ask(path, deadline_s=GIVE_UP_S)
    took_ms = answer.done_s * 1e3
    found.figures = {"status": answer.status, "took_ms": round(took_ms)}
    found.cell = f"{answer.status} {took_ms:.0f} ms" if answer.status else f">{GIVE_UP_S:.0f} s"
    found.expect(is_right(answer, path, stop=LENGTH), f"answered with {answer.status}")
    bound_ms = 1000 + SLACK_MS * stage.patience
    found.expect(took_ms <= bound_ms, f"stale after {took_ms:.0f} ms")
    return found


async def never_past_must_revalidate(stage: Stage) -> Finding:
    """s5: must-revalidate, and the origin is down: an error, whatever else is allowed."""
    found = Finding("s5")
    path, resource, _ = await _stale(
        stage, "s5", "public, max-age=1, must-revalidate, stale-if-error=60"
    )
    await _expect_error(stage, found, path, resource)
    return found


async def never_past_its_window(stage: Stage) -> Finding:
    """s6: stale-if-error has ended: an error."""
    found = Finding("s6")
    path, resource, _ = await _stale(stage, "s6", "public, max-age=1, stale-if-error=1")
    await asyncio.sleep(1.0)
    await _expect_error(stage, found, path, resource)
    return found


async def _expect_error(stage: Stage, found: Finding, path: str, resource: Resource) -> None:
    """The origin breaks off from now on: what is stored must not be sent any more."""
    resource.fault = Fault(Mischief.RESET_EARLY)
    answer = await stage.ask(path)
    found.figures = {"status": answer.status}
    found.cell = f"{answer.status}"
    found.expect(500 <= answer.status < 600, f"answered with {answer.status}")


async def crowd_on_the_expired(stage: Stage) -> Finding:
    """s7: 50 at once on what has expired: one revalidation."""
    found = Finding("s7")
    path, resource, before = await _stale(stage, "s7", "public, max-age=1")
    resource.head_delay_s = 0.3
    # What is validated now has to stay fresh while the crowd is served.
    resource.cache_control = "public, max-age=60"
    answers = await stage.ask_at_once(CROWD, path)
    revalidations = len(stage.seen(path)) - before
    found.figures = {"revalidations": revalidations, "all_done_ms": round(all_done_ms(answers))}
    found.cell = f"{revalidations} / {all_done_ms(answers):.0f} ms"
    found.expect(revalidations == 1, f"{revalidations} revalidations")
    found.expect(_all_right(answers, path), "wrong bytes")
    return found


def _all_right(answers: list[Answer], path: str) -> bool:
    return all(is_right(one, path, stop=LENGTH) for one in answers)
