"""The soak in short, and its judge: one that finds nothing wrong must be able to."""

import random
import time
from collections.abc import Callable

import pytest

from loadtest.behaviours.content import content_of
from loadtest.behaviours.listener import Answer
from loadtest.behaviours.origin import Origin
from loadtest.soak.checking import Asked, WrongAnswerError, check
from loadtest.soak.world import Kind, Object, World
from loadtest.verify_cache import open_killable, purge_and_kill, purge_during_a_fill, soak


def an_object(kind: Kind = Kind.IMMUTABLE) -> Object:
    world = World(Origin(), random.Random(1), count=len(Kind))
    return next(one for one in world.objects if one.kind is kind)


def asked_for(target: Object, content_range: str = "") -> Asked:
    fields = {"Range": content_range} if content_range else {}
    oldest = target.oldest_for(time.monotonic())
    return Asked(target, fields, {}, target.path, oldest)


def whole(target: Object, version: int) -> Answer:
    body = content_of(target.path, version, start=0, stop=target.length_of(version))
    return Answer(200, {"etag": f'"v{version}"'}, body, is_whole=True)


def part(target: Object, version: int, start: int, stop: int) -> Answer:
    body = content_of(target.path, version, start=start, stop=stop)
    label = f"bytes {start}-{stop - 1}/{target.length_of(version)}"
    return Answer(206, {"etag": f'"v{version}"', "content-range": label}, body, is_whole=True)


def test_right_answers_pass():
    target = an_object()
    check(asked_for(target), whole(target, 1))
    check(asked_for(target, "bytes=5-99"), part(target, 1, 5, 100))
    cut = whole(target, 1)
    cut.body, cut.is_whole = cut.body[:1000], False
    check(asked_for(target), cut)
    check(asked_for(target), Answer(502, is_whole=True))


def flipped(answer: Answer) -> Answer:
    answer.body = answer.body[:-1] + bytes([answer.body[-1] ^ 1])
    return answer


def shortened(answer: Answer) -> Answer:
    answer.body = answer.body[:-1]
    return answer


def labelled_otherwise(answer: Answer) -> Answer:
    answer.fields["content-range"] = "bytes 6-100/" + answer.fields["content-range"].split("/")[1]
    return answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda target: flipped(whole(target, 1)), id="a wrong byte"),
        pytest.param(lambda target: shortened(whole(target, 1)), id="too short"),
        pytest.param(lambda target: flipped(part(target, 1, 5, 100)), id="a wrong byte of a part"),
        pytest.param(lambda target: shortened(part(target, 1, 5, 100)), id="a short part"),
        pytest.param(
            lambda target: labelled_otherwise(part(target, 1, 5, 100)), id="a wrong label"
        ),
        pytest.param(lambda _: Answer(418, is_whole=True), id="a status that nobody sent"),
    ],
)
def test_wrong_answers_do_not(answer: Callable[[Object], Answer]):
    target = an_object()
    with pytest.raises(WrongAnswerError):
        check(asked_for(target, "bytes=5-99"), answer(target))


def test_two_versions_in_one_answer_are_wrong():
    target = an_object()
    mixed = whole(target, 2)
    mixed.body = content_of(target.path, 1, start=0, stop=5000) + mixed.body[5000:]
    with pytest.raises(WrongAnswerError):
        check(asked_for(target), mixed)


def test_what_was_purged_is_wrong():
    target = an_object()
    target.change()
    check(asked_for(target), whole(target, 1))
    target.floor = 2
    with pytest.raises(WrongAnswerError, match="oldest"):
        check(asked_for(target), whole(target, 1))


def test_what_may_not_be_stored_is_wrong_when_it_is_old():
    target = an_object(Kind.UNSTORED)
    target.change()
    with pytest.raises(WrongAnswerError, match="oldest"):
        check(asked_for(target), whole(target, 1))


@pytest.mark.socket
@pytest.mark.slow
async def test_nothing_is_wrong_in_a_short_soak():
    async with open_killable() as (origin, edge):
        assert await purge_and_kill(origin, edge, 0)
        assert await purge_during_a_fill(origin, edge)
        assert await soak(origin, edge, 8.0, random.Random(3), kill_every_s=2.5) == 0
