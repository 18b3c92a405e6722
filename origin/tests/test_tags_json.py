from dataclasses import fields

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.errors import RecordError
from origin.tags import ARTISTS_MAX, TEXT_LENGTH_MAX, Tags
from origin.tags_json import tags_from_json, tags_to_json
from packager.json_fields import JsonFields

FULL = Tags(
    title="Titel",
    artists=("A", "B"),
    album="Album",
    album_artist="Various",
    disc=1,
    track=3,
    date="2001-02-03",
    isrc="USRC17607839",
    discs=2,
    tracks=12,
    title_sort="Titel, Der",
    artist_sort="A",
    album_sort="Album, Das",
    album_artist_sort="Various",
    composers=("C", "D"),
    genres=("Rock",),
    copyright="2001 L",
    publisher="L",
    barcode="4006381333931",
    is_compilation=True,
    languages=("deu", "eng"),
)


def decode(members: object) -> Tags:
    return tags_from_json(JsonFields(members, "tags", RecordError))


@pytest.mark.parametrize("tags", [FULL, Tags("x")], ids=["full", "bare"])
def test_encoding_and_decoding_undo_each_other(tags: Tags):
    assert decode(orjson.loads(orjson.dumps(tags_to_json(tags)))) == tags


def test_the_full_example_has_every_member():
    assert all(getattr(FULL, field.name) for field in fields(Tags))


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.builds(Tags, title=_TEXTS, artists=st.lists(_TEXTS, max_size=3).map(tuple)))
def test_any_tags_come_back(tags: Tags):
    assert decode(orjson.loads(orjson.dumps(tags_to_json(tags)))) == tags


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"title": None}, id="no title"),
        pytest.param({"title": "x" * (TEXT_LENGTH_MAX + 1)}, id="a title too long"),
        pytest.param({"artists": ["x"] * (ARTISTS_MAX + 1)}, id="too many artists"),
        pytest.param({"genres": [1]}, id="a genre that is no text"),
        pytest.param({"disc": -1}, id="a negative disc"),
        pytest.param({"is_compilation": 1}, id="a number for a flag"),
        pytest.param({"mood": "sad"}, id="unknown"),
    ],
)
def test_other_members_are_refused(changed: dict[str, object]):
    with pytest.raises(RecordError, match="tags"):
        decode({**tags_to_json(FULL), **changed})


@pytest.mark.parametrize("name", [field.name for field in fields(Tags)])
def test_a_missing_member_is_refused(name: str):
    members = tags_to_json(FULL)
    del members[name]
    with pytest.raises(RecordError, match=name):
        decode(members)
