"""What becomes of an answer that breaks off, of a file that changes, and of errors."""

import asyncio

from loadtest.behaviours.content import is_content
from loadtest.behaviours.mischief import Fault, Mischief
from loadtest.behaviours.resource import Resource
from loadtest.behaviours.stage import EXPIRY_S, KIB, MIB, Finding, Stage, is_right


async def broken_off(stage: Stage) -> Finding:
    """e1: the origin closes half way: no half is taken for a whole, and the half is kept."""
    found = Finding("e1")
    path, resource = stage.publish("e1", Resource(MIB, bytes_per_s=16 * MIB))
    resource.fault, resource.faults_left = Fault(Mischief.TRUNCATE, MIB // 2), 1
    first = await stage.ask(path)
    second = await stage.ask(path)
    await stage.settle(path)
    pulled = stage.pulled(path) / MIB
    is_seen = not first.is_whole or is_right(first, path, stop=resource.length)
    is_resumed = pulled < 1.3
    found.figures = {
        "is_first_whole": first.is_whole,
        "second": second.status,
        "origin_mib": round(pulled, 2),
    }
    told = "cut" if not first.is_whole else "whole"
    found.cell = f"{told}, {'resumed' if is_resumed else 'refetched'} ({pulled:.1f} MiB)"
    found.expect(is_seen, "half a file was passed off as a whole")
    found.expect(is_content(first.body, path, 1) or first.status >= 500, "wrong bytes")
    found.expect(is_right(second, path, stop=resource.length), "the next answer is not right")
    found.expect(is_resumed, f"{pulled:.1f} MiB fetched of 1")
    return found


async def changed_under_a_part(stage: Stage) -> Finding:
    """e2: the file changes while a part of the old one is stored: each answer is of one version."""
    found = Finding("e2")
    path, resource = stage.publish("e2", Resource(4 * MIB))
    await stage.ask_range(path, 0, 64 * KIB)
    resource.version = 2
    answers = [await stage.ask(path) for _ in range(3)]
    versions = [_version_of(one.body, path) for one in answers]
    told = [
        str(version) if one.is_whole else "cut"
        for version, one in zip(versions, answers, strict=True)
    ]
    found.figures = {"versions": told}
    found.cell = " ".join(f"v{one}" if one.isdigit() else one for one in told)
    for answer, version in zip(answers, versions, strict=True):
        is_sound = answer.is_whole and len(answer.body) == resource.length
        found.expect(is_sound and version, "an answer was cut or mixed")
    return found


def _version_of(body: bytes, path: str) -> int | None:
    for version in (1, 2):
        if is_content(body, path, version):
            return version
    return None


async def errors_that_are_stored(stage: Stage) -> Finding:
    """e3: a 404 with max-age is stored, a 500 with one is not kept against a recovery."""
    found = Finding("e3")
    missing, _ = stage.publish("e3", Resource(0, status=404, cache_control="public, max-age=60"))
    for _ in range(2):
        await stage.ask(missing)
    broken, resource = stage.publish("e3", Resource(MIB, status=500, cache_control=None))
    await stage.ask(broken)
    # Long enough for errors that are remembered for a moment only.
    await asyncio.sleep(EXPIRY_S)
    resource.status = 200
    recovered = await stage.ask(broken)
    is_404_stored = len(stage.seen(missing)) == 1
    is_500_stored = recovered.status == 500
    found.figures = {"is_404_stored": is_404_stored, "is_500_stored": is_500_stored}
    found.cell = f"404 {'yes' if is_404_stored else 'no'}, 500 {'yes' if is_500_stored else 'no'}"
    found.expect(is_404_stored, "a 404 that may be stored was fetched twice")
    found.expect(is_right(recovered, broken, stop=MIB), "the recovery was not noticed")
    return found


async def named_on_a_hit(stage: Stage) -> Finding:
    """h1: a hit says how old it is and that it is one."""
    found = Finding("h1")
    path, _ = stage.publish("h1", Resource(64 * KIB))
    await stage.ask(path)
    await asyncio.sleep(1.1)
    answer = await stage.ask(path)
    age, status = answer.fields.get("age"), answer.fields.get("cache-status", "")
    found.figures = {"age": age, "cache_status": status}
    found.cell = f"{'yes' if age else 'no'}/{'yes' if 'hit' in status else 'no'}"
    found.expect(age is not None and age.isdigit() and int(age) >= 1, f"Age: {age}")
    found.expect("hit" in status, f"Cache-Status: {status or 'none'}")
    return found
