"""A round: two edges from their start to their end, and all that may tell them apart."""

import contextlib
import itertools
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from loadtest.lanes.corpus import CORPUS
from loadtest.lanes.grammar import Grammar
from loadtest.lanes.roads import Outcome, Pair, open_pair
from loadtest.lanes.scripts import Script, any_script, split_scripts, warm_up

ORDINARY: Final[dict[str, object]] = {"fast_lane": False}
FAST: Final[dict[str, object]] = {"fast_lane": True}
CHANGES: Final = (ORDINARY, FAST)

# In how many of all rounds: too many bad tokens are refused; what is used last is all that fits;
# somebody in front tells of clients.
_VARIATIONS: Final[tuple[tuple[float, dict[str, object]], ...]] = (
    (0.2, {"tokens": {"refusals_burst": 3, "refusals_per_s": 1e-9, "early_refresh_s": 1e6}}),
    (0.2, {"cache": {"memory_bytes": 2 << 20}}),
    (0.2, {"cache": {"memory_bytes": 2 << 20, "memory_policy": "s3fifo"}}),
    (0.3, {"cache": {"slice_bytes": 256 << 10}}),
    (0.3, {"cache": {"has_arena": False}}),
    (0.2, {"front": {"networks": ["127.0.0.0/30"], "telling": "proxy"}}),
    (0.1, {"front": {"networks": ["127.0.0.0/30"], "telling": "x-forwarded-for"}}),
    (0.1, {"front": {"networks": ["127.0.0.0/30"], "telling": "forwarded"}}),
)


@dataclass(slots=True)
class Report:
    """What a round came to.

    Attributes:
        requests: that each road has answered; what follows a bad one is sent, but never read.
        on_lane: those that the fast lane answered.
        differences: told for people; empty if there are none.
    """

    requests: int = 0
    on_lane: int = 0
    differences: list[str] = field(default_factory=list)


async def play_round(seed: int, requests: int, *, is_shrunk: bool = False) -> Report:
    """Play scripts that follow from a seed until so many requests were answered, or one differs.

    Args:
        seed: of this round.
        requests: to be answered.
        is_shrunk: look for a smaller script that differs likewise.
    """
    chance = random.Random(seed)
    variations = [changes for share, changes in _VARIATIONS if chance.random() < share]
    setup = _Setup(variations, is_token_checked=chance.random() < 0.75)
    report = Report()
    grammar = Grammar(chance, is_token_checked=setup.is_token_checked)
    with tempfile.TemporaryDirectory() as folder:
        async with setup.open(Path(folder)) as pair:
            for script in _scripts(grammar, chance):
                ordinary, fast = await pair.play(script)
                report.requests += ordinary.count
                if ordinary != fast:
                    told = describe(script, ordinary, fast)
                    smaller = await shrink(setup, script) if is_shrunk else ""
                    report.differences += [told, smaller] if smaller else [told]
                if report.differences or report.requests >= requests:
                    break
            report.on_lane = pair.fast.edge.counts.hits.answers
            if not report.differences:
                both = await pair.ordinary.metrics(), await pair.fast.metrics()
                for one, other in itertools.zip_longest(*both):
                    report.differences += _told("metric", one, other)
        if not report.differences:
            logs = pair.ordinary.log_lines(), pair.fast.log_lines()
            for one_line, other_line in itertools.zip_longest(*logs):
                report.differences += _told("line of the access log", one_line, other_line)
    return report


@dataclass(frozen=True, slots=True)
class _Setup:
    """What the edges of a round have in common."""

    variations: list[dict[str, object]]
    is_token_checked: bool

    @contextlib.asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Pair]:
        async with open_pair(
            folder,
            is_token_checked=self.is_token_checked,
            changes=[[change, *self.variations] for change in CHANGES],
        ) as pair:
            yield pair


def _scripts(grammar: Grammar, chance: random.Random) -> Iterator[Script]:
    yield warm_up()
    splits = list(split_scripts(chance.sample(CORPUS, 2)))
    while True:
        yield any_script(grammar, chance)
        if splits and chance.random() < 0.3:
            yield splits.pop()


async def shrink(setup: _Setup, script: Script) -> str:
    """The same difference with as few messages, pieces and lines as may be, between new edges.

    Empty if it does not come again: then it takes what was sent before.
    """
    told = await _replayed(setup, script)
    is_smaller = bool(told)
    while is_smaller:
        is_smaller = False
        for candidate in _smaller(script):
            found = await _replayed(setup, candidate)
            if found:
                script, told, is_smaller = candidate, found, True
                break
    return told


async def _replayed(setup: _Setup, script: Script) -> str:
    with tempfile.TemporaryDirectory() as folder:
        async with setup.open(Path(folder)) as pair:
            await pair.play(warm_up())
            for _ in range(2):  # What is asked for once is known when it is asked for again.
                ordinary, fast = await pair.play(script)
                if ordinary != fast:
                    return describe(script, ordinary, fast)
    return ""


def _smaller(script: Script) -> Iterator[Script]:
    between = tuple(itertools.accumulate(map(len, script.messages)))
    for place in range(len(script.messages)):
        rest = script.messages[:place] + script.messages[place + 1 :]
        if rest:
            yield replace(script, messages=rest, cuts=tuple(itertools.accumulate(map(len, rest))))
    for cuts in ((), between):
        if cuts != script.cuts and len(cuts) <= len(script.cuts):
            yield replace(script, cuts=cuts)
    for place, message in enumerate(script.messages):
        lines = message.split(b"\r\n")
        for number in range(1, len(lines) - 2):
            shorter = b"\r\n".join(lines[:number] + lines[number + 1 :])
            messages = (*script.messages[:place], shorter, *script.messages[place + 1 :])
            cuts = () if not script.cuts else tuple(itertools.accumulate(map(len, messages)))
            yield replace(script, messages=messages, cuts=cuts)


def describe(script: Script, ordinary: Outcome, fast: Outcome) -> str:
    """A difference, for people."""
    told = []
    for name in ("is_ended", "is_stuck", "seen"):
        told += _told(name, getattr(ordinary, name), getattr(fast, name))
    lines = ordinary.answers.split(b"\n"), fast.answers.split(b"\n")
    for number, (one, other) in enumerate(itertools.zip_longest(*lines)):
        if one != other:
            told += _told(f"line {number} of the answers", one, other)
            break
    told.append(f"{script.client} sent, after {script.wait_s} s, in {len(script.pieces())} pieces:")
    return "\n".join((*told, *(f"    {piece!r}" for piece in script.pieces())))


def _told(what: str, ordinary: object, fast: object) -> list[str]:
    if ordinary == fast:
        return []
    return [f"{what}:\n    ordinary road: {ordinary!r}\n    with fast lane: {fast!r}"]
