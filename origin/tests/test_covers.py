import orjson
import pytest

from origin.covers import cover_record_of, cover_to_json
from origin.errors import RecordError
from packager.tests.test_cover_facts import COVER


def test_a_cover_comes_back():
    members = orjson.loads(orjson.dumps(cover_to_json(COVER)))
    assert cover_record_of(members, "track.cover") == COVER


def test_what_is_no_cover_names_its_place():
    with pytest.raises(RecordError, match=r"track\.cover\.digest"):
        cover_record_of({**cover_to_json(COVER), "digest": ""}, "track.cover")
