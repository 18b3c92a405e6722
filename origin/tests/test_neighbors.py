from dataclasses import replace

import pytest

from origin.neighbors import Neighbors, contexts_of, is_continuous, neighbor_ids
from origin.records import AlbumRecord
from origin.tests.examples import ALBUM_ID, HEAD, MASTER, TAIL, TRACK, entry

MONO = replace(MASTER, channels=1)
OTHER_RATE = replace(MASTER, sample_rate_hz=48_000)


def album_of(*places: tuple[str, int | None, int | None]) -> AlbumRecord:
    album = AlbumRecord(ALBUM_ID, "Album", "", ())
    for track_id, disc, track in places:
        album = album.with_entry(entry(track_id, disc=disc, track=track, file_name=track_id))
    return album


@pytest.mark.parametrize(
    ("places", "before", "after"),
    [
        pytest.param([("a", 1, 1), ("b", 1, 2), ("c", 1, 3)], "a", "c", id="in the middle"),
        pytest.param([("b", 1, 2)], None, None, id="alone"),
        pytest.param([("a", 1, 1), ("b", 1, 3), ("c", 1, 4)], None, "c", id="one is missing"),
        pytest.param([("a", 1, 9), ("b", 2, 1), ("c", 2, 2)], "a", "c", id="after a disc"),
        pytest.param([("a", 1, 9), ("b", 2, 2)], None, None, id="first of a disc is missing"),
        pytest.param([("a", None, 1), ("b", 1, 2)], "a", None, id="a disc without a number"),
        pytest.param([("a", 1, None), ("b", 1, None)], "a", None, id="by their names"),
        pytest.param([("b", 1, 1), ("c", 1, None)], None, None, id="one without a number"),
        pytest.param([("a", 1, 1), ("c", 1, 2)], None, None, id="not in the album"),
    ],
)
def test_what_adjoins_a_track(
    places: list[tuple[str, int | None, int | None]], before: str | None, after: str | None
):
    assert neighbor_ids(album_of(*places), "b") == (before, after)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param(TRACK, True, id="alike"),
        pytest.param(replace(TRACK, master=replace(MASTER, channels=1)), False, id="channels"),
        pytest.param(
            replace(TRACK, master=replace(MASTER, sample_rate_hz=48_000)), False, id="rate"
        ),
        pytest.param(replace(TRACK, head=replace(HEAD, is_silent=True)), False, id="silence"),
        pytest.param(replace(TRACK, tail=replace(TAIL, is_silent=True)), True, id="far silence"),
    ],
)
def test_what_is_heard_as_one(second: object, expected: object):
    assert isinstance(second, type(TRACK))
    assert is_continuous(TRACK, second) is expected
    after = second.head.sha256 if expected else ""
    assert contexts_of(TRACK, Neighbors(after=second)) == ("", after)


def test_a_track_is_encoded_with_the_end_of_the_one_before():
    assert contexts_of(TRACK, Neighbors(before=TRACK)) == (TAIL.sha256, "")
    assert contexts_of(TRACK, Neighbors()) == ("", "")
    silent = replace(TRACK, tail=replace(TAIL, is_silent=True))
    assert contexts_of(TRACK, Neighbors(before=silent)) == ("", "")
