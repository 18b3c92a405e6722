"""Purges: what they reach, in which order, and that they are bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edge.fields import Fields
from edge.purges import Purge, Purges, Verdict

KEY = "/v1/audio/a/x.mp4"
FIELDS: Fields = CIMultiDict({"Surrogate-Key": "track:a album:b", "Cache-Groups": '"g"'})


@pytest.mark.parametrize("is_soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize(
    ("named", "is_reached"),
    [
        pytest.param({"urls": (KEY,)}, True, id="its URL"),
        pytest.param({"urls": (KEY + "?q",)}, False, id="another query"),
        pytest.param({"urls": ("/v1/audio/a/",)}, False, id="a URL is no prefix"),
        pytest.param({"prefixes": ("/v1/audio/a/",)}, True, id="its folder"),
        pytest.param({"prefixes": ("/",)}, True, id="the root"),
        pytest.param({"prefixes": (KEY,)}, True, id="all of it"),
        pytest.param({"prefixes": (KEY + "4",)}, False, id="a longer prefix"),
        pytest.param({"prefixes": ("/v1/audio/b/", "/v2/")}, False, id="other folders"),
        pytest.param({"tags": ("x", "track:a")}, True, id="its tag"),
        pytest.param({"tags": ("g",)}, True, id="its group"),
        pytest.param({"tags": ("track:A",)}, False, id="a tag in another case"),
        pytest.param({"tags": (KEY,)}, False, id="a URL is no tag"),
        pytest.param({"is_all": True}, True, id="all"),
    ],
)
def test_what_a_purge_reaches(named: dict[str, object], is_soft: bool, is_reached: bool):
    purges = Purges(entries_max=10)
    assert purges.apply(Purge(**named, is_soft=is_soft)) == 1  # type: ignore[arg-type]
    verdict = purges.weigh(KEY, FIELDS, since=0)
    reached = Verdict.STALE if is_soft else Verdict.PURGED
    assert verdict is (reached if is_reached else Verdict.SPARED)
    assert purges.weigh(KEY, FIELDS, since=1) is Verdict.SPARED


def test_the_harder_of_two_purges_counts():
    for first, second in ((True, False), (False, True)):
        purges = Purges(entries_max=10)
        purges.apply(Purge(urls=(KEY,), is_soft=first))
        purges.apply(Purge(tags=("g",), is_soft=second))
        assert purges.weigh(KEY, FIELDS, since=0) is Verdict.PURGED


def test_what_is_forgotten_counts_as_purged():
    purges = Purges(entries_max=2)
    purges.apply(Purge(urls=("/1",)))
    purges.apply(Purge(prefixes=("/2/",)))
    assert (purges.floor, purges.remembered) == (0, 2)
    purges.apply(Purge(urls=("/1",)))  # Named again: the prefix is the oldest now.
    purges.apply(Purge(tags=("3",)))
    assert (purges.floor, purges.remembered) == (2, 2)
    assert purges.weigh("/other", CIMultiDict(), since=1) is Verdict.PURGED
    assert purges.weigh("/other", CIMultiDict(), since=2) is Verdict.SPARED


def test_all_needs_no_room():
    purges = Purges(entries_max=1)
    purges.apply(Purge(prefixes=("/a/",)))
    assert purges.apply(Purge(is_all=True)) == 2
    assert purges.remembered == 0
    assert purges.weigh(KEY, FIELDS, since=1) is Verdict.PURGED
    assert (purges.applied["hard"], purges.applied["soft"]) == (2, 0)


TEXTS = st.lists(st.sampled_from(["/", "/a", "/a/", "/a/b", "x", "y"]), max_size=2).map(tuple)
PURGES = st.builds(
    Purge, TEXTS, TEXTS, TEXTS, st.integers(0, 9).map(lambda n: n == 0), st.booleans()
)


def reaches(purge: Purge, key: str, tags: set[str]) -> bool:
    return (
        purge.is_all
        or key in purge.urls
        or key.startswith(purge.prefixes)
        or not tags.isdisjoint(purge.tags)
    )


@given(st.lists(PURGES, max_size=8), st.integers(0, 8), st.sets(st.sampled_from("xyz")), st.data())
def test_purges_reach_what_they_say_and_more_only_when_forgetful(
    applied: list[Purge], since: int, tags: set[str], data: st.DataObject
):
    key = data.draw(st.sampled_from(["/", "/a", "/a/", "/a/b", "/ab"]))
    entries_max = data.draw(st.sampled_from([1, 2, 100]))
    purges = Purges(entries_max=entries_max)
    for purge in applied:
        purges.apply(purge)
    later = [purge for purge in applied[since:] if reaches(purge, key, tags)]
    expected = Verdict.SPARED
    if later:
        is_hard = any(not purge.is_soft for purge in later)
        expected = Verdict.PURGED if is_hard else Verdict.STALE
    verdict = purges.weigh(key, CIMultiDict({"Surrogate-Key": " ".join(tags)}), since=since)
    assert purges.remembered <= 2 * entries_max
    assert verdict.value >= expected.value
    if entries_max == 100 or since >= len(applied):
        assert verdict is expected


@given(st.lists(PURGES, max_size=8), st.sampled_from([1, 2, 100]), st.data())
def test_a_history_has_the_effect_of_what_it_tells(
    applied: list[Purge], entries_max: int, data: st.DataObject
):
    purges = Purges(entries_max=entries_max)
    for purge in applied:
        purges.apply(purge)
    restored = Purges(entries_max=entries_max)
    for sequence, purge in purges.history():
        restored.restore(sequence, purge)
    assert restored.sequence == purges.sequence == len(applied)
    assert restored.floor == purges.floor
    assert restored.history() == purges.history()
    key = data.draw(st.sampled_from(["/", "/a", "/a/", "/a/b", "/ab"]))
    fields: Fields = CIMultiDict({"Surrogate-Key": data.draw(st.sampled_from(["x", "y z", ""]))})
    for since in range(len(applied) + 1):
        assert restored.weigh(key, fields, since=since) is purges.weigh(key, fields, since=since)


def test_purges_go_on_with_their_numbers():
    purges = Purges(entries_max=10)
    purges.restore(41, Purge(urls=(KEY,)))
    assert purges.apply(Purge()) == 42
    assert purges.weigh(KEY, FIELDS, since=40) is Verdict.PURGED
    assert not purges.applied["soft"]


def test_less_room_than_there_was_purges_more():
    purges = Purges(entries_max=10)
    for number in range(1, 6):
        purges.restore(number, Purge(urls=(f"/{number}",)))
    smaller = Purges(entries_max=2)
    for sequence, purge in purges.history():
        smaller.restore(sequence, purge)
    assert (smaller.floor, smaller.remembered) == (3, 2)
    assert smaller.weigh("/other", FIELDS, since=2) is Verdict.PURGED
    assert smaller.weigh("/other", FIELDS, since=3) is Verdict.SPARED


@given(st.lists(PURGES, max_size=6), st.lists(PURGES, max_size=6), st.lists(PURGES, max_size=4))
def test_older_purges_that_are_learnt_late_reach_what_was_there_before(
    older: list[Purge], own: list[Purge], later: list[Purge]
):
    log = Purges(entries_max=100)
    for purge in older:
        log.apply(purge)
    purges = Purges(entries_max=100)
    for purge in own:
        purges.apply(purge)
    purges.rebase(log.history())
    assert purges.sequence == len(older) + len(own)
    for purge in later:
        purges.apply(purge)
    for key in ("/", "/a", "/a/b"):
        fields: Fields = CIMultiDict({"Surrogate-Key": "x"})
        for since in range(len(older) + 1):  # It is of an earlier run, by the number of its log.
            newer = [*older[since:], *own, *later]
            assert purges.weigh(key, fields, since=since).value >= verdict_of(newer, key).value
        for since in range(len(own) + 1):  # It is of this run, by the number that it had.
            newer = [*own[since:], *later]
            assert purges.weigh(key, fields, since=since).value >= verdict_of(newer, key).value
    assert purges.weigh("/a", CIMultiDict(), since=purges.sequence) is Verdict.SPARED


def verdict_of(newer: list[Purge], key: str) -> Verdict:
    reaching = [purge for purge in newer if reaches(purge, key, {"x"})]
    if not reaching:
        return Verdict.SPARED
    return Verdict.STALE if all(purge.is_soft for purge in reaching) else Verdict.PURGED
