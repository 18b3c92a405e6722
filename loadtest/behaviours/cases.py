"""All behaviours by id, with what they are called and what is ideal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from loadtest.behaviours import collapsing, failing, ranges, speed, staleness
from loadtest.behaviours.stage import Case


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A behaviour that is judged.

    Attributes:
        title: a phrase for the table.
        ideal: what a good cache in front of music shows.
        case: the judge.
        is_sick: whether the origin fails in it: such a case has a cache of its own, since what a
            cache learns of a sick origin is not to weigh upon the next case.
    """

    title: str
    ideal: str
    case: Case
    is_sick: bool = False


BEHAVIOURS: Final[Mapping[str, Behaviour]] = {
    "r1": Behaviour(
        "cold 64 KiB of 8 MiB: origin bytes",
        "<=4x, repeat hit",
        ranges.small_range_of_a_large_file,
    ),
    "r2": Behaviour("range, then all of 4 MiB: total", "4.0 MiB", ranges.range_and_then_everything),
    "r3": Behaviour(
        "multi, 9-5, items=, beyond", "206 416 200 416 bytes *", ranges.odd_ranges_of_a_stored_file
    ),
    "r4": Behaviour("If-Range other, same", "200, 206", ranges.range_on_condition),
    "r5": Behaviour("cold `-n` and `n-`", "206 206, <=4x", ranges.ranges_without_one_end),
    "r6": Behaviour("one byte of 64 MiB pulls", "<=0.25 MiB", ranges.one_byte_of_a_huge_file),
    "r7": Behaviour("cold tail at 4 MiB/s", "~20 ms", ranges.seek_to_a_cold_tail),
    "r8": Behaviour("range of a stale file", "304 -> 206, 0 MiB", ranges.range_of_a_stale_file),
    "c1": Behaviour(
        "50 on a cold MiB: req/TTFB/done", "1 / 305 / 805 ms", collapsing.crowd_on_a_cold_file
    ),
    "c2": Behaviour(
        "50 on a cold range: req/MiB/TTFB", "1 / <=1 / 310", collapsing.crowd_on_a_cold_range
    ),
    "c3": Behaviour(
        "into a fill: all/behind/ahead", "1 / 1 / 20 ms", collapsing.followers_of_a_fill
    ),
    "c4": Behaviour("only listener leaves", "<=1.5 MiB again", collapsing.only_listener_leaves),
    "c5": Behaviour("slow leader: follower done", "~600 ms", collapsing.slow_leader),
    "c6": Behaviour(
        "50 on a 503: req/done", "1 / 310 ms", collapsing.crowd_on_an_error, is_sick=True
    ),
    "c7": Behaviour(
        "20 on no-store: req/done", "20 / 310, then 310 ms", collapsing.crowd_on_the_unstorable
    ),
    "c8": Behaviour(
        "16 adjacent ranges: req/MiB/TTFB", "1 / 1 / 310", collapsing.adjacent_cold_ranges
    ),
    "s1": Behaviour(
        "stale-while-revalidate", "at once, 1 conditional", staleness.while_it_is_revalidated
    ),
    "s2": Behaviour("stale-if-error on 503", "200", staleness.when_the_origin_fails, is_sick=True),
    "s3": Behaviour(
        "stale-if-error on a reset",
        "200, 1-2 tries",
        staleness.when_the_origin_resets,
        is_sick=True,
    ),
    "s4": Behaviour(
        "stale-if-error on a hang", "200 <=1000 ms", staleness.when_the_origin_hangs, is_sick=True
    ),
    "s5": Behaviour(
        "must-revalidate, origin down", "5xx", staleness.never_past_must_revalidate, is_sick=True
    ),
    "s6": Behaviour("stale-if-error is over", "5xx", staleness.never_past_its_window, is_sick=True),
    "s7": Behaviour("50 on the expired", "1", staleness.crowd_on_the_expired),
    "e1": Behaviour(
        "origin closes half way", "cut or whole, resumed", failing.broken_off, is_sick=True
    ),
    "e2": Behaviour("file changes under a part", "one version", failing.changed_under_a_part),
    "e3": Behaviour(
        "404 stored, 500 stored", "yes, no", failing.errors_that_are_stored, is_sick=True
    ),
    "h1": Behaviour("Age, Cache-Status on a hit", "yes/yes", failing.named_on_a_hit),
    "x1": Behaviour("50 followers: req/first byte", "1 / +10 ms", speed.first_byte_of_followers),
    "x2": Behaviour(
        "cold 64 KiB in, across slices", "<=256 KiB +10 ms, hit", speed.ranges_at_a_boundary
    ),
    "x3": Behaviour(
        "tail of 64 MiB during a fill", "+10 ms", speed.tail_while_the_start_is_filling
    ),
    "x4": Behaviour(
        "hang, nothing stored", "5xx, 3 s", speed.hanging_with_nothing_stored, is_sick=True
    ),
}
