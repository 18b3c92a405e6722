"""Whatever the origin does: no wrong byte is taken for a right one, and nothing wrong is kept.

Each scenario lets the origin misbehave once, asks, lets it recover, and asks again. The listener
has to be told at once, and the operator why: in the metric `edge_upstream_errors`.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from loadtest.behaviours.content import is_content
from loadtest.behaviours.listener import NO_FIELDS, Answer, ask
from loadtest.behaviours.mischief import Fault, Mischief
from loadtest.behaviours.resource import Resource
from loadtest.behaviours.stage import KIB, MIB, Finding, Stage
from loadtest.peers.process import HEAD_DEADLINE_S

LENGTH: Final = MIB
RANGE: Final[Mapping[str, str]] = {"Range": "bytes=300000-399999"}
# A cache may remember an error for a moment, and rest from a sick origin for some more.
RECOVERY_S_MAX: Final = 6.0
AT_ONCE_S: Final = 0.5
SLACK_S: Final = 0.3
_ERRORS: Final = re.compile(
    r'^edge_upstream_errors_total\{reason="(\w+)"\} ([\d.e+]+)$', re.MULTILINE
)
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)$")


class Outcome(Enum):
    """What the listener may get while the origin misbehaves."""

    ERROR = auto()  # An error, or a connection that is cut after right bytes.
    RIGHT = auto()  # What was asked for.
    EITHER = auto()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way of misbehaving.

    Attributes:
        fault: what the origin does wrong; None if it only changes.
        outcome: what the listener may get.
        reasons: labels of the metric of which one has to count it; none if it is no error.
        fields: of the listener's request.
        warm: of a request before the origin misbehaves, if there is one.
        change: what else becomes of the resource.
        deadlines: how many of the cache's deadlines it takes to tell, or to bring the rest.
    """

    fault: Fault | None
    outcome: Outcome = Outcome.ERROR
    reasons: frozenset[str] = frozenset()
    fields: Mapping[str, str] = field(default_factory=lambda: NO_FIELDS)
    warm: Mapping[str, str] | None = None
    change: Callable[[Resource], None] = lambda _: None
    deadlines: int = 0


def _new_version(resource: Resource) -> None:
    resource.version = 2


def _new_version_with_the_old_tag(resource: Resource) -> None:
    resource.version, resource.etag_version = 2, 1
    # Of the same length and under the same tag, nobody could tell.
    resource.length += 10_000


def _hour_ahead(resource: Resource) -> None:
    resource.clock_skew_s = 3600.0


def _hour_behind(resource: Resource) -> None:
    resource.clock_skew_s = -3600.0


_BROKEN: Final = frozenset(
    {"upstream_truncated", "upstream_lost", "upstream_unreachable", "upstream_protocol"}
)
_PROTOCOL: Final = frozenset({"upstream_protocol"})
_RANGE_ERRORS: Final = frozenset({"upstream_range", "upstream_protocol", "upstream_changed"})
_START: Final[Mapping[str, str]] = {"Range": "bytes=0-65535"}

SCENARIOS: Final[Mapping[str, Scenario]] = {
    "truncates": Scenario(Fault(Mischief.TRUNCATE, 400 * KIB), Outcome.EITHER, _BROKEN),
    "truncates a range": Scenario(
        Fault(Mischief.TRUNCATE, 30 * KIB), Outcome.EITHER, _BROKEN, RANGE
    ),
    "stalls": Scenario(
        Fault(Mischief.STALL, 400 * KIB),
        Outcome.EITHER,
        frozenset({"upstream_stalled"}),
        deadlines=2,
    ),
    "hangs": Scenario(Fault(Mischief.HANG), reasons=frozenset({"upstream_timeout"}), deadlines=1),
    "resets before the head": Scenario(Fault(Mischief.RESET_EARLY), Outcome.EITHER, _BROKEN),
    "resets within the content": Scenario(
        Fault(Mischief.RESET, 400 * KIB), Outcome.EITHER, _BROKEN
    ),
    "announces too much": Scenario(Fault(Mischief.LENGTH_LONG), reasons=_BROKEN),
    "announces too much of a range": Scenario(
        Fault(Mischief.LENGTH_LONG), reasons=_BROKEN | _RANGE_ERRORS, fields=RANGE
    ),
    "announces too little of a range": Scenario(
        Fault(Mischief.LENGTH_SHORT), reasons=_BROKEN | _RANGE_ERRORS, fields=RANGE
    ),
    "ignores Range": Scenario(Fault(Mischief.IGNORE_RANGE), Outcome.RIGHT, fields=RANGE),
    "answers with another range": Scenario(
        Fault(Mischief.OTHER_RANGE), reasons=_RANGE_ERRORS, fields=RANGE
    ),
    "answers a later slice with another range": Scenario(
        Fault(Mischief.OTHER_RANGE), reasons=_RANGE_ERRORS, fields=RANGE, warm=_START
    ),
    "answers a range without the total": Scenario(
        Fault(Mischief.NO_TOTAL), Outcome.EITHER, fields=RANGE
    ),
    "answers a later slice with another total": Scenario(
        Fault(Mischief.WRONG_TOTAL), Outcome.EITHER, _RANGE_ERRORS, RANGE, _START
    ),
    "answers a plain GET with 206": Scenario(Fault(Mischief.UNASKED_206), reasons=_RANGE_ERRORS),
    "answers 304 without a condition": Scenario(Fault(Mischief.UNASKED_304), reasons=_PROTOCOL),
    "never ends its head": Scenario(Fault(Mischief.ENDLESS_HEAD), reasons=_PROTOCOL),
    "sends garbage for chunks": Scenario(
        Fault(Mischief.CHUNKED_GARBAGE, 400 * KIB), reasons=_PROTOCOL | _BROKEN
    ),
    "redirects": Scenario(Fault(Mischief.REDIRECT), Outcome.EITHER),
    "has a new version between slices": Scenario(
        None, Outcome.EITHER, warm=_START, change=_new_version
    ),
    "has a new version under the old tag": Scenario(
        None, Outcome.EITHER, warm=_START, change=_new_version_with_the_old_tag
    ),
    "is an hour ahead": Scenario(None, Outcome.RIGHT, change=_hour_ahead),
    "is an hour behind": Scenario(None, Outcome.RIGHT, change=_hour_behind),
}


async def judge_scenario(stage: Stage, name: str) -> Finding:
    """Let the origin misbehave in one way, and then recover."""
    scenario, found = SCENARIOS[name], Finding(name)
    path, resource = stage.publish("hostile", Resource(LENGTH))
    if scenario.warm is not None:
        await stage.ask(path, scenario.warm)
    before = await errors_by_reason(stage)
    resource.fault = scenario.fault
    scenario.change(resource)
    answer = await stage.ask(path, scenario.fields)
    counted = _more(before, await errors_by_reason(stage))
    told = "right" if _is_right(answer, path, scenario.fields, resource) else _told(answer)
    found.figures = {"told": told, "took_s": round(answer.done_s, 2), "counted": counted}
    found.cell = f"{told} after {answer.done_s:.2f} s, {counted or 'nothing counted'}"
    _judge_answer(found, stage, scenario, answer, path, told)
    if scenario.reasons and told != "right":
        found.expect(scenario.reasons & set(counted), f"counted as {counted or 'nothing'}")
    resource.fault = None
    recovered_s = await _recover(stage, path, resource)
    found.figures["recovered_s"] = recovered_s
    found.expect(recovered_s is not None, "what is right does not come back")
    return found


def _judge_answer(
    found: Finding, stage: Stage, scenario: Scenario, answer: Answer, path: str, told: str
) -> None:
    if answer.status in {200, 206}:
        found.expect(_is_no_lie(answer, path), "wrong bytes")
    if scenario.outcome is Outcome.RIGHT:
        found.expect(told == "right", f"the listener got: {told}")
    if scenario.outcome is Outcome.ERROR:
        is_told = not answer.is_whole or answer.status >= 500
        found.expect(is_told, f"the listener was not told: {told}")
    bound_s = AT_ONCE_S + scenario.deadlines * HEAD_DEADLINE_S
    bound_s += SLACK_S * stage.patience
    found.expect(answer.done_s <= bound_s, f"the listener knew after {answer.done_s:.1f} s")


def _is_right(answer: Answer, path: str, fields: Mapping[str, str], resource: Resource) -> bool:
    """Whether it is whole and what was asked for, of any version."""
    expected = 100_000 if fields is RANGE and answer.status == 206 else None
    lengths = {expected} if expected else {LENGTH, resource.length}
    is_whole = answer.is_whole and len(answer.body) in lengths
    return is_whole and answer.status in {200, 206} and _is_no_lie(answer, path)


def _is_no_lie(answer: Answer, path: str) -> bool:
    """Whether all bytes are of one version, at the place where the answer says they are."""
    match = _CONTENT_RANGE.match(answer.fields.get("content-range", ""))
    if (match is None) != (answer.status == 200):
        return False
    start = 0 if match is None else int(match[1])
    return any(is_content(answer.body, path, version, start=start) for version in (1, 2))


def _told(answer: Answer) -> str:
    return f"{answer.status or 'no answer'}{'' if answer.is_whole else ', cut'}"


async def _recover(stage: Stage, path: str, resource: Resource) -> float | None:
    """Seconds until range and whole are right again; None if they never are."""
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < RECOVERY_S_MAX:
        part = await stage.ask(path, RANGE)
        whole = await stage.ask(path)
        if all(
            _is_right(answer, path, fields, resource)
            for answer, fields in ((part, RANGE), (whole, NO_FIELDS))
        ):
            return round(time.monotonic() - begun_s, 2)
        await asyncio.sleep(0.25)
    return None


async def errors_by_reason(stage: Stage) -> dict[str, float]:
    """The metric `edge_upstream_errors`; empty for caches that have none."""
    if not stage.cache.admin_url:
        return {}
    answer = await ask(stage.cache.admin_url, "/metrics")
    return {reason: float(count) for reason, count in _ERRORS.findall(answer.body.decode())}


def _more(before: dict[str, float], after: dict[str, float]) -> list[str]:
    return sorted(reason for reason, count in after.items() if count > before.get(reason, 0.0))
